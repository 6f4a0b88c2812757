//! Faults: answers, delays and broken connections on request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Drop, Fault, Options};
use serde_json::json;

use crate::support::{self, Client, plain, start};

const CREATE: [(&str, &str); 2] = [("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7")];

#[test]
fn a_fault_answers_once_in_place_of_the_service() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().status(503));
    let reply = client.call("createcard", &CREATE);
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.json(),
        json!({"result": null, "message": "A fault that was ordered.", "code": 503, "error": true})
    );
    assert!(sandbox.cards().is_empty());
    assert_eq!(client.call("createcard", &CREATE).code(), 200);
}

#[test]
fn a_fault_can_have_its_own_code_and_message_under_status_200() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().code(429).message("Too many requests").header("Retry-After", "7"));
    let reply = client.call("createcard", &CREATE);
    assert_eq!((reply.status, reply.code(), reply.message().as_str()), (200, 429, "Too many requests"));
    assert_eq!(reply.headers["retry-after"], "7");

    sandbox.push_fault(Fault::default().code(200));
    let without_result = client.call("createcard", &CREATE).json();
    assert_eq!(
        without_result,
        json!({"result": null, "message": "A fault that was ordered.", "code": 200, "error": false})
    );
    assert!(sandbox.cards().is_empty());
}

#[test]
fn a_fault_can_have_any_body_and_headers() {
    let (sandbox, client) = plain();
    let html = Fault::default().status(502).body("<h1>Bad gateway</h1>").header("Content-Type", "text/html");
    sandbox.push_fault(html);
    let reply = client.call("createcard", &CREATE);
    assert_eq!((reply.status, reply.text.as_str()), (502, "<h1>Bad gateway</h1>"));
    assert_eq!(reply.headers.get_all("content-type").iter().collect::<Vec<_>>(), ["text/html"]);

    sandbox.push_fault(Fault::default().status(302).body("").header("Location", "http://127.0.0.1:1/"));
    let redirect = client.call("createcard", &CREATE);
    assert_eq!((redirect.status, redirect.text.as_str()), (302, ""));
    assert_eq!(redirect.headers["location"], "http://127.0.0.1:1/");
    assert_eq!(
        sandbox.requests().iter().map(|request| (request.status, request.code)).collect::<Vec<_>>(),
        [(Some(502), None), (Some(302), None)]
    );
}

#[test]
fn a_fault_waits_for_the_method_it_is_for() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::of("updatecard").code(1));
    sandbox.push_fault(Fault::default().code(2));
    sandbox.push_fault(Fault::of("updatecard").code(3));
    let update = || client.call("updatecard", &[("cardId", "-")]).code();
    assert_eq!(client.call("gettemplates", &[]).code(), 2);
    assert_eq!(client.call("gettemplates", &[]).code(), 200);
    assert_eq!([update(), update(), update()], [1, 3, 404]);
}

#[test]
fn faults_can_be_listed_and_removed() {
    let (sandbox, client) = plain();
    let faults = [Fault::default().code(1), Fault::of("updatecard").status(500)];
    faults.iter().for_each(|fault| sandbox.push_fault(fault.clone()));
    assert_eq!(sandbox.pending_faults(), faults);
    sandbox.clear_faults();
    assert_eq!(sandbox.pending_faults(), []);
    assert_eq!(client.call("gettemplates", &[]).code(), 200);
}

#[test]
fn a_delayed_request_is_carried_out() {
    let (sandbox, client) = plain();
    let delay = Duration::from_millis(80);
    sandbox.push_fault(Fault::default().delay(delay));
    let start = Instant::now();
    assert_eq!(client.call("createcard", &CREATE).code(), 200);
    assert!(start.elapsed() >= delay);
    assert_eq!(sandbox.cards().len(), 1);
}

#[test]
fn a_delayed_request_is_carried_out_even_when_the_client_gives_up() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().delay(Duration::MAX));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.try_call("createcard", &CREATE));
        support::wait_until("the card", || sandbox.cards().len() == 1);
        sandbox.close_connections();
        call.join().unwrap().unwrap_err();
    });
    let request = &sandbox.requests()[0];
    assert!(request.complete);
    assert_eq!((request.status, request.code), (None, None));
    assert_eq!(request.card_id.as_deref(), Some(sandbox.cards()[0].id.as_str()));
}

