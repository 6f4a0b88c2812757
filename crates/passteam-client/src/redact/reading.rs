//! A text decoded as form, percent-encoding or JSON, with the original offset of each byte: a text may quote another one encoded.

use std::ops::Range;

/// A decoded text and the original offset of each byte.
pub(super) struct Reading {
    bytes: Vec<u8>,
    /// The place in the text of each byte, and the text's end.
    places: Vec<usize>,
}

/// Whether no decoding changes the text.
pub(super) fn is_plain(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'%' | b'+' | b'\\'))
}

/// The text decoded as a form, as a URL and as JSON; a decoding that changes nothing is left out.
pub(super) fn readings(text: &str) -> Vec<Reading> {
    let manners: [(&[char], Resolve); 3] =
        [(&['%', '+'], form_escape), (&['%'], percent_escape), (&['\\'], json_escape)];
    manners
        .into_iter()
        .filter(|(signs, _)| text.contains(*signs))
        .map(|(_, resolve)| Reading::new(text, resolve))
        .collect()
}

impl Reading {
    fn new(text: &str, resolve: Resolve) -> Reading {
        let mut reading = Reading { bytes: Vec::with_capacity(text.len()), places: Vec::with_capacity(text.len() + 1) };
        let mut rest = text.as_bytes();
        while let [first, ..] = rest {
            let place = text.len() - rest.len();
            let escape = resolve(rest).unwrap_or(Escape { bytes: [*first, 0, 0, 0], count: 1, length: 1 });
            for byte in &escape.bytes[..escape.count] {
                reading.bytes.push(*byte);
                reading.places.push(place);
            }
            rest = &rest[escape.length..];
        }
        reading.places.push(text.len());
        reading
    }

    /// What the text says.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the text that read as these.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end]
    }
}

/// The escape at the beginning of a text that is not empty; `None` if there is none.
type Resolve = fn(&[u8]) -> Option<Escape>;

/// What an escape stands for.
struct Escape {
    bytes: [u8; 4],
    /// How many of the bytes are meant.
    count: usize,
    /// How long the escape is.
    length: usize,
}

impl Escape {
    fn byte(byte: u8, length: usize) -> Option<Escape> {
        Some(Escape { bytes: [byte, 0, 0, 0], count: 1, length })
    }

    fn character(character: char, length: usize) -> Option<Escape> {
        let mut bytes = [0; 4];
        let count = character.encode_utf8(&mut bytes).len();
        Some(Escape { bytes, count, length })
    }
}

fn form_escape(text: &[u8]) -> Option<Escape> {
    if text[0] == b'+' { Escape::byte(b' ', 1) } else { percent_escape(text) }
}

fn percent_escape(text: &[u8]) -> Option<Escape> {
    match text {
        [b'%', digits @ ..] => Escape::byte(hexadecimal(digits.get(..2)?)? as u8, 3),
        _ => None,
    }
}

/// RFC 8259, 7.
fn json_escape(text: &[u8]) -> Option<Escape> {
    let [b'\\', kind, rest @ ..] = text else { return None };
    match kind {
        b'"' | b'\\' | b'/' => Escape::byte(*kind, 2),
        b'b' => Escape::byte(b'\x08', 2),
        b'f' => Escape::byte(b'\x0c', 2),
        b'n' => Escape::byte(b'\n', 2),
        b'r' => Escape::byte(b'\r', 2),
        b't' => Escape::byte(b'\t', 2),
        b'u' => {
            let first = hexadecimal(rest.get(..4)?)?;
            if let Some(character) = char::from_u32(first) {
                return Escape::character(character, 6);
            }
            let second = hexadecimal(rest.get(4..10)?.strip_prefix(b"\\u")?)?;
            Escape::character(of_surrogates(first, second)?, 12)
        }
        _ => None,
    }
}

/// The character of a surrogate pair; `first` is a surrogate.
fn of_surrogates(first: u32, second: u32) -> Option<char> {
    let is_pair = first < 0xDC00 && (0xDC00..0xE000).contains(&second);
    if is_pair { char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)) } else { None }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &digit| Some(value << 4 | char::from(digit).to_digit(16)?))
}
