//! Connections, TLS, and the life of the server.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use passteam_sandbox::{CertificateKind, Options, Sandbox, Tls};
use rustls::CertificateError;

use crate::support::{Client, TOKEN, plain, start, wait_until};

fn with_tls(tls: Tls) -> Sandbox {
    start(Options { tls, ..Options::default() })
}

#[test]
fn a_plain_sandbox_listens_on_a_free_loopback_port() {
    let (sandbox, client) = plain();
    assert!(sandbox.addr().ip().is_loopback());
    assert_ne!(sandbox.addr().port(), 0);
    assert_eq!(sandbox.url(), format!("http://{}/oapi/v1", sandbox.addr()));
    assert_eq!(sandbox.ca_pem(), None);
    client.create("7");
    assert_eq!(sandbox.handshakes(), 0);
}

#[test]
fn an_address_in_use_is_an_error() {
    let (sandbox, _) = plain();
    let again = Sandbox::start(Options { listen: sandbox.addr(), ..Options::default() });
    assert_eq!(again.err().unwrap().kind(), io::ErrorKind::AddrInUse);
}

#[test]
fn two_sandboxes_share_nothing() {
    let (first, client) = plain();
    let (second, _) = plain();
    client.create("7");
    assert_eq!((first.cards().len(), second.cards().len()), (1, 0));
}

#[test]
fn a_dropped_sandbox_closes_its_connections_and_frees_its_port() {
    let (sandbox, _) = plain();
    let addr = sandbox.addr();
    let mut idle = TcpStream::connect(addr).unwrap();
    wait_until("the connection", || sandbox.open_connections() == 1);
    drop(sandbox);
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)), "closed");
    Sandbox::start(Options { listen: addr, ..Options::default() }).unwrap();
}

#[test]
fn connections_are_counted_and_kept_alive() {
    let (sandbox, client) = plain();
    client.create("1");
    client.create("2");
    assert_eq!((sandbox.connections(), sandbox.open_connections()), (1, 1));
    let other = Client::new(&sandbox);
    other.create("3");
    assert_eq!((sandbox.connections(), sandbox.open_connections()), (2, 2));
    assert_eq!(sandbox.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [1, 1, 2]);
    drop((client, other));
    wait_until("the close", || sandbox.open_connections() == 0);
    assert_eq!(sandbox.connections(), 2);
}

#[test]
fn closed_connections_are_followed_by_new_ones() {
    let (sandbox, client) = plain();
    client.create("1");
    sandbox.close_connections();
    wait_until("the close", || sandbox.open_connections() == 0);
    client.create("2");
    assert_eq!(sandbox.connections(), 2);
}

#[test]
fn a_client_that_trusts_the_sandboxs_ca_speaks_tls_with_it() {
    let sandbox = with_tls(Tls::OwnCa);
    assert_eq!(sandbox.url(), format!("https://localhost:{}/oapi/v1", sandbox.addr().port()));
    let client = Client::new(&sandbox);
    let id = client.create("7");
    assert_eq!(client.call("updatecard", &[("cardId", &id)]).code(), 200);
    assert_eq!((sandbox.connections(), sandbox.handshakes()), (1, 1));
    assert_eq!(sandbox.cards().len(), 1);
    assert!(sandbox.cards()[0].url.starts_with("https://localhost:"));
}

#[test]
fn the_good_certificate_names_the_loopback_addresses_too() {
    let sandbox = with_tls(Tls::OwnCa);
    let url = format!("https://{}/oapi/v1", sandbox.addr());
    let client = Client::at(&url, sandbox.ca_pem());
    assert_eq!(client.call("gettemplates", &[]).code(), 200);
}

#[test]
fn plain_text_to_a_tls_port_gets_no_answer() {
    let sandbox = with_tls(Tls::OwnCa);
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    // In one piece: the server may close the connection after the first.
    let request = format!("POST /oapi/v1/gettemplates HTTP/1.1\r\nAuthorization: {TOKEN}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!((sandbox.connections(), sandbox.handshakes()), (1, 0));
    assert!(sandbox.requests().is_empty());
}

/// Why a client that trusts the sandbox's CA refuses a certificate of this kind.
fn certificate_error(kind: CertificateKind) -> CertificateError {
    let sandbox = with_tls(Tls::Certificate(kind));
    let error = Client::new(&sandbox).try_call("gettemplates", &[]).unwrap_err();
    assert!(sandbox.requests().is_empty(), "no request may be sent to {kind:?}");
    let ureq::Error::Io(io) = &error else { panic!("{kind:?}: {error:?}") };
    match io.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(reason)) => reason.clone(),
        _ => panic!("{kind:?}: {error:?}"),
    }
}

#[test]
fn each_kind_of_bad_certificate_is_refused_for_its_own_reason() {
    use CertificateError::*;

    assert!(matches!(certificate_error(CertificateKind::Expired), ExpiredContext { .. }));
    assert!(matches!(certificate_error(CertificateKind::NotYetValid), NotValidYetContext { .. }));
    assert!(matches!(certificate_error(CertificateKind::WrongHost), NotValidForNameContext { .. }));
    assert!(matches!(certificate_error(CertificateKind::SelfSigned), UnknownIssuer));
    assert!(matches!(certificate_error(CertificateKind::UnknownCa), UnknownIssuer));
}
