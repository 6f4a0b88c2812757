//! The two names, English and Russian, of everything that BSL can name, and how a name from BSL is compared with them.

use crate::utf16;

/// The names of a property, a method or a parameter.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// The English name.
    pub en: &'static str,
    /// The Russian name.
    pub ru: &'static str,
    en_units: Units,
    ru_units: Units,
}

/// A name in UTF-16.
#[derive(Debug, PartialEq, Eq)]
struct Units {
    units: [u16; LONGEST],
    length: usize,
}

/// The length of the longest name.
const LONGEST: usize = 20;

impl Names {
    /// Both names of one thing.
    pub const fn new(en: &'static str, ru: &'static str) -> Names {
        Names { en, ru, en_units: Units::of(en), ru_units: Units::of(ru) }
    }

    /// The name for an alias of the Native API: 0 English, 1 Russian.
    pub fn alias(&self, alias: usize) -> Option<&'static str> {
        match alias {
            0 => Some(self.en),
            1 => Some(self.ru),
            _ => None,
        }
    }

    /// The English name in UTF-16.
    pub fn en_units(&self) -> &[u16] {
        self.en_units.as_slice()
    }

    /// The Russian name in UTF-16.
    pub fn ru_units(&self) -> &[u16] {
        self.ru_units.as_slice()
    }

    /// Whether `name`, in UTF-16, is one of the two in any case.
    pub fn matches(&self, name: &[u16]) -> bool {
        is_same(self.en_units(), name) || is_same(self.ru_units(), name)
    }
}

impl Units {
    const fn of(name: &str) -> Units {
        Units { units: utf16::encode(name), length: utf16::length(name) }
    }

    fn as_slice(&self) -> &[u16] {
        &self.units[..self.length]
    }
}

/// Whether two names are the same in any case. By the length most are told apart at once.
fn is_same(own: &[u16], name: &[u16]) -> bool {
    own.len() == name.len() && own.iter().zip(name).all(|(own, unit)| own == unit || fold(*own) == fold(*unit))
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
