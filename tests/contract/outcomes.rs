use std::time::{Duration, Instant};

use addin_host::{HostOptions, Object, Value};
use addin_testkit::shop::{
    PHONE, TEMPLATE, boolean, call, component, component_for, component_with, create, exception, number, sandbox,
    set_up, text,
};
use passteam_sandbox::Fault;
use serde_json::json;
use testkit::{Nobody, Peer, http, prompt};

/// The outcome of one call against a server that always gives this answer.
fn outcome(method: &str, answer: Vec<u8>) -> Object {
    let peer = Peer::answering(answer);
    let object = component_for(&peer.url());
    object.set("Retries", 0).unwrap();
    let arguments: &[Value] = if method == "CreateCard" { &[] } else { &["id".into()] };
    assert!(!call(&object, method, arguments));
    object
}

fn envelope(code: impl serde::Serialize, message: &str) -> Vec<u8> {
    http(200, &[], &json!({"result": null, "message": message, "code": code, "error": true}).to_string())
}

#[test]
fn a_card_is_created_and_updated() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());

    object.procedure("УстановитьЗначение", &["CLIENT_NAME".into(), "Иванов Иван".into()]).unwrap();
    object.procedure("УстановитьЗначение", &["BONUS".into(), 0.into()]).unwrap();
    let id = create(&object, PHONE);
    let card = sandbox.card(&id).unwrap();
    assert_eq!(card.template_id, TEMPLATE);
    assert_eq!(card.get("CLIENT_NAME"), Some("Иванов Иван"));
    assert_eq!(text(&object, "CardUrl"), card.url);
    assert!(card.url.contains("%20"));
    assert_eq!(number(&object, "Code"), 200.0);
    assert!(!boolean(&object, "Installed"));
    assert_eq!(text(&object, "ErrorKind"), "");

    object.procedure("SetValue", &["BONUS".into(), 12500.5.into()]).unwrap();
    assert!(call(&object, "ОбновитьКарту", &[id.as_str().into()]));
    assert_eq!(sandbox.card(&id).unwrap().get("BONUS"), Some("12500.5"));
    assert_eq!(text(&object, "CardId"), id);
    assert_eq!(text(&object, "CardUrl"), "");
    assert!(!boolean(&object, "Установлена"));

    sandbox.set_installed(&id, true);
    assert!(call(&object, "UpdateCard", &[id.as_str().into()]));
    assert!(boolean(&object, "Installed"));
}

