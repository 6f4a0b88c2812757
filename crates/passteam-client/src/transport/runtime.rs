//! The process-wide runtime. It owns no thread: whoever waits for a call drives everybody's connections meanwhile.

use std::io;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Runtime};

/// The runtime, made when it is first asked for.
///
/// # Errors
/// The operating system has no file descriptors left for it; a later call may find some.
pub(super) fn get() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceCell<Runtime> = OnceCell::new();
    RUNTIME.get_or_try_init(|| Builder::new_current_thread().enable_io().enable_time().build())
}

/// Runs a future on the calling thread until it is done. Any number of threads may do so at once; none holds up another.
///
/// # Errors
/// The operating system has no file descriptors left, so that not even the runtime can be made.
///
/// # Panics
/// When called from within a future that it runs.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    get().map(|runtime| runtime.block_on(future))
}

/// Returns when every connection whose close has reached this computer has noticed it, and every one whose answer was read is
/// back in its pool: so that no closed one is picked for the next request, and an open one is.
///
/// Nobody drives the runtime between calls, so events pile up. To yield here would not fetch them where another thread is the one
/// that drives. A task that yields is resumed, whoever drives, after everything that was ready has run and the events have been
/// fetched, and behind the connections that they woke.
pub(super) async fn notice_closed_connections() {
    // The task can only fail with the whole runtime.
    let _ = tokio::spawn(tokio::task::yield_now()).await;
}
