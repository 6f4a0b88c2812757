//! Time in tests whose verdict must not depend on how busy the machine is.

use std::thread;
use std::time::{Duration, Instant};

/// Much longer than anything here takes, also on a busy machine: it only turns an endless wait into a failure.
const LIMIT: Duration = Duration::from_secs(60);

/// Returns as soon as the condition holds.
///
/// # Panics
/// If it does not hold within a minute; the text says what was waited for.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < end, "not within {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Checks that something is prompt: repeats an attempt, which returns the time that it took, until one took at most this long. A busy
/// machine delays some of the attempts, but hardly all of them; code that is always late delays every one.
///
/// # Panics
/// If no attempt was prompt.
pub fn prompt(limit: Duration, mut attempt: impl FnMut() -> Duration) {
    const ATTEMPTS: usize = 20;
    let mut times = Vec::new();
    while times.last().is_none_or(|time| *time > limit) {
        assert!(times.len() < ATTEMPTS, "not once within {limit:?}: {times:?}");
        times.push(attempt());
    }
}
