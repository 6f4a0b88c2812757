//! What waiting costs the host's process, and that callers who wait at once do not need one another.

use std::thread;
use std::time::Duration;

use cpu_time::ProcessTime;
use testkit::{apart, shop, test_path};

use crate::table::{attempt, cases};

/// Of a second of waiting; a loop that asks again and again would take all of it.
const MOST: f64 = 0.25;

#[test]
fn waiting_burns_no_processor_time() {
    if apart::rerun(test_path!(waiting_burns_no_processor_time), |_| {}).is_some() {
        return;
    }
    let mut played = 0;
    for case in cases().iter().filter(|case| case.waits) {
        let object = shop::component();
        let mut stage = case.stage();
        stage.set_up(&object);
        // Whatever is done once, such as reading the trusted authorities.
        object.set("Timeout", 0.1).unwrap();
        assert!(!attempt(&object, "UpdateCard"));

        object.set("Timeout", 1).unwrap();
        let start = ProcessTime::now();
        assert!(!attempt(&object, "UpdateCard"), "{}", case.name);
        let burnt: Duration = start.elapsed();
        assert!(burnt.as_secs_f64() < MOST, "{} burnt {burnt:?}", case.name);
        played += 1;
    }
    assert!(played >= 8, "{played}");
}

/// Whoever waits attends to the others' connections, and a server's threads come and go: what one of them has asked the operating
/// system for must not end with it.
#[test]
fn a_thread_that_ends_takes_nobodys_events_along() {
    const AT_A_TIME: usize = 8;
    const CALLS: usize = 250;

    let sandbox = shop::sandbox();
    let url = sandbox.url();
    let create_one = |number: usize| {
        let object = shop::component_for(&url);
        object.set("Timeout", 20).unwrap();
        shop::create(&object, &format!("+7{number:010}"));
    };
    thread::scope(|callers| {
        for caller in 0..AT_A_TIME {
            callers.spawn(move || {
                for number in caller * CALLS..(caller + 1) * CALLS {
                    thread::scope(|one| {
                        one.spawn(|| create_one(number));
                    });
                }
            });
        }
    });
    assert_eq!(sandbox.cards().len(), AT_A_TIME * CALLS);
}
