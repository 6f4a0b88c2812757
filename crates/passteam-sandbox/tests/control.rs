//! The control paths, as scripts and pages use them.

mod support;

use std::time::Duration;

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Drop, Fault, Options};
use serde_json::json;
use support::{Client, Reply, TOKEN, plain, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn get(client: &Client, path: &str) -> Reply {
    client.raw(path, &[], None)
}

fn post(client: &Client, path: &str, body: &str) -> Reply {
    client.raw(path, &[JSON], Some(body))
}

#[test]
fn cards_are_shown_with_their_variables_in_order() {
    let (sandbox, client) = plain();
    assert_eq!(get(&client, "/sandbox/cards").json(), json!([]));
    let form = [("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7"), ("values[%A%]", "<b>")];
    let id = client.call("createcard", &form).card_id();
    let url = &sandbox.cards()[0].url;
    assert_eq!(
        get(&client, "/sandbox/cards").json(),
        json!([{
            "cardId": id, "cardUrl": url, "templateId": DEFAULT_TEMPLATE_ID, "installed": false,
            "variables": [{"name": "PHONE", "value": "7"}, {"name": "A", "value": "<b>"}],
        }])
    );
}

#[test]
fn a_card_is_installed_from_outside() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let path = format!("/sandbox/cards/{id}/installed");
    assert_eq!(post(&client, &path, r#"{"installed": true}"#).status, 204);
    assert!(sandbox.card(&id).unwrap().installed);
    assert_eq!(post(&client, &path, r#"{"installed": false}"#).status, 204);
    assert!(!sandbox.card(&id).unwrap().installed);
    assert_eq!(post(&client, "/sandbox/cards/none/installed", r#"{"installed": true}"#).status, 404);
    for nonsense in ["", "true", "{}", r#"{"installed": 1}"#, r#"{"installed": true, "x": 1}"#] {
        assert!((400..500).contains(&post(&client, &path, nonsense).status), "{nonsense}");
    }
}

#[test]
fn requests_are_shown_without_the_token() {
    let (_sandbox, client) = plain();
    let id = client.create("7");
    let reply = get(&client, "/sandbox/requests");
    assert!(!reply.text.contains(TOKEN), "{}", reply.text);
    let requests = reply.json();
    let request = &requests[0];
    assert_eq!(requests.as_array().unwrap().len(), 1, "its own requests are not among them");
    assert_eq!((&request["number"], &request["method"]), (&json!(1), &json!("createcard")));
    assert_eq!((&request["status"], &request["code"], &request["cardId"]), (&json!(200), &json!(200), &json!(id)));
    assert_eq!(request["form"][1], json!({"name": "values[%PHONE%]", "value": "7"}));
    let headers = request["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({"name": "authorization", "value": "***"})), "{headers:?}");
}

#[test]
fn faults_are_ordered_seen_and_taken_back_from_outside() {
    let (sandbox, client) = plain();
    let order = r#"{"method": "updatecard", "delayMs": 5, "status": 429, "code": 1, "message": "m",
        "headers": [["Retry-After", "9"]], "body": "b", "drop": {"afterBytes": 3}}"#;
    assert_eq!(post(&client, "/sandbox/faults", order).status, 204);
    for drop in ["beforeAnswer", "afterProcessing"] {
        assert_eq!(post(&client, "/sandbox/faults", &json!({"drop": drop}).to_string()).status, 204);
    }
    let expected = Fault::of("updatecard")
        .delay(Duration::from_millis(5))
        .status(429)
        .code(1)
        .message("m")
        .header("Retry-After", "9")
        .body("b")
        .drop_connection(Drop::AfterBytes(3));
    let drops = [Drop::BeforeAnswer, Drop::AfterProcessing].map(|drop| Fault::default().drop_connection(drop));
    assert_eq!(sandbox.pending_faults(), [&[expected][..], &drops].concat());

    let seen = get(&client, "/sandbox/faults").json();
    assert_eq!(seen.as_array().unwrap().len(), 3);
    for (key, value) in serde_json::from_str::<serde_json::Map<_, _>>(order).unwrap() {
        assert_eq!(seen[0][&key], value, "{key}");
    }

    assert_eq!(client.delete("/sandbox/faults").status, 204);
    assert_eq!(sandbox.pending_faults(), []);
}

#[test]
fn a_fault_that_cannot_be_sent_is_refused() {
    let (sandbox, client) = plain();
    for nonsense in [
        "",
        "[1]",
        r#"{"colour": "red"}"#,
        r#"{"status": 99}"#,
        r#"{"status": 70000}"#,
        r#"{"drop": "later"}"#,
        r#"{"headers": [["Content-Length", "3"]]}"#,
        r#"{"headers": [["a b", "3"]]}"#,
    ] {
        let status = post(&client, "/sandbox/faults", nonsense).status;
        assert!((400..500).contains(&status), "{nonsense}: {status}");
    }
    assert_eq!(sandbox.pending_faults(), []);
}

#[test]
fn what_a_foreign_page_can_send_is_refused() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let path = format!("/sandbox/cards/{id}/installed");
    let body = Some(r#"{"installed": true}"#);
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        assert_eq!(client.raw(&path, &[("Content-Type", content_type)], body).status, 415, "{content_type}");
    }
    assert_eq!(client.raw(&path, &[], body).status, 415);
    for origin in ["http://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "", "\u{fffd}"] {
        let reply = client.raw(&path, &[JSON, ("Origin", origin)], body);
        assert_eq!(reply.status, 403, "{origin}");
    }
    assert!(!sandbox.card(&id).unwrap().installed);
    let own = format!("http://{}", sandbox.addr());
    assert_eq!(client.raw(&path, &[JSON, ("Origin", &own)], body).status, 204);
}

#[test]
fn a_foreign_name_that_was_made_to_point_here_is_refused() {
    let (sandbox, client) = plain();
    client.create("7");
    let port = sandbox.addr().port();
    let ask = |host: &str| client.raw("/sandbox/cards", &[("Host", host)], None);
    for host in ["evil.example", &format!("evil.example:{port}"), "localhost.evil.example", "192.0.2.1", "", "a b"] {
        let reply = ask(host);
        assert!(matches!(reply.status, 400 | 403), "{host}: {}", reply.status);
        assert!(!reply.text.contains("PHONE"), "{host}");
    }
    for host in ["localhost", &format!("LOCALHOST:{port}"), "127.0.0.1", &format!("127.0.0.1:{port}"), "[::1]:80"] {
        assert_eq!(ask(host).status, 200, "{host}");
    }
}

#[test]
fn a_sandbox_beyond_loopback_answers_to_addresses_but_not_to_names() {
    let sandbox = start(Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() });
    assert_eq!(sandbox.url(), format!("http://127.0.0.1:{}/oapi/v1", sandbox.addr().port()));
    let client = Client::new(&sandbox);
    let status = |host| client.raw("/sandbox/cards", &[("Host", host)], None).status;
    assert_eq!((status("192.0.2.1:80"), status("localhost"), status("evil.example")), (200, 200, 403));
}

#[test]
fn unknown_control_paths_are_not_found() {
    let (sandbox, client) = plain();
    for path in ["/sandbox/", "/sandbox/other", "/sandbox/cards/x"] {
        assert_eq!(get(&client, path).status, 404, "{path}");
    }
    assert_eq!(post(&client, "/sandbox/cards", "{}").status, 405);
    assert!(sandbox.requests().is_empty(), "they are not the service's");
}
