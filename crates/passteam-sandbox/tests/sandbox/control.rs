//! The control paths under `/sandbox/`: what scripts may do, and what foreign pages may not.

use std::time::Duration;

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Drop, Fault, Limits, Options};
use serde_json::json;

use crate::support::{self, Client, Reply, TOKEN, plain, start};

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
fn a_card_is_marked_as_installed_over_http() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let path = format!("/sandbox/cards/{id}/installed");
    assert_eq!(post(&client, &path, r#"{"installed": true}"#).status, 204);
    assert!(sandbox.card(&id).unwrap().installed);
    assert_eq!(post(&client, &path, r#"{"installed": false}"#).status, 204);
    assert!(!sandbox.card(&id).unwrap().installed);
    assert_eq!(post(&client, "/sandbox/cards/none/installed", r#"{"installed": true}"#).status, 404);
    for invalid in ["", "true", "{}", r#"{"installed": 1}"#, r#"{"installed": true, "x": 1}"#] {
        assert!((400..500).contains(&post(&client, &path, invalid).status), "{invalid}");
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
    assert_eq!(requests.as_array().unwrap().len(), 1, "requests to the control paths are not recorded");
    assert_eq!((&request["number"], &request["method"]), (&json!(1), &json!("createcard")));
    assert_eq!((&request["status"], &request["code"], &request["cardId"]), (&json!(200), &json!(200), &json!(id)));
    assert_eq!(request["form"][1], json!({"name": "values[%PHONE%]", "value": "7"}));
    let headers = request["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({"name": "authorization", "value": "***"})), "{headers:?}");
}

#[test]
fn faults_are_added_listed_and_removed_over_http() {
    let (sandbox, client) = plain();
    let fault = r#"{"method": "updatecard", "delayMs": 5, "status": 429, "code": 1, "message": "m",
        "headers": [["Retry-After", "9"]], "body": "b", "drop": {"afterBytes": 3}}"#;
    assert_eq!(post(&client, "/sandbox/faults", fault).status, 204);
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

    let listed = get(&client, "/sandbox/faults").json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    for (key, value) in serde_json::from_str::<serde_json::Map<_, _>>(fault).unwrap() {
        assert_eq!(listed[0][&key], value, "{key}");
    }

    assert_eq!(client.delete("/sandbox/faults").status, 204);
    assert_eq!(sandbox.pending_faults(), []);
}

#[test]
fn an_invalid_fault_is_refused() {
    let (sandbox, client) = plain();
    for invalid in [
        "",
        "[1]",
        r#"{"colour": "red"}"#,
        r#"{"status": 99}"#,
        r#"{"status": 70000}"#,
        r#"{"drop": "later"}"#,
        r#"{"headers": [["Content-Length", "3"]]}"#,
        r#"{"headers": [["a b", "3"]]}"#,
    ] {
        let status = post(&client, "/sandbox/faults", invalid).status;
        assert!((400..500).contains(&status), "{invalid}: {status}");
    }
    assert_eq!(sandbox.pending_faults(), []);
}

#[test]
fn requests_that_a_foreign_page_can_send_are_refused() {
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
fn a_foreign_host_name_that_resolves_to_the_sandbox_is_refused() {
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
    assert!(sandbox.requests().is_empty(), "control paths are not recorded");
}

#[test]
fn sample_cards_are_added_over_http() {
    let (sandbox, client) = plain();
    assert_eq!(post(&client, "/sandbox/sample-cards", r#"{"count": 3}"#).status, 204);
    assert_eq!(sandbox.cards().len(), 3);
    for invalid in ["", "{}", r#"{"count": -1}"#, r#"{"count": 100001}"#, r#"{"count": 1, "x": 1}"#] {
        let status = post(&client, "/sandbox/sample-cards", invalid).status;
        assert!((400..500).contains(&status), "{invalid}: {status}");
    }
    assert_eq!(sandbox.cards().len(), 3);
}

#[test]
fn the_shape_is_read_and_changed_over_http() {
    let (sandbox, client) = plain();
    let shape = || get(&client, "/sandbox/shape").json()["shape"].as_str().unwrap().to_owned();
    assert_eq!(shape().parse(), Ok(sandbox.shape()));
    assert_eq!(post(&client, "/sandbox/shape", r#"{"shape": "list=items,id=_id"}"#).status, 204);
    assert_eq!(Ok(sandbox.shape()), "list=items,id=_id".parse());
    assert_eq!(shape().parse(), Ok(sandbox.shape()));
    for invalid in [r#"{"shape": "id=x"}"#, r#"{"shape": "page=x,next=x"}"#, "{}"] {
        assert!((400..500).contains(&post(&client, "/sandbox/shape", invalid).status), "{invalid}");
    }
    assert_eq!(Ok(sandbox.shape()), "list=items,id=_id".parse());
}

#[test]
fn the_limits_are_read_and_changed_over_http() {
    let (sandbox, client) = plain();
    assert_eq!(get(&client, "/sandbox/limits").json(), json!({"minute": null, "hour": null, "day": null}));
    assert_eq!(post(&client, "/sandbox/limits", r#"{"minute": 5, "day": 1}"#).status, 204);
    assert_eq!(Ok(sandbox.limits()), "minute=5,day=1".parse());
    assert_eq!(get(&client, "/sandbox/limits").json(), json!({"minute": 5, "hour": null, "day": 1}));
    for invalid in [r#"{"minute": 0}"#, r#"{"second": 1}"#, ""] {
        assert!((400..500).contains(&post(&client, "/sandbox/limits", invalid).status), "{invalid}");
    }
    assert_eq!(post(&client, "/sandbox/limits", "{}").status, 204);
    assert_eq!(sandbox.limits(), Limits::default());
}

#[test]
fn late_requests_are_counted_and_carried_out_over_http() {
    let (sandbox, client) = plain();
    let fault = r#"{"lateMs": 3600000, "drop": "beforeProcessing"}"#;
    assert_eq!(post(&client, "/sandbox/faults", fault).status, 204);
    assert_eq!(get(&client, "/sandbox/faults").json()[0]["lateMs"], 3_600_000);
    let form = [("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7")];
    client.try_call("createcard", &form).unwrap_err();
    support::wait_until("the request", || get(&client, "/sandbox/late-requests").json() == json!({"waiting": 1}));
    assert!(sandbox.cards().is_empty());
    assert_eq!(client.raw("/sandbox/late-requests", &[], Some("")).status, 415, "a foreign page can send this");
    assert_eq!(post(&client, "/sandbox/late-requests", "{}").status, 204);
    support::wait_until("the card", || sandbox.cards().len() == 1);
}

#[test]
fn the_known_errors_can_be_fetched_and_added_as_faults() {
    let (sandbox, client) = plain();
    let errors = get(&client, "/sandbox/known-errors").json();
    let codes: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["code"].as_u64().unwrap()).collect();
    assert_eq!(codes, [400, 401, 403, 404, 409, 500, 502, 503, 504]);
    assert_eq!(post(&client, "/sandbox/faults", &errors[6].to_string()).status, 204);
    assert_eq!(sandbox.pending_faults(), [Fault::known_error(502).unwrap()]);
}
