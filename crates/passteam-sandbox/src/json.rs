//! The JSON of the control paths and the page: cards, requests and faults.
//!
//! The answers of the service have other shapes; those are in `service`.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::{Drop, Fault};
use crate::limits::Limits;
use crate::request_log::RecordedRequest;
use crate::store::Card;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CardJson {
    card_id: String,
    card_url: String,
    template_id: String,
    installed: bool,
    pub(crate) variables: Vec<Pair>,
}

#[derive(Serialize)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

fn pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Vec<Pair> {
    pairs.into_iter().map(|(name, value)| Pair { name: name.into(), value: value.into() }).collect()
}

impl From<&Card> for CardJson {
    fn from(card: &Card) -> Self {
        let Card { id, url, template_id, variables, installed } = card.clone();
        Self { card_id: id, card_url: url, template_id, installed, variables: pairs(variables) }
    }
}

/// A request with its token masked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestJson {
    number: u64,
    method: String,
    connection: u64,
    complete: bool,
    status: Option<u16>,
    code: Option<i64>,
    message: Option<String>,
    card_id: Option<String>,
    pub(crate) headers: Vec<Pair>,
    pub(crate) form: Vec<Pair>,
}

impl From<RecordedRequest> for RequestJson {
    fn from(request: RecordedRequest) -> Self {
        Self {
            headers: pairs(request.masked_headers()),
            form: pairs(request.form),
            number: request.number,
            method: request.method,
            connection: request.connection,
            complete: request.complete,
            status: request.status,
            code: request.code,
            message: request.message,
            card_id: request.card_id,
        }
    }
}

/// The body of `POST /sandbox/sample-cards`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SampleCardsJson {
    pub(crate) count: usize,
}

#[derive(Serialize)]
pub(crate) struct LateRequestsJson {
    pub(crate) waiting: u64,
}

/// The body of a request that needs no data.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmptyJson {}

/// A [`Shape`](crate::shape::Shape) as text.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapeJson {
    pub(crate) shape: String,
}

/// Limits; `null` or absent: no limit.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsJson {
    minute: Option<NonZeroU32>,
    hour: Option<NonZeroU32>,
    day: Option<NonZeroU32>,
}

impl From<LimitsJson> for Limits {
    fn from(json: LimitsJson) -> Self {
        Self { per_minute: json.minute, per_hour: json.hour, per_day: json.day }
    }
}

impl From<Limits> for LimitsJson {
    fn from(limits: Limits) -> Self {
        Self { minute: limits.per_minute, hour: limits.per_hour, day: limits.per_day }
    }
}

/// The body of `POST /sandbox/cards/ID/installed`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstalledJson {
    pub(crate) installed: bool,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FaultJson {
    method: Option<String>,
    delay_ms: Option<u64>,
    late_ms: Option<u64>,
    status: Option<u16>,
    code: Option<i64>,
    message: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    drop: Option<DropJson>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum DropJson {
    BeforeAnswer,
    BeforeProcessing,
    AfterProcessing,
    AfterBytes(usize),
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<FaultJson> for Fault {
    fn from(json: FaultJson) -> Self {
        Self {
            method: json.method,
            delay: json.delay_ms.map(Duration::from_millis),
            late: json.late_ms.map(Duration::from_millis),
            status: json.status,
            code: json.code,
            message: json.message,
            headers: json.headers,
            body: json.body.map(String::into_bytes),
            drop: json.drop.map(|drop| match drop {
                DropJson::BeforeAnswer => Drop::BeforeAnswer,
                DropJson::BeforeProcessing => Drop::BeforeProcessing,
                DropJson::AfterProcessing => Drop::AfterProcessing,
                DropJson::AfterBytes(bytes) => Drop::AfterBytes(bytes),
            }),
        }
    }
}

impl From<&Fault> for FaultJson {
    fn from(fault: &Fault) -> Self {
        Self {
            method: fault.method.clone(),
            delay_ms: fault.delay.map(milliseconds),
            late_ms: fault.late.map(milliseconds),
            status: fault.status,
            code: fault.code,
            message: fault.message.clone(),
            headers: fault.headers.clone(),
            body: fault.body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()),
            drop: fault.drop.map(|drop| match drop {
                Drop::BeforeAnswer => DropJson::BeforeAnswer,
                Drop::BeforeProcessing => DropJson::BeforeProcessing,
                Drop::AfterProcessing => DropJson::AfterProcessing,
                Drop::AfterBytes(bytes) => DropJson::AfterBytes(bytes),
            }),
        }
    }
}
