//! Kept connections that the server closes before the next request leaves, or while it leaves.
//!
//! The tests run in processes of their own: a process keeps connections to at most 16 servers, and the other tests have many.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use addin_host::Object;
use addin_testkit::apart;
use addin_testkit::shop::{self, call, text};
use passteam_sandbox::{Options, Tls};
use testkit::{Authority, Close, Connection, Peer, Relay, eventually, http, https_url, test_path};

use crate::table::attempt;

/// An answer that is a success for both methods. The connection stays open after it.
fn success() -> Vec<u8> {
    http(200, &[], r#"{"code": 200, "result": {"cardId": "c1"}}"#)
}

/// How a kept connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// By a FIN.
    Fin,
    /// By a RST.
    Reset,
    /// By TLS (close_notify), then by a FIN.
    CloseNotify,
}

/// A service whose connections can be closed while they are idle.
struct Service {
    peer: Peer,
    line: Arc<Line>,
    /// Receives the client's address of each connection that was ended.
    ended: mpsc::Receiver<SocketAddr>,
    ca: Option<tempfile::NamedTempFile>,
}

/// What the test and the service's connections share.
#[derive(Default)]
struct Line {
    requests: AtomicUsize,
    /// Ends the connection that answered last.
    end: Mutex<Option<mpsc::Sender<()>>>,
}

impl Line {
    /// Answers one request; returns true when the test has ordered the connection's end.
    fn serve(&self, connection: &mut Connection) -> bool {
        if connection.read_request().is_none() {
            return false;
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (end, ordered) = mpsc::channel();
        *self.end.lock().unwrap() = Some(end);
        connection.send(success()) && ordered.recv().is_ok()
    }
}

impl Service {
    fn plain(ending: Ending) -> Service {
        let line = Arc::new(Line::default());
        let (say_ended, ended) = mpsc::channel();
        let served = line.clone();
        let peer = Peer::start(move |mut connection| {
            if served.serve(&mut connection) {
                finish(connection, ending, &say_ended);
            }
        });
        Service { peer, line, ended, ca: None }
    }

    fn secure(ending: Ending) -> Service {
        let line = Arc::new(Line::default());
        let (say_ended, ended) = mpsc::channel();
        let served = line.clone();
        let authority = Authority::named("Test CA");
        let peer = Peer::tls(authority.server("localhost"), move |mut connection| {
            if served.serve(&mut connection) {
                finish(connection, ending, &say_ended);
            }
        });
        let mut ca = tempfile::NamedTempFile::new().unwrap();
        ca.write_all(authority.pem().as_bytes()).unwrap();
        Service { peer, line, ended, ca: Some(ca) }
    }

    fn component(&self) -> Object {
        let object = shop::component_for(&self.peer.url());
        if let Some(ca) = &self.ca {
            object.set("CertificateFile", ca.path().to_str().unwrap()).unwrap();
        }
        object.set("Retries", 0).unwrap();
        object
    }

    /// Ends the idle connection; returns when the client's operating system has received the end.
    fn end_idle_connection(&self) {
        let end = self.line.end.lock().unwrap().take().expect("a connection that has answered");
        end.send(()).unwrap();
        let client = self.ended.recv_timeout(Duration::from_secs(60)).expect("the connection ends");
        eventually("the close has reached the client", || !is_established(client, self.peer.address()));
    }
}

fn finish(mut connection: Connection, ending: Ending, ended: &mpsc::Sender<SocketAddr>) {
    let client = connection.client();
    if ending == Ending::CloseNotify {
        connection.send_close_notify();
    }
    connection.close(if ending == Ending::Reset { Close::Reset } else { Close::Fin });
    // The test may be over.
    let _ = ended.send(client);
}

/// Whether the client's end of a connection is still open. Linux says so; elsewhere a close over loopback arrives at once.
fn is_established(client: SocketAddr, server: SocketAddr) -> bool {
    const ESTABLISHED: &str = "01";

    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let ends_with_port = |field: &str, address: SocketAddr| field.ends_with(&format!(":{:04X}", address.port()));
    table.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().take(4).collect();
        matches!(fields[..], [_, local, remote, state]
            if ends_with_port(local, client) && ends_with_port(remote, server) && state == ESTABLISHED)
    })
}

#[test]
fn a_close_that_has_reached_the_client_fails_no_call() {
    if apart::rerun(test_path!(a_close_that_has_reached_the_client_fails_no_call), |_| {}).is_some() {
        return;
    }
    for service in [
        Service::plain(Ending::Fin),
        Service::plain(Ending::Reset),
        Service::secure(Ending::Fin),
        Service::secure(Ending::Reset),
        Service::secure(Ending::CloseNotify),
    ] {
        let object = service.component();
        for round in 0..25 {
            let method = if round % 2 == 0 { "CreateCard" } else { "UpdateCard" };
            assert!(attempt(&object, method), "{round}: {}", text(&object, "ErrorDescription"));
            assert_eq!(service.peer.connections(), round + 1);
            assert_eq!(service.line.requests.load(Ordering::SeqCst), round + 1);
            service.end_idle_connection();
        }
    }
}

