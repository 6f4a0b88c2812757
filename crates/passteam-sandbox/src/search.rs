//! The page's search: any part of a value or of the id, without regard to case, and phones in any spelling.

/// The texts of one card, prepared once, because a search goes through all cards.
#[derive(Debug)]
pub(crate) struct Searchable {
    /// All texts in lower case, separated by line feeds.
    text: String,
    /// The digits of those texts that look like phones, separated by line feeds.
    phones: String,
}

impl Searchable {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut searchable = Self { text: String::new(), phones: String::new() };
        for text in texts {
            searchable.text.push_str(&text.to_lowercase());
            searchable.text.push('\n');
            if let Some(digits) = phone_digits(text) {
                searchable.phones.push_str(&digits);
                searchable.phones.push('\n');
            }
        }
        searchable
    }
}

/// What a person searches for.
#[derive(Debug)]
pub(crate) struct Search {
    text: String,
    phone: Option<String>,
}

impl Search {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.trim();
        Self { text: text.to_lowercase(), phone: phone_digits(text) }
    }

    pub(crate) fn matches(&self, card: &Searchable) -> bool {
        card.text.contains(&self.text) || self.phone.as_ref().is_some_and(|digits| card.phones.contains(digits))
    }
}

/// The digits of a text that may be a phone or a part of one, without the national prefix 8 or the country code 7.
fn phone_digits(text: &str) -> Option<String> {
    const SEPARATORS: &[char] = &['+', '-', '(', ')', ' ', '.', '\u{a0}', '\u{2011}', '\u{2013}'];
    const LONGEST: usize = 40;

    let is_phone = |character: char| character.is_ascii_digit() || SEPARATORS.contains(&character);
    if text.len() > LONGEST || !text.chars().all(is_phone) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0..4 => None,
        11 if digits.starts_with(['7', '8']) => Some(digits[1..].into()),
        _ => Some(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(search: &str, texts: &[&str]) -> bool {
        Search::new(search).matches(&Searchable::new(texts.iter().copied()))
    }

    #[test]
    fn any_part_is_found_without_regard_to_case() {
        let card = ["5d3f1a9b", "Анна Иванова", "79161234567", "a@example.com"];
        for search in ["", "АННА", "иван", "5D3F", "example", "1234567", "  анна "] {
            assert!(finds(search, &card), "{search}");
        }
        for search in ["Борис", "аннаиванова", "нова7916", "\n"] {
            assert_eq!(finds(search, &card), search == "\n", "{search}");
        }
    }

    #[test]
    fn a_phone_is_found_in_any_spelling() {
        for stored in ["79161234567", "+7 (916) 123-45-67", "8 916 123 45 67", "9161234567"] {
            for search in ["79161234567", "+7 916 123-45-67", "8(916)1234567", "916 123", "123-45-67", "4567"] {
                assert!(finds(search, &[stored]), "{search} in {stored}");
            }
            assert!(!finds("8 916 123-45-68", &[stored]), "{stored}");
        }
        assert!(!finds("45-67", &["45", "67"]), "two values are not one");
        assert!(!finds("12-34", &["x1234"]) && finds("1234", &["x1234"]), "only values that look like phones");
    }
}
