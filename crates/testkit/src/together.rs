//! Threads that end only when all of them have done their work.
//!
//! Wine loses an event that comes while the thread that waits for it ends, which Windows since Vista does not, and one thread of the
//! client waits for the events of all. So a thread that has made its call must not end there while another one calls.

use std::sync::Barrier;

/// Threads that end together.
pub struct Together(Barrier);

/// Holds the thread that drops it until all others drop theirs. A thread that panics does so, too.
#[must_use = "it holds the thread when it is dropped"]
pub struct Held<'a>(&'a Barrier);

impl Together {
    /// For this number of threads, each of which calls [`Together::hold`] once.
    pub fn of(threads: usize) -> Together {
        Together(Barrier::new(threads))
    }

    /// Held until all have come to the end of their work.
    pub fn hold(&self) -> Held<'_> {
        Held(&self.0)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.wait();
    }
}
