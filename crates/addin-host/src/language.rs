//! The languages of the texts that a person reads.

/// A language of the program's output and of error texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Russian.
    #[default]
    Russian,
    /// English.
    English,
}

impl Language {
    /// Chooses by a code such as `ru`, `ru_RU.UTF-8` or `en_US`: Russian for `ru` and where nothing is said (an empty
    /// code, `C`, `POSIX`), else English.
    pub fn from_code(code: &str) -> Language {
        let name = code.split(['_', '.', '-', '@']).next().unwrap_or_default();
        if ["", "c", "posix", "ru", "rus"].contains(&name.to_ascii_lowercase().as_str()) {
            Language::Russian
        } else {
            Language::English
        }
    }

    /// One of two texts, the one in this language.
    pub fn pick<T>(self, russian: T, english: T) -> T {
        match self {
            Language::Russian => russian,
            Language::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_is_chosen_by_its_code_and_where_nothing_is_said() {
        for code in ["", "C", "C.UTF-8", "POSIX", "ru", "ru_RU.UTF-8", "RU-ru", "rus_RUS"] {
            assert_eq!(Language::from_code(code), Language::Russian, "{code}");
        }
        for code in ["en", "en_US.UTF-8", "de_DE@euro", "run"] {
            assert_eq!(Language::from_code(code), Language::English, "{code}");
        }
    }
}
