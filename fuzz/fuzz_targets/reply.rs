//! Any answer of a server is judged as its text says, read by another reader, and no text about it keeps a secret.
//!
//! An input is the status in three digits, `c`, `u` or another letter for the method, `p` for an answer through a proxy, and
//! the body: `200c {"code":200}`.

#![no_main]

use std::ops::Range;
use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use passteam_client::fuzzing::judge;
use passteam_client::redact::{Values, redact_call};
use passteam_client::{Cause, Failure, Kind, Parameters, Request, Settings, Success, Token, Variables};
use serde_json::Value;

const TOKEN: &str = "T0ken";
const PHONE: &str = "79161234567";
const CARD_ID: &str = "5f0c";
const RETRY_AFTER: Duration = Duration::from_secs(7);

struct Answer {
    status: u16,
    method: u8,
    through_proxy: bool,
    body: String,
}

impl Answer {
    fn read(data: &[u8]) -> Option<Answer> {
        let (&[a, b, c, method, way], body) = data.split_first_chunk()?;
        let digits = [a, b, c].map(|digit| u16::from(digit % b'0' % 10));
        Some(Answer {
            status: digits.iter().fold(0, |status, digit| status * 10 + digit),
            method,
            through_proxy: way == b'p',
            body: String::from_utf8_lossy(body).into_owned(),
        })
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_str(self.body.strip_prefix('\u{feff}').unwrap_or(&self.body)).ok()
    }
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(answer) = Answer::read(data) else { return Corpus::Reject };
    let json = answer.json();
    let variables = secrets(&answer, json.as_ref());
    let request = match answer.method {
        b'c' => Request::create_card("template", &variables),
        b'u' => Request::update_card(CARD_ID, &variables),
        _ => Request::method("m", &parameters(&variables)).expect("a method's name"),
    };
    let (outcome, code) = judge(&request, answer.status, &answer.body, Some(RETRY_AFTER), answer.through_proxy);
    if let Some(json) = &json {
        check_outcome(&answer, json, &outcome, code);
    }
    if let Err(failure) = &outcome {
        check_failure(failure, &request);
    }
    Corpus::Keep
});

/// Values of the call: some that any server may quote, and a piece of this very answer.
fn secrets(answer: &Answer, json: Option<&Value>) -> Variables {
    let message = json.and_then(|json| json["message"].as_str()).unwrap_or(&answer.body);
    let count = message.chars().count();
    let piece: String = message.chars().skip(count / 3).take(count / 3).collect();
    let mut variables = Variables::default();
    for (name, value) in [("PHONE", PHONE), ("CLIENT_NAME", "Мария & Ко"), ("PIECE", piece.as_str())] {
        variables.set(name, value).expect("a name");
    }
    variables
}

fn parameters(variables: &Variables) -> Parameters {
    let object: serde_json::Map<_, _> = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
    Parameters::from_json(&Value::Object(object).to_string()).expect("an object")
}

/// The contract's table of outcomes once more, over a reader of its own.
fn check_outcome(answer: &Answer, json: &Value, outcome: &Result<Success, Failure>, reported: i64) {
    if json["code"].as_f64() == Some(0.0) && json["code"].as_i64().is_none() {
        // `-0`, an integer, and `0.0`, which is none, are one to this reader.
        return;
    }
    let code = code(json);
    assert_eq!(reported, code.unwrap_or(answer.status.into()));
    let kind = outcome.as_ref().err().map(|failure| failure.kind());
    assert_eq!(kind, expected_kind(answer, json, code));
    let result = &json["result"];
    match outcome {
        Ok(success) => {
            let expected = match answer.method {
                b'c' => Success {
                    card_id: text(&result["cardId"]),
                    card_url: text(&result["cardUrl"]),
                    ..Success::default()
                },
                b'u' => Success {
                    card_id: Some(CARD_ID.to_owned()),
                    installed: result["card"]["installed"] == true,
                    ..Success::default()
                },
                _ => Success::default(),
            };
            assert_eq!(*success, expected);
        }
        Err(failure) => {
            let asks_for_pause = matches!(reported, 429 | 503);
            assert_eq!(failure.retry_after, asks_for_pause.then_some(RETRY_AFTER));
            assert_eq!(failure.message, text(&json["message"]).filter(|message| !message.trim().is_empty()));
        }
    }
}