#[test]
fn latency_delays_every_answer() {
    let latency = Duration::from_millis(40);
    let sandbox = start(Options { latency, ..Options::default() });
    let client = Client::new(&sandbox);
    for _ in 0..2 {
        let start = Instant::now();
        client.call("gettemplates", &[]);
        assert!(start.elapsed() >= latency);
    }
}

#[test]
fn a_slow_answer_delays_no_other_request() {
    let (sandbox, client) = plain();
    let other = Client::new(&sandbox);
    sandbox.push_fault(Fault::of("createcard").delay(Duration::from_secs(3600)));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| client.try_call("createcard", &CREATE));
        support::wait_until("the card", || sandbox.cards().len() == 1);
        assert_eq!(other.call("gettemplates", &[]).code(), 200);
        sandbox.close_connections();
        slow.join().unwrap().unwrap_err();
    });
}

#[test]
fn a_connection_closed_before_the_answer_changes_nothing() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().drop_connection(Drop::BeforeAnswer));
    client.try_call("createcard", &CREATE).unwrap_err();
    assert!(sandbox.cards().is_empty());
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].complete);
    assert_eq!((requests[0].status, requests[0].code, &requests[0].card_id), (None, None, &None));
    assert_eq!(client.call("createcard", &CREATE).code(), 200);
}

#[test]
fn a_connection_closed_after_processing_leaves_the_card_created() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().status(500).drop_connection(Drop::AfterProcessing));
    client.try_call("createcard", &CREATE).unwrap_err();
    assert_eq!(sandbox.cards().len(), 1);
    assert_eq!(sandbox.requests()[0].status, None);
    assert_eq!(client.call("createcard", &CREATE).code(), 409);
}

/// The received part of the body of an answer that breaks off, and its `Content-Length`.
fn broken_off_answer(fault: Fault) -> (Vec<u8>, usize) {
    use std::io::{Read, Write};

    let (sandbox, _) = plain();
    sandbox.push_fault(fault);
    let mut stream = std::net::TcpStream::connect(sandbox.addr()).unwrap();
    stream.write_all(b"POST /oapi/v1/gettemplates HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(answer[..head_end].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    (answer[head_end..].to_vec(), length)
}

#[test]
fn a_body_breaks_off_after_the_chosen_number_of_bytes() {
    let body: Vec<u8> = (0..=255).cycle().take(8_000_000).collect();
    for bytes in [0, 1, 5_000, 4_000_000] {
        let (sent, announced) =
            broken_off_answer(Fault::default().body(body.clone()).drop_connection(Drop::AfterBytes(bytes)));
        assert_eq!(announced, body.len());
        assert!(sent == body[..bytes], "{} of {bytes} bytes", sent.len());
    }
    let (sent, announced) = broken_off_answer(Fault::default().body("abc").drop_connection(Drop::AfterBytes(100)));
    assert_eq!((sent.as_slice(), announced), (&b"abc"[..], 4), "Content-Length is larger than the body");
}

#[test]
fn a_request_whose_answer_breaks_off_is_carried_out() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().drop_connection(Drop::AfterBytes(10)));
    client.try_call("createcard", &CREATE).unwrap_err();
    assert_eq!(sandbox.cards().len(), 1);
    assert_eq!(client.call("createcard", &CREATE).code(), 409);
}

#[test]
#[should_panic(expected = "header Retry-After cannot be sent")]
fn an_invalid_fault_is_refused_when_it_is_added() {
    let (sandbox, _) = plain();
    sandbox.push_fault(Fault::default().header("Retry-After", "1\r\n"));
}

