//! A card is created at most once, at whichever byte the connection breaks.

mod batches;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use addin_host::Object;
use addin_testkit::shop::{self, call, number, text};
use passteam_sandbox::{Options, RecordedRequest, Sandbox, Tls};
use testkit::{Close, Cut, Peer, Relay, Sender, eventually, https_url};

/// A service behind connections that break.
struct Scene {
    sandbox: Sandbox,
    /// Holds the CA's file.
    folder: tempfile::TempDir,
    tls: bool,
    /// How many connections must have reached the sandbox.
    made: AtomicUsize,
}

/// The outcome of one creation.
struct Outcome {
    phone: String,
    success: bool,
    kind: String,
    connections: usize,
}

impl Scene {
    fn new(tls: bool) -> Scene {
        let options =
            Options { tls: if tls { Tls::OwnCa } else { Tls::None }, keep_requests: 100_000, ..Options::default() };
        Scene {
            sandbox: shop::sandbox_with(options),
            folder: tempfile::tempdir().unwrap(),
            tls,
            made: AtomicUsize::new(0),
        }
    }

    fn component_at(&self, address: SocketAddr) -> Object {
        let url = if self.tls { https_url(address) } else { format!("http://{address}/oapi/v1") };
        let object = shop::component_for(&url);
        if self.tls {
            object.set("CertificateFile", shop::ca_file(&self.sandbox, self.folder.path())).unwrap();
        }
        object
    }

    /// Creates a card; the first connection breaks at `cut`, later ones do not.
    fn create(&self, cut: Cut) -> Outcome {
        self.create_through(&Relay::start(self.sandbox.addr(), move |number| (number == 0).then_some(cut)))
    }

    fn create_through(&self, relay: &Relay) -> Outcome {
        let object = self.component_at(relay.address());
        let phone = new_phone();
        object.procedure("SetValue", &["PHONE".into(), phone.as_str().into()]).unwrap();
        let success = call(&object, "CreateCard", &[]);
        let connections = relay.connections();
        self.made.fetch_add(connections, Ordering::SeqCst);
        Outcome { phone, success, kind: text(&object, "ErrorKind"), connections }
    }

    /// The number of bytes that client and server send for one creation, the handshake included.
    fn lengths(&self) -> (usize, usize) {
        let relay = Relay::start(self.sandbox.addr(), |_| None);
        assert!(self.create_through(&relay).success);
        (relay.passed(Sender::Client), relay.passed(Sender::Server))
    }

    /// Updates a card; the first connection breaks at `cut`. Returns the number of connections.
    fn update(&self, card: &str, cut: Cut) -> usize {
        let relay = Relay::start(self.sandbox.addr(), move |number| (number == 0).then_some(cut));
        let object = self.component_at(relay.address());
        assert!(call(&object, "UpdateCard", &[card.into()]), "{cut:?}: {}", text(&object, "ErrorDescription"));
        relay.connections()
    }

    /// How many complete `createcard` requests the sandbox got for each phone, after it has closed every connection.
    fn creations(&self) -> HashMap<String, usize> {
        let made = self.made.load(Ordering::SeqCst) as u64;
        eventually("the sandbox has closed every connection", || {
            self.sandbox.connections() >= made && self.sandbox.open_connections() == 0
        });
        count(&self.sandbox.requests())
    }
}

fn count(requests: &[RecordedRequest]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for request in requests.iter().filter(|request| request.complete && request.method == "createcard") {
        *counts.entry(request.field("values[%PHONE%]").unwrap_or_default().to_owned()).or_default() += 1;
    }
    counts
}

/// A phone that no other creation has. All phones have one length, so that all requests have one length.
fn new_phone() -> String {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    format!("+7{:010}", LAST.fetch_add(1, Ordering::Relaxed))
}

fn assert_at_most_once(scene: &Scene, outcomes: &[Outcome]) {
    let creations = scene.creations();
    for Outcome { phone, success, kind, .. } in outcomes {
        let seen = creations.get(phone).copied().unwrap_or(0);
        assert!(seen <= 1, "{phone} was created {seen} times");
        assert!(!success || seen == 1, "{phone}: a success that the service did not see");
        assert!(*success || ["Connection", "BadResponse"].contains(&kind.as_str()), "{phone}: {kind}");
    }
}

