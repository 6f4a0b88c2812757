//! Faults: what goes wrong with one of the next requests, as a test, the command line or the page asks for.
//!
//! This module describes and checks faults; `exchange` applies them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use crate::answer::Answer;
use crate::refusal::Refusal;

/// What goes wrong with one service request.
///
/// With `status`, `code`, `message` or `body` the answer consists of these, and the request is not carried out (unless
/// `drop` is [`Drop::AfterProcessing`]). With only `delay`, `headers` or [`Drop::AfterBytes`] it is carried out as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Only a request of this method takes the fault; `None`: the next request of any method.
    pub method: Option<String>,
    /// Delay of the answer, or of the close of the connection. The request is carried out before the delay.
    pub delay: Option<Duration>,
    /// Time from the arrival of the request until it is carried out, even if the client has closed the connection by
    /// then. [`Sandbox::carry_out_late_requests`](crate::Sandbox::carry_out_late_requests) ends the wait.
    pub late: Option<Duration>,
    /// The HTTP status, 200 to 999; `None`: 200.
    pub status: Option<u16>,
    /// The envelope's `code`; `None`: the same as `status`, or 500 without one.
    pub code: Option<i64>,
    /// The envelope's `message`.
    pub message: Option<String>,
    /// Additional headers of the answer; one with the name of a usual header replaces it.
    pub headers: Vec<(String, String)>,
    /// The whole body, instead of an envelope.
    pub body: Option<Vec<u8>>,
    /// The point at which the connection is closed.
    pub drop: Option<Drop>,
}

/// The point at which a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// After the request was read. It is not carried out.
    BeforeAnswer,
    /// After the request was read and before it is carried out, which happens after [`Fault::late`].
    BeforeProcessing,
    /// After the request was carried out, without an answer.
    AfterProcessing,
    /// After this many bytes of the answer's body; `Content-Length` is larger.
    AfterBytes(usize),
}

/// The codes of [`Fault::known_error`].
pub(crate) const KNOWN_ERRORS: [u16; 9] = [400, 401, 403, 404, 409, 500, 502, 503, 504];

impl Fault {
    /// A fault for the next request of this method.
    pub fn of(method: &str) -> Self {
        Self { method: Some(method.into()), ..Self::default() }
    }

    /// Delays the answer.
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }

    /// Carries out the request this long after its arrival.
    pub fn late(self, late: Duration) -> Self {
        Self { late: Some(late), ..self }
    }

    /// Answers with the message of a known error and with its HTTP status, which differs from 200 for 502 to 504 only.
    /// The known codes are 400, 401, 403, 404, 409, 500, 502, 503 and 504; `None` for any other.
    pub fn known_error(code: u16) -> Option<Self> {
        let message = match code {
            400 => "Bad request.".to_owned(),
            401 => Refusal::WrongToken.to_string(),
            403 => "Forbidden.".to_owned(),
            404 => Refusal::UnknownCard.to_string(),
            409 => Refusal::Duplicate("PHONE".into()).to_string(),
            500 => "Internal server error.".to_owned(),
            502 => "Bad gateway.".to_owned(),
            503 => "Service unavailable.".to_owned(),
            504 => "Gateway timeout.".to_owned(),
            _ => return None,
        };
        let error = Self::default().code(code.into()).message(message);
        Some(if code > 500 { error.status(code) } else { error })
    }

    /// Answers with this HTTP status.
    pub fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Answers with an envelope of this code.
    pub fn code(self, code: i64) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Answers with an envelope of this message.
    pub fn message(self, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    /// Adds a header to the answer.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers with this body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Some(body.into()), ..self }
    }

    /// Closes the connection at this point.
    pub fn drop_connection(self, drop: Drop) -> Self {
        Self { drop: Some(drop), ..self }
    }

    /// Whether the fault replaces the service's answer.
    fn has_answer(&self) -> bool {
        self.status.is_some() || self.code.is_some() || self.message.is_some() || self.body.is_some()
    }

    fn status_code(&self) -> Result<Option<StatusCode>, InvalidFault> {
        let Some(status) = self.status else { return Ok(None) };
        match StatusCode::from_u16(status) {
            Ok(valid) if status >= 200 => Ok(Some(valid)),
            _ => Err(InvalidFault::Status(status)),
        }
    }

    fn header_map(&self) -> Result<HeaderMap, InvalidFault> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let invalid = || InvalidFault::Header(name.clone());
            let parsed = HeaderName::from_str(name).map_err(|_| invalid())?;
            if parsed == CONTENT_LENGTH || parsed == TRANSFER_ENCODING {
                return Err(invalid());
            }
            map.append(parsed, HeaderValue::from_str(value).map_err(|_| invalid())?);
        }
        Ok(map)
    }
}

