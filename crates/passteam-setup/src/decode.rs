//! Texts of the platform as bytes become Unicode.
//!
//! A platform writes UTF-8 with or without a mark, UTF-16 with a mark (`1cestart.cfg`), and on older Windows the system's code
//! pages: the log in windows-1251, the console in CP866. Which of the two it is follows from the bytes and not from this
//! computer's settings: a log may come from elsewhere.

use encoding_rs::{Encoding, IBM866, WINDOWS_1251};

/// The text of a captured answer, which may have been cut in the middle of a letter.
pub(crate) fn decode_cut(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => decode(&bytes[..error.valid_up_to()]),
        _ => decode(bytes),
    }
}

/// The text, without its mark. Bytes that fit no encoding become �.
pub(crate) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let (windows, dos) = (single_byte(WINDOWS_1251, bytes), single_byte(IBM866, bytes));
    if russian(&dos) > russian(&windows) { dos } else { windows }
}

fn single_byte(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// How much a text looks like Russian: small letters count most, and box-drawing or foreign letters count against it.
fn russian(text: &str) -> i64 {
    let weight = |c: char| match c {
        'а'..='я' | 'ё' => 3,
        'А'..='Я' | 'Ё' | '№' | '«' | '»' | '—' => 1,
        c if c.is_ascii() => 0,
        _ => -3,
    };
    text.chars().map(weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "Пользователь ИБ не идентифицирован: код 1";

    #[test]
    fn every_encoding_of_the_platform_is_read() {
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(LINE.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let (windows, dos) = (WINDOWS_1251.encode(LINE).0.into_owned(), IBM866.encode(LINE).0.into_owned());
        for bytes in [LINE.as_bytes().to_vec(), [b"\xEF\xBB\xBF", LINE.as_bytes()].concat(), utf16, windows, dos] {
            assert_eq!(decode(&bytes), LINE);
        }
    }

    #[test]
    fn capital_letters_alone_are_told_apart() {
        for encoding in [WINDOWS_1251, IBM866] {
            assert_eq!(decode(&encoding.encode("ОШИБКА БАЗЫ").0), "ОШИБКА БАЗЫ");
        }
    }

    #[test]
    fn an_answer_that_was_cut_stays_readable() {
        assert_eq!(decode_cut(&"Имя: Админ".as_bytes()[..13]), "Имя: Ад");
        assert_eq!(decode_cut(&WINDOWS_1251.encode(LINE).0), LINE);
    }

    #[test]
    fn the_last_letter_of_a_whole_text_is_never_lost() {
        // In windows-1251 «П» is a byte with which a letter of UTF-8 may begin.
        assert_eq!(decode(&WINDOWS_1251.encode("abcП").0), "abcП");
    }

    #[test]
    fn damaged_bytes_are_no_reason_to_fail() {
        assert_eq!(decode(b"\xEF\xBB\xBFok\xFF"), "ok\u{FFFD}");
        assert_eq!(decode(b""), "");
    }
}
