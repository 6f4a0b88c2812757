use addin_host::{HostOptions, Value};
use addin_testkit::shop::{PHONE, call, component_for, component_with, create, exception, sandbox, set_up, text};
use testkit::{Peer, http};

/// Characters that a request has to escape, and one outside the Basic Multilingual Plane.
const AWKWARD: &str = "Ё & + % = ? # \" ' < > \\ / [ ] ; \u{a0}\t\r\n\u{0}🎁";

fn lengths() -> [usize; 3] {
    [64 * 1024, 240_000, 4 * 1024 * 1024]
}

#[test]
fn awkward_characters_arrive_intact() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.procedure("SetValue", &["CLIENT_NAME".into(), AWKWARD.into()]).unwrap();
    let id = create(&object, PHONE);
    assert_eq!(sandbox.card(&id).unwrap().get("CLIENT_NAME"), Some(AWKWARD));
}

#[test]
fn line_breaks_and_nul_in_json_arrive_intact() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let json = r#"{"A": "first\r\nsecond\nthird\u0000fourth\u2028fifth"}"#;
    call(&object, "UpdateCard", &["id".into(), json.into()]);
    let request = sandbox.requests().pop().unwrap();
    assert_eq!(request.field("values[%A%]"), Some("first\r\nsecond\nthird\0fourth\u{2028}fifth"));
}

#[test]
fn a_value_of_seventeen_megabytes_goes_out_whole() {
    let peer = Peer::answering(http(200, &[], r#"{"code":200}"#));
    let object = component_for(&peer.url());
    object.set("Timeout", 600).unwrap();
    let long = "seventeen & more ".repeat(1_000_000);
    object.procedure("SetValue", &["LONG".into(), long.as_str().into()]).unwrap();
    assert!(call(&object, "UpdateCard", &["id".into()]), "{}", text(&object, "ErrorDescription"));
    let request = peer.requests().remove(0);
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let (name, value) = form_urlencoded::parse(body.as_bytes()).nth(1).unwrap();
    assert_eq!(name, "values[%LONG%]");
    assert!(value == long, "the value differs");
}

#[test]
fn a_lone_surrogate_becomes_the_replacement_character_wherever_it_comes_from() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.procedure("SetValue", &["A".into(), Value::String(vec![0x41, 0xD83D, 0x42])]).unwrap();
    call(&object, "UpdateCard", &["id".into(), r#"{"B": "x\ud83d y", "C": "\ud83c\udf81", "D": "\udf81"}"#.into()]);
    let request = sandbox.requests().pop().unwrap();
    assert_eq!(request.field("values[%A%]"), Some("A\u{fffd}B"));
    assert_eq!(request.field("values[%B%]"), Some("x\u{fffd} y"));
    assert_eq!(request.field("values[%C%]"), Some("🎁"));
    assert_eq!(request.field("values[%D%]"), Some("\u{fffd}"));
}

#[test]
fn long_strings_go_out_whole() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for length in lengths() {
        let long = "Ж".repeat(length);
        object.procedure("SetValue", &["LONG".into(), long.as_str().into()]).unwrap();
        call(&object, "UpdateCard", &["id".into()]);
        assert_eq!(sandbox.requests().last().unwrap().field("values[%LONG%]"), Some(long.as_str()));
    }
}

#[test]
fn long_answers_come_back_whole() {
    for length in lengths() {
        // The limit of 4 MiB applies to the whole body.
        let length = length.min(4 * 1024 * 1024 - 100);
        let body = format!(r#"{{"code":200,"filler":"{}"}}"#, "x".repeat(length));
        let peer = Peer::answering(http(200, &[], &body));
        let object = component_for(&peer.url());
        assert!(call(&object, "CallMethod", &["big".into()]), "{}", text(&object, "ErrorDescription"));
        assert_eq!(text(&object, "Response"), body);
    }
}

#[test]
fn an_empty_string_may_be_a_null_pointer() {
    let sandbox = sandbox();
    let object = component_with(HostOptions { null_empty_strings: true, ..HostOptions::default() });
    set_up(&object, &sandbox.url());
    object.set("CertificateFile", "").unwrap();
    object.set("Proxy", "").unwrap();
    object.procedure("SetValue", &["EMPTY".into(), "".into()]).unwrap();
    call(&object, "UpdateCard", &["id".into(), "".into()]);
    assert_eq!(sandbox.requests()[0].field("values[%EMPTY%]"), Some(""));
    exception(object.function("UpdateCard", &["".into()]));
}

#[test]
fn links_and_answers_are_kept_byte_for_byte() {
    let body = r#"{"result":{"cardId":"abc","cardUrl":"https://x.y/a%20b?c=%D0%96&d=\u0416","%NAME%":"1"},"message":"ok","code":200,"error":false}"#;
    let peer = Peer::answering(http(200, &[], body));
    let object = component_for(&peer.url());
    assert!(call(&object, "CreateCard", &[]));
    assert_eq!(text(&object, "CardId"), "abc");
    assert_eq!(text(&object, "CardUrl"), "https://x.y/a%20b?c=%D0%96&d=Ж");
    assert_eq!(text(&object, "Response"), body);
}

#[test]
fn an_answer_that_is_not_utf8_is_shown_with_replacement_characters() {
    let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    answer.extend_from_slice(b"{\"code\":200,\"message\":\"\xcf\xf0\xe8\"}");
    let peer = Peer::answering_once(answer);
    let object = component_for(&peer.url());
    assert!(call(&object, "CallMethod", &["x".into()]));
    assert_eq!(text(&object, "Response"), "{\"code\":200,\"message\":\"\u{fffd}\u{fffd}\u{fffd}\"}");
}
