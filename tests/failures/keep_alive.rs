//! Connections that were kept open and close before, or while, the next request leaves.
//!
//! Processes of their own: one keeps connections to no more than 16 servers, and the other tests have many.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use addin_host::Object;
use passteam_sandbox::{Options, Tls};
use testkit::peer::{Close, Peer, close, read_request};
use testkit::relay::Relay;
use testkit::shop::{self, call, text};
use testkit::tls::Identity;
use testkit::{apart, test_path};

use crate::never_twice::{SETTLE, wait_until};
use crate::table::{attempt, https};

/// A whole answer that both methods take for a success, after which the connection stays open.
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{\"code\": 200, \"result\": {\"cardId\": \"c1\"}}";

/// How a kept connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Fin,
    Reset,
    /// TLS says so first.
    CloseNotify,
}

/// A service whose connections can be closed while they are idle.
struct Service {
    peer: Peer,
    line: Arc<Line>,
    /// The client's address of each connection that was ended.
    ended: mpsc::Receiver<SocketAddr>,
    ca: Option<tempfile::NamedTempFile>,
}

/// What the service's owner and its connections have in common.
#[derive(Default)]
struct Line {
    requests: AtomicUsize,
    /// Ends the connection that has answered last.
    end: Mutex<Option<mpsc::Sender<()>>>,
}

impl Line {
    /// Answers one request on a connection; whether to end the connection then, as ordered.
    fn serve(&self, stream: &mut (impl Read + Write)) -> bool {
        if read_request(stream).is_none() {
            return false;
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (end, ordered) = mpsc::channel();
        *self.end.lock().unwrap() = Some(end);
        stream.write_all(ANSWER.as_bytes()).and_then(|()| stream.flush()).unwrap();
        ordered.recv().is_ok()
    }
}

impl Service {
    fn plain(ending: Ending) -> Service {
        let line = Arc::new(Line::default());
        let (say_ended, ended) = mpsc::channel();
        let served = line.clone();
        let peer = Peer::start(move |mut stream, _| {
            if served.serve(&mut stream) {
                finish(stream, ending, &say_ended);
            }
        });
        Service { peer, line, ended, ca: None }
    }

    fn secure(ending: Ending) -> Service {
        let line = Arc::new(Line::default());
        let (say_ended, ended) = mpsc::channel();
        let served = line.clone();
        let identity = Identity::new(None);
        let peer = identity.serve(move |mut stream, _| {
            if served.serve(&mut stream) {
                if ending == Ending::CloseNotify {
                    stream.conn.send_close_notify();
                    stream.flush().unwrap();
                }
                finish(stream.sock, ending, &say_ended);
            }
        });
        let mut ca = tempfile::NamedTempFile::new().unwrap();
        ca.write_all(identity.ca_pem().as_bytes()).unwrap();
        Service { peer, line, ended, ca: Some(ca) }
    }

    fn component(&self) -> Object {
        let object = match &self.ca {
            Some(_) => shop::component_for(&https(self.peer.address())),
            None => shop::component_for(&self.peer.url()),
        };
        if let Some(ca) = &self.ca {
            object.set("CertificateFile", ca.path().to_str().unwrap()).unwrap();
        }
        object.set("Retries", 0).unwrap();
        object
    }

    /// Ends the idle connection; returns when the client's computer knows.
    fn end_idle_connection(&self) {
        let end = self.line.end.lock().unwrap().take().expect("a connection that has answered");
        end.send(()).unwrap();
        let client = self.ended.recv_timeout(SETTLE).expect("the connection ends");
        wait_until("the close has reached the client", || !is_established(client, self.peer.address()));
    }
}

fn finish(stream: TcpStream, ending: Ending, ended: &mpsc::Sender<SocketAddr>) {
    let client = stream.peer_addr().expect("the client keeps the connection, too");
    close(&stream, if ending == Ending::Reset { Close::Reset } else { Close::Fin });
    drop(stream);
    // The test may be over.
    let _ = ended.send(client);
}

/// Whether the client's end of a connection is still open as Linux sees it; elsewhere loopback is as good as instant.
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
    Peer::start(move |mut stream, _| {
        if read_request(&mut stream).is_some() && stream.write_all(ANSWER.as_bytes()).is_ok() {
            // The next request is there, and nobody takes it.
            if stream.peek(&mut [0]).is_ok_and(|count| count > 0) {
                close(&stream, how);
            }
        }
    })
}

#[test]
fn where_a_close_crosses_the_request_an_update_repeats_and_a_creation_says_connection() {
    let path = test_path!(where_a_close_crosses_the_request_an_update_repeats_and_a_creation_says_connection);
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

        let peer = closing_on_the_second_request(how);
        let object = shop::component_for(&peer.url());
        assert!(attempt(&object, "CreateCard"));
        assert!(!attempt(&object, "CreateCard"), "{how:?}");
        assert_eq!(text(&object, "ErrorKind"), "Connection", "{how:?}");
        assert_eq!(peer.connections(), 1, "{how:?}: seen once");
        assert!(attempt(&object, "CreateCard"), "the next call has a new connection");
    }
}

/// Closes that come a little before, while and after the request leaves: chance decides, and no outcome makes two cards.
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
        let url = if tls { https(relay.address()) } else { format!("http://{}/oapi/v1", relay.address()) };
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
        wait_until("the sandbox has done with every connection", || sandbox.open_connections() == 0);
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
