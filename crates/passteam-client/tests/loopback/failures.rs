//! Servers that misbehave, and how often a request reaches them.

use std::time::{Duration, Instant};

use passteam_client::{Cause, Kind, Settings, call};
use testkit::{Peer, http, prompt};

use crate::calls::{CREATED, UPDATED, assert_success, create, failure, settings, update};

fn patient(url: &str) -> Settings {
    Settings { retries: 2, ..settings(url) }
}

#[test]
fn a_port_where_nobody_listens_refuses() {
    for request in [create(), update()] {
        let report = call(&patient(&format!("http://{}", Peer::nobody())), &request);
        assert_eq!(failure(&report), (Kind::Connection, Cause::Refused));
        assert_eq!(
            (report.code, report.body.as_str(), report.tries),
            (0, "", 3),
            "nothing was sent, so both are repeated"
        );
    }
}

#[test]
fn a_name_that_does_not_resolve_is_reported() {
    let report = call(&settings("https://does-not-exist.invalid/oapi/v1"), &create());
    assert_eq!(failure(&report), (Kind::Connection, Cause::NameNotResolved));
}

#[test]
fn a_connection_that_breaks_before_the_headers_are_whole_is_a_reset() {
    let closes_unread = || Peer::start(|mut connection| assert!(connection.read_bytes(1)));
    let closes_after_request = || Peer::start(|mut connection| drop(connection.read_request()));
    let closes_in_headers = || Peer::answering_once("HTTP/1.1 200 OK\r\nContent-Le");
    for peer in [closes_unread(), closes_after_request(), closes_in_headers()] {
        let report = call(&patient(&peer.url()), &create());
        assert_eq!(failure(&report), (Kind::Connection, Cause::Reset));
        assert_eq!((report.code, report.tries, peer.connections()), (0, 1, 1), "a create may have arrived");
    }
    for peer in [closes_unread(), closes_after_request(), closes_in_headers()] {
        let report = call(&patient(&peer.url()), &update());
        assert_eq!(failure(&report), (Kind::Connection, Cause::Reset));
        assert_eq!((report.tries, peer.connections()), (3, 3));
    }
}

#[test]
fn an_update_gets_through_in_one_call_when_its_first_connection_breaks() {
    let peer = Peer::start(|mut connection| {
        if connection.number() > 0 {
            connection.answer_all(&http(200, &[], UPDATED));
        } else {
            connection.read_bytes(1);
        }
    });
    let report = call(&patient(&peer.url()), &update());
    assert_success(&report);
    assert_eq!(report.tries, 2);
}

#[test]
fn what_is_not_http_is_a_bad_response() {
    for garbage in ["SSH-2.0-OpenSSH_9.2\r\n", "\0\0\0\0", "HTTP/1.1 abc\r\n\r\n", "{\"code\":200}"] {
        let peer = Peer::answering_once(garbage);
        let report = call(&patient(&peer.url()), &create());
        assert_eq!(failure(&report), (Kind::BadResponse, Cause::NotHttp), "{garbage:?}");
        assert_eq!((report.code, report.tries, peer.requests().len()), (0, 1, 1));
        let report = call(&patient(&peer.url()), &update());
        assert_eq!(failure(&report), (Kind::BadResponse, Cause::NotHttp), "{garbage:?}");
        assert_eq!(report.tries, 3);
    }
}

#[test]
fn a_server_that_speaks_first_does_not_speak_http() {
    for _ in 0..20 {
        let peer = Peer::start(|mut connection| {
            connection.send(b"220 mail.example ESMTP\r\n");
            connection.wait_for_close();
        });
        let report = call(&patient(&peer.url()), &create());
        assert_eq!(failure(&report), (Kind::BadResponse, Cause::NotHttp));
    }
}

#[test]
fn headers_without_end_are_no_answer() {
    let peer = Peer::start(|mut connection| {
        connection.read_request();
        connection.send(b"HTTP/1.1 200 OK\r\n");
        for number in 0..1_000_000 {
            connection.send(format!("X-{number}: {}\r\n", "x".repeat(1000)).as_bytes());
        }
    });
    assert_eq!(failure(&call(&settings(&peer.url()), &create())), (Kind::BadResponse, Cause::NotHttp));
}

