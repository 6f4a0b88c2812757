//! The same for `CreateCards`: eight cards at a time, each over a connection that breaks at a byte of its own.

use std::sync::atomic::Ordering;

use addin_host::Object;
use passteam_sandbox::{Drop, Fault};
use serde::Deserialize;
use serde_json::json;
use testkit::{Close, Cut, Relay, Sender};

use super::{Scene, new_phone};

const AT_A_TIME: usize = 8;
/// Cards whose turn comes when one of the first has ended.
const MORE: usize = 3;

/// The outcome of one entry, whose key is the customer's phone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    key: String,
    ok: bool,
    card_id: String,
    unknown: bool,
    error_kind: String,
}

fn create_cards(object: &Object, count: usize) -> Vec<Entry> {
    // Much longer than anything here takes.
    object.set("Timeout", 60).unwrap();
    let entries: Vec<_> = std::iter::repeat_with(new_phone)
        .take(count)
        .map(|phone| json!({"key": phone, "values": {"PHONE": phone}}))
        .collect();
    let arguments = [json!(entries).to_string().into(), (AT_A_TIME as i32).into()];
    let returned = object.function("CreateCards", &arguments).unwrap().as_str().unwrap();
    serde_json::from_str(&returned).unwrap_or_else(|error| panic!("{error}: {returned}"))
}

impl Scene {
    /// Creates cards; the first connections break at these places, later ones do not. Returns the number of connections, too.
    fn create_batch(&self, cuts: Vec<Cut>) -> (Vec<Entry>, usize) {
        let relay = Relay::start(self.sandbox.addr(), move |number| cuts.get(number).copied());
        let entries = create_cards(&self.component_at(relay.address()), AT_A_TIME + MORE);
        self.made.fetch_add(relay.connections(), Ordering::SeqCst);
        (entries, relay.connections())
    }

    /// Compares what the component says with what the service has done, after all connections have ended.
    fn assert_true(&self, entries: &[Entry]) {
        let (creations, cards) = (self.creations(), self.sandbox.cards());
        for Entry { key, ok, card_id, unknown, error_kind } in entries {
            let sent = creations.get(key).copied().unwrap_or(0);
            let made = cards.iter().find(|card| card.get("PHONE") == Some(key));
            assert!(sent <= 1, "{key} was created {sent} times");
            assert!(
                !ok || made.is_some_and(|card| card.id == *card_id),
                "{key}: a success that the service does not know"
            );
            assert!(*ok || *unknown || made.is_none(), "{key}: {error_kind}, known, and yet the card was made");
            match error_kind.as_str() {
                "NotSent" => assert!(sent == 0 && !unknown, "{key}: not sent, and yet the service got it"),
                "Connection" | "BadResponse" => assert_eq!(card_id, ""),
                kind => assert_eq!((kind, *ok, *unknown), ("", true, false), "{key}"),
            }
        }
    }
}

/// Every `step`-th byte of one direction, for both ways to break.
fn cuts(of: Sender, bytes: impl Iterator<Item = usize> + Clone) -> impl Iterator<Item = Cut> {
    [Close::Fin, Close::Reset]
        .into_iter()
        .flat_map(move |close| bytes.clone().map(move |after| Cut { of, after, close }))
}

#[test]
fn a_batch_over_plain_http_tells_exactly_which_creations_are_unknown() {
    let scene = Scene::new(false);
    let (request, answer) = scene.lengths();
    // From the first byte on that has left until the last that must arrive.
    let inside: Vec<Cut> = cuts(Sender::Client, 1..request).chain(cuts(Sender::Server, 1..answer)).collect();
    let mut all = Vec::new();
    for cuts in inside.chunks(AT_A_TIME) {
        let (entries, connections) = scene.create_batch(cuts.to_vec());
        if cuts.len() == AT_A_TIME {
            assert_eq!(connections, AT_A_TIME, "nothing is sent again, and nothing more is begun: {cuts:?}");
            let told: Vec<_> = entries.iter().map(|entry| (entry.unknown, entry.error_kind == "NotSent")).collect();
            let expected = [[(true, false)].repeat(AT_A_TIME), [(false, true)].repeat(MORE)].concat();
            assert_eq!(told, expected, "{cuts:?}");
        }
        all.extend(entries);
    }
    // Before the first byte and after the last one the outcome depends on who is faster.
    let edges = [(Sender::Client, 0), (Sender::Client, request), (Sender::Server, 0), (Sender::Server, answer)];
    for (of, after) in edges {
        for close in [Close::Fin, Close::Reset] {
            let (entries, _) = scene.create_batch(vec![Cut { of, after, close }; AT_A_TIME]);
            if (of, after, close) == (Sender::Server, answer, Close::Fin) {
                // A card after these may go over a connection whose close is still on its way.
                assert!(entries[..AT_A_TIME].iter().all(|entry| entry.ok), "every answer is whole");
            }
            all.extend(entries);
        }
    }
    scene.assert_true(&all);
    assert!(scene.sandbox.cards().len() > answer, "the service has carried out the creations whose answers broke off");
}

#[test]
fn a_batch_over_tls_creates_no_card_twice_wherever_its_connections_break() {
    // A prime number, so that the breaks fall on different places of the TLS records.
    const STEP: usize = 67;
    // The first message of either side is longer than this.
    const WITHIN_THE_HANDSHAKE: usize = 200;

    let scene = Scene::new(true);
    let (request, answer) = scene.lengths();
    let (handshake, later): (Vec<Cut>, Vec<Cut>) = cuts(Sender::Client, (0..request).step_by(STEP))
        .chain(cuts(Sender::Server, (0..answer).step_by(STEP)))
        .partition(|cut| cut.after < WITHIN_THE_HANDSHAKE);
    let mut all = Vec::new();
    for cuts in handshake.chunks(AT_A_TIME) {
        let (entries, _) = scene.create_batch(cuts.to_vec());
        assert!(entries.iter().all(|entry| entry.ok), "nothing was sent before the handshake was over: {cuts:?}");
        all.extend(entries);
    }
    for cuts in later.chunks(AT_A_TIME) {
        all.extend(scene.create_batch(cuts.to_vec()).0);
    }
    assert!(all.iter().any(|entry| entry.unknown), "some breaks come too late for a repeat");
    scene.assert_true(&all);
}

/// The service closes in every way that it has, also before it carries a request out, while seven others are under way.
#[test]
fn a_service_that_closes_early_or_late_is_asked_for_no_card_twice() {
    let scene = Scene::new(false);
    let mut all = Vec::new();
    for drop in [Drop::BeforeAnswer, Drop::BeforeProcessing, Drop::AfterProcessing, Drop::AfterBytes(3)] {
        for before in [0, 5, 20] {
            for _ in 0..before {
                scene.sandbox.push_fault(Fault::default());
            }
            scene.sandbox.push_fault(Fault::of("createcard").drop_connection(drop));
            let object = scene.component_at(scene.sandbox.addr());
            let entries = create_cards(&object, 40);
            assert_eq!(entries.iter().filter(|entry| entry.unknown).count(), 1, "{drop:?}");
            all.extend(entries);
        }
    }
    scene.sandbox.carry_out_late_requests();
    scene.sandbox.close_connections();
    scene.assert_true(&all);
}
