//! Misbehaviour on request.

mod support;

use std::time::{Duration, Instant};

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Drop, Fault, Options};
use serde_json::json;
use support::{Client, plain, start};

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
    let hollow = client.call("createcard", &CREATE).json();
    assert_eq!(hollow, json!({"result": null, "message": "A fault that was ordered.", "code": 200, "error": false}));
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
fn faults_can_be_seen_and_taken_back() {
    let (sandbox, client) = plain();
    let faults = [Fault::default().code(1), Fault::of("updatecard").status(500)];
    faults.iter().for_each(|fault| sandbox.push_fault(fault.clone()));
    assert_eq!(sandbox.pending_faults(), faults);
    sandbox.clear_faults();
    assert_eq!(sandbox.pending_faults(), []);
    assert_eq!(client.call("gettemplates", &[]).code(), 200);
}

#[test]
fn a_delay_holds_back_the_answer_to_a_request_that_is_carried_out() {
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
fn latency_holds_back_every_answer() {
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
fn a_slow_answer_delays_nobody_else() {
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
fn a_connection_dropped_before_the_answer_leaves_nothing_done() {
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
fn a_connection_dropped_after_processing_leaves_the_card_made() {
    let (sandbox, client) = plain();
    sandbox.push_fault(Fault::default().status(500).drop_connection(Drop::AfterProcessing));
    client.try_call("createcard", &CREATE).unwrap_err();
    assert_eq!(sandbox.cards().len(), 1);
    assert_eq!(sandbox.requests()[0].status, None);
    assert_eq!(client.call("createcard", &CREATE).code(), 409);
}

/// What arrives of an answer that is cut after so many bytes, and its announced length.
fn cut_answer(fault: Fault) -> (Vec<u8>, usize) {
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
fn a_body_breaks_off_after_the_ordered_number_of_bytes() {
    let body: Vec<u8> = (0..=255).cycle().take(8_000_000).collect();
    for bytes in [0, 1, 5_000, 4_000_000] {
        let (sent, announced) =
            cut_answer(Fault::default().body(body.clone()).drop_connection(Drop::AfterBytes(bytes)));
        assert_eq!(announced, body.len());
        assert!(sent == body[..bytes], "{} of {bytes} bytes", sent.len());
    }
    let (sent, announced) = cut_answer(Fault::default().body("abc").drop_connection(Drop::AfterBytes(100)));
    assert_eq!((sent.as_slice(), announced), (&b"abc"[..], 4), "announced longer than it is");
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
fn a_fault_that_http_does_not_allow_is_refused_at_once() {
    let (sandbox, _) = plain();
    sandbox.push_fault(Fault::default().header("Retry-After", "1\r\n"));
}
