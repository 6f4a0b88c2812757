//! The signal SIGPIPE: a write to a connection that the other side has reset raises it, and it ends a process that has not said
//! otherwise. Rust programs ignore it, so a test has to look for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Notices a SIGPIPE of this process. Works on Unix, and for the whole process: use it in a process of the test's own.
pub struct SigpipeWatch(Arc<AtomicBool>);

impl SigpipeWatch {
    /// Replaces what the process does at a SIGPIPE: the process goes on, and the signal is noticed.
    ///
    /// # Panics
    /// If the operating system refuses.
    pub fn start() -> SigpipeWatch {
        let flag = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGPIPE, Arc::clone(&flag)).expect("a handler");
        SigpipeWatch(flag)
    }

    /// Whether the signal has come since the start.
    pub fn has_come(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
