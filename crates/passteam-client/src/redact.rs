//! Takes secrets out of what a text for a person quotes from outside.
//!
//! It is for quotations only: in the caller's own words a short secret would be found although nobody quoted it.

mod reading;

use std::cell::LazyCell;
use std::ops::Range;

use reading::{is_plain, readings};

use crate::outcome::Success;
use crate::request::Request;
use crate::settings::{ExplicitProxy, Settings};
use crate::transport::proxy_in_use;

/// What stands for a secret.
const MASK: &str = "***";

/// Values shorter than this are words and numbers that stand in any text, such as `1`, `да` or `NAN`.
const SHORTEST_VALUE: usize = 4;

/// A token or password shorter than this stands in any link by chance, so that data keeps it.
const SHORTEST_CREDENTIAL: usize = 8;

/// The longest text about a call that is searched and kept, in bytes: a person reads no more.
const LONGEST_TEXT: usize = 16 * 1024;

/// Replaces every occurrence of every secret by `***`, also if occurrences overlap. A secret is also found if it is
/// percent-encoded, as in a form or a URL, or escaped as in JSON, in whole or in part. Empty secrets are ignored. Of a text of more
/// than 16 KiB only the beginning comes back, without the beginning of a secret at its end.
pub fn redact<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    hide(text, &[&Values::of(secrets)])
}

/// What authorizes a call: the token, and the password of the proxy, whoever has named it.
struct Credentials<'a> {
    token: &'a str,
    proxy: Option<ExplicitProxy>,
    /// As they go to the proxy.
    encoded: Option<String>,
}

impl Credentials<'_> {
    fn of(settings: &Settings) -> Credentials<'_> {
        let proxy = proxy_in_use(settings);
        let encoded = proxy.as_ref().and_then(ExplicitProxy::encoded_credentials);
        Credentials { token: settings.token.reveal(), proxy, encoded }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let password = self.proxy.as_ref().and_then(ExplicitProxy::password);
        [Some(self.token), password, self.encoded.as_deref()].into_iter().flatten()
    }
}

/// As [`redact`], for a text about the settings: hides the token and the proxy's password.
pub fn redact_credentials(text: &str, settings: &Settings) -> String {
    redact(text, Credentials::of(settings).iter())
}

/// As [`redact`], for a text about one request of a call: hides the token, the proxy's password, and every value of the call
/// that is 4 or more characters long, with or without the white space around it. `others` are the values of the call's other
/// requests.
pub fn redact_call(text: &str, settings: &Settings, request: &Request, others: &Values<'_>) -> String {
    let credentials = Credentials::of(settings);
    let mut secrets: Vec<&str> = credentials.iter().collect();
    secrets.extend(request.secrets().iter().flat_map(|value| spellings(value)));
    hide(text, &[&Values::of(secrets), others])
}

/// Hides the token and the proxy's password in what the service says of cards, if they are 8 or more characters long: links go to
/// customers, and ids into journals.
pub(crate) fn hide_credentials(success: &mut Success, settings: &Settings) {
    let Success { card_id, card_url, page, .. } = success;
    let listed = page.iter_mut().flat_map(|page| &mut page.cards);
    let values = listed.flat_map(|card| {
        let pairs = card.values.iter_mut().flat_map(|(name, value)| [name, value]);
        pairs.chain([&mut card.card_url])
    });
    let mut texts = card_id.iter_mut().chain(card_url).chain(values).peekable();
    if texts.peek().is_none() {
        return;
    }
    let credentials = Credentials::of(settings);
    let secrets: Vec<&str> = credentials.iter().filter(|secret| length(secret) >= SHORTEST_CREDENTIAL).collect();
    let values = LazyCell::new(|| Values::of(secrets.iter().copied()));
    for text in texts {
        // Nearly always, and cheaper to see than by the search that also finds where a secret stands.
        if is_plain(text) && !secrets.iter().any(|secret| text.contains(secret)) {
            continue;
        }
        if let Some(masked) = masked(text, false, &[&*values]) {
            *text = masked;
        }
    }
}

/// Hides the token, if it is 8 or more characters long, in an id or an address that the caller may have taken it for.
pub fn hide_token(card_id: &str, settings: &Settings) -> String {
    let token = Some(settings.token.reveal()).filter(|token| length(token) >= SHORTEST_CREDENTIAL);
    masked(card_id, false, &[&Values::of(token)]).unwrap_or_else(|| card_id.to_owned())
}

