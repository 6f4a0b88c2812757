//! What came of a call: the service's envelope, or the lack of one, as an outcome.
//!
//! The envelope is `{"result": …, "message": string, "code": integer, "error": boolean}` (the vendor's API pages, v1.8.2). Its
//! `code` says what happened, whatever the HTTP status is.

use std::fmt;
use std::time::Duration;

use crate::form::Expectation;
use crate::json::{self, Value};

/// The kinds of failure that a caller tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 409: a unique variable, such as the phone, already belongs to a card.
    Duplicate,
    /// 500 with the message that a unique field must be set.
    FieldRequired,
    /// 401 or 403: the token was not accepted.
    Unauthorized,
    /// 404: no such card, template or method.
    NotFound,
    /// 429: too many requests for the tariff.
    RateLimited,
    /// Any other code from 500 to 599.
    ServerError,
    /// Any other code but 200.
    Rejected,
    /// An answer that is not one of the service.
    BadResponse,
    /// The deadline passed.
    Timeout,
    /// There was no connection to the server, or it broke before the answer's headers were whole.
    Connection,
    /// The server's certificate or host name was not accepted.
    Certificate,
}

impl Kind {
    /// The kind's name, the same in every language.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Duplicate => "Duplicate",
            Kind::FieldRequired => "FieldRequired",
            Kind::Unauthorized => "Unauthorized",
            Kind::NotFound => "NotFound",
            Kind::RateLimited => "RateLimited",
            Kind::ServerError => "ServerError",
            Kind::Rejected => "Rejected",
            Kind::BadResponse => "BadResponse",
            Kind::Timeout => "Timeout",
            Kind::Connection => "Connection",
            Kind::Certificate => "Certificate",
        }
    }

    fn of_code(code: i64) -> Kind {
        match code {
            401 | 403 => Kind::Unauthorized,
            404 => Kind::NotFound,
            409 => Kind::Duplicate,
            429 => Kind::RateLimited,
            500..=599 => Kind::ServerError,
            _ => Kind::Rejected,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What is behind a failure, where its kind alone does not tell a person what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The envelope's code or the HTTP status said it.
    Service,
    /// The service names a field that must be set.
    FieldRequired {
        /// The field, for example `PHONE`.
        field: String,
    },
    /// The answer is not HTTP.
    NotHttp,
    /// The answer is not JSON.
    NotJson,
    /// The answer is JSON without a usable `code`.
    NoCode,
    /// A card was made, but the answer does not name it.
    NoCardId,
    /// The server sends callers to another address; nothing was sent there.
    Redirect,
    /// A body of more than 4 MiB.
    TooLarge,
    /// The answer broke off after its headers.
    BrokenOff,
    /// The server's name has no address.
    NameNotResolved,
    /// The server does not accept connections.
    Refused,
    /// The connection broke before the answer's headers were whole.
    Reset,
    /// The proxy could not be reached or did not connect.
    Proxy,
    /// The proxy wants credentials, or others.
    ProxyAuthentication,
    /// TLS failed for another reason than the certificate.
    Tls,
    /// Any other failure to connect.
    ConnectionOther,
    /// No trusted authority issued the server's certificate.
    UnknownIssuer,
    /// The server's certificate has expired, or this computer's clock is wrong.
    Expired,
    /// The server's certificate is not valid yet, or this computer's clock is wrong.
    NotYetValid,
    /// The server's certificate is for another host.
    WrongHost,
    /// The file of one's own certificates cannot be read any more or holds none; nothing was sent.
    CertificateFileGone,
    /// The server's certificate is unacceptable for another reason.
    CertificateOther,
    /// The deadline passed.
    Deadline,
}

/// A call that failed because of what the world outside did. Debug output does not show the server's message.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// What the caller acts on.
    pub kind: Kind,
    /// What a person is told.
    pub cause: Cause,
    /// The server's `message`, unredacted: it may quote any value of the call.
    pub message: Option<String>,
    /// The pause that the server asks for, with [`Kind::RateLimited`] only.
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, cause: Cause) -> Failure {
        Failure { kind, cause, message: None, retry_after: None }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { kind, cause, message, retry_after } = self;
        let cause: &dyn fmt::Debug = match cause {
            // The server's own word.
            Cause::FieldRequired { .. } => &format_args!("FieldRequired"),
            cause => cause,
        };
        formatter
            .debug_struct("Failure")
            .field("kind", kind)
            .field("cause", cause)
            .field("message", &message.as_ref().map(|_| "***"))
            .field("retry_after", retry_after)
            .finish()
    }
}

