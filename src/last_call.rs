//! What the result properties show, and the JSON that BSL gets: the property `Result`, batches and pages.

use std::fmt;
use std::time::Duration;

use passteam_client::batch::Outcome;
use passteam_client::outcome::{CardPage, Failure, ListedCard, Report, Success};
use serde::{Serialize, Serializer};

use crate::utf16::Utf16;
use crate::value::whole_seconds;

/// `Code` of a batch without failures.
const OK: i64 = 200;
/// `ErrorKind` after a BSL exception.
const MISUSE: &str = "Misuse";

/// The results of a call, a property each.
#[derive(Default)]
pub struct LastCall {
    /// Whether the call succeeded.
    pub ok: bool,
    /// `Code`.
    pub code: i64,
    /// `CardId`.
    pub card_id: String,
    /// `CardUrl`.
    pub card_url: String,
    /// `Installed`.
    pub installed: bool,
    /// `Unknown`.
    pub unknown: bool,
    /// The pause that the service asks for.
    pub retry_after: Option<Duration>,
    /// `ErrorKind`.
    pub error_kind: &'static str,
    /// `ErrorDescription`.
    pub error_description: Description,
    /// `Response`.
    pub response: String,
}

/// What `ErrorDescription` shows, in the encoding in which it came about.
pub enum Description {
    /// Of a call that has failed; empty if it has not.
    Failure(String),
    /// Of a BSL exception, as the platform got it.
    Misuse(Utf16),
}

/// The property `Result`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultJson<'a> {
    ok: bool,
    code: i64,
    card_id: &'a str,
    card_url: &'a str,
    installed: bool,
    unknown: bool,
    retry_after: Option<u64>,
    error_kind: &'a str,
    error_description: &'a str,
}

/// One entry of what `UpdateCards` returns.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateJson<'a> {
    card_id: &'a str,
    ok: bool,
    code: i64,
    installed: bool,
    retry_after: Option<u64>,
    error_kind: &'a str,
    error_description: &'a str,
}

/// One entry of what `CreateCards` returns.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationJson<'a> {
    key: &'a str,
    ok: bool,
    code: i64,
    card_id: &'a str,
    card_url: &'a str,
    unknown: bool,
    retry_after: Option<u64>,
    error_kind: &'a str,
    error_description: &'a str,
}

/// What `GetCards` returns.
#[derive(Serialize)]
struct PageJson<'a> {
    cards: Vec<ListedJson<'a>>,
    more: bool,
}

/// One card of a page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedJson<'a> {
    card_id: &'a str,
    card_url: &'a str,
    installed: bool,
    #[serde(serialize_with = "object")]
    values: &'a [(String, String)],
}

/// Pairs as a JSON object, in their order.
fn object<S: Serializer>(pairs: &&[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

impl LastCall {
    /// The results of a call that has ended; `describe` makes the text of a failure.
    pub fn of_report(report: &Report, describe: impl FnOnce(&Failure) -> String) -> LastCall {
        let Report { outcome, code, body, unknown, .. } = report;
        let common = LastCall { code: *code, unknown: *unknown, response: body.clone(), ..LastCall::default() };
        match outcome {
            Ok(Success { card_id, card_url, installed, .. }) => LastCall {
                ok: true,
                card_id: card_id.clone().unwrap_or_default(),
                card_url: card_url.clone().unwrap_or_default(),
                installed: *installed,
                ..common
            },
            Err(failure) => LastCall {
                retry_after: failure.retry_after,
                error_kind: failure.kind().as_str(),
                error_description: Description::Failure(describe(failure)),
                ..common
            },
        }
    }

    /// The results of a batch: those of its first failed entry, or of a success.
    pub fn of_batch(outcomes: &[Outcome]) -> LastCall {
        let first_failed = outcomes.iter().find_map(|outcome| Some((outcome, outcome.result.as_ref().err()?)));
        match first_failed {
            None => LastCall { ok: true, code: OK, ..LastCall::default() },
            Some((outcome, error)) => LastCall {
                code: outcome.code,
                unknown: outcome.unknown,
                retry_after: outcome.retry_after,
                error_kind: error.kind.as_str(),
                error_description: Description::Failure(error.description.clone()),
                ..LastCall::default()
            },
        }
    }

    /// Notes a BSL exception with this text. What else the last call has left stays.
    pub fn note_misuse(&mut self, text: Utf16) {
        self.error_kind = MISUSE;
        self.error_description = Description::Misuse(text);
    }

    /// The property `Result`.
    pub fn to_json(&self) -> String {
        to_json(&ResultJson {
            ok: self.ok && self.error_kind.is_empty(),
            code: self.code,
            card_id: &self.card_id,
            card_url: &self.card_url,
            installed: self.installed,
            unknown: self.unknown,
            retry_after: self.retry_after.map(whole_seconds),
            error_kind: self.error_kind,
            error_description: &self.error_description.to_string(),
        })
    }
}

impl Default for Description {
    fn default() -> Description {
        Description::Failure(String::new())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Description::Failure(text) => formatter.write_str(text),
            Description::Misuse(text) => text.fmt(formatter),
        }
    }
}

impl ListedJson<'_> {
    fn of(card: &ListedCard) -> ListedJson<'_> {
        let ListedCard { card_id, card_url, installed, values } = card;
        ListedJson { card_id, card_url, installed: *installed, values }
    }
}

impl UpdateJson<'_> {
    fn of(outcome: &Outcome) -> UpdateJson<'_> {
        let Outcome { name, code, retry_after, result, .. } = outcome;
        UpdateJson {
            card_id: name,
            ok: result.is_ok(),
            code: *code,
            installed: result.as_ref().is_ok_and(|success| success.installed),
            retry_after: retry_after.map(whole_seconds),
            error_kind: error_kind(outcome),
            error_description: error_description(outcome),
        }
    }
}

impl CreationJson<'_> {
    fn of(outcome: &Outcome) -> CreationJson<'_> {
        let Outcome { name, code, unknown, retry_after, result } = outcome;
        let success = result.as_ref().ok();
        CreationJson {
            key: name,
            ok: result.is_ok(),
            code: *code,
            card_id: success.and_then(|success| success.card_id.as_deref()).unwrap_or_default(),
            card_url: success.and_then(|success| success.card_url.as_deref()).unwrap_or_default(),
            unknown: *unknown,
            retry_after: retry_after.map(whole_seconds),
            error_kind: error_kind(outcome),
            error_description: error_description(outcome),
        }
    }
}

/// What `UpdateCards` returns.
pub fn updates_json(outcomes: &[Outcome]) -> String {
    to_json(&Array(outcomes, UpdateJson::of))
}

/// What `CreateCards` returns.
pub fn creations_json(outcomes: &[Outcome]) -> String {
    to_json(&Array(outcomes, CreationJson::of))
}

/// What `GetCards` returns; `more` says whether another page may follow.
pub fn page_json(page: &CardPage, more: bool) -> String {
    to_json(&PageJson { cards: page.cards.iter().map(ListedJson::of).collect(), more })
}

/// An entry's `errorKind`; empty for a success.
pub fn error_kind(outcome: &Outcome) -> &'static str {
    outcome.result.as_ref().err().map_or("", |error| error.kind.as_str())
}

fn error_description(outcome: &Outcome) -> &str {
    outcome.result.as_ref().err().map_or("", |error| &error.description)
}

/// Outcomes as what stands for each of them, one after the other: all at once would be as large as the text.
struct Array<'a, T>(&'a [Outcome], fn(&'a Outcome) -> T);

impl<T: Serialize> Serialize for Array<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// Structs of strings, numbers and Booleans never fail to serialize.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
