//! Texts in both languages of the program.

use std::fmt;

/// The language of everything that the program prints; the platform's own words stay in theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Russian.
    #[default]
    Russian,
    /// English.
    English,
}

/// One text in both languages. [`text!`](crate::text!) makes it, so that neither can be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    russian: String,
    english: String,
}

impl Text {
    /// Takes the text in both languages.
    pub fn new(russian: impl Into<String>, english: impl Into<String>) -> Text {
        Text { russian: russian.into(), english: english.into() }
    }

    /// What happened in which step, and what to do: three texts in a row.
    pub(crate) fn of_failure(step: &Text, reason: &Text, advice: &Text) -> Text {
        let sentence =
            |language| format!("{}: {}. {}", step.pick(language), reason.pick(language), advice.pick(language));
        Text::new(sentence(Language::Russian), sentence(Language::English))
    }

    /// The text in one language.
    pub fn pick(&self, language: Language) -> &str {
        match language {
            Language::Russian => &self.russian,
            Language::English => &self.english,
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english)
    }
}

/// A [`Text`] from a Russian and an English format string; both may name variables.
#[macro_export]
macro_rules! text {
    ($russian:literal, $english:literal $(,)?) => {
        $crate::text::Text::new(format!($russian), format!($english))
    };
}