fn expected_kind(answer: &Answer, json: &Value, code: Option<i64>) -> Option<Kind> {
    if matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return Some(Kind::BadResponse);
    }
    let decisive = code.unwrap_or(answer.status.into());
    match code {
        Some(200) => {
            let named = json["result"]["cardId"].as_str().is_some_and(|id| !id.trim().is_empty());
            (answer.method == b'c' && !named).then_some(Kind::BadResponse)
        }
        None if answer.status == 407 && answer.through_proxy => Some(Kind::Connection),
        None if answer.status < 400 => Some(Kind::BadResponse),
        _ if decisive == 500 && names_a_required_field(json) => Some(Kind::FieldRequired),
        _ => Some(kind_of(decisive)),
    }
}

fn kind_of(code: i64) -> Kind {
    match code {
        401 | 403 => Kind::Unauthorized,
        404 => Kind::NotFound,
        409 => Kind::Duplicate,
        429 => Kind::RateLimited,
        500..600 => Kind::ServerError,
        _ => Kind::Rejected,
    }
}

fn code(json: &Value) -> Option<i64> {
    match &json["code"] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.chars().all(|digit| digit.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn names_a_required_field(json: &Value) -> bool {
    let message = json["message"].as_str().unwrap_or_default().trim();
    message.starts_with("Provided field (")
        && [") is unique and must be set.", ") is unique and must be set"].into_iter().any(|end| message.ends_with(end))
        && !message.starts_with("Provided field ()")
}

/// A failure says no more than it should, and its text loses every secret and nothing else.
fn check_failure(failure: &Failure, request: &Request) {
    assert_eq!(failure.kind() == Kind::FieldRequired, matches!(failure.cause, Cause::FieldRequired { .. }));
    let Some(message) = &failure.message else { return };
    let settings = Settings { token: Token::parse(TOKEN).expect("a token"), ..Settings::default() };
    let secrets: Vec<&str> = request
        .secrets()
        .iter()
        .flat_map(|value| [value.as_str(), value.trim()])
        .filter(|value| value.encode_utf16().count() >= 4)
        .chain([TOKEN])
        .collect();
    let redacted = redact_call(message, &settings, request, &Values::default());
    if !message.contains(['%', '+', '\\']) {
        assert_eq!(redacted, masked(message, &secrets));
    }
    // A mask and what stands beside it can look like a secret that has asterisks in it.
    for secret in secrets.iter().filter(|secret| !secret.contains('*')) {
        assert!(!redacted.contains(secret), "{secret:?} is left in {redacted:?}");
        for spelled in spellings(secret) {
            let quoted = redact_call(&format!("<{spelled}>"), &settings, request, &Values::default());
            assert!(!quoted.contains(&spelled), "{spelled:?} is left in {quoted:?}");
        }
    }
}

/// As a form has a text, and as JSON has it.
fn spellings(text: &str) -> [String; 2] {
    let json = Value::from(text).to_string();
    [form_urlencoded::byte_serialize(text.as_bytes()).collect(), json[1..json.len() - 1].to_owned()]
}

/// The slow and simple way to hide secrets: byte by byte.
fn masked(text: &str, secrets: &[&str]) -> String {
    let mut hidden = vec![false; text.len()];
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        for (start, _) in text.char_indices().filter(|&(start, _)| text[start..].starts_with(*secret)) {
            hidden[start..start + secret.len()].fill(true);
        }
    }
    let mut masked = String::new();
    for run in runs(&hidden) {
        masked.push_str(if hidden[run.start] { "***" } else { &text[run] });
    }
    masked
}

/// Ranges of neighbours that are alike.
fn runs(flags: &[bool]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    flags.chunk_by(|one, next| one == next).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
}
