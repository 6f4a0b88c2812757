//! The service as a client sees it.

mod support;

use passteam_sandbox::DEFAULT_TEMPLATE_ID;
use serde_json::json;
use support::plain;

#[test]
fn a_card_is_created_with_an_id_and_a_link_that_holds_an_escaped_blank() {
    let (sandbox, client) = plain();
    let reply = client.call(
        "createcard",
        &[
            ("templateId", DEFAULT_TEMPLATE_ID),
            ("values[%CLIENT_NAME%]", "Анна & Ко"),
            ("values[%PHONE%]", "79161234567"),
        ],
    );
    let id = reply.card_id();
    let card = sandbox.card(&id).unwrap();
    assert_eq!(
        (reply.status, reply.headers["content-type"].to_str().unwrap()),
        (200, "application/json; charset=utf-8")
    );
    assert_eq!(
        reply.json(),
        json!({"result": {"cardId": id, "cardUrl": card.url}, "message": "OK", "code": 200, "error": false})
    );
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert!(card.url.contains("%20"), "{}", card.url);
    assert_eq!((card.template_id.as_str(), card.installed), (DEFAULT_TEMPLATE_ID, false));
    assert_eq!(
        card.variables,
        [("CLIENT_NAME".into(), "Анна & Ко".into()), ("PHONE".into(), "79161234567".to_owned())]
    );
    assert_eq!(card.get("CLIENT_NAME"), Some("Анна & Ко"));
    assert_eq!(card.get("client_name"), None, "names are case-sensitive");
}
