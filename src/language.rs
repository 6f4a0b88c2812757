//! The language of every text, and how the platform's language codes choose it.

/// A language of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Russian, also if the platform named no language.
    #[default]
    Russian,
    /// English, for every language that is not Russian.
    English,
}

impl Language {
    /// The language for a code of the platform: `ru`, `rus_RUS`, `ru_RU.UTF-8`, `en_US`, … `C`, `POSIX` and the empty
    /// code name none, which means Russian.
    pub fn from_code(code: &str) -> Language {
        let language = code.trim().split(['_', '-', '.', '@']).next().unwrap_or_default().to_lowercase();
        match language.as_str() {
            "" | "c" | "posix" | "ru" | "rus" | "russian" => Language::Russian,
            _ => Language::English,
        }
    }

    /// One of two texts.
    pub fn choose<T>(self, russian: T, english: T) -> T {
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
    fn the_platforms_codes_name_a_language() {
        for code in
            ["", "C", "POSIX", "C.UTF-8", "ru", "RU", "ru_RU", "ru-RU", "rus_RUS", "ru_RU.UTF-8", "Russian_Russia.1251"]
        {
            assert_eq!(Language::from_code(code), Language::Russian, "{code}");
        }
        for code in ["en", "en_US", "eng_USA", "de", "kk_KZ", "uk", "??"] {
            assert_eq!(Language::from_code(code), Language::English, "{code}");
        }
    }
}
