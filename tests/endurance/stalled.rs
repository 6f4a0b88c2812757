use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use addin_testkit::shop::{PHONE, call, component_for, create, text};
use testkit::{eventually, test_path};

use crate::alone::{alone, stalled_name};
use crate::process::threads_of_the_component;

/// More than the limit of simultaneous look-ups.
const STALLED: usize = 100;
/// `Timeout` of a stalled caller in seconds: longer than the whole test takes.
const FOR_LONG: f64 = 600.0;
const CALLS: usize = 200;
/// The component's own limit.
const MOST_LOOK_UPS: usize = 64;

/// Starts [`STALLED`] threads that call a server that does not answer. Returns the number of calls that have returned.
fn stall(url: &str) -> Arc<AtomicUsize> {
    let (started, returned) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..STALLED {
        let object = component_for(url);
        object.set("Timeout", FOR_LONG).unwrap();
        let (started, returned) = (Arc::clone(&started), Arc::clone(&returned));
        thread::spawn(move || {
            started.fetch_add(1, Ordering::SeqCst);
            let _ = object.function("UpdateCard", &["id".into()]);
            returned.fetch_add(1, Ordering::SeqCst);
        });
    }
    eventually("the callers call", || started.load(Ordering::SeqCst) == STALLED);
    returned
}

fn works(url: &str) {
    let object = component_for(url);
    object.set("Timeout", FOR_LONG / 10.0).unwrap();
    let card = create(&object, PHONE);
    for _ in 0..CALLS {
        assert!(call(&object, "UpdateCard", &[card.as_str().into()]), "{}", text(&object, "Result"));
    }
}

#[test]
fn a_silent_server_delays_only_its_own_callers() {
    alone(test_path!(a_silent_server_delays_only_its_own_callers), |world| {
        let returned = stall(&world.silent);
        works(&world.service);
        assert_eq!(returned.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_look_up_that_never_ends_delays_only_its_own_callers() {
    alone(test_path!(a_look_up_that_never_ends_delays_only_its_own_callers), |world| {
        abandon_look_ups(|_| stalled_name(0));
        works(&world.service_by_name());
    });
}

#[test]
fn look_ups_that_never_end_keep_a_bounded_number_of_threads() {
    alone(test_path!(look_ups_that_never_end_keep_a_bounded_number_of_threads), |world| {
        // On a busy machine a deadline can pass before a look-up begins.
        while threads_of_the_component() == 0 {
            abandon_look_ups(stalled_name);
        }
        let threads = threads_of_the_component();
        assert!((1..=MOST_LOOK_UPS).contains(&threads), "{threads}");
        works(&world.service);
    });
}

/// Makes [`STALLED`] calls that end by `Timeout` while their look-ups go on, which never end.
fn abandon_look_ups(url: impl Fn(usize) -> String) {
    let callers: Vec<_> = (0..STALLED)
        .map(|number| {
            let object = component_for(&url(number));
            object.set("Timeout", 1).unwrap();
            thread::spawn(move || {
                assert!(!call(&object, "UpdateCard", &["id".into()]));
                assert_eq!(text(&object, "ErrorKind"), "Timeout", "{}", text(&object, "Result"));
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
}
