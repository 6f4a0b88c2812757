//! Texts in UTF-16, the platform's own encoding.
//!
//! The names and sentences that the program itself holds are encoded when it is compiled ([`utf16!`]), so that a BSL exception is put
//! together by copying, and only what is inserted into it is encoded anew.

use std::fmt;

/// A text literal as `&'static [u16]`.
macro_rules! utf16 {
    ($text:expr) => {{
        const UNITS: [u16; $crate::utf16::length($text)] = $crate::utf16::encode($text);
        const { &UNITS as &[u16] }
    }};
}
pub(crate) use utf16;

/// A text that is put together in UTF-16.
#[derive(Clone, Default, PartialEq)]
pub struct Utf16(Vec<u16>);

impl Utf16 {
    /// An empty text, with room for this many units.
    pub fn with_capacity(units: usize) -> Utf16 {
        Utf16(Vec::with_capacity(units))
    }

    /// Appends units.
    pub fn push(&mut self, units: impl AsRef<[u16]>) {
        self.0.extend_from_slice(units.as_ref());
    }

    /// Appends a text in UTF-8.
    pub fn push_str(&mut self, text: &str) {
        self.0.extend(text.encode_utf16());
    }

    /// Calls `read` with the units and a NUL after them.
    pub fn with_nul<T>(&mut self, read: impl FnOnce(&[u16]) -> T) -> T {
        self.0.push(0);
        let result = read(&self.0);
        self.0.pop();
        result
    }
}

impl fmt::Display for Utf16 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf16_lossy(&self.0))
    }
}

/// How many units `text` takes.
pub const fn length(text: &str) -> usize {
    let (mut at, mut length) = (0, 0);
    while at < text.len() {
        at += character(text.as_bytes(), at).1;
        length += 1;
    }
    length
}

/// The units of `text`, and zeros if there is more room; for texts that are known at compile time.
pub const fn encode<const ROOM: usize>(text: &str) -> [u16; ROOM] {
    let (mut units, mut at, mut length) = ([0; ROOM], 0, 0);
    while at < text.len() {
        let (unit, bytes) = character(text.as_bytes(), at);
        units[length] = unit;
        at += bytes;
        length += 1;
    }
    units
}

/// The character that begins at this byte of a text in UTF-8, and how many bytes it takes. Our own texts have none that takes two units.
const fn character(text: &[u8], at: usize) -> (u16, usize) {
    const fn six_bits(text: &[u8], at: usize) -> u16 {
        text[at] as u16 & 0x3F
    }
    let first = text[at] as u16;
    assert!(first < 0xF0, "a character takes two units");
    match first {
        0x00..0x80 => (first, 1),
        0x80..0xE0 => ((first & 0x1F) << 6 | six_bits(text, at + 1), 2),
        _ => ((first & 0x0F) << 12 | six_bits(text, at + 1) << 6 | six_bits(text, at + 2), 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_at_compile_time_as_at_run_time() {
        const TEXT: &str = "Passteam: «Ёлка» – €…\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}";
        assert_eq!(utf16!(TEXT), TEXT.encode_utf16().collect::<Vec<_>>());
        assert!(utf16!("").is_empty());
        assert_eq!(encode::<4>("ab"), [0x61, 0x62, 0, 0]);
    }

    #[test]
    fn a_text_is_followed_by_a_nul_only_while_it_is_read() {
        let mut text = Utf16::default();
        text.push(utf16!("Имя "));
        text.push_str("😀");
        assert_eq!(text.with_nul(<[u16]>::to_vec), "Имя 😀\0".encode_utf16().collect::<Vec<_>>());
        assert_eq!(text.to_string(), "Имя 😀");
    }
}