/// A service that keeps each connection after its first answer, and closes it when the second request arrives, unread.
fn closing_on_the_second_request(how: Close) -> Peer {
    Peer::start(move |mut connection| {
        if connection.read_request().is_some() && connection.send(success()) && connection.wait_for_bytes() {
            connection.close(how);
        }
    })
}

#[test]
fn if_a_close_crosses_the_request_an_update_repeats_and_a_creation_says_connection() {
    let path = test_path!(if_a_close_crosses_the_request_an_update_repeats_and_a_creation_says_connection);
    if apart::rerun(path, |_| {}).is_some() {
        return;
    }
    for how in [Close::Fin, Close::Reset] {
        let peer = closing_on_the_second_request(how);
        let object = shop::component_for(&peer.url());
        assert!(attempt(&object, "UpdateCard"));
        assert_eq!(peer.connections(), 1);
        assert!(attempt(&object, "UpdateCard"), "{how:?}: {}", text(&object, "ErrorDescription"));
        assert_eq!(peer.connections(), 2, "{how:?}");

        let (peer, object) = loop {
            let peer = closing_on_the_second_request(how);
            let object = shop::component_for(&peer.url());
            assert!(attempt(&object, "CreateCard"));
            let start = Instant::now();
            let second = attempt(&object, "CreateCard");
            // A creation takes no connection that was idle for a second, which happens on a busy machine.
            if start.elapsed() < Duration::from_secs(1) {
                assert!(!second, "{how:?}");
                break (peer, object);
            }
        };
        assert_eq!(text(&object, "ErrorKind"), "Connection", "{how:?}");
        assert_eq!(peer.connections(), 1, "{how:?}: seen once");
        assert!(attempt(&object, "CreateCard"), "the next call has a new connection");
    }
}

/// Closes that come just before, during and just after the request: the outcome varies, but it is never two cards.
#[test]
fn creations_that_race_with_a_close_make_no_second_card() {
    const ROUNDS: u32 = 300;

    for tls in [false, true] {
        let sandbox = shop::sandbox_with(Options {
            tls: if tls { Tls::OwnCa } else { Tls::None },
            keep_requests: 10_000,
            ..Options::default()
        });
        let folder = tempfile::tempdir().unwrap();
        let relay = Relay::start(sandbox.addr(), |_| None);
        let url = if tls { https_url(relay.address()) } else { format!("http://{}/oapi/v1", relay.address()) };
        let object = shop::component_for(&url);
        if tls {
            object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
        }
        let mut created = 0;
        for round in 0..ROUNDS {
            let phone = format!("+7999{round:06}");
            object.procedure("SetValue", &["PHONE".into(), phone.as_str().into()]).unwrap();
            thread::scope(|scope| {
                let relay = &relay;
                scope.spawn(move || {
                    let at = Instant::now() + Duration::from_micros(u64::from(round * 10));
                    while Instant::now() < at {
                        std::hint::spin_loop();
                    }
                    relay.close_connections();
                });
                if call(&object, "CreateCard", &[]) {
                    created += 1;
                } else {
                    let kind = text(&object, "ErrorKind");
                    assert!(["Connection", "BadResponse"].contains(&kind.as_str()), "{round}: {kind}");
                }
            });
        }
        relay.close_connections();
        eventually("the sandbox has closed every connection", || sandbox.open_connections() == 0);
        let requests = sandbox.requests();
        for round in 0..ROUNDS {
            let phone = format!("+7999{round:06}");
            let seen =
                requests.iter().filter(|one| one.complete && one.field("values[%PHONE%]") == Some(&phone)).count();
            assert!(seen <= 1, "{phone} was created {seen} times");
        }
        assert!(created > 0 && created <= sandbox.cards().len(), "{created}");
    }
}

/// A connection can die unseen, in a router that has forgotten it: what must not be sent twice does not go over an old one.
#[test]
fn a_creation_goes_over_no_connection_that_was_idle_for_more_than_a_second() {
    const IDLE: Duration = Duration::from_secs(1);
    let path = test_path!(a_creation_goes_over_no_connection_that_was_idle_for_more_than_a_second);
    if apart::rerun(path, |_| {}).is_some() {
        return;
    }
    let peer = Peer::resetting_idle(success(), IDLE);
    let object = shop::component_for(&peer.url());
    object.set("Timeout", 60).unwrap();
    object.set("Retries", 0).unwrap();
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
    thread::sleep(IDLE + Duration::from_millis(100));
    assert!(attempt(&object, "CreateCard"), "{}", text(&object, "ErrorDescription"));
    assert_eq!(peer.connections(), 2);
    let cards = r#"[{"key": "1"}, {"key": "2"}]"#;
    thread::sleep(IDLE + Duration::from_millis(100));
    let returned = object.function("CreateCards", &[cards.into(), 2.into()]).unwrap().as_str().unwrap();
    assert_eq!(text(&object, "ErrorKind"), "", "{returned}");
    assert!(peer.connections() > 2);
    assert_eq!(peer.requests().iter().filter(|request| request.contains("/createcard")).count(), 3);
}
