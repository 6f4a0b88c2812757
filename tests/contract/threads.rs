use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use addin_host::Object;
use addin_testkit::shop::{PHONE, call, component_for, create, exception, sandbox, text};
use passteam_sandbox::Fault;
use serde_json::{Value as Json, json};
use testkit::{Peer, Together, eventually};

/// Longer than any test here waits.
const FOR_LONG: f64 = 600.0;

/// So many cards that nobody knows.
fn updates(count: usize) -> String {
    json!((0..count).map(|number| json!({"cardId": format!("{number}")})).collect::<Vec<_>>()).to_string()
}

fn creations(count: usize) -> String {
    json!((0..count).map(|number| json!({"key": format!("{number}")})).collect::<Vec<_>>()).to_string()
}

fn returned(object: &Object, method: &str, input: String) -> Vec<Json> {
    let returned = object.function(method, &[input.into(), 2.into()]).unwrap().as_str().unwrap();
    serde_json::from_str(&returned).unwrap()
}

/// Calls `Done` when it is dropped.
struct Ending<'a>(&'a Object);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// A silent server, an object for it, and a batch that waits for that server while `meanwhile` runs.
fn during_a_batch(method: &'static str, input: String, meanwhile: impl FnOnce(&Object)) -> Vec<Json> {
    let peer = Peer::start(|mut connection| {
        connection.read_request();
        connection.wait_for_close();
    });
    let object = component_for(&peer.url());
    object.set("Timeout", FOR_LONG).unwrap();
    thread::scope(|scope| {
        let batch = scope.spawn(|| returned(&object, method, input));
        // Ends the batch, even if an assertion fails.
        let ending = Ending(&object);
        eventually("two requests are under way", || peer.requests().len() == 2);
        meanwhile(&object);
        drop(ending);
        batch.join().unwrap()
    })
}

#[test]
fn properties_do_not_wait_for_a_batch() {
    during_a_batch("UpdateCards", updates(5), |object| {
        object.set("TemplateId", "другой").unwrap();
        assert_eq!(text(object, "TemplateId"), "другой");
        assert_eq!(text(object, "ErrorKind"), "");
        object.procedure("SetValue", &["NAME".into(), "x".into()]).unwrap();
        object.procedure("ClearValues", &[]).unwrap();
        assert!(object.set("Timeout", 0).is_err(), "an exception of another thread");
    });
}

#[test]
fn a_second_call_waits_no_longer_than_its_timeout_and_then_raises_that_the_object_is_busy() {
    during_a_batch("UpdateCards", updates(5), |object| {
        object.set("Timeout", 0.3).unwrap();
        let start = Instant::now();
        object.procedure("SetValue", &["NAME".into(), "x".into()]).unwrap();
        let description = exception(object.function("UpdateCard", &["id".into()]));
        assert!(start.elapsed() >= Duration::from_millis(300));
        assert!(description.contains("занят") && description.contains("UpdateCard"), "{description}");
        assert_eq!(text(object, "ErrorKind"), "Misuse");
        assert_eq!(text(object, "ErrorDescription"), description);
    });
}

#[test]
fn a_second_call_gets_its_turn_when_the_first_has_ended() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let (said, heard) = mpsc::channel();
    let together = Together::of(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            let (object, said, together) = (&object, said.clone(), &together);
            scope.spawn(move || {
                let _held = together.hold();
                said.send(call(object, "CallMethod", &["gettemplates".into()])).unwrap();
            });
        }
    });
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [true; 8]);
    assert!(object.misuse().is_clean());
}

/// Only single calls lose what they have waited: a batch has its time limit for that.
#[test]
fn a_card_of_a_batch_has_the_whole_timeout_also_if_the_batch_had_to_wait() {
    const TIMEOUT: u64 = 2;
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let card = create(&object, PHONE);
    let batch = || json!([{"cardId": card}]).to_string();
    // The first call holds the object for a moment; then the service asks for a pause that just fits into `Timeout`.
    sandbox.push_fault(Fault::of("gettemplates").delay(Duration::from_millis(500)));
    let pause = Fault::of("updatecard").status(429).code(429).header("Retry-After", TIMEOUT.to_string());
    sandbox.push_fault(pause);
    let together = Together::of(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _held = together.hold();
            assert!(call(&object, "CallMethod", &["gettemplates".into()]));
        });
        let _held = together.hold();
        eventually("the first call is under way", || sandbox.requests().len() == 2);
        object.set("Timeout", TIMEOUT as i32).unwrap();
        assert_eq!(returned(&object, "UpdateCards", batch())[0]["ok"], true, "{}", text(&object, "Result"));
    });
}

#[test]
fn done_ends_a_batch_of_updates() {
    let mut start = Instant::now();
    let outcomes = during_a_batch("UpdateCards", updates(5), |_| start = Instant::now());
    assert!(start.elapsed() < Duration::from_secs_f64(FOR_LONG / 10.0), "{:?}", start.elapsed());
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome["errorKind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Timeout", "Timeout", "NotSent", "NotSent", "NotSent"]);
}

#[test]
fn done_ends_a_batch_of_creations_whose_outcome_is_then_unknown() {
    let outcomes = during_a_batch("CreateCards", creations(4), |_| ());
    let told: Vec<_> = outcomes.iter().map(|outcome| json!([outcome["errorKind"], outcome["unknown"]])).collect();
    let (given_up, rest) = (json!(["Timeout", true]), json!(["NotSent", false]));
    assert_eq!(told, [given_up.clone(), given_up, rest.clone(), rest]);
}
