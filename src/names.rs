//! The two names, English and Russian, of everything that BSL can name, and how a name from BSL is compared with them.

/// The names of a property, a method or a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The English name.
    pub en: &'static str,
    /// The Russian name.
    pub ru: &'static str,
}

impl Names {
    /// Both names of one thing.
    pub const fn new(en: &'static str, ru: &'static str) -> Names {
        Names { en, ru }
    }

    /// The name for an alias of the Native API: 0 English, 1 Russian.
    pub fn alias(self, alias: usize) -> Option<&'static str> {
        match alias {
            0 => Some(self.en),
            1 => Some(self.ru),
            _ => None,
        }
    }

    /// Whether `name`, in UTF-16, is one of the two in any case.
    pub fn matches(self, name: &[u16]) -> bool {
        // By the length most other names are told apart at once.
        let fits = |own: &str, bytes_per_letter| own.len() == bytes_per_letter * name.len();
        fits(self.en, LATIN) && is_same(self.en.bytes().map(u16::from), name)
            || fits(self.ru, RUSSIAN) && is_same(self.ru.encode_utf16(), name)
    }
}

/// How many bytes a letter takes in UTF-8. Names consist of nothing but letters of one alphabet.
const LATIN: usize = 1;
const RUSSIAN: usize = 2;

/// Whether two names of the same length are the same in any case.
fn is_same(own: impl Iterator<Item = u16>, name: &[u16]) -> bool {
    own.zip(name).all(|(own, unit)| own == *unit || fold(own) == fold(*unit))
}

/// Lower case, for the letters that names are made of: Latin and Russian.
fn fold(unit: u16) -> u16 {
    match unit {
        0x41..=0x5A | 0x410..=0x42F => unit + 0x20,
        0x401 => 0x451,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_agrees_with_unicode_for_every_letter_of_the_two_alphabets() {
        for letter in ('A'..='Z').chain('a'..='z').chain('А'..='я').chain(['Ё', 'ё']) {
            let lower = letter.to_lowercase().next().unwrap();
            assert_eq!(u32::from(fold(letter as u16)), u32::from(lower), "{letter}");
        }
    }
}