#[test]
fn calls_work_as_statements_too() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.procedure("CreateCard", &[format!(r#"{{"PHONE": "{PHONE}"}}"#).into()]).unwrap();
    let id = text(&object, "CardId");
    assert_eq!(sandbox.cards().len(), 1);
    object.procedure("UpdateCard", &[id.as_str().into(), r#"{"BONUS": 5}"#.into()]).unwrap();
    assert_eq!(sandbox.card(&id).unwrap().get("BONUS"), Some("5"));
    object.procedure("CallMethod", &["nosuchmethod".into()]).unwrap();
    assert_eq!(text(&object, "ErrorKind"), "NotFound");
}

#[test]
fn a_duplicate_phone_is_reported_and_makes_no_card() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    create(&object, PHONE);
    object.procedure("SetValue", &["PHONE".into(), PHONE.into()]).unwrap();
    assert!(!call(&object, "CreateCard", &[]));
    assert_eq!(text(&object, "ErrorKind"), "Duplicate");
    assert_eq!(number(&object, "Code"), 409.0);
    assert_eq!(text(&object, "CardId"), "");
    assert!(text(&object, "ErrorDescription").contains("уже привязан"));
    assert_eq!(sandbox.cards().len(), 1);
}

#[test]
fn a_missing_phone_is_explained() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    assert!(!call(&object, "CreateCard", &[]));
    assert_eq!(text(&object, "ErrorKind"), "FieldRequired");
    assert_eq!(number(&object, "Code"), 500.0);
    let description = text(&object, "ErrorDescription");
    assert!(description.contains("PHONE") && description.contains("номер мобильного телефона"), "{description}");

    let object = outcome("CreateCard", envelope(500, "Provided field (EMAIL) is unique and must be set."));
    assert_eq!(text(&object, "ErrorKind"), "FieldRequired");
    let description = text(&object, "ErrorDescription");
    assert!(description.contains("EMAIL") && !description.contains("мобильного"), "{description}");
}

#[test]
fn the_envelopes_code_decides() {
    for (code, kind) in [
        (409, "Duplicate"),
        (401, "Unauthorized"),
        (403, "Unauthorized"),
        (404, "NotFound"),
        (429, "RateLimited"),
        (500, "ServerError"),
        (503, "ServerError"),
        (599, "ServerError"),
        (400, "Rejected"),
        (418, "Rejected"),
        (600, "Rejected"),
        (201, "Rejected"),
        (0, "Rejected"),
        (-1, "Rejected"),
    ] {
        for method in ["CreateCard", "UpdateCard", "CallMethod"] {
            let object = outcome(method, envelope(code, "слова сервиса"));
            assert_eq!(text(&object, "ErrorKind"), kind, "{method} {code}");
            assert_eq!(number(&object, "Code"), f64::from(code), "{method} {code}");
            assert!(text(&object, "ErrorDescription").contains("слова сервиса"), "{method} {code}");
        }
    }
    let object = outcome("UpdateCard", envelope("409", ""));
    assert_eq!(text(&object, "ErrorKind"), "Duplicate");

    let peer = Peer::answering(http(500, &[], r#"{"code": "200", "result": {"card": {"installed": true}}}"#));
    let object = component_for(&peer.url());
    assert!(call(&object, "UpdateCard", &["id".into()]));
    assert!(boolean(&object, "Installed"));
    assert_eq!(number(&object, "Code"), 200.0);
}

#[test]
fn without_an_envelope_the_http_status_decides() {
    for (status, body, kind) in [
        (401, "", "Unauthorized"),
        (403, "<html>forbidden</html>", "Unauthorized"),
        (404, "not found", "NotFound"),
        (409, "{}", "Duplicate"),
        (429, "", "RateLimited"),
        (500, "oops", "ServerError"),
        (502, "<html>Bad Gateway</html>", "ServerError"),
        (418, "[]", "Rejected"),
        (413, r#"{"code": null}"#, "Rejected"),
        (200, "", "BadResponse"),
        (200, "<html>hello</html>", "BadResponse"),
        (200, "{}", "BadResponse"),
        (200, "[200]", "BadResponse"),
        (200, r#"{"code": 200.0}"#, "BadResponse"),
        (200, r#"{"code": "OK"}"#, "BadResponse"),
        (200, r#"{"code": true}"#, "BadResponse"),
        (200, r#"{"code": 200"#, "BadResponse"),
        (201, "created", "BadResponse"),
    ] {
        for method in ["CreateCard", "UpdateCard", "CallMethod"] {
            let object = outcome(method, http(status, &[], body));
            assert_eq!(text(&object, "ErrorKind"), kind, "{method} {status} {body}");
            assert_eq!(number(&object, "Code"), f64::from(status), "{method} {status} {body}");
            assert_eq!(text(&object, "Response"), body, "{method} {status} {body}");
        }
    }
}

#[test]
fn a_creation_without_a_card_id_is_a_bad_response() {
    for body in [
        r#"{"code":200}"#,
        r#"{"code":200,"result":{}}"#,
        r#"{"code":200,"result":{"cardId":""}}"#,
        r#"{"code":200,"result":[]}"#,
    ] {
        let object = outcome("CreateCard", http(200, &[], body));
        assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{body}");
        assert_eq!(number(&object, "Code"), 200.0);
        assert_eq!(text(&object, "Response"), body);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Peer::silent();
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: http://{}/", elsewhere.address());
        let object = outcome("UpdateCard", http(status, &[&location], ""));
        assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{status}");
        assert_eq!(number(&object, "Code"), f64::from(status));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn an_unreachable_server_is_a_connection_error() {
    let nobody = Nobody::new();
    let object = component_for(&nobody.url());
    assert!(!call(&object, "CreateCard", &[]));
    assert_eq!(text(&object, "ErrorKind"), "Connection");
    assert_eq!(number(&object, "Code"), 0.0);
    assert_eq!(text(&object, "Response"), "");
}

#[test]
fn undefined_parameters_at_a_port_where_nobody_listens_are_a_connection_error() {
    let nobody = Nobody::new();
    let object = component_for(&nobody.url());
    for (method, arguments) in [
        ("CreateCard", vec![Value::Empty]),
        ("UpdateCard", vec!["id".into(), Value::Empty]),
        ("CallMethod", vec!["gettemplates".into(), Value::Empty]),
    ] {
        assert!(!call(&object, method, &arguments), "{method}");
        assert_eq!(text(&object, "ErrorKind"), "Connection", "{method}");
        object.procedure(method, &arguments).unwrap();
        assert_eq!(text(&object, "ErrorKind"), "Connection", "{method}");
    }
    let cards = r#"[{"cardId": "id", "values": null}]"#;
    object.function("UpdateCards", &[cards.into(), Value::Empty, Value::Empty]).unwrap();
    assert_eq!(text(&object, "ErrorKind"), "Connection");
}

#[test]
fn a_result_that_is_no_object_is_a_success_only_for_an_update() {
    for method in ["CreateCard", "UpdateCard", "CallMethod"] {
        let object = outcome(method, http(200, &[], r#"{"result":true}"#));
        assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{method}: no code");
        assert_eq!(number(&object, "Code"), 200.0, "{method}");
    }
    let answer = http(200, &[], r#"{"code":200,"result":true}"#);
    let object = outcome("CreateCard", answer.clone());
    assert_eq!(text(&object, "ErrorKind"), "BadResponse", "no card id");
    let peer = Peer::answering(answer);
    let object = component_for(&peer.url());
    assert!(call(&object, "UpdateCard", &["id".into()]), "{}", text(&object, "ErrorDescription"));
    assert!(!boolean(&object, "Installed"));
    assert!(call(&object, "CallMethod", &["gettemplates".into()]));
}

#[test]
fn a_silent_server_is_a_timeout() {
    let peer = Peer::silent();
    let object = component_for(&peer.url());
    object.set("Timeout", 0.3).unwrap();
    let mut calls = 0;
    prompt(Duration::from_secs_f64(0.6), || {
        let start = Instant::now();
        assert!(!call(&object, "UpdateCard", &["id".into()]));
        let took = start.elapsed();
        assert!(took >= Duration::from_secs_f64(0.3), "{took:?}");
        assert_eq!(text(&object, "ErrorKind"), "Timeout");
        calls += 1;
        took
    });
    // On a busy machine the deadline can pass before the connection is made.
    assert!((1..=calls).contains(&peer.connections()), "{} in {calls} calls", peer.connections());
}

#[test]
fn an_update_is_repeated_if_that_is_safe_and_a_creation_is_not() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let id = create(&object, PHONE);
    for fault in [
        Fault::of("updatecard").status(503),
        Fault::of("updatecard").drop_connection(passteam_sandbox::Drop::BeforeAnswer),
    ] {
        sandbox.clear_requests();
        sandbox.push_fault(fault);
        assert!(call(&object, "UpdateCard", &[id.as_str().into()]), "{}", text(&object, "ErrorDescription"));
        assert_eq!(sandbox.requests().len(), 2);
    }

    sandbox.clear_requests();
    sandbox.push_fault(Fault::of("createcard").status(503));
    assert!(!call(&object, "CreateCard", &[r#"{"PHONE": "+7000"}"#.into()]));
    assert_eq!(text(&object, "ErrorKind"), "ServerError");
    assert_eq!(sandbox.requests().len(), 1);

    sandbox.clear_requests();
    sandbox.push_fault(Fault::of("createcard").drop_connection(passteam_sandbox::Drop::AfterProcessing));
    assert!(!call(&object, "CreateCard", &[r#"{"PHONE": "+7000"}"#.into()]));
    assert_eq!(text(&object, "ErrorKind"), "Connection");
    assert_eq!(sandbox.requests().len(), 1);
    assert_eq!(sandbox.cards().len(), 2);
}

#[test]
fn retries_limit_the_repeats() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for retries in [0, 1, 3] {
        sandbox.clear_requests();
        sandbox.clear_faults();
        for _ in 0..10 {
            sandbox.push_fault(Fault::of("updatecard").status(502));
        }
        object.set("Повторы", retries).unwrap();
        assert!(!call(&object, "UpdateCard", &["id".into()]));
        assert_eq!(sandbox.requests().len(), 1 + retries as usize);
        assert_eq!(text(&object, "ErrorKind"), "ServerError");
        assert_eq!(number(&object, "Code"), 502.0);
    }
}

#[test]
fn a_rate_limit_is_waited_out_if_the_pause_fits() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let id = create(&object, PHONE);

    sandbox.push_fault(Fault::of("updatecard").code(429).header("Retry-After", "1"));
    let start = Instant::now();
    assert!(call(&object, "UpdateCard", &[id.as_str().into()]), "{}", text(&object, "ErrorDescription"));
    assert!(start.elapsed().as_secs_f64() >= 1.0);

    for absurd in [Some("3600"), Some("99999999999999999999999"), Some("soon"), Some("-1"), None] {
        let fault = Fault::of("updatecard").status(429).code(429);
        sandbox.push_fault(match absurd {
            Some(value) => fault.header("Retry-After", value),
            None => fault,
        });
        sandbox.clear_requests();
        object.set("Timeout", 600).unwrap();
        let start = Instant::now();
        assert!(!call(&object, "UpdateCard", &[id.as_str().into()]));
        assert_eq!(text(&object, "ErrorKind"), "RateLimited");
        assert_eq!(sandbox.requests().len(), 1);
        assert!(start.elapsed() < Duration::from_secs(300), "{absurd:?}: ends at once");
    }
}

#[test]
fn a_call_resets_the_last_results_and_an_exception_keeps_them() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let id = create(&object, PHONE);
    let answer = text(&object, "Response");

    exception(object.procedure("SetValue", &["".into(), "x".into()]));
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
    assert_eq!(text(&object, "CardId"), id);
    assert_eq!(text(&object, "Response"), answer);
    assert_eq!(number(&object, "Code"), 200.0);

    exception(object.function("UpdateCard", &["".into()]));
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
    for property in ["CardId", "CardUrl", "Response"] {
        assert_eq!(text(&object, property), "", "{property}");
    }
    assert_eq!(number(&object, "Code"), 0.0);

    assert!(call(&object, "UpdateCard", &[id.as_str().into()]));
    assert_eq!(text(&object, "ErrorKind"), "");
    assert_eq!(text(&object, "ErrorDescription"), "");
}

#[test]
fn result_holds_everything_but_the_answer_in_one_read() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let result = || text(&object, "Результат");
    let id = create(&object, PHONE);
    let expected = format!(
        r#"{{"ok":true,"code":200,"cardId":"{id}","cardUrl":"{}","installed":false,"unknown":false,"retryAfter":null,"errorKind":"","errorDescription":""}}"#,
        text(&object, "CardUrl")
    );
    assert_eq!(result(), expected);

    assert!(!call(&object, "UpdateCard", &["нет такой".into()]));
    let read: serde_json::Value = serde_json::from_str(&result()).unwrap();
    assert_eq!(
        read,
        json!({"ok": false, "code": 404, "cardId": "нет такой", "cardUrl": "", "installed": false,
            "unknown": false, "retryAfter": null, "errorKind": "NotFound", "errorDescription": text(&object, "ErrorDescription")})
    );
}

#[test]
fn texts_speak_the_language_of_the_platform() {
    let text_in = |locale: Option<&str>, ui: Option<&str>| {
        let object = component_with(HostOptions {
            locale: locale.map(str::to_owned),
            ui_language: ui.map(str::to_owned),
            ..HostOptions::default()
        });
        exception(object.function("CreateCard", &[]))
    };
    for (locale, ui) in [
        (None, None),
        (Some("rus_RUS"), None),
        (Some("ru_RU"), None),
        (Some("C"), None),
        (Some("POSIX"), None),
        (Some(""), None),
        (Some("en_US"), Some("ru")),
    ] {
        assert!(text_in(locale, ui).starts_with("Свойство"), "{locale:?} {ui:?}");
    }
    for (locale, ui) in [(Some("en_US"), None), (Some("de_DE"), None), (Some("ru_RU"), Some("en")), (None, Some("kk"))]
    {
        assert!(text_in(locale, ui).starts_with("Property"), "{locale:?} {ui:?}");
    }
}

#[test]
fn the_texts_of_failures_exist_in_both_languages() {
    let sandbox = sandbox();
    for (language, word) in [("ru", "токен"), ("en", "token")] {
        let object = component();
        object.set_ui_language(language);
        set_up(&object, &sandbox.url());
        object.set("Token", "another-token").unwrap();
        assert!(!call(&object, "UpdateCard", &["id".into()]));
        assert_eq!(text(&object, "ErrorKind"), "Unauthorized");
        assert!(text(&object, "ErrorDescription").contains(word));
    }
}

#[test]
fn what_the_server_quotes_back_shows_no_secret() {
    let secret = "MARKED-TOKEN-XYZ";
    let peer =
        Peer::answering(envelope(400, &format!("bad {secret} for Иванов Иван, +79161234567, %2B79161234567, abc")));
    let object = component_for(&peer.url());
    object.set("Token", secret).unwrap();
    for (name, value) in [("N", "Иванов Иван"), ("P", PHONE), ("S", "abc")] {
        object.procedure("SetValue", &[name.into(), value.into()]).unwrap();
    }
    assert!(!call(&object, "UpdateCard", &["id".into()]));
    let description = text(&object, "ErrorDescription");
    for hidden in [secret, "Иванов", "79161234567"] {
        assert!(!description.contains(hidden), "{description}");
        assert!(!text(&object, "Result").contains(hidden), "{description}");
    }
    assert!(description.contains("***") && description.contains("abc"), "{description}");
    assert!(text(&object, "Response").contains(secret), "the server's own text is unchanged");
}