/// A call that the service carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Success {
    /// The card that was made or updated; `None` for other methods.
    pub card_id: Option<String>,
    /// Where the card that was made can be downloaded, byte for byte.
    pub card_url: Option<String>,
    /// Whether the customer has put the updated card into a wallet; false where the answer does not say.
    pub installed: bool,
}

/// What came of a call. Debug output does not show the answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// The last try's outcome.
    pub outcome: Result<Success, Failure>,
    /// `code` of the envelope, else the HTTP status; 0 where no whole answer was read.
    pub code: i64,
    /// The answer's body, bytes that are not UTF-8 as U+FFFD; empty where no whole answer was read.
    pub body: String,
    /// How many times the request was tried.
    pub tries: u32,
}

impl fmt::Debug for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { outcome, code, body, tries } = self;
        formatter
            .debug_struct("Report")
            .field("outcome", outcome)
            .field("code", code)
            .field("body", &format_args!("{} bytes", body.len()))
            .field("tries", tries)
            .finish()
    }
}

/// A whole HTTP answer.
pub(crate) struct Answer<'a> {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'a str,
    /// The pause that the headers ask for.
    pub(crate) retry_after: Option<Duration>,
    /// Whether a proxy that was named stands between and may have answered in the service's stead.
    pub(crate) through_proxy: bool,
}

/// The outcome that an answer means, and the code for [`Report::code`].
pub(crate) fn judge(expectation: &Expectation, answer: &Answer<'_>) -> (Result<Success, Failure>, i64) {
    let body = json::well_formed(answer.body);
    let envelope = Envelope::read(&body);
    let code = envelope.as_ref().ok().and_then(|envelope| envelope.code);
    let message = envelope.as_ref().ok().and_then(|envelope| envelope.message.clone());
    let outcome = if is_redirect(answer.status) {
        Err((Kind::BadResponse, Cause::Redirect))
    } else if let (Ok(envelope), Some(code)) = (&envelope, code) {
        by_code(expectation, envelope, code)
    } else if answer.status == 407 && answer.through_proxy {
        Err((Kind::Connection, Cause::ProxyAuthentication))
    } else if answer.status >= 400 {
        Err(failure(answer.status.into(), message.as_deref()))
    } else {
        Err((Kind::BadResponse, envelope.err().unwrap_or(Cause::NoCode)))
    };
    let outcome = outcome.map_err(|(kind, cause)| {
        let retry_after = answer.retry_after.filter(|_| kind == Kind::RateLimited);
        Failure { kind, cause, message, retry_after }
    });
    (outcome, code.unwrap_or(answer.status.into()))
}

/// The statuses that HTTP clients follow to another address (RFC 9110, 15.4).
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn by_code(expectation: &Expectation, envelope: &Envelope, code: i64) -> Result<Success, (Kind, Cause)> {
    match code {
        200 => success(expectation, envelope).ok_or((Kind::BadResponse, Cause::NoCardId)),
        _ => Err(failure(code, envelope.message.as_deref())),
    }
}

fn failure(code: i64, message: Option<&str>) -> (Kind, Cause) {
    match message.and_then(required_field) {
        Some(field) if code == 500 => (Kind::FieldRequired, Cause::FieldRequired { field: field.to_owned() }),
        _ => (Kind::of_code(code), Cause::Service),
    }
}

fn success(expectation: &Expectation, envelope: &Envelope) -> Option<Success> {
    let success = match expectation {
        Expectation::NewCard => Success {
            card_id: Some(envelope.card_id.clone().filter(|id| !id.trim().is_empty())?),
            card_url: envelope.card_url.clone(),
            installed: false,
        },
        Expectation::UpdatedCard { card_id } => {
            Success { card_id: Some(card_id.clone()), card_url: None, installed: envelope.installed }
        }
        Expectation::Anything => Success::default(),
    };
    Some(success)
}

/// The field that the message `Provided field (NAME) is unique and must be set.` names.
fn required_field(message: &str) -> Option<&str> {
    let message = message.trim();
    let message = message.strip_suffix('.').unwrap_or(message);
    let field = message.strip_prefix("Provided field (")?.strip_suffix(") is unique and must be set")?;
    (!field.is_empty()).then_some(field)
}

/// The members of an answer that matter; each is absent where it has another type than it should.
#[derive(Debug, Default)]
struct Envelope {
    code: Option<i64>,
    message: Option<String>,
    card_id: Option<String>,
    card_url: Option<String>,
    installed: bool,
}

