//! The ways to read a text that may quote others in another spelling.

use std::borrow::Cow;
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use super::find_all;

/// A text with its escapes resolved, and where each byte of it came from.
pub(super) struct Reading<'a> {
    bytes: Cow<'a, [u8]>,
    /// The place in the text of each byte, and the text's end; `None` where nothing was resolved.
    places: Option<Vec<usize>>,
}

/// The text as it stands, as a form is read, as a URL is read, and as JSON is read, where those differ.
pub(super) fn readings(text: &str) -> Vec<Reading<'_>> {
    let mut readings = vec![Reading { bytes: Cow::Borrowed(text.as_bytes()), places: None }];
    if text.contains(['%', '+']) {
        readings.push(percent_decoded(text, b' '));
    }
    if text.contains('%') {
        readings.push(percent_decoded(text, b'+'));
    }
    if text.contains('\\') {
        readings.push(unescaped(text));
    }
    readings
}

impl Reading<'_> {
    /// Adds the byte ranges of the text that read as `secret`.
    pub(super) fn find(&self, secret: &str, hidden: &mut Vec<Range<usize>>) {
        let Some(places) = &self.places else { return find_all(&self.bytes, secret.as_bytes(), hidden) };
        let mut found = Vec::new();
        find_all(&self.bytes, secret.as_bytes(), &mut found);
        hidden.extend(found.into_iter().map(|range| places[range.start]..places[range.end]));
    }
}

/// Collects a reading. A secret begins and ends with whole characters, and no escape is longer than one, so the places of a
/// secret's ends are the borders of characters in the text, too.
#[derive(Default)]
struct Resolved {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Resolved {
    fn push(&mut self, bytes: &[u8], place: usize) {
        self.bytes.extend_from_slice(bytes);
        self.places.resize(self.bytes.len(), place);
    }

    fn push_char(&mut self, character: char, place: usize) {
        self.push(character.encode_utf8(&mut [0; 4]).as_bytes(), place);
    }

    fn finish(mut self, text: &str) -> Reading<'static> {
        self.places.push(text.len());
        Reading { bytes: Cow::Owned(self.bytes), places: Some(self.places) }
    }
}

/// Resolves `%XX`; a plus sign becomes `plus`. What is no escape stays as it is.
fn percent_decoded(text: &str, plus: u8) -> Reading<'static> {
    let mut resolved = Resolved::default();
    let bytes = text.as_bytes();
    let mut place = 0;
    while let Some(&byte) = bytes.get(place) {
        let escaped = if byte == b'%' { bytes.get(place + 1..place + 3).and_then(hexadecimal) } else { None };
        match escaped {
            Some(value) => resolved.push(&[value as u8], place),
            None => resolved.push(&[if byte == b'+' { plus } else { byte }], place),
        }
        place += if escaped.is_some() { 3 } else { 1 };
    }
    resolved.finish(text)
}

/// Resolves the escapes of a JSON string (RFC 8259, 7). What is no escape stays as it is.
fn unescaped(text: &str) -> Reading<'static> {
    let mut resolved = Resolved::default();
    let mut characters = text.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        let escaped = if character == '\\' { escape(text, &mut characters) } else { None };
        resolved.push_char(escaped.unwrap_or(character), place);
    }
    resolved.finish(text)
}

/// The character that the escape after a backslash stands for; takes it.
fn escape(text: &str, characters: &mut Peekable<CharIndices<'_>>) -> Option<char> {
    let &(place, kind) = characters.peek()?;
    let (character, length) = match kind {
        '"' | '\\' | '/' => (kind, 1),
        'b' => ('\u{8}', 1),
        'f' => ('\u{c}', 1),
        'n' => ('\n', 1),
        'r' => ('\r', 1),
        't' => ('\t', 1),
        'u' => code_units(&text.as_bytes()[place..])?,
        _ => return None,
    };
    // Every character of an escape is one byte long.
    for _ in 0..length {
        characters.next();
    }
    Some(character)
}

/// The character that `uXXXX` stands for, or `uXXXX\uXXXX` for a surrogate pair, and how long that is.
fn code_units(bytes: &[u8]) -> Option<(char, usize)> {
    let first = hexadecimal(bytes.get(1..5)?)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, 5));
    }
    let second = hexadecimal(bytes.get(5..11)?.strip_prefix(b"\\u")?)?;
    char::decode_utf16([first, second]).next()?.ok().map(|character| (character, 11))
}

fn hexadecimal(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |value: u16, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(value << 4 | digit as u16)
    })
}
