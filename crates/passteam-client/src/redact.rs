//! Takes secrets out of texts that a person reads.

mod reading;

use std::collections::HashSet;
use std::ops::Range;

use reading::readings;

use crate::form::Request;
use crate::settings::Settings;

/// What stands for a secret.
const MASK: &str = "***";

/// Values shorter than this are words and numbers that stand in any text, such as `1`, `да` or `NAN`.
const SHORTEST_VALUE: usize = 4;

/// Of a text about a call, so many bytes are searched and kept: a person reads no more, and megabytes searched for each of a
/// call's values would outlast any deadline.
const LONGEST_TEXT: usize = 16 * 1024;

/// Replaces every occurrence of every secret by `***`, also where occurrences overlap. A secret is also found where it is
/// percent-encoded, as in a form or a URL, or escaped as in JSON, in whole or in part. Empty secrets are ignored.
pub fn redact<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    hide(text, End::Whole, &secrets.into_iter().collect::<Vec<_>>(), &Values::default())
}

/// As [`redact`], for a text about one request of a call: hides the token, the proxy's password, and every value of the call
/// that is 4 or more characters long, with or without the white space around it. `others` are the values of the call's other
/// requests. Of a text of more than 16 KiB only the beginning comes back, without the beginning of one of this request's
/// secrets at its end.
pub fn redact_call(text: &str, settings: &Settings, request: &Request, others: &Values<'_>) -> String {
    let credentials = settings.proxy.encoded_credentials();
    let mut secrets = vec![settings.token.reveal()];
    secrets.extend(settings.proxy.password());
    secrets.extend(credentials.as_deref());
    secrets.extend(request.secrets().iter().flat_map(|value| spellings(value)));
    let beginning = &text[..text.floor_char_boundary(LONGEST_TEXT)];
    let end = if beginning.len() < text.len() { End::Cut } else { End::Whole };
    hide(beginning, end, &secrets, others)
}

/// Values of many requests, found in a text without a search for each of them.
#[derive(Default)]
pub struct Values<'a> {
    values: HashSet<&'a [u8]>,
    /// Each once.
    lengths: Vec<usize>,
}

impl<'a> Values<'a> {
    fn found_in<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = Range<usize>> {
        self.lengths.iter().flat_map(move |&length| {
            let windows = text.windows(length).enumerate();
            windows.filter(|(_, window)| self.values.contains(window)).map(move |(place, _)| place..place + length)
        })
    }
}

impl<'a> FromIterator<&'a str> for Values<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(values: I) -> Self {
        let mut found = Values::default();
        for value in values.into_iter().flat_map(spellings) {
            if found.values.insert(value.as_bytes()) && !found.lengths.contains(&value.len()) {
                found.lengths.push(value.len());
            }
        }
        found
    }
}

/// A value as it stands and without the white space around it, where that is long enough to be told from any word.
fn spellings(value: &str) -> impl Iterator<Item = &str> {
    [value, value.trim()].into_iter().filter(|value| length(value) >= SHORTEST_VALUE)
}

/// Whether a text goes on where it seems to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
}

fn hide(text: &str, end: End, secrets: &[&str], others: &Values<'_>) -> String {
    let mut hidden = vec![false; text.len()];
    let find = |bytes: &[u8]| -> Vec<Range<usize>> {
        secrets
            .iter()
            .flat_map(|secret| find_all(bytes, end, secret.as_bytes()))
            .chain(others.found_in(bytes))
            .collect()
    };
    for range in find(text.as_bytes()) {
        hidden[range].fill(true);
    }
    for reading in readings(text) {
        for range in find(reading.bytes()) {
            hidden[reading.source(range)].fill(true);
        }
    }
    mask(text, &hidden)
}

/// Length in UTF-16 code units, as the callers' strings count it.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The byte ranges at which `needle` stands in `text`, those that overlap or touch as one, in one pass (Knuth, Morris and Pratt): a
/// server can echo a value of megabytes, which a search begun anew at every place would take hours for. Where the text is
/// cut, the beginning of `needle` counts at its end.
fn find_all(text: &[u8], end: End, needle: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let needle = match end {
        End::Whole if needle.len() > text.len() => return found,
        End::Whole => needle,
        End::Cut => &needle[..needle.len().min(text.len())],
    };
    if needle.is_empty() {
        return found;
    }
    let borders = borders(needle);
    let mut matched = 0;
    for (position, &byte) in text.iter().enumerate() {
        while matched == needle.len() || (matched > 0 && needle[matched] != byte) {
            matched = borders[matched - 1];
        }
        if needle[matched] == byte {
            matched += 1;
        }
        if matched == needle.len() {
            extend(&mut found, position + 1 - needle.len()..position + 1);
        }
    }
    if end == End::Cut && matched > 0 {
        extend(&mut found, text.len() - matched..text.len());
    }
    found
}

