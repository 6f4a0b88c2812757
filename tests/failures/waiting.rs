//! Waiting uses no processor time, and callers that wait at the same time do not depend on one another.

use std::thread;
use std::time::Duration;

use addin_testkit::{apart, shop};
use cpu_time::ProcessTime;
use passteam_sandbox::{Options, Tls};
use testkit::test_path;

use crate::table::{attempt, cases};

/// Seconds of processor time in a second of waiting. A busy loop would use all of it.
const MOST: f64 = 0.25;

#[test]
fn waiting_uses_no_processor_time() {
    if apart::rerun(test_path!(waiting_uses_no_processor_time), |_| {}).is_some() {
        return;
    }
    // The first call of a process reads the system's certificates.
    let secure = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let object = shop::component_for(&secure.url());
    object.set("CertificateFile", shop::ca_file(&secure, folder.path())).unwrap();
    shop::create(&object, shop::PHONE);

    let mut played = 0;
    for case in cases().iter().filter(|case| case.waits) {
        let object = shop::component();
        let mut stage = case.stage();
        stage.set_up(&object);
        object.set("Timeout", 1).unwrap();
        let start = ProcessTime::now();
        assert!(!attempt(&object, "UpdateCard"), "{}", case.name);
        let used: Duration = start.elapsed();
        assert!(used.as_secs_f64() < MOST, "{} used {used:?}", case.name);
        played += 1;
    }
    assert!(played >= 8, "{played}");
}

/// A thread that waits runs the I/O of all calls, and a server's threads come and go: an event that a thread has asked the
/// operating system for must not be lost when that thread ends.
#[test]
fn a_thread_that_ends_takes_no_other_threads_events_along() {
    const AT_A_TIME: usize = 8;
    const CALLS: usize = 250;

    let sandbox = shop::sandbox();
    let url = sandbox.url();
    let create_one = |number: usize| {
        let object = shop::component_for(&url);
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
