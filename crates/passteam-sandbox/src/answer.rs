//! What a request is answered with: the service's JSON envelope, or a body that a fault asks for.

use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Serialize;

use crate::refusal::Refusal;

/// An answer, and what the request log says about it.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Time of the header `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
    pub(crate) code: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) card_id: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a, T, M> {
    result: T,
    message: &'a str,
    code: i64,
    error: bool,
    #[serde(flatten)]
    more: Option<M>,
}

/// For an envelope with the usual members only.
const NOTHING_MORE: Option<()> = None;

impl Answer {
    pub(crate) fn success(result: impl Serialize, card_id: Option<&str>) -> Self {
        Self { card_id: card_id.map(Into::into), ..Self::envelope(result, "OK", 200, NOTHING_MORE) }
    }

    /// An envelope with further members.
    pub(crate) fn success_with(result: impl Serialize, more: impl Serialize) -> Self {
        Self::envelope(result, "OK", 200, Some(more))
    }

    /// An envelope without a result.
    pub(crate) fn failure(code: i64, message: &str) -> Self {
        Self::envelope((), message, code, NOTHING_MORE)
    }

    /// A body that is not an envelope.
    pub(crate) fn raw(body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, retry_after: None, body: body.into(), code: None, message: None, card_id: None }
    }

    fn envelope(result: impl Serialize, message: &str, code: i64, more: Option<impl Serialize>) -> Self {
        let envelope = Envelope { result, message, code, error: code != 200, more };
        // Only maps with keys that are not strings cannot be serialised, and there are none.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        Self { code: Some(code), message: Some(message.into()), ..Self::raw(body) }
    }
}

impl From<Refusal> for Answer {
    /// A request over the limit is refused by its HTTP status too, as gateways do: the sandbox's choice.
    fn from(refusal: Refusal) -> Self {
        let answer = Self::failure(refusal.code(), &refusal.to_string());
        match refusal {
            Refusal::TooManyRequests { retry_after } => {
                Self { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(retry_after), ..answer }
            }
            _ => answer,
        }
    }
}
