//! Connections are kept from one caller to the next. In a process of its own: the table of servers is bounded, and tests that use
//! many of them would push these out.

mod support;

use passteam_client::settings::{Proxy, Settings, Token};
use passteam_client::{Cause, Kind, call};

use crate::support::{CREATED, Peer, UPDATED, assert_success, create, failure, http, settings, trusted, update};

#[test]
fn two_hundred_callers_in_a_row_share_one_tls_connection() {
    let (peer, settings, _file) = trusted(|connection| connection.answer_all(&http(200, &[], CREATED)));
    for number in 0..200 {
        // The token is no part of what a connection depends on.
        let token = Token::parse(&format!("token-{number}")).expect("a token");
        assert_success(&call(&Settings { token, ..settings.clone() }, &create()));
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
    let peer = Peer::answering(http(404, &[], r#"{"code":404}"#));
    for _ in 0..5 {
        assert_eq!(failure(&call(&settings(&peer.url()), &create())).0, Kind::NotFound);
    }
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_tunnel_through_a_proxy_is_kept() {
    let proxy = Peer::tunnelling();
    let (server, settings, _file) = trusted(|connection| connection.answer_all(&http(200, &[], CREATED)));
    let through = Proxy::parse(&format!("http://{}", proxy.address())).expect("a proxy");
    let settings = Settings { proxy: through, ..settings };
    for _ in 0..5 {
        assert_success(&call(&settings, &create()));
    }
    assert_eq!((proxy.connections(), server.connections(), server.requests().len()), (1, 1, 5));
}

/// A server that closes every connection in answer to its second request.
fn closing_on_the_second() -> Peer {
    Peer::plain(|connection| {
        if connection.read_request().is_some() {
            connection.write(&http(200, &[], UPDATED));
            connection.read_request();
        }
    })
}

#[test]
fn a_close_that_crosses_a_create_is_told_and_the_create_not_sent_again() {
    let peer = closing_on_the_second();
    let settings = Settings { retries: 5, ..settings(&peer.url()) };
    assert_success(&call(&settings, &update()));
    let report = call(&settings, &create());
    assert_eq!((failure(&report), report.tries), ((Kind::Connection, Cause::Reset), 1));
    let creates = peer.requests().iter().filter(|request| request.contains("/createcard")).count();
    assert_eq!((creates, peer.connections()), (1, 1));
}

#[test]
fn an_update_is_sent_again_over_a_new_connection() {
    let peer = closing_on_the_second();
    let settings = Settings { retries: 5, ..settings(&peer.url()) };
    assert_success(&call(&settings, &update()));
    let report = call(&settings, &update());
    assert_success(&report);
    assert_eq!((report.tries, peer.connections(), peer.requests().len()), (2, 2, 3));
}
