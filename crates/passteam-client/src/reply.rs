//! Reads an answer of the service: its envelope, or the lack of one, becomes an outcome.
//!
//! The envelope is `{"result": …, "message": string, "code": integer, "error": boolean}` (the vendor's API pages, v1.8.2). Its
//! `code` says what happened, whatever the HTTP status is. How the answer arrived is not a matter of this module.

mod envelope;

use std::time::Duration;

use envelope::{Envelope, is_said};
use serde_json::value::RawValue;

use crate::cards;
use crate::json::{self, JsonValue};
use crate::outcome::{Cause, Failure, Success};
use crate::request::Expectation;

/// An HTTP answer that was read to its end.
pub(crate) struct CompleteResponse {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, bytes that are not UTF-8 as U+FFFD.
    pub(crate) body: String,
    /// The pause that the headers ask for.
    pub(crate) retry_after: Option<Duration>,
    /// Whether a proxy stands between and may have answered instead of the service: plain http through a proxy.
    pub(crate) through_proxy: bool,
    /// If a proxy has answered: whether it takes a user and a password.
    pub(crate) proxy_takes_password: bool,
    /// How many seconds the server's clock is ahead of this computer's.
    pub(crate) server_ahead: Option<i64>,
}

/// What an answer means.
pub(crate) struct Judgement {
    pub(crate) outcome: Result<Success, Failure>,
    /// As [`crate::Report::code`].
    pub(crate) code: i64,
    /// Whether the answer says that the service has not carried the request out.
    pub(crate) refused: bool,
}

/// What a network answers whose user must log in first (RFC 6585, 6).
const NETWORK_AUTHENTICATION_REQUIRED: i64 = 511;

/// Reads an answer.
pub(crate) fn judge(expectation: &Expectation, response: &CompleteResponse) -> Judgement {
    let status = i64::from(response.status);
    let body = json::well_formed(&response.body);
    let envelope = Envelope::read(&body);
    let code = envelope.as_ref().ok().and_then(|envelope| envelope.code);
    let message = envelope.as_ref().ok().and_then(|envelope| envelope.message.clone());
    let is_web_page = body.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('<');
    let outcome = if is_redirect(response.status) {
        Err(Cause::Redirect)
    } else if let (Ok(envelope), Some(code)) = (&envelope, code) {
        by_code(expectation, envelope, code, &body)
    } else if response.status == 407 && response.through_proxy {
        Err(if response.proxy_takes_password { Cause::ProxyAuthentication } else { Cause::ProxyLoginUnsupported })
    } else if response.status >= 400 {
        Err(match failure(status, message.as_deref()) {
            Cause::NotFound if is_web_page => Cause::PageNotFound,
            Cause::Rejected if is_web_page => Cause::PageRejected,
            Cause::Unauthorized if is_web_page => Cause::PageForbidden,
            Cause::ServerError if status == NETWORK_AUTHENTICATION_REQUIRED => Cause::NetworkLogIn,
            cause => cause,
        })
    } else if is_web_page {
        Err(Cause::WebPage)
    } else {
        Err(envelope.err().unwrap_or(Cause::NoCode))
    };
    let outcome = outcome.map_err(|cause| {
        let asks_for_pause = matches!(code.unwrap_or(status), 429 | 503);
        let retry_after = response.retry_after.filter(|_| asks_for_pause);
        Failure { message, retry_after, ..Failure::new(cause) }
    });
    let refused = outcome.as_ref().is_err_and(|failure| is_refusal(&failure.cause, code, status));
    Judgement { outcome, code: code.unwrap_or(status), refused }
}

/// Whether an answer with this code of its envelope, or this HTTP status, says that nothing was carried out.
fn is_refusal(cause: &Cause, code: Option<i64>, status: i64) -> bool {
    match code {
        _ if matches!(cause, Cause::FieldRequired { .. }) => true,
        Some(code) => code != 200 && code < 500,
        None => is_refusing_status(status),
    }
}

/// Whether this HTTP status by itself says that nothing was carried out.
pub(crate) fn is_refusing_status(status: i64) -> bool {
    (400..500).contains(&status)
}

