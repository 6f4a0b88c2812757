//! The record of requests: what tests and the page see of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Options};

use crate::support::{self, Client, TOKEN, plain, start};

#[test]
fn a_request_is_recorded_as_it_was_sent_and_answered() {
    let (sandbox, client) = plain();
    let id = client.create("+7 (916)");
    client.call("updatecard", &[("cardId", "missing")]);
    let [create, update] = &sandbox.requests()[..] else { panic!("{:?}", sandbox.requests()) };

    assert_eq!((create.number, create.method.as_str(), create.complete), (1, "createcard", true));
    assert_eq!(create.header("AUTHORIZATION"), Some(TOKEN));
    assert_eq!(create.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(create.body.starts_with(b"templateId="), "{create:?}");
    assert!(create.body.windows(19).any(|bytes| bytes.eq_ignore_ascii_case(b"values%5B%25PHONE%2")), "{create:?}");
    assert_eq!(
        create.form,
        [("templateId".into(), DEFAULT_TEMPLATE_ID.into()), ("values[%PHONE%]".into(), "+7 (916)".to_owned())]
    );
    assert_eq!(create.field("values[%PHONE%]"), Some("+7 (916)"));
    assert_eq!((create.status, create.code, create.card_id.as_deref()), (Some(200), Some(200), Some(id.as_str())));

    assert_eq!((update.number, update.method.as_str()), (2, "updatecard"));
    assert_eq!((update.status, update.code, &update.card_id), (Some(200), Some(404), &None));
}

#[test]
fn no_formatting_of_a_request_shows_the_token() {
    let (sandbox, client) = plain();
    client.create("79160000000");
    let request = &sandbox.requests()[0];
    let id = request.card_id.as_deref().unwrap();
    assert!(!format!("{request:?} {request:#?} {request}").contains(TOKEN));
    assert!(format!("{request:?}").contains(r#"("authorization", "***")"#));
    assert_eq!(request.to_string(), format!("#1 createcard HTTP 200 code 200 card {id}"));
    let options = Options { token: TOKEN.into(), ..Options::default() };
    assert!(!format!("{options:?}").contains(TOKEN));
}

#[test]
fn a_request_that_breaks_off_is_recorded_as_incomplete_and_not_carried_out() {
    let (sandbox, _) = plain();
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    let body = format!("templateId={DEFAULT_TEMPLATE_ID}&values[%PHONE%]=7");
    write!(
        stream,
        "POST /oapi/v1/createcard HTTP/1.1\r\nHost: localhost\r\nAuthorization: {TOKEN}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len() + 1
    )
    .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"");
    let request = &sandbox.requests()[0];
    assert_eq!((request.complete, request.status), (false, None));
    assert_eq!(request.body, body.as_bytes());
    assert!(sandbox.cards().is_empty());
}

#[test]
fn a_request_larger_than_the_limit_is_refused() {
    let (sandbox, _) = plain();
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    stream.write_all(b"POST /oapi/v1/createcard HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999999\r\n\r\n").unwrap();
    while stream.write_all(&[b'a'; 65536]).is_ok() {}
    drop(stream);
    support::wait_until("the close", || sandbox.open_connections() == 0);
    let request = &sandbox.requests()[0];
    assert_eq!((request.complete, request.status), (false, None));
}

#[test]
fn a_request_whose_headers_break_off_is_not_recorded() {
    let (sandbox, _) = plain();
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    stream.write_all(b"POST /oapi/v1/createcard HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(sandbox.requests().is_empty());
}

#[test]
fn only_the_latest_requests_are_kept() {
    let sandbox = start(Options { keep_requests: 2, ..Options::default() });
    let client = Client::new(&sandbox);
    let numbers = || sandbox.requests().iter().map(|request| request.number).collect::<Vec<_>>();
    for phone in ["1", "2", "3"] {
        client.create(phone);
    }
    assert_eq!(numbers(), [2, 3]);
    sandbox.clear_requests();
    assert!(numbers().is_empty());
    client.create("4");
    assert_eq!(numbers(), [4]);
    assert_eq!(sandbox.requests()[0].code, Some(200));
}

#[test]
fn nothing_is_recorded_if_no_request_is_kept() {
    let sandbox = start(Options { keep_requests: 0, ..Options::default() });
    Client::new(&sandbox).create("7");
    assert_eq!(sandbox.cards().len(), 1);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn an_observer_is_called_after_each_request() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let seen = Arc::clone(&seen);
        Arc::new(move |request: &passteam_sandbox::RecordedRequest| {
            seen.lock().unwrap().push((request.method.clone(), request.code));
        })
    };
    let sandbox = start(Options { keep_requests: 0, observer: Some(observer), ..Options::default() });
    let client = Client::new(&sandbox);
    client.create("7");
    client.call("createcard", &[]);
    client.call("gettemplates", &[]);
    assert!(sandbox.requests().is_empty());
    drop(sandbox);
    let expected =
        [("createcard".to_owned(), Some(200)), ("createcard".into(), Some(404)), ("gettemplates".into(), Some(200))];
    assert_eq!(*seen.lock().unwrap(), expected);
}