impl Envelope {
    fn read(body: &str) -> Result<Envelope, Cause> {
        let top = match json::members(body) {
            Ok(members) => members,
            Err(json::JsonError::OtherType) => return Err(Cause::NoCode),
            Err(json::JsonError::Syntax { .. }) => return Err(Cause::NotJson),
        };
        let result = object(&top, "result");
        let card = object(&result, "card");
        Ok(Envelope {
            code: value(&top, "code").and_then(code),
            message: text(&top, "message").filter(|message| !message.trim().is_empty()),
            card_id: text(&result, "cardId"),
            card_url: text(&result, "cardUrl"),
            installed: value(&card, "installed") == Some(Value::Boolean(true)),
        })
    }
}

type Members<'a> = Vec<(String, &'a serde_json::value::RawValue)>;

fn value<'a>(members: &Members<'a>, name: &str) -> Option<Value<'a>> {
    Value::of(json::member(members, name)?).ok()
}

fn object<'a>(members: &Members<'a>, name: &str) -> Members<'a> {
    match value(members, name) {
        Some(Value::Object(text)) => json::members(text).unwrap_or_default(),
        _ => Members::new(),
    }
}

fn text(members: &Members<'_>, name: &str) -> Option<String> {
    match value(members, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// An integer, or a string of digits.
fn code(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Number(number) => number.parse().ok(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer { status, body, retry_after: None, through_proxy: false }
    }

    fn card() -> Expectation {
        Expectation::UpdatedCard { card_id: "c1".to_owned() }
    }

    fn failure(expectation: &Expectation, answer: &Answer<'_>) -> (Failure, i64) {
        let (outcome, code) = judge(expectation, answer);
        (outcome.expect_err("a failure"), code)
    }

    /// Kind, cause and code of an update that got this answer.
    fn told(status: u16, body: &str) -> (Kind, Cause, i64) {
        let (failure, code) = failure(&card(), &answer(status, body));
        (failure.kind, failure.cause, code)
    }

    #[test]
    fn a_card_that_was_made_has_its_id_and_its_link_byte_for_byte() {
        let body = r#"{"result":{"cardId":"5f0c","cardUrl":"https:\/\/x.example\/%20a?b=\u0026","%NAME%":1},"message":"","code":200,"error":false}"#;
        let (outcome, code) = judge(&Expectation::NewCard, &answer(200, body));
        let expected = Success {
            card_id: Some("5f0c".to_owned()),
            card_url: Some("https://x.example/%20a?b=&".to_owned()),
            installed: false,
        };
        assert_eq!((outcome, code), (Ok(expected), 200));
    }

    #[test]
    fn a_card_without_a_link_is_still_made() {
        for url in ["", r#","cardUrl":null"#, r#","cardUrl":7"#] {
            let body = format!(r#"{{"code":200,"result":{{"cardId":"5f0c"{url}}}}}"#);
            let success = judge(&Expectation::NewCard, &answer(200, &body)).0.expect("a card");
            assert_eq!((success.card_id.as_deref(), success.card_url), (Some("5f0c"), None), "{url}");
        }
    }

    #[test]
    fn a_card_without_an_id_is_a_bad_response() {
        for result in [
            "",
            r#","result":null"#,
            r#","result":[]"#,
            r#","result":{}"#,
            r#","result":{"cardId":""}"#,
            r#","result":{"cardId":" "}"#,
            r#","result":{"cardId":5}"#,
        ] {
            let body = format!(r#"{{"code":200{result}}}"#);
            let (failure, code) = failure(&Expectation::NewCard, &answer(200, &body));
            assert_eq!((failure.kind, failure.cause, code), (Kind::BadResponse, Cause::NoCardId, 200), "{result}");
        }
    }

    #[test]
    fn an_updated_card_tells_whether_it_is_installed() {
        for (result, installed) in [
            (r#"{"card":{"installed":true}}"#, true),
            (r#"{"card":{"installed":false}}"#, false),
            (r#"{"card":{"installed":"true"}}"#, false),
            (r#"{"card":{"installed":1}}"#, false),
            (r#"{"card":{}}"#, false),
            (r#"{"card":null}"#, false),
            ("{}", false),
            ("null", false),
            ("\"OK\"", false),
        ] {
            let body = format!(r#"{{"result":{result},"code":200}}"#);
            let expected = Success { card_id: Some("c1".to_owned()), card_url: None, installed };
            assert_eq!(judge(&card(), &answer(200, &body)), (Ok(expected), 200), "{result}");
        }
    }

    #[test]
    fn another_method_succeeds_with_code_200_whatever_the_result_is() {
        for body in [r#"{"code":200}"#, r#"{"code":200,"result":[1,2,{"x":1e999}],"error":"?"}"#] {
            assert_eq!(judge(&Expectation::Anything, &answer(200, body)), (Ok(Success::default()), 200), "{body}");
        }
    }

    #[test]
    fn each_code_has_its_kind() {
        for (code, kind) in [
            (409, Kind::Duplicate),
            (401, Kind::Unauthorized),
            (403, Kind::Unauthorized),
            (404, Kind::NotFound),
            (429, Kind::RateLimited),
            (500, Kind::ServerError),
            (502, Kind::ServerError),
            (599, Kind::ServerError),
            (400, Kind::Rejected),
            (402, Kind::Rejected),
            (499, Kind::Rejected),
            (600, Kind::Rejected),
            (201, Kind::Rejected),
            (301, Kind::Rejected),
            (0, Kind::Rejected),
            (-1, Kind::Rejected),
        ] {
            let body = format!(r#"{{"code":{code},"message":"why"}}"#);
            let (failure, reported) = failure(&card(), &answer(200, &body));
            assert_eq!((failure.kind, &failure.cause, reported), (kind, &Cause::Service, code), "{code}");
            assert_eq!(failure.message.as_deref(), Some("why"), "{code}");
        }
    }

    #[test]
    fn the_envelopes_code_wins_over_the_http_status() {
        assert!(judge(&card(), &answer(500, r#"{"code":200}"#)).0.is_ok());
        assert_eq!(told(200, r#"{"code":404}"#), (Kind::NotFound, Cause::Service, 404));
        assert_eq!(told(502, r#"{"code":409}"#), (Kind::Duplicate, Cause::Service, 409));
    }

    #[test]
    fn a_string_of_digits_is_a_code_and_nothing_else_is() {
        for code in [r#""409""#, "409", r#""0409""#] {
            assert_eq!(told(200, &format!(r#"{{"code":{code}}}"#)).0, Kind::Duplicate, "{code}");
        }
        for code in [
            r#""""#,
            r#"" 200""#,
            r#""+200""#,
            r#""-1""#,
            r#""٤٠٩""#,
            r#""200 OK""#,
            "200.0",
            "2e2",
            "null",
            "true",
            "[200]",
            "9223372036854775808",
            r#""9223372036854775808""#,
        ] {
            assert_eq!(told(200, &format!(r#"{{"code":{code}}}"#)), (Kind::BadResponse, Cause::NoCode, 200), "{code}");
        }
    }

    #[test]
    fn without_a_usable_code_the_http_status_decides() {
        for (status, body, kind) in [
            (502, "<html>Bad Gateway</html>", Kind::ServerError),
            (500, "", Kind::ServerError),
            (401, "", Kind::Unauthorized),
            (403, "{}", Kind::Unauthorized),
            (404, "[]", Kind::NotFound),
            (409, "null", Kind::Duplicate),
            (429, "slow down", Kind::RateLimited),
            (400, r#"{"code":"bad"}"#, Kind::Rejected),
            (407, "", Kind::Rejected),
        ] {
            assert_eq!(told(status, body), (kind, Cause::Service, status.into()), "{status}");
        }
        for (status, body, cause) in [
            (200, "", Cause::NotJson),
            (200, "<html>Sign in</html>", Cause::NotJson),
            (200, r#"{"code":200"#, Cause::NotJson),
            (204, "", Cause::NotJson),
            (304, "", Cause::NotJson),
            (200, "[]", Cause::NoCode),
            (200, "null", Cause::NoCode),
            (200, r#"{"result":{"code":200}}"#, Cause::NoCode),
            (200, r#"{"Code":200}"#, Cause::NoCode),
        ] {
            assert_eq!(told(status, body), (Kind::BadResponse, cause, status.into()), "{status} {body}");
        }
    }

    #[test]
    fn the_message_is_told_even_where_the_status_decides() {
        let (failure, _) = failure(&card(), &answer(403, r#"{"message":"Forbidden"}"#));
        assert_eq!(failure.message.as_deref(), Some("Forbidden"));
    }

    #[test]
    fn a_message_that_is_blank_or_no_text_is_none() {
        for message in [r#""""#, r#""  ""#, "null", "5", r#"{"text":"x"}"#] {
            let (failure, _) = failure(&card(), &answer(200, &format!(r#"{{"code":400,"message":{message}}}"#)));
            assert_eq!(failure.message, None, "{message}");
        }
    }

    #[test]
    fn a_redirect_is_a_bad_response_whatever_its_body_says() {
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(told(status, r#"{"code":200}"#), (Kind::BadResponse, Cause::Redirect, 200), "{status}");
            assert_eq!(told(status, ""), (Kind::BadResponse, Cause::Redirect, status.into()), "{status}");
        }
    }

    #[test]
    fn a_missing_required_field_is_told_by_its_name() {
        for message in [
            "Provided field (PHONE) is unique and must be set.",
            "Provided field (PHONE) is unique and must be set",
            "  Provided field (PHONE) is unique and must be set.\n",
        ] {
            let body = serde_json::json!({ "code": 500, "message": message }).to_string();
            let (failure, code) = failure(&Expectation::NewCard, &answer(200, &body));
            assert_eq!(failure.kind, Kind::FieldRequired, "{message}");
            assert_eq!(failure.cause, Cause::FieldRequired { field: "PHONE".to_owned() });
            assert_eq!((failure.message.as_deref(), code), (Some(message), 500));
        }
        let body = r#"{"message":"Provided field (PHONE) is unique and must be set."}"#;
        assert_eq!(told(500, body).0, Kind::FieldRequired, "the HTTP status is the code");
    }

    #[test]
    fn other_failures_with_code_500_are_the_servers() {
        for message in [
            "Provided field () is unique and must be set.",
            "Provided field (PHONE) is unique and must be set. Really.",
            "Field (PHONE) is unique and must be set.",
            "provided field (PHONE) is unique and must be set.",
            "",
        ] {
            let body = serde_json::json!({ "code": 500, "message": message }).to_string();
            assert_eq!(told(200, &body).0, Kind::ServerError, "{message}");
        }
        let body = r#"{"code":400,"message":"Provided field (PHONE) is unique and must be set."}"#;
        assert_eq!(told(200, body).0, Kind::Rejected, "another code");
    }

    #[test]
    fn odd_encodings_do_not_hide_the_code() {
        assert_eq!(told(200, "\u{feff}{\"code\":404}").0, Kind::NotFound, "byte order mark");
        assert_eq!(told(200, r#"{"message":"\ud83d","code":404}"#).0, Kind::NotFound, "lone surrogate");
        assert_eq!(told(200, "{\"message\":\"\u{fffd}\u{fffd}\",\"code\":404}").0, Kind::NotFound, "another charset");
        assert_eq!(told(200, r#"{"code":200,"code":404}"#).0, Kind::NotFound, "repeated name");
    }

    #[test]
    fn a_pause_is_told_with_429_only() {
        let pause = Some(Duration::from_secs(7));
        let limited = Answer { retry_after: pause, ..answer(200, r#"{"code":429}"#) };
        assert_eq!(failure(&card(), &limited).0.retry_after, pause);
        let unavailable = Answer { retry_after: pause, ..answer(503, "") };
        assert_eq!(failure(&card(), &unavailable).0.retry_after, None);
    }

    #[test]
    fn a_proxy_that_wants_credentials_is_told_from_the_service() {
        let through_proxy = |body| Answer { through_proxy: true, ..answer(407, body) };
        let (wanted, code) = failure(&card(), &through_proxy("<html></html>"));
        assert_eq!((wanted.kind, wanted.cause, code), (Kind::Connection, Cause::ProxyAuthentication, 407));
        let (rejected, code) = failure(&card(), &through_proxy(r#"{"code":400}"#));
        assert_eq!((rejected.kind, rejected.cause, code), (Kind::Rejected, Cause::Service, 400));
    }

    #[test]
    fn debug_output_shows_nothing_that_the_server_said() {
        for (body, kind) in [
            (r#"{"code":409,"message":"SECRET"}"#, "Duplicate"),
            (r#"{"code":500,"message":"Provided field (SECRET) is unique and must be set."}"#, "FieldRequired"),
        ] {
            let (outcome, code) = judge(&card(), &answer(200, body));
            let report = Report { outcome, code, body: "SECRET".to_owned(), tries: 1 };
            let text = format!("{report:?} {report:#?}");
            assert!(text.contains(kind) && !text.contains("SECRET"), "{text}");
        }
    }
}