#[test]
fn known_errors_have_a_code_and_a_message() {
    let (sandbox, client) = plain();
    for (code, status, message) in [
        (400, 200, "Bad request."),
        (401, 200, "Unauthorized."),
        (403, 200, "Forbidden."),
        (404, 200, "Card not found."),
        (409, 200, "A card with this value of field (PHONE) already exists."),
        (500, 200, "Internal server error."),
        (502, 502, "Bad gateway."),
        (503, 503, "Service unavailable."),
        (504, 504, "Gateway timeout."),
    ] {
        sandbox.push_fault(Fault::known_error(code).unwrap());
        let reply = client.call("createcard", &CREATE);
        assert_eq!((reply.status, reply.code()), (status, i64::from(code)));
        assert_eq!((reply.message().as_str(), reply.json()["error"].as_bool()), (message, Some(true)));
    }
    assert!(sandbox.cards().is_empty());
    assert_eq!(Fault::known_error(418), None);
}

#[test]
fn a_late_request_is_carried_out_after_its_client_has_given_up() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().late(Duration::MAX));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| client.try_call("createcard", &CREATE));
        support::wait_until("the request", || sandbox.late_requests() == 1);
        sandbox.close_connections();
        call.join().unwrap().unwrap_err();
    });
    assert!(sandbox.cards().is_empty(), "not before its time");
    assert_eq!(sandbox.requests()[0].card_id, None);
    sandbox.carry_out_late_requests();
    support::wait_until("the card", || sandbox.cards().len() == 1);
    support::wait_until("the record", || sandbox.requests()[0].card_id.is_some());
    assert_eq!((sandbox.requests()[0].status, sandbox.late_requests()), (None, 0));
    assert_eq!(client.call("createcard", &CREATE).code(), 409);
}

#[test]
fn a_late_request_is_answered_if_its_client_still_waits() {
    let (sandbox, client) = plain();
    let late = Duration::from_millis(60);
    sandbox.push_fault(Fault::default().late(late).delay(late));
    let start = Instant::now();
    assert_eq!(client.call("createcard", &CREATE).code(), 200);
    assert!(start.elapsed() >= 2 * late);
    assert_eq!(sandbox.cards().len(), 1);
}

#[test]
fn a_request_can_be_carried_out_after_its_connection_was_closed() {
    let (sandbox, client) = plain();
    let fault = Fault::default().drop_connection(Drop::BeforeProcessing);
    sandbox.push_fault(fault.clone().late(Duration::MAX));
    client.try_call("createcard", &CREATE).unwrap_err();
    support::wait_until("the close", || sandbox.open_connections() == 0);
    assert_eq!((sandbox.cards().len(), sandbox.late_requests()), (0, 1), "closed, but not carried out");
    sandbox.carry_out_late_requests();
    support::wait_until("the card", || sandbox.cards().len() == 1);

    sandbox.push_fault(fault);
    let id = sandbox.cards()[0].id.clone();
    client.try_call("updatecard", &[("cardId", &id), ("values[%BONUS%]", "5")]).unwrap_err();
    support::wait_until("the update", || sandbox.card(&id).unwrap().get("BONUS") == Some("5"));
}

#[test]
fn an_observer_is_called_after_a_late_request_was_carried_out() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let seen = Arc::clone(&seen);
        Arc::new(move |request: &passteam_sandbox::RecordedRequest| {
            seen.lock().unwrap().push((request.status, request.card_id.is_some()));
        })
    };
    let sandbox = start(Options { observer: Some(observer), ..Options::default() });
    sandbox.push_fault(Fault::default().late(Duration::MAX).drop_connection(Drop::BeforeProcessing));
    Client::new(&sandbox).try_call("createcard", &CREATE).unwrap_err();
    support::wait_until("the request", || sandbox.late_requests() == 1);
    assert!(seen.lock().unwrap().is_empty());
    sandbox.carry_out_late_requests();
    support::wait_until("the observer", || !seen.lock().unwrap().is_empty());
    assert_eq!(*seen.lock().unwrap(), [(None, true)]);
}

#[test]
fn late_requests_end_with_the_sandbox() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().late(Duration::MAX).drop_connection(Drop::BeforeProcessing));
    client.try_call("createcard", &CREATE).unwrap_err();
    support::wait_until("the request", || sandbox.late_requests() == 1);
    drop(sandbox);
}
