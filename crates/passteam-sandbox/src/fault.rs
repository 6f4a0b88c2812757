//! Misbehaviour that a test orders in advance.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};

use crate::service::Answer;

/// What goes wrong with one service request.
///
/// Where `status`, `code`, `message` or `body` is given, that is the answer and the request is not carried out (unless
/// `drop` says [`Drop::AfterProcessing`]). With `delay`, `headers` or [`Drop::AfterBytes`] alone it is carried out as
/// usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Only a request of this method takes the fault; `None`: the next request whatever it is.
    pub method: Option<String>,
    /// How long the answer is held back, or the connection kept before it is dropped. The request is carried out before
    /// that.
    pub delay: Option<Duration>,
    /// The HTTP status, 200 to 999; 200 unless given.
    pub status: Option<u16>,
    /// The envelope's `code`; `status`, or else 500, unless given.
    pub code: Option<i64>,
    /// The envelope's `message`.
    pub message: Option<String>,
    /// Headers of the answer besides the usual ones, or in place of the usual one of that name.
    pub headers: Vec<(String, String)>,
    /// The whole body, in place of an envelope.
    pub body: Option<Vec<u8>>,
    /// Where the connection breaks.
    pub drop: Option<Drop>,
}

/// Where a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// After the request was read. It is not carried out.
    BeforeAnswer,
    /// After the request was carried out, without an answer.
    AfterProcessing,
    /// After so many bytes of the answer's body, which is announced to be longer.
    AfterBytes(usize),
}

impl Fault {
    /// A fault for the next request of this method.
    pub fn of(method: &str) -> Self {
        Self { method: Some(method.into()), ..Self::default() }
    }

    /// Holds the answer back.
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
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

    /// Breaks the connection.
    pub fn drop_connection(self, drop: Drop) -> Self {
        Self { drop: Some(drop), ..self }
    }

    /// Whether the answer is the fault's own and not that of the service.
    fn has_answer(&self) -> bool {
        self.status.is_some() || self.code.is_some() || self.message.is_some() || self.body.is_some()
    }

    fn status_code(&self) -> Result<StatusCode, InvalidFault> {
        let Some(status) = self.status else { return Ok(StatusCode::OK) };
        match StatusCode::from_u16(status) {
            Ok(valid) if status >= 200 => Ok(valid),
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

/// A fault that can be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadyFault {
    pub(crate) fault: Fault,
    pub(crate) status: StatusCode,
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
    pub(crate) fn concerns(&self, method: &str) -> bool {
        self.fault.method.as_deref().is_none_or(|wanted| wanted == method)
    }

    /// Whether the request is kept from being carried out.
    pub(crate) fn prevents(&self) -> bool {
        match self.fault.drop {
            Some(Drop::BeforeAnswer) => true,
            Some(Drop::AfterProcessing) => false,
            Some(Drop::AfterBytes(_)) | None => self.fault.has_answer(),
        }
    }

    /// Whether the connection is closed without an answer.
    pub(crate) fn silences(&self) -> bool {
        matches!(self.fault.drop, Some(Drop::BeforeAnswer | Drop::AfterProcessing))
    }

    /// How many bytes of the body are sent before the connection is closed.
    pub(crate) fn cut(&self) -> Option<usize> {
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
    /// A name or value that HTTP does not allow, or a header that frames the body.
    Header(String),
    /// A text that [`Fault::from_str`] does not understand.
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

    /// `[method:]key=value[,key=value…]`: `updatecard:status=503,retry-after=5`. Keys: `delay` (milliseconds),
    /// `status`, `code`, `message`, `retry-after`, `body`, `drop` (`before`, `after`, or a number of bytes). Values
    /// hold no comma.
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
            "status" => self.status(value.parse().map_err(|_| invalid())?),
            "code" => self.code(value.parse().map_err(|_| invalid())?),
            "message" => self.message(value),
            "retry-after" => self.header("Retry-After", value),
            "body" => self.body(value),
            "drop" => self.drop_connection(match value {
                "before" => Drop::BeforeAnswer,
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
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        for text in ["", "status", "status=x", "colour=red", "drop=-1", "createcard:"] {
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