/// A fault whose status and headers HTTP allows.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadyFault {
    pub(crate) fault: Fault,
    /// `None`: the status of the answer without the fault.
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
}

impl TryFrom<Fault> for ReadyFault {
    type Error = InvalidFault;

    fn try_from(fault: Fault) -> Result<Self, InvalidFault> {
        Ok(Self { status: fault.status_code()?, headers: fault.header_map()?, fault })
    }
}

impl ReadyFault {
    /// Whether a request of this method takes it.
    pub(crate) fn applies_to(&self, method: &str) -> bool {
        self.fault.method.as_deref().is_none_or(|wanted| wanted == method)
    }

    /// Whether the request is not carried out.
    pub(crate) fn prevents_processing(&self) -> bool {
        match self.fault.drop {
            Some(Drop::BeforeAnswer) => true,
            Some(Drop::BeforeProcessing | Drop::AfterProcessing) => false,
            Some(Drop::AfterBytes(_)) | None => self.fault.has_answer(),
        }
    }

    /// Whether the connection is closed before the request is carried out late.
    pub(crate) fn closes_before_processing(&self) -> bool {
        self.fault.drop == Some(Drop::BeforeProcessing)
    }

    /// Whether the connection is closed without an answer after the request was processed.
    pub(crate) fn suppresses_answer(&self) -> bool {
        matches!(self.fault.drop, Some(Drop::BeforeAnswer | Drop::AfterProcessing))
    }

    /// Time from the arrival of the request until it is carried out; `None`: at once, before anything else.
    pub(crate) fn lateness(&self) -> Option<Duration> {
        match self.fault.drop {
            Some(Drop::BeforeProcessing) => Some(self.fault.late.unwrap_or_default()),
            _ => self.fault.late,
        }
    }

    /// Number of bytes of the body that are sent before the connection is closed; `None`: all.
    pub(crate) fn sent_bytes(&self) -> Option<usize> {
        match self.fault.drop {
            Some(Drop::AfterBytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn answer(&self) -> Answer {
        let Fault { code, message, body, .. } = &self.fault;
        match body {
            Some(body) => Answer::raw(body.clone()),
            None => Answer::failure(
                code.or(self.fault.status.map(i64::from)).unwrap_or(500),
                message.as_deref().unwrap_or("A fault that was ordered."),
            ),
        }
    }
}

/// Why a [`Fault`] cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidFault {
    /// Not a final HTTP status.
    Status(u16),
    /// A name or value that HTTP does not allow, or a header that tells the length of the body.
    Header(String),
    /// A part of a text that [`Fault::from_str`] cannot parse.
    Text(String),
}

impl fmt::Display for InvalidFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status} is not an HTTP status from 200 to 999"),
            Self::Header(name) => write!(f, "header {name} cannot be sent"),
            Self::Text(text) => write!(f, "«{text}» is not key=value with a known key and a fitting value"),
        }
    }
}

impl std::error::Error for InvalidFault {}

impl FromStr for Fault {
    type Err = InvalidFault;

