//! What waiting costs the host's process.

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
