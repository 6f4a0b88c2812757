//! The shop of the demo: an infobase in memory with the extension, and what people do in it.

use std::path::Path;
use std::sync::Arc;

use addin_host::{HostOptions, Language, Library};
use bsl_run::platform::{LoadedAddIn, Session, SessionError, SetUp, Shop, read_modules};
use bsl_run::{Res, Value, Vm};
use chrono::Duration;
use infobase::metadata::declared::{Variant, retail};
use infobase::metadata::designer::add_extension;
use infobase::{Infobase, Settings, User};

use super::error::DemoError;
use super::transcript::{Transcript, Watched};
use crate::{extension, project};

/// What the shop does, in BSL.
const SHOP: &str = include_str!("shop.bsl");

/// The job that sends what has changed.
pub const JOB: &str = "ОбработкаОчередиPassteam";

/// The job that walks over the service's cards.
pub const WALK: &str = "СверкаPassteam";

/// The base, the add-in in it, and the transcript of both.
pub struct Base {
    shop: Arc<Shop>,
    addin: Arc<LoadedAddIn>,
    transcript: Arc<Transcript>,
}

impl Base {
    /// Opens a base of 1С:Розница 2.3 with the extension and the add-in of an archive.
    pub fn open(zip: &Path, language: Language) -> Result<Base, DemoError> {
        let folder = project::root().join(extension::FOLDER);
        let variant = Variant { vendor_attributes: false, ..Variant::retail_23() };
        let mut metadata = retail(&variant).map_err(DemoError::base)?;
        add_extension(&mut metadata, &folder, &variant).map_err(DemoError::base)?;
        let texts = read_modules(&folder).map_err(DemoError::base)?;
        let locale = Some(language.pick("ru_RU", "en_US").to_owned());
        let options = HostOptions { locale, ..HostOptions::default() };
        let addin = Arc::new(LoadedAddIn::new(Library::open(zip)?, options));
        let transcript = Arc::new(Transcript::new(texts.clone()));
        let set_up = SetUp {
            infobase: Infobase::in_memory(metadata, Settings::from(&variant)).map_err(DemoError::base)?,
            ssl: variant.ssl,
            texts,
            addin: Some(Arc::new(Watched { addin: addin.clone(), transcript: transcript.clone() })),
            scheduler: transcript.clone(),
        };
        Ok(Base { shop: Shop::new(set_up).map_err(DemoError::base)?, addin, transcript })
    }

    /// Does some work in a session of an administrator.
    pub fn work<T: Send>(&self, work: impl FnOnce(&mut Vm, &Session) -> Res<T> + Send) -> Result<T, SessionError> {
        self.shop.run(User::administrator(), work)
    }

    /// Runs statements; what the user was shown.
    pub fn run(&self, statements: &str) -> Result<Vec<String>, SessionError> {
        self.work(|vm, session| {
            step(vm, session, statements)?;
            Ok(session.messages())
        })
    }

    /// Runs a scheduled job.
    pub fn job(&self, name: &str) -> Result<(), SessionError> {
        self.shop.run_job(name)
    }

    /// The text of an expression's value, asked behind the scene; the exception's text if there is one.
    pub fn ask(&self, expression: &str) -> String {
        let asked = self.transcript.silently(|| {
            self.work(|vm, session| Ok(step(vm, session, &format!("Возврат {expression}"))?.text().to_string()))
        });
        asked.unwrap_or_else(|error| error.text)
    }

    /// Lets time pass.
    pub fn wait(&self, time: Duration) {
        self.shop.infobase(|base| base.advance(time));
    }

    /// Whether every object of the add-in gave back the memory that it took.
    pub fn is_clean(&self) -> bool {
        let made = self.addin.made();
        !made.is_empty() && made.iter().all(|object| object.memory().live_blocks == 0)
    }
}

/// Runs the body of a function beside those of the stage.
fn step(vm: &mut Vm, session: &Session, body: &str) -> Res<Value> {
    let text = format!("{SHOP}\nФункция Шаг() Экспорт\n{body};\nКонецФункции");
    session.run_text(vm, &text, Some("Шаг"), &mut [])
}