/// Values in a sorted table. One look-up tells which of them a text begins with, however many there are: the search takes the
/// text's length times the logarithm of their number, and the table 24 bytes a value.
#[derive(Default)]
pub struct Values<'a> {
    /// Sorted, each once.
    values: Vec<&'a [u8]>,
    /// For each value the place of the longest other one that it begins with.
    prefixes: Vec<Option<u32>>,
}

impl<'a> Values<'a> {
    fn of(values: impl IntoIterator<Item = &'a str>) -> Values<'a> {
        let mut values: Vec<&[u8]> = values.into_iter().map(str::as_bytes).filter(|value| !value.is_empty()).collect();
        values.sort_unstable();
        values.dedup();
        let mut prefixes: Vec<Option<u32>> = Vec::with_capacity(values.len());
        for (place, value) in values.iter().enumerate() {
            // In sorted order the prefixes of a value are the value before it, or prefixes of that.
            let mut prefix = place.checked_sub(1);
            while let Some(known) = prefix.filter(|&known| !value.starts_with(values[known])) {
                prefix = prefixes[known].map(|known| known as usize);
            }
            prefixes.push(prefix.and_then(|prefix| u32::try_from(prefix).ok()));
        }
        Values { values, prefixes }
    }

    /// The length of the longest value that `text` begins with.
    fn longest_at(&self, text: &[u8]) -> Option<usize> {
        let mut place = self.values.partition_point(|value| *value <= text).checked_sub(1)?;
        while !text.starts_with(self.values[place]) {
            place = self.prefixes[place]? as usize;
        }
        Some(self.values[place].len())
    }

    /// Whether some value begins with `text`.
    fn continue_at(&self, text: &[u8]) -> bool {
        let place = self.values.partition_point(|value| *value < text);
        self.values.get(place).is_some_and(|value| value.starts_with(text))
    }

    /// Where values stand in `text`. If it is truncated, the beginning of a value counts at its end.
    fn found_in(&self, text: &[u8], is_truncated: bool) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for start in 0..text.len() {
            if is_truncated && self.continue_at(&text[start..]) {
                found.push(start..text.len());
                break;
            }
            found.extend(self.longest_at(&text[start..]).map(|length| start..start + length));
        }
        found
    }
}

impl<'a> FromIterator<&'a str> for Values<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(values: I) -> Self {
        Values::of(values.into_iter().flat_map(spellings))
    }
}

/// A value as it stands and without the white space around it, if that is long enough to be told from any word.
fn spellings(value: &str) -> impl Iterator<Item = &str> {
    [value, value.trim()].into_iter().filter(|value| length(value) >= SHORTEST_VALUE)
}

