//! The process-wide runtime. It has no thread of its own: a caller that blocks runs the I/O of all connections meanwhile.

use std::io;
use std::pin::pin;

use super::process::Process;

/// Runs a future on the calling thread until it is done. Any number of threads may do so at once; none holds up another.
///
/// Nothing in the future may block: while it runs, nobody attends to the other callers' connections.
///
/// # Errors
/// The operating system has no file descriptors left, so that not even the runtime can be made.
///
/// # Panics
/// When called from within a future that it runs.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Process::current().map(|process| process.block_on(future))
}

impl Process {
    /// The same on the runtime of a process that is known already.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        // The runtime moves what it runs several times: a pointer instead of kilobytes.
        self.runtime.block_on(pin!(future))
    }
}