/// Creates a card for every `step`-th byte of both directions and for both ways to break.
fn sweep(scene: &Scene, (request, answer): (usize, usize), step: usize) -> Vec<(Cut, Outcome)> {
    let ends = [(Sender::Client, request), (Sender::Server, answer)];
    let cuts: Vec<Cut> = ends
        .into_iter()
        .flat_map(|(of, end)| (0..=end).step_by(step).chain([end]).map(move |after| (of, after)))
        .flat_map(|(of, after)| [Close::Fin, Close::Reset].map(|close| Cut { of, after, close }))
        .collect();
    cuts.into_iter().map(|cut| (cut, scene.create(cut))).collect()
}

#[test]
fn a_creation_over_plain_http_is_sent_once_wherever_the_connection_breaks() {
    let scene = Scene::new(false);
    let (request, answer) = scene.lengths();
    assert!(request > 200 && answer > 200, "{request} {answer}");
    let outcomes = sweep(&scene, (request, answer), 1);
    for (cut, outcome) in &outcomes {
        // A break after 0 bytes may come before the request.
        let has_arrived = cut.after > 0;
        if has_arrived {
            assert_eq!(outcome.connections, 1, "{cut:?}: nothing is sent again once a byte has arrived");
        }
        match cut.of {
            // After the whole request, the answer may arrive before the break.
            Sender::Client if has_arrived && cut.after < request => assert_eq!(outcome.kind, "Connection", "{cut:?}"),
            Sender::Server if cut.after == answer && cut.close == Close::Fin => assert!(outcome.success, "{cut:?}"),
            _ => {}
        }
    }
    // A FIN loses none of the bytes before it, so the kinds depend only on the number of bytes.
    let kinds: Vec<&str> = outcomes
        .iter()
        .filter(|(cut, _)| cut.of == Sender::Server && cut.after > 0 && cut.close == Close::Fin)
        .map(|(_, outcome)| outcome.kind.as_str())
        .collect();
    let mut runs = kinds.clone();
    runs.dedup();
    assert_eq!(runs, ["Connection", "BadResponse", ""], "no answer, part of one, a whole one");
    assert_at_most_once(&scene, &outcomes.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>());
}

#[test]
fn a_creation_over_tls_is_sent_once_wherever_the_connection_breaks() {
    // A prime number, so that the breaks fall on different places of the TLS records.
    const STEP: usize = 29;
    // The first message of either side is longer than this.
    const WITHIN_THE_HANDSHAKE: usize = 200;

    let scene = Scene::new(true);
    let lengths = scene.lengths();
    let outcomes = sweep(&scene, lengths, STEP);
    let (handshakes, later): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(cut, _)| cut.after < WITHIN_THE_HANDSHAKE);
    for (cut, outcome) in handshakes {
        assert!(outcome.success, "{cut:?}: nothing was sent before the handshake was over, so it may be tried again");
        assert_eq!(outcome.connections, 2, "{cut:?}");
    }
    assert!(later.iter().any(|(_, outcome)| !outcome.success), "some breaks come too late for a repeat");
    assert_at_most_once(&scene, &outcomes.into_iter().map(|(_, outcome)| outcome).collect::<Vec<_>>());
}

#[test]
fn an_update_succeeds_in_one_call_wherever_its_first_connection_breaks() {
    for (tls, step) in [(false, 7), (true, 97)] {
        let scene = Scene::new(tls);
        let lengths = scene.lengths();
        let card = shop::create(&scene.component_at(scene.sandbox.addr()), shop::PHONE);
        for (of, end) in [(Sender::Client, lengths.0 / 2), (Sender::Server, lengths.1 / 2)] {
            for after in (0..end).step_by(step) {
                for close in [Close::Fin, Close::Reset] {
                    assert_eq!(scene.update(&card, Cut { of, after, close }), 2, "{of:?} {after} {close:?}");
                }
            }
        }
    }
}

#[test]
fn a_creation_that_could_not_leave_is_tried_again_on_a_new_connection() {
    let scene = Scene::new(true);
    for close in [Close::Fin, Close::Reset] {
        let outcome = scene.create(Cut { of: Sender::Client, after: 0, close });
        assert!(outcome.success && outcome.connections == 2, "{close:?}: {}", outcome.kind);
    }
}

#[test]
fn without_retries_nothing_is_tried_again() {
    let peer = Peer::start(|mut connection| drop(connection.read_request()));
    let object = shop::component_for(&peer.url());
    object.set("Retries", 0).unwrap();
    for (done, method) in ["CreateCard", "UpdateCard", "CallMethod"].into_iter().enumerate() {
        let arguments = if method == "CreateCard" { vec![] } else { vec!["id".into()] };
        assert!(!call(&object, method, &arguments));
        assert_eq!(text(&object, "ErrorKind"), "Connection");
        assert_eq!(number(&object, "Code"), 0.0);
        assert_eq!(peer.connections(), done + 1);
    }
}
