use addin_host::{HostOptions, Object};
use addin_testkit::shop::{PHONE, boolean, call, component_for, component_with, create, number, sandbox, set_up, text};
use passteam_sandbox::{Drop, Fault};
use serde_json::Value as Json;
use testkit::{Peer, eventually};

const SAID: &str = "карта могла быть создана: сначала поищите её";

fn creates(object: &Object) -> bool {
    call(object, "CreateCard", &[format!(r#"{{"PHONE":"{PHONE}"}}"#).into()])
}

/// `Unknown`, after checking that `Result` and the text say the same.
fn unknown(object: &Object) -> bool {
    let unknown = boolean(object, "Unknown");
    let result: Json = serde_json::from_str(&text(object, "Result")).unwrap();
    assert_eq!(result["unknown"], unknown);
    assert_eq!(text(object, "ErrorDescription").contains(SAID), unknown, "{result}");
    unknown
}

#[test]
fn a_creation_without_an_answer_is_unknown() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for fault in [
        Fault::default().drop_connection(Drop::AfterProcessing),
        Fault::default().drop_connection(Drop::BeforeAnswer),
        Fault::default().drop_connection(Drop::AfterBytes(3)),
        Fault::default().status(502),
        Fault::default().code(500).message("Internal server error."),
        Fault::default().body("<html>"),
    ] {
        sandbox.push_fault(fault.clone());
        assert!(!creates(&object), "{fault:?}");
        assert!(unknown(&object), "{fault:?}: {}", text(&object, "Result"));
    }
    let silent = component_for(&Peer::silent().url());
    silent.set("Timeout", 0.5).unwrap();
    // On a busy machine the deadline can pass before the request leaves.
    eventually("a request leaves in time", || {
        assert!(!creates(&silent));
        assert_eq!(text(&silent, "ErrorKind"), "Timeout");
        unknown(&silent)
    });
}

#[test]
fn a_creation_that_was_certainly_not_carried_out_is_known() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for fault in [
        Fault::default().code(400).message("Bad request."),
        Fault::default().code(401),
        Fault::default().code(404),
        Fault::default().code(409),
        Fault::default().code(429),
        Fault::default().status(401).body(""),
        Fault::default().status(404).body("<html>"),
    ] {
        sandbox.push_fault(fault.clone());
        assert!(!creates(&object) && !unknown(&object), "{fault:?}: {}", text(&object, "Result"));
    }
    assert!(!call(&object, "CreateCard", &[]) && !unknown(&object));
    assert_eq!(text(&object, "ErrorKind"), "FieldRequired");

    let nobody = component_for(&format!("http://{}", Peer::nobody()));
    assert!(!creates(&nobody) && !unknown(&nobody));
    assert_eq!(text(&nobody, "ErrorKind"), "Connection");
}

/// The status is there before the body, and says it all.
#[test]
fn a_refusal_whose_body_is_cut_short_or_too_long_is_certain() {
    const TOO_MUCH: usize = 4 * 1024 * 1024 + 1;
    for (status, is_certain) in [("403 Forbidden", true), ("404 Not Found", true), ("502 Bad Gateway", false)] {
        for (length, body) in [(100, "cut".to_owned()), (TOO_MUCH, "x".repeat(TOO_MUCH))] {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
            let peer = Peer::answering_once(answer);
            let object = component_for(&peer.url());
            assert!(!creates(&object));
            assert_eq!((unknown(&object), number(&object, "Code")), (!is_certain, 0.0), "{status}, {length} bytes");
            assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{status}, {length} bytes");
        }
    }
}

#[test]
fn an_update_and_a_success_are_never_unknown() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    sandbox.push_fault(Fault::default().drop_connection(Drop::AfterProcessing));
    assert!(!creates(&object) && unknown(&object));
    let id = create(&object, "+79000000002");
    assert!(!unknown(&object));
    object.set("Retries", 0).unwrap();
    sandbox.push_fault(Fault::default().drop_connection(Drop::AfterProcessing));
    assert!(!call(&object, "UpdateCard", &[id.as_str().into()]));
    assert!(!unknown(&object));
}

#[test]
fn another_method_may_have_been_carried_out_too() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    sandbox.push_fault(Fault::default().drop_connection(Drop::AfterProcessing));
    assert!(!call(&object, "CallMethod", &["gettemplates".into()]));
    assert!(boolean(&object, "Unknown"));
    let description = text(&object, "ErrorDescription");
    assert!(description.contains("Исход неизвестен") && !description.contains(SAID), "{description}");
}

#[test]
fn an_exception_elsewhere_changes_only_kind_and_description() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    sandbox.push_fault(Fault::default().status(502));
    assert!(!creates(&object));
    assert!(object.set("Timeout", 0).is_err());
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
    assert_eq!((boolean(&object, "Unknown"), number(&object, "Code")), (true, 502.0));
}

#[test]
fn the_text_exists_in_english() {
    let sandbox = sandbox();
    let object = component_with(HostOptions { locale: Some("en_US".to_owned()), ..HostOptions::default() });
    set_up(&object, &sandbox.url());
    sandbox.push_fault(Fault::default().status(502));
    assert!(!creates(&object));
    let description = text(&object, "ErrorDescription");
    assert!(description.contains("the card may have been created: look for it first"), "{description}");
}

#[test]
fn the_pause_that_a_service_asks_for_is_handed_on() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let asked = || serde_json::from_str::<Json>(&text(&object, "Result")).unwrap()["retryAfter"].clone();
    for (code, header, expected) in [
        (429, Some("7200"), Json::from(7200)),
        (503, Some("90"), Json::from(90)),
        (429, Some("0"), Json::from(0)),
        (503, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Json::from(0)),
        (429, None, Json::Null),
        (404, Some("5"), Json::Null),
    ] {
        let fault = Fault::default().status(code).code(code.into());
        sandbox.push_fault(header.map_or(fault.clone(), |pause| fault.header("Retry-After", pause)));
        assert!(!creates(&object));
        assert_eq!(asked(), expected, "{code} {header:?}");
    }
    create(&object, PHONE);
    assert_eq!(asked(), Json::Null);
}