/// For each prefix of `needle`, the length of its longest proper prefix that is also its end.
fn borders(needle: &[u8]) -> Vec<usize> {
    let mut borders = vec![0; needle.len()];
    let mut matched = 0;
    for position in 1..needle.len() {
        while matched > 0 && needle[matched] != needle[position] {
            matched = borders[matched - 1];
        }
        if needle[matched] == needle[position] {
            matched += 1;
        }
        borders[position] = matched;
    }
    borders
}

/// Adds a range, joined with the one before where they touch.
fn extend(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if (last.start..=last.end).contains(&range.start) => last.end = last.end.max(range.end),
        _ => ranges.push(range),
    }
}

/// Each run of hidden bytes becomes one mask.
fn mask(text: &str, hidden: &[bool]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut within = false;
    for (place, character) in text.char_indices() {
        if !hidden[place] {
            masked.push(character);
        } else if !within {
            masked.push_str(MASK);
        }
        within = hidden[place];
    }
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::form::{Parameters, Variables};
    use crate::settings::{Proxy, Token};

    #[test]
    fn every_occurrence_of_every_secret_is_replaced() {
        assert_eq!(redact("token abc, again abc; phone 7916", ["abc", "7916"]), "token ***, again ***; phone ***");
        assert_eq!(redact("nothing here", ["abc"]), "nothing here");
        assert_eq!(redact("", ["abc"]), "");
    }

    #[test]
    fn empty_secrets_hide_nothing() {
        assert_eq!(redact("text", [""]), "text");
        assert_eq!(redact("text", []), "text");
    }

    #[test]
    fn overlapping_and_touching_secrets_leave_no_piece_of_any() {
        assert_eq!(redact("xaaaaax", ["aaaa"]), "x***x", "a secret that overlaps itself");
        assert_eq!(redact("abcdef", ["abcd", "cdef"]), "***");
        assert_eq!(redact("abcdefg", ["cde", "abcdefg"]), "***");
        assert_eq!(redact("abcabc", ["abc"]), "***");
        assert_eq!(redact("1234512346", ["12346", "1234512"]), "***");
    }

    #[test]
    fn secrets_outside_ascii_are_found_whole() {
        assert_eq!(redact("Имя: Мария Ивановна.", ["Мария"]), "Имя: *** Ивановна.");
        assert_eq!(redact("😀😀", ["😀"]), "***");
    }

    #[test]
    fn a_secret_is_found_as_a_form_spells_it() {
        assert_eq!(redact("values=a%26b+c%D1%8F&x", ["a&b cя"]), "values=***&x");
        assert_eq!(redact("a b", ["a b"]), "***");
    }

    #[test]
    fn a_secret_is_found_percent_encoded_in_any_way() {
        for text in ["x=a%2Bb%20%D1%8F;", "x=a%2bb+%d1%8f;", "x=a+b%20%D1%8f;", "x=%61+b я;", "x=%61%2Bb+я;"] {
            assert_eq!(redact(text, ["a+b я"]), "x=***;", "{text}");
        }
        assert_eq!(redact("100% of %zz, %E0%A4%A and %", ["a&b"]), "100% of %zz, %E0%A4%A and %");
        assert_eq!(redact("5%25", ["5%"]), "***");
    }

    #[test]
    fn a_secret_is_found_as_json_escapes_it() {
        let secret = "я\"\\/\n😀";
        for text in
            [r#"("я\"\\/\n😀")"#, r#"("\u044f\u0022\u005C\/\u000a\ud83d\uDE00")"#, r#"("\u044F\"\\\/\n\uD83D\ude00")"#]
        {
            assert_eq!(redact(text, [secret]), r#"("***")"#, "{text}");
        }
        for text in [r"\u04", r"\ud83d", r"\ud83d\u0041", r"\", r"C:\users\q"] {
            assert_eq!(redact(text, ["secret"]), text);
        }
    }

    #[test]
    fn a_value_is_found_without_its_padding() {
        let variables = Variables::from_json(r#"{"A":" Иванов   ","B":" да "}"#).expect("variables");
        let request = Request::create_card("template", &variables);
        assert_eq!(redact_call("Иванов: да", &Settings::default(), &request, &Values::default()), "***: да");
    }

    #[test]
    fn a_long_secret_in_a_long_text_takes_no_time_to_speak_of() {
        let spelled = format!("{}\\n", "%61".repeat(1024 * 1024));
        assert_eq!(redact(&spelled, ["a".repeat(1024 * 1024).as_str()]), "***\\n");
        let text = "a".repeat(4 * 1024 * 1024);
        assert_eq!(redact(&text, [&text[1024 * 1024..], &text[..3 * 1024 * 1024]]), MASK);
    }

    #[test]
    fn a_text_of_megabytes_loses_its_end_and_shows_no_beginning_of_a_value_there() {
        let settings = Settings { token: Token::parse("T1").expect("a token"), ..Settings::default() };
        let hide = |values: &[&str], text: &str| {
            let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            let parameters = Parameters::from_json(&format!(r#"{{"a":[{}]}}"#, values.join(","))).expect("parameters");
            redact_call(text, &settings, &Request::method("m", &parameters).expect("a method"), &Values::default())
        };
        let value = "0123456789".repeat(400_000);
        assert_eq!(hide(&[&value], &format!("not {value} here")), "not ***");
        assert_eq!(hide(&["Мария"], &"Мария".repeat(400_000)), "***");
        let shown = hide(&["Мария"], &"ж".repeat(400_000));
        assert!(shown.len() > 10_000 && shown.chars().all(|shown| shown == 'ж'), "{}", shown.len());
    }

    #[test]
    fn thousands_of_values_in_a_text_of_megabytes_take_no_time_to_speak_of() {
        let values: Vec<String> = (100_000..110_000).map(|value| value.to_string()).collect();
        let parameters = Parameters::from_json(&format!(r#"{{"a":[{}]}}"#, values.join(","))).expect("parameters");
        let request = Request::method("m", &parameters).expect("a method");
        let text = format!("{} {}", values[7], "1".repeat(4 * 1024 * 1024));
        assert!(redact_call(&text, &Settings::default(), &request, &Values::default()).starts_with("*** 1"));
    }

    #[test]
    fn a_call_hides_its_token_its_proxys_password_and_its_longer_values() {
        let settings = Settings {
            token: Token::parse("T1").expect("a token"),
            proxy: Proxy::parse("http://user:p%40s@proxy").expect("a proxy"),
            ..Settings::default()
        };
        let variables = Variables::from_json(r#"{"A":"long","B":"abc","C":"я😀ю","D":"да"}"#).expect("variables");
        let request = Request::create_card("template", &variables);
        assert_eq!(
            redact_call("T1 user p@s long abc я😀ю да template", &settings, &request, &Values::default()),
            "*** user *** *** abc *** да template"
        );
        let parameters = Parameters::from_json(r#"{"a":{"b":"9161234567"}}"#).expect("parameters");
        let request = Request::method("m", &parameters).expect("a method");
        assert_eq!(redact_call("phone 9161234567", &settings, &request, &Values::default()), "phone ***");
    }

    #[test]
    fn a_text_about_one_request_hides_the_values_of_the_calls_others() {
        let others: Values = ["Иванов", "  Петров  ", "abc", "a&b c"].into_iter().collect();
        let request = Request::update_card("id", &Variables::default());
        let hide = |text: &str| redact_call(text, &Settings::default(), &request, &others);
        assert_eq!(hide("Иванов, Петров, abc"), "***, ***, abc");
        assert_eq!(hide(r"x=a%26b+c; \u0418ванов"), "x=***; ***");
    }

    #[test]
    fn the_values_of_ten_thousand_requests_take_no_time_to_speak_of() {
        let phones: Vec<String> = (0..10_000).map(|number| format!("+7916{number:07}")).collect();
        let others: Values = phones.iter().map(String::as_str).collect();
        let request = Request::update_card("id", &Variables::default());
        for _ in 0..100 {
            let text = "+7916".repeat(4000);
            assert_eq!(redact_call(&text, &Settings::default(), &request, &others).len(), 16 * 1024);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_redacted_whole(text in r#"[%+\\u0-9a-fDdя"n😀]{0,40}"#, secrets in proptest::collection::vec("[a-fя😀\"+ ]{1,3}", 0..4)) {
            let redacted = redact(&text, secrets.iter().map(String::as_str));
            for secret in &secrets {
                prop_assert!(!redacted.contains(secret.as_str()), "{} in {}", secret, redacted);
            }
        }

        #[test]
        fn no_secret_survives(text in "[ab*]{0,30}", secrets in proptest::collection::vec("[ab]{1,4}", 0..4)) {
            let redacted = redact(&text, secrets.iter().map(String::as_str));
            for secret in &secrets {
                prop_assert!(!redacted.contains(secret.as_str()), "{} in {}", secret, redacted);
            }
            let shown = |text: &str| text.bytes().filter(|byte| *byte != b'*').count();
            let hidden: std::collections::HashSet<usize> = secrets
                .iter()
                .flat_map(|secret| (0..text.len()).filter(|&at| text[at..].starts_with(secret.as_str())).flat_map(|at| at..at + secret.len()))
                .collect();
            prop_assert_eq!(shown(&redacted), shown(&text) - hidden.len(), "nothing else is hidden");
        }
    }
}
