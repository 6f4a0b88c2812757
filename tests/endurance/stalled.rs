use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::alone::{alone, stalled_name};
use crate::process::{eventually, threads_of_the_component};
use crate::shop::{PHONE, call, component_for, create, text};

/// More than look up names at once.
const STALLED: usize = 100;
/// What a stalled caller waits for: longer than the whole test takes.
const FOR_LONG: f64 = 600.0;
const CALLS: usize = 200;

/// So many threads call a server that does not answer, until the process ends. The counter tells how many have come back.
fn stall(url: impl Fn(usize) -> String) -> Arc<AtomicUsize> {
    let (started, returned) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for number in 0..STALLED {
        let object = component_for(&url(number));
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
fn a_silent_server_costs_only_those_who_call_it() {
    alone("stalled::a_silent_server_costs_only_those_who_call_it", |world| {
        let returned = stall(|_| world.silent.clone());
        works(&world.service);
        assert_eq!(returned.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_name_that_nobody_answers_for_costs_only_those_who_call_it() {
    alone("stalled::a_name_that_nobody_answers_for_costs_only_those_who_call_it", |world| {
        let returned = stall(|_| stalled_name(0));
        works(&world.service_by_name());
        assert_eq!(returned.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn look_ups_that_never_end_keep_a_bounded_number_of_threads() {
    alone("stalled::look_ups_that_never_end_keep_a_bounded_number_of_threads", |world| {
        let returned = stall(stalled_name);
        eventually("look-ups are under way", || threads_of_the_component() > 0);
        works(&world.service);
        assert_eq!(returned.load(Ordering::SeqCst), 0);
        assert!(threads_of_the_component() <= 64, "{}", threads_of_the_component());
    });
}