fn hide(whole: &str, secrets: &[&Values<'_>]) -> String {
    let text = &whole[..whole.floor_char_boundary(LONGEST_TEXT)];
    masked(text, text.len() < whole.len(), secrets).unwrap_or_else(|| text.to_owned())
}

/// The text with masks; `None` if there is nothing to hide.
fn masked(text: &str, is_truncated: bool, secrets: &[&Values<'_>]) -> Option<String> {
    let mut hidden = vec![false; text.len()];
    let find = |bytes: &[u8]| -> Vec<Range<usize>> {
        secrets.iter().flat_map(|values| values.found_in(bytes, is_truncated)).collect()
    };
    for range in find(text.as_bytes()) {
        hidden[range].fill(true);
    }
    for reading in readings(text) {
        for range in find(reading.bytes()) {
            hidden[reading.source(range)].fill(true);
        }
    }
    hidden.contains(&true).then(|| mask(text, &hidden))
}

/// Length in UTF-16 code units, as the callers' strings count it.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
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
    use crate::outcome::{CardPage, ListedCard};
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
    fn a_long_secret_in_a_long_text_is_hidden_quickly() {
        let spelled = format!("{}\\n", "%61".repeat(4096));
        assert_eq!(redact(&spelled, ["a".repeat(4096).as_str()]), "***\\n");
        let text = "a".repeat(4 * 1024 * 1024);
        assert_eq!(redact(&text, [&text[1024 * 1024..], &text[..3 * 1024 * 1024]]), MASK);
        assert_eq!(redact(&text[..LONGEST_TEXT], [&text[..10_000], &text[..9_000]]), MASK);
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
    fn thousands_of_values_in_a_text_of_megabytes_are_hidden_quickly() {
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
    fn a_text_about_the_settings_shows_no_credentials() {
        let settings = Settings {
            token: Token::parse("T1").expect("a token"),
            proxy: Proxy::parse("http://user:p%40s@proxy").expect("a proxy"),
            ..Settings::default()
        };
        let encoded = "dXNlcjpwQHM=";
        assert_eq!(redact_credentials(&format!("T1 user p@s {encoded} proxy"), &settings), "*** user *** *** proxy");
        let direct = Settings { proxy: Proxy::Direct, ..settings };
        assert_eq!(redact_credentials("T1 p@s", &direct), "*** p@s");
    }

    #[test]
    fn what_the_service_says_of_cards_shows_no_credentials_and_is_else_unchanged() {
        let settings = Settings {
            token: Token::parse("TOKEN+/=1234").expect("a token"),
            proxy: Proxy::parse("http://user:p%40ssword@proxy").expect("a proxy"),
            ..Settings::default()
        };
        let long = "я%zz\\".repeat(LONGEST_TEXT);
        let listed = |values: &[&str]| ListedCard {
            card_id: "5f0c8d9e2b7a4c0011223344".to_owned(),
            card_url: format!("https://x/{}", values[0]),
            installed: true,
            values: values.iter().map(|value| ("NAME".to_owned(), (*value).to_owned())).collect(),
        };
        let page = |values: &[&str]| Some(CardPage { cards: vec![listed(values)], is_last: false });
        let mut success = Success {
            card_id: Some("TOKEN+/=1234".to_owned()),
            card_url: Some("https://x/?t=TOKEN%2B%2f%3D1234&u=user".to_owned()),
            page: page(&["p@ssword", "Мария", &long]),
            ..Success::default()
        };
        let untouched = page(&["Мария", &long]);
        hide_credentials(&mut success, &settings);
        assert_eq!(success.card_id.as_deref(), Some("***"));
        assert_eq!(success.card_url.as_deref(), Some("https://x/?t=***&u=user"));
        assert_eq!(success.page, page(&["***", "Мария", &long]));

        let short = Settings { token: Token::parse("x").expect("a token"), ..settings };
        let mut success = Success { page: untouched.clone(), ..Success::default() };
        hide_credentials(&mut success, &short);
        assert_eq!(success.page, untouched);
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
    fn values_of_thousands_of_characters_are_hidden_quickly() {
        for letter in ["x", "\u{44f}"] {
            let values: Vec<String> = (0..64).map(|number| letter.repeat(2000 + number)).collect();
            let others: Values = values.iter().map(String::as_str).collect();
            let request = Request::update_card("id", &Variables::default());
            let text = letter.repeat(1999) + " " + &letter.repeat(2050);
            for _ in 0..64 {
                let shown = redact_call(&text, &Settings::default(), &request, &others);
                assert!(shown.ends_with(" ***") && shown.len() > 1999, "{}", shown.len());
            }
        }
    }

    #[test]
    fn of_values_that_begin_alike_each_is_found() {
        let values = Values::of(["abcd", "ab", "abcde", "abx", "b"]);
        for (text, length) in [("abcdz", Some(4)), ("abc", Some(2)), ("abcde", Some(5)), ("abz", Some(2)), ("a", None)]
        {
            assert_eq!(values.longest_at(text.as_bytes()), length, "{text}");
        }
        assert_eq!(redact("abz abxy abcdy ay", ["abcd", "ab", "abx"]), "***z ***y ***y ay");
    }

    #[test]
    fn the_values_of_ten_thousand_requests_are_hidden_quickly() {
        let phones: Vec<String> = (0..10_000).map(|number| format!("+7916{number:07}")).collect();
        let others: Values = phones.iter().map(String::as_str).collect();
        let request = Request::update_card("id", &Variables::default());
        for _ in 0..100 {
            let text = "+7916".repeat(4000);
            let shown = redact_call(&text, &Settings::default(), &request, &others);
            assert!(shown.len() == 16 * 1024 - 1 && shown.ends_with("+7916***"), "{}", shown.len());
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