#[test]
fn an_answer_that_breaks_off_after_its_headers_is_a_bad_response() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cod";
    let measured = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":200,";
    let misframed = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    for answer in [chunked, measured, misframed] {
        let peer = Peer::answering_once(answer);
        let report = call(&patient(&peer.url()), &create());
        assert_eq!(failure(&report), (Kind::BadResponse, Cause::BrokenOff), "{answer:?}");
        assert_eq!((report.code, report.body.as_str(), report.tries, peer.requests().len()), (0, "", 1, 1));
        let report = call(&patient(&peer.url()), &update());
        assert_eq!((failure(&report), report.tries), ((Kind::BadResponse, Cause::BrokenOff), 3), "{answer:?}");
    }
}

#[test]
fn a_peer_that_stays_silent_or_drips_uses_up_the_time_and_no_more() {
    let drips = |start: &'static str| {
        Peer::start(move |mut connection| {
            connection.read_request();
            connection.send(start);
            connection.drip(&[b'x'; 1000], Duration::from_millis(50));
        })
    };
    let no_handshake = Peer::silent();
    let stalled_tls = no_handshake.https_url();
    for url in [
        Peer::silent().url(),
        drips("HTTP/1.1 200 OK\r\nX-Long: ").url(),
        drips("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").url(),
        stalled_tls,
    ] {
        for request in [create(), update()] {
            let settings = Settings { timeout: Duration::from_millis(400), ..patient(&url) };
            prompt(settings.timeout + Duration::from_millis(300), || {
                let began = Instant::now();
                let report = call(&settings, &request);
                let took = began.elapsed();
                assert_eq!(failure(&report), (Kind::Timeout, Cause::Deadline));
                assert_eq!((report.code, report.body.as_str(), report.tries), (0, "", 1));
                assert!(took >= settings.timeout, "{url}: given up early, after {took:?}");
                took
            });
        }
    }
}

#[test]
fn the_time_covers_all_tries_together() {
    let peer = Peer::start(|mut connection| {
        connection.read_request();
        if connection.number() > 1 {
            connection.wait_for_close();
        }
    });
    let settings = Settings { timeout: Duration::from_secs(4), retries: 10, ..settings(&peer.url()) };
    let began = Instant::now();
    let report = call(&settings, &update());
    assert_eq!((failure(&report), report.tries), ((Kind::Timeout, Cause::Deadline), 3));
    assert!(began.elapsed() < 2 * settings.timeout);
}

#[test]
fn a_create_arrives_whole_at_most_once_at_whichever_byte_the_connection_breaks() {
    let whole = {
        let peer = Peer::answering(http(200, &[], CREATED));
        assert_success(&call(&settings(&peer.url()), &create()));
        peer.requests()[0].len()
    };
    // The ports of the servers differ in length by at most one digit, and so do the requests.
    for length in (0..whole + 3).step_by(7).chain(whole - 3..whole + 3) {
        let peer = Peer::start(move |mut connection| {
            if connection.number() > 0 {
                connection.answer_all(&http(200, &[], CREATED));
            } else if length < whole {
                connection.read_bytes(length);
            } else {
                connection.read_request();
            }
        });
        let report = call(&patient(&peer.url()), &create());
        match &report.outcome {
            // If nothing was read, the close may have arrived before anything was sent.
            Ok(_) => assert_eq!(length, 0, "repeated after {length} bytes"),
            Err(_) => assert_eq!(failure(&report), (Kind::Connection, Cause::Reset), "after {length} bytes"),
        }
        assert!(peer.requests().len() <= 1, "seen twice after {length} bytes");
    }
}

#[test]
fn a_create_is_not_sent_again_at_whichever_byte_the_answer_breaks_off() {
    let answer = http(200, &[], CREATED);
    let head = answer.len() - CREATED.len();
    for length in 0..answer.len() {
        let peer = Peer::answering_once(&answer[..length]);
        let expected =
            if length < head { (Kind::Connection, Cause::Reset) } else { (Kind::BadResponse, Cause::BrokenOff) };
        let report = call(&patient(&peer.url()), &create());
        assert_eq!((failure(&report), report.tries), (expected, 1), "after {length} bytes");
        assert_eq!((peer.connections(), peer.requests().len()), (1, 1), "after {length} bytes");
    }
}
