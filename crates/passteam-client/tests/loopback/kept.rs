//! Connections that stay open from one call to the next.
//!
//! Each test runs in a process of its own: the client keeps connections to a limited number of servers, and the other tests have
//! many.

use std::time::{Duration, Instant};

use passteam_client::settings::{self, Settings, Token};
use passteam_client::{Cause, Kind, call};
use testkit::apart::rerun;
use testkit::{Peer, Proxy, http, test_path};

use crate::calls::{CREATED, UPDATED, assert_success, create, failure, settings, trusted, update};

#[test]
fn two_hundred_callers_in_a_row_share_one_tls_connection() {
    if rerun(test_path!(two_hundred_callers_in_a_row_share_one_tls_connection), |_| {}).is_some() {
        return;
    }
    let (peer, settings, _file) = trusted(|mut connection| connection.answer_all(&http(200, &[], CREATED)));
    for number in 0..200 {
        // Calls with different tokens share connections.
        let token = Token::parse(&format!("token-{number}")).expect("a token");
        assert_success(&call(&Settings { token, ..settings.clone() }, &update()));
    }
    assert_eq!(peer.connections(), 1);
    let requests = peer.requests();
    assert_eq!(requests.len(), 200);
    for (number, request) in requests.iter().enumerate() {
        assert!(request.to_ascii_lowercase().contains(&format!("authorization: token-{number}\r\n")), "{request}");
    }
}

#[test]
fn a_failed_answer_does_not_cost_the_connection() {
    if rerun(test_path!(a_failed_answer_does_not_cost_the_connection), |_| {}).is_some() {
        return;
    }
    let peer = Peer::answering(http(404, &[], r#"{"code":404}"#));
    for _ in 0..5 {
        assert_eq!(failure(&call(&settings(&peer.url()), &update())).0, Kind::NotFound);
    }
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_tunnel_through_a_proxy_is_kept() {
    if rerun(test_path!(a_tunnel_through_a_proxy_is_kept), |_| {}).is_some() {
        return;
    }
    let proxy = Proxy::start();
    let (server, settings, _file) = trusted(|mut connection| connection.answer_all(&http(200, &[], CREATED)));
    let through = settings::Proxy::parse(&proxy.url()).expect("a proxy");
    let settings = Settings { proxy: through, ..settings };
    for _ in 0..5 {
        assert_success(&call(&settings, &update()));
    }
    assert_eq!((proxy.connections(), server.connections(), server.requests().len()), (1, 1, 5));
}

/// A server that closes every connection when its second request arrives.
fn closing_on_the_second() -> Peer {
    Peer::start(|mut connection| {
        if connection.read_request().is_some() {
            connection.send(http(200, &[], UPDATED));
            connection.read_request();
        }
    })
}

#[test]
fn a_close_that_crosses_a_create_is_reported_and_the_create_not_sent_again() {
    if rerun(test_path!(a_close_that_crosses_a_create_is_reported_and_the_create_not_sent_again), |_| {}).is_some() {
        return;
    }
    let (peer, report) = loop {
        let peer = closing_on_the_second();
        let settings = Settings { retries: 5, ..settings(&peer.url()) };
        assert_success(&call(&settings, &update()));
        let start = Instant::now();
        let report = call(&settings, &create());
        // A create takes no connection that was idle for a second, which happens on a busy machine.
        if start.elapsed() < Duration::from_secs(1) {
            break (peer, report);
        }
    };
    assert_eq!((failure(&report), report.tries), ((Kind::Connection, Cause::Reset), 1));
    let creates = peer.requests().iter().filter(|request| request.contains("/createcard")).count();
    assert_eq!((creates, peer.connections()), (1, 1));
}

#[test]
fn an_update_is_sent_again_over_a_new_connection() {
    if rerun(test_path!(an_update_is_sent_again_over_a_new_connection), |_| {}).is_some() {
        return;
    }
    let peer = closing_on_the_second();
    let settings = Settings { retries: 5, ..settings(&peer.url()) };
    assert_success(&call(&settings, &update()));
    let report = call(&settings, &update());
    assert_success(&report);
    assert_eq!((report.tries, peer.connections(), peer.requests().len()), (2, 2, 3));
}