/// The statuses that HTTP clients follow to another address (RFC 9110, 15.4).
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn by_code(expectation: &Expectation, envelope: &Envelope, code: i64, body: &str) -> Result<Success, Cause> {
    match code {
        200 => success(expectation, envelope, body),
        _ => Err(failure(code, envelope.message.as_deref())),
    }
}

fn failure(code: i64, message: Option<&str>) -> Cause {
    match message.and_then(required_field) {
        Some(field) if code == 500 => Cause::FieldRequired { field: field.to_owned() },
        _ => Cause::of_code(code),
    }
}

fn success(expectation: &Expectation, envelope: &Envelope, body: &str) -> Result<Success, Cause> {
    let named = |id: &String| !id.trim().is_empty();
    Ok(match expectation {
        Expectation::NewCard => Success {
            card_id: Some(envelope.card_id.clone().filter(named).ok_or(Cause::NoCardId)?),
            card_url: envelope.card_url.clone(),
            ..Success::default()
        },
        Expectation::UpdatedCard { card_id } => {
            Success { card_id: Some(card_id.clone()), installed: envelope.installed, ..Success::default() }
        }
        Expectation::CardPage => {
            let members = json::unique_members(body).map_err(|_| Cause::NotJson)?;
            Success { page: Some(cards::read(&members)?), ..Success::default() }
        }
        Expectation::Anything => Success::default(),
    })
}

/// The field that the message `Provided field (NAME) is unique and must be set.` names.
fn required_field(message: &str) -> Option<&str> {
    let message = message.trim();
    let message = message.strip_suffix('.').unwrap_or(message);
    let field = message.strip_prefix("Provided field (")?.strip_suffix(") is unique and must be set")?;
    (!field.is_empty()).then_some(field)
}

impl Envelope {
    fn read(body: &str) -> Result<Envelope, Cause> {
        envelope::read(body).map_or_else(|| Envelope::read_any(body), Ok)
    }

    /// Reads also what is not as the vendor describes it.
    fn read_any(body: &str) -> Result<Envelope, Cause> {
        let top = match json::members(body) {
            Ok(members) => members,
            Err(json::JsonError::OtherType) => return Err(Cause::NoCode),
            Err(json::JsonError::Syntax { .. }) => return Err(Cause::NotJson),
        };
        let result = object(&top, "result");
        let card = object(&result, "card");
        Ok(Envelope {
            code: value(&top, "code").and_then(code),
            message: text(&top, "message").filter(|message| is_said(message)),
            card_id: text(&result, "cardId"),
            card_url: text(&result, "cardUrl"),
            installed: value(&card, "installed") == Some(JsonValue::Boolean(true)),
        })
    }
}

type Members<'a> = Vec<(String, &'a RawValue)>;

fn value<'a>(members: &Members<'a>, name: &str) -> Option<JsonValue<'a>> {
    JsonValue::of(json::member(members, name)?).ok()
}

fn object<'a>(members: &Members<'a>, name: &str) -> Members<'a> {
    match value(members, name) {
        Some(JsonValue::Object(text)) => json::members(text).unwrap_or_default(),
        _ => Members::new(),
    }
}

fn text(members: &Members<'_>, name: &str) -> Option<String> {
    match value(members, name) {
        Some(JsonValue::String(text)) => Some(text),
        _ => None,
    }
}