    /// `[method:]key=value[,key=value…]`: `updatecard:status=503,retry-after=5`. Keys: `error` (a code of
    /// [`Fault::known_error`]; what follows can change its parts), `delay` and `late` (milliseconds), `status`, `code`,
    /// `message`, `retry-after`, `body`, `drop` (`before`, `early` for [`Drop::BeforeProcessing`], `after`, or a number
    /// of bytes). Values cannot contain a comma.
    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (method, settings) = match text.split_once(':') {
            Some((method, settings)) if !method.contains('=') => (Some(method), settings),
            _ => (None, text),
        };
        let start = method.map_or_else(Self::default, Self::of);
        let fault = settings.split(',').try_fold(start, Self::with_setting)?;
        ReadyFault::try_from(fault).map(|ready| ready.fault)
    }
}

impl Fault {
    fn with_setting(self, setting: &str) -> Result<Self, InvalidFault> {
        let invalid = || InvalidFault::Text(setting.into());
        let (key, value) = setting.split_once('=').ok_or_else(invalid)?;
        Ok(match key.trim() {
            "delay" => self.delay(Duration::from_millis(value.parse().map_err(|_| invalid())?)),
            "late" => self.late(Duration::from_millis(value.parse().map_err(|_| invalid())?)),
            "error" => {
                let error = value.parse().ok().and_then(Self::known_error).ok_or_else(invalid)?;
                Self { status: error.status, code: error.code, message: error.message, ..self }
            }
            "status" => self.status(value.parse().map_err(|_| invalid())?),
            "code" => self.code(value.parse().map_err(|_| invalid())?),
            "message" => self.message(value),
            "retry-after" => self.header("Retry-After", value),
            "body" => self.body(value),
            "drop" => self.drop_connection(match value {
                "before" => Drop::BeforeAnswer,
                "early" => Drop::BeforeProcessing,
                "after" => Drop::AfterProcessing,
                bytes => Drop::AfterBytes(bytes.parse().map_err(|_| invalid())?),
            }),
            _ => return Err(invalid()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_from_a_command_line() {
        let fault: Fault =
            "updatecard:status=503,code=7,retry-after=5,delay=250,message=busy: later,drop=12".parse().unwrap();
        let expected = Fault::of("updatecard")
            .status(503)
            .code(7)
            .header("Retry-After", "5")
            .delay(Duration::from_millis(250))
            .message("busy: later")
            .drop_connection(Drop::AfterBytes(12));
        assert_eq!(fault, expected);
        assert_eq!("message=a:b".parse(), Ok(Fault::default().message("a:b")));
        assert_eq!("drop=before".parse(), Ok(Fault::default().drop_connection(Drop::BeforeAnswer)));
        let early = Fault::default().late(Duration::from_millis(70)).drop_connection(Drop::BeforeProcessing);
        assert_eq!("late=70,drop=early".parse(), Ok(early));
        let forbidden = Fault::of("createcard").code(403).message("Closed.");
        assert_eq!("createcard:error=403,message=Closed.".parse(), Ok(forbidden));
        assert_eq!("error=502".parse(), Ok(Fault::default().status(502).code(502).message("Bad gateway.")));
    }

    #[test]
    fn an_invalid_fault_is_refused() {
        for text in ["", "status", "status=x", "colour=red", "drop=-1", "error=418", "createcard:"] {
            assert_eq!(text.parse::<Fault>(), Err(InvalidFault::Text(text.replace("createcard:", ""))), "{text}");
        }
        assert_eq!("status=99".parse::<Fault>(), Err(InvalidFault::Status(99)));
        assert_eq!("status=101".parse::<Fault>(), Err(InvalidFault::Status(101)));
        let framing = Fault::default().header("Content-Length", "5");
        assert_eq!(framing.header_map(), Err(InvalidFault::Header("Content-Length".into())));
        let broken = Fault::default().header("Retry-After", "a\r\nb");
        assert_eq!(broken.header_map(), Err(InvalidFault::Header("Retry-After".into())));
    }
}
