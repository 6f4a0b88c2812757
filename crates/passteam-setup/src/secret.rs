//! The password of the infobase's user: it can be given to a process and hidden in a text, and nothing else.

use std::fmt;

/// What stands in a text instead of a password.
pub(crate) const HIDDEN: &str = "***";

/// A password; printing it shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn new(text: impl Into<String>) -> Password {
        Password(text.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For the command line of a process alone.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The text with every occurrence replaced. A short password is replaced where it stands as a word: «1» inside
    /// «8.3.16» is no password, and a text full of stars would say nothing.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let everywhere = self.0.chars().count() >= 5;
        let mut hidden = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(&self.0) {
            let (before, after) = (&rest[..at], &rest[at + self.0.len()..]);
            let glued =
                before.chars().next_back().or_else(|| hidden.chars().next_back()).is_some_and(char::is_alphanumeric)
                    || after.chars().next().is_some_and(char::is_alphanumeric);
            hidden.push_str(before);
            hidden.push_str(if everywhere || !glued { HIDDEN } else { &self.0 });
            rest = after;
        }
        hidden.push_str(rest);
        hidden
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        let password = Password::new("Секрет-1");
        assert_eq!(password.hide_in("/PСекрет-1 и Секрет-1Секрет-1"), "/P*** и ******");
        assert_eq!(format!("{password:?}"), HIDDEN);
    }

    #[test]
    fn a_short_password_is_hidden_as_a_word() {
        let password = Password::new("123");
        assert_eq!(password.hide_in("/P 123, 8.3.1234, \"123\""), "/P ***, 8.3.1234, \"***\"");
    }

    #[test]
    fn no_password_hides_nothing() {
        assert_eq!(Password::new("").hide_in("text"), "text");
    }
}
