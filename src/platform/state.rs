//! What is behind an object's interfaces: the component, the language, and how a mistake or a panic becomes a BSL exception.
//!
//! Memory layouts and function tables are not here: see [`super::object`] and [`super::vtables`].

#[cfg(passteam_test_panic)]
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use passteam_client::redact::redact_credentials;

use super::guard::take_panic_place;
use super::host::Host;
use crate::component::Component;
use crate::language::Language;
use crate::messages;
use crate::misuse::{Misuse, Problem};

/// The platform may call from several threads, so every field can be shared.
#[derive(Default)]
pub struct State {
    /// The platform's own interfaces.
    pub host: Host,
    /// What `SetLocale` set.
    pub locale: LanguageCell,
    /// What `SetUserInterfaceLanguageCode` set.
    pub user_language: LanguageCell,
    /// The component.
    pub component: Component,
    /// The slot whose next call panics.
    #[cfg(passteam_test_panic)]
    pub panic_in: Mutex<String>,
}

/// A language that the platform may have set.
#[derive(Default)]
pub struct LanguageCell(AtomicU8);

impl LanguageCell {
    /// Sets the language.
    pub fn set(&self, language: Language) {
        self.0.store(1 + language as u8, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Language> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Language::Russian),
            _ => Some(Language::English),
        }
    }
}

impl State {
    /// The language of every text.
    pub fn language(&self) -> Language {
        self.user_language.get().or(self.locale.get()).unwrap_or_default()
    }

    /// One call that uses the component: a misuse becomes a BSL exception and `false`.
    pub fn with_component(&self, body: impl FnOnce(&Component) -> Result<(), Misuse>) -> bool {
        let Err(misuse) = body(&self.component) else { return true };
        let misuse = misuse.redacted(|name| redact_credentials(name, &self.component.properties().settings));
        let mut text = messages::misuse(&misuse, self.language());
        self.host.add_error(&mut text);
        self.component.properties().last.note_misuse(text);
        false
    }

    /// Ends the use of the platform's connection and of the component; a call that is under way in another thread is waited for.
    pub fn end(&self) {
        self.host.forget_connection();
        self.component.close();
    }

    /// As [`State::end`], but nothing is waited for.
    pub fn abandon(&self) {
        self.host.forget_connection();
        self.component.cancel();
    }

    /// After a panic: discards the customer's data and raises a BSL exception.
    pub fn recover(&self) {
        let misuse = Misuse::component(Problem::Internal { place: take_panic_place() });
        self.with_component(|component| {
            component.properties().discard_values();
            Err(misuse)
        });
    }
}
