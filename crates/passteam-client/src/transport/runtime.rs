//! The process-wide runtime. It owns no thread: whoever waits for a call drives everybody's connections meanwhile.

use std::io;
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Runtime};

/// Threads that look up names. One that a resolver never answers stays for as long as the resolver takes.
const MOST_LOOKUPS: usize = 64;

/// How long an idle look-up thread stays in the host's process.
const LOOKUP_THREAD_IDLE: Duration = Duration::from_secs(1);

/// Runs a future on the calling thread until it is done. Any number of threads may do so at once; none holds up another.
///
/// # Errors
/// The operating system gives no more file descriptors, so that not even the runtime can be made.
///
/// # Panics
/// When called from within a future that it runs.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    static RUNTIME: OnceCell<Runtime> = OnceCell::new();
    let runtime = RUNTIME.get_or_try_init(|| {
        Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(MOST_LOOKUPS)
            .thread_keep_alive(LOOKUP_THREAD_IDLE)
            .thread_name("passteam-dns")
            .build()
    })?;
    Ok(runtime.block_on(future))
}

/// Returns when every connection whose close has reached this computer has noticed it, so that none of them is picked for the
/// next request.
///
/// Nobody drives the runtime between calls, and a future that `block_on` runs is polled before the tasks that the same events
/// woke, so yielding there is not enough. A task that yields is resumed after the events have been fetched and behind the
/// connections that they woke, on whichever thread drives the runtime.
pub(super) async fn notice_closed_connections() {
    // The task can only fail with the whole runtime.
    let _ = tokio::spawn(tokio::task::yield_now()).await;
}