/// An integer, or a string of digits.
fn code(value: JsonValue<'_>) -> Option<i64> {
    match value {
        JsonValue::Number(number) => number.parse().ok(),
        JsonValue::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Kind, Report};

    fn answer(status: u16, body: &str) -> CompleteResponse {
        let body = body.to_owned();
        CompleteResponse {
            status,
            body,
            retry_after: None,
            through_proxy: false,
            proxy_takes_password: true,
            server_ahead: None,
        }
    }

    fn card() -> Expectation {
        Expectation::UpdatedCard { card_id: "c1".to_owned() }
    }

    fn failure(expectation: &Expectation, response: &CompleteResponse) -> (Failure, i64) {
        let Judgement { outcome, code, .. } = judge(expectation, response);
        (outcome.expect_err("a failure"), code)
    }

    /// Kind, cause and code of an update that got this answer.
    fn told(status: u16, body: &str) -> (Kind, Cause, i64) {
        let (failure, code) = failure(&card(), &answer(status, body));
        (failure.kind(), failure.cause, code)
    }

    #[test]
    fn an_envelope_in_the_vendors_form_is_read_in_one_pass_as_any_other_is() {
        for body in [
            r#"{"result":{"card":{"installed":true,"x":[1]},"cardId":"5f0c","cardUrl":"https:\/\/x"},"message":"","code":200,"error":false}"#,
            r#"{"code":200,"message":" said ","result":{"cardId":null}}"#,
            r#"{"code":404,"message":"no"}"#,
            r#"{"code":-1}"#,
            r#"{"code":200,"result":{"x":1e999}}"#,
        ] {
            let read = envelope::read(body).expect(body);
            assert_eq!(Ok(read), Envelope::read_any(body), "{body}");
        }
        for body in [
            "",
            "[]",
            "{}",
            r#"[200,{"cardId":"5f0c"}]"#,
            r#"{"code":200}x"#,
            r#"{"code":"200"}"#,
            r#"{"code":200,"code":404}"#,
            r#"{"code":200,"result":null}"#,
            r#"{"code":200,"result":["5f0c","https://x"]}"#,
            r#"{"code":200,"result":{"cardId":5}}"#,
            r#"{"code":200,"result":{"card":{"installed":true,"installed":false}}}"#,
            r#"{"code":200,"message":7}"#,
            r#"{"c\u006fde":200}"#,
            r#"{"code":1e2}"#,
            r#"{"code":9223372036854775808}"#,
        ] {
            assert_eq!(envelope::read(body), None, "{body}");
        }
    }

    #[test]
    fn a_card_that_was_made_has_its_id_and_its_link_byte_for_byte() {
        let body = r#"{"result":{"cardId":"5f0c","cardUrl":"https:\/\/x.example\/%20a?b=\u0026","%NAME%":1},"message":"","code":200,"error":false}"#;
        let Judgement { outcome, code, .. } = judge(&Expectation::NewCard, &answer(200, body));
        let expected = Success {
            card_id: Some("5f0c".to_owned()),
            card_url: Some("https://x.example/%20a?b=&".to_owned()),
            ..Success::default()
        };
        assert_eq!((outcome, code), (Ok(expected), 200));
    }

    #[test]
    fn a_card_without_a_link_is_still_made() {
        for url in ["", r#","cardUrl":null"#, r#","cardUrl":7"#] {
            let body = format!(r#"{{"code":200,"result":{{"cardId":"5f0c"{url}}}}}"#);
            let success = judge(&Expectation::NewCard, &answer(200, &body)).outcome.expect("a card");
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
            assert_eq!((failure.kind(), failure.cause, code), (Kind::BadResponse, Cause::NoCardId, 200), "{result}");
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
            let expected = Success { card_id: Some("c1".to_owned()), installed, ..Success::default() };
            let Judgement { outcome, code, .. } = judge(&card(), &answer(200, &body));
            assert_eq!((outcome, code), (Ok(expected), 200), "{result}");
        }
    }

    #[test]
    fn a_page_of_cards_is_read_and_another_list_is_a_bad_response() {
        let read = |body: &str| judge(&Expectation::CardPage, &answer(200, body)).outcome;
        let page = read(r#"{"code":200,"result":[{"id":"5f0c8d9e2b7a4c0011223344"}]}"#).expect("a page").page;
        assert_eq!(page.map(|page| page.cards.len()), Some(1));
        for (body, cause) in [
            (r#"{"code":200,"result":[{"name":"Bonus"}]}"#, Cause::NotCards),
            (r#"{"code":200,"result":{}}"#, Cause::NoList),
            (r#"{"code":200}"#, Cause::NoList),
            (r#"{"code":404,"result":[]}"#, Cause::NotFound),
        ] {
            assert_eq!(read(body).err().map(|failure| failure.cause), Some(cause), "{body}");
        }
    }

    #[test]
    fn another_method_succeeds_with_code_200_whatever_the_result_is() {
        for body in [r#"{"code":200}"#, r#"{"code":200,"result":[1,2,{"x":1e999}],"error":"?"}"#] {
            let Judgement { outcome, code, .. } = judge(&Expectation::Anything, &answer(200, body));
            assert_eq!((outcome, code), (Ok(Success::default()), 200), "{body}");
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
            assert_eq!((failure.kind(), reported), (kind, code), "{code}");
            assert_eq!(failure.message.as_deref(), Some("why"), "{code}");
        }
    }

    #[test]
    fn the_envelopes_code_wins_over_the_http_status() {
        assert!(judge(&card(), &answer(500, r#"{"code":200}"#)).outcome.is_ok());
        assert_eq!(told(200, r#"{"code":404}"#), (Kind::NotFound, Cause::NotFound, 404));
        assert_eq!(told(502, r#"{"code":409}"#), (Kind::Duplicate, Cause::Duplicate, 409));
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
            let (told_kind, _, code) = told(status, body);
            assert_eq!((told_kind, code), (kind, status.into()), "{status}");
        }
        for (status, body, cause) in [
            (200, "", Cause::NotJson),
            (200, "<html>Sign in</html>", Cause::WebPage),
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
            assert_eq!(failure.kind(), Kind::FieldRequired, "{message}");
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
    fn a_pause_is_told_with_429_and_503_only() {
        let pause = Some(Duration::from_secs(7));
        let asked = |status, body| {
            failure(&card(), &CompleteResponse { retry_after: pause, ..answer(status, body) }).0.retry_after
        };
        for (status, body) in [(200, r#"{"code":429}"#), (429, ""), (503, ""), (200, r#"{"code":503}"#)] {
            assert_eq!(asked(status, body), pause, "{status} {body}");
        }
        for (status, body) in [(502, ""), (503, r#"{"code":404}"#), (302, ""), (200, "")] {
            assert_eq!(asked(status, body), None, "{status} {body}");
        }
    }

    #[test]
    fn an_answer_refuses_a_request_or_leaves_open_what_was_done() {
        let refused = |status, body| judge(&Expectation::NewCard, &answer(status, body)).refused;
        let field = r#"{"code":500,"message":"Provided field (PHONE) is unique and must be set."}"#;
        for (status, body) in [
            (200, r#"{"code":400}"#),
            (200, r#"{"code":409}"#),
            (200, r#"{"code":"499"}"#),
            (200, r#"{"code":0}"#),
            (500, r#"{"code":404}"#),
            (400, ""),
            (429, "slow down"),
            (499, "<html>"),
            (200, field),
        ] {
            assert!(refused(status, body), "{status} {body}");
        }
        for (status, body) in [
            (200, r#"{"code":500}"#),
            (200, r#"{"code":503}"#),
            (200, r#"{"code":600}"#),
            (404, r#"{"code":502}"#),
            (200, r#"{"code":200}"#),
            (500, ""),
            (502, "<html>"),
            (302, ""),
            (200, ""),
            (200, "{}"),
            (600, ""),
        ] {
            assert!(!refused(status, body), "{status} {body}");
        }
    }

    #[test]
    fn a_proxy_that_wants_credentials_is_told_from_the_service() {
        let through_proxy = |body| CompleteResponse { through_proxy: true, ..answer(407, body) };
        let (wanted, code) = failure(&card(), &through_proxy("<html></html>"));
        assert_eq!((wanted.kind(), wanted.cause, code), (Kind::Connection, Cause::ProxyAuthentication, 407));
        let other_login = CompleteResponse { proxy_takes_password: false, ..through_proxy("") };
        assert_eq!(failure(&card(), &other_login).0.cause, Cause::ProxyLoginUnsupported);
        let (rejected, code) = failure(&card(), &through_proxy(r#"{"code":400}"#));
        assert_eq!((rejected.kind(), rejected.cause, code), (Kind::Rejected, Cause::Rejected, 400));
    }

    #[test]
    fn debug_output_shows_nothing_that_the_server_said() {
        for (body, kind) in [
            (r#"{"code":409,"message":"SECRET"}"#, "Duplicate"),
            (r#"{"code":500,"message":"Provided field (SECRET) is unique and must be set."}"#, "FieldRequired"),
        ] {
            let Judgement { outcome, code, .. } = judge(&card(), &answer(200, body));
            let report = Report { outcome, code, body: "SECRET".to_owned(), tries: 1, unknown: true };
            let text = format!("{report:?} {report:#?}");
            assert!(text.contains(kind) && !text.contains("SECRET"), "{text}");
        }
    }
}
