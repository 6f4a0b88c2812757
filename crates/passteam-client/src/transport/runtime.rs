//! The process-wide runtime. It owns no thread: whoever waits for a call drives everybody's connections meanwhile.

use std::future::ready;
use std::io;
use std::panic::resume_unwind;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};

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

/// Runs a future as a task of the runtime, once everything that happened since the runtime was last driven has been attended to:
/// a connection whose close has reached this computer is no longer picked, one whose answer was read is back in its pool. The
/// future is dropped with the one that waits for it.
///
/// Tasks run one at a time, on whichever thread drives the runtime; the futures of [`block_on`] do not. A request that one thread
/// hands over while another finds its connection closed can get lost between hyper and its channel, and then ends no sooner than
/// its deadline. And to yield in such a future fetches no events where another thread is the one that drives.
pub(super) async fn as_task<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    struct Abandon<T>(JoinHandle<T>);

    impl<T> Drop for Abandon<T> {
        fn drop(&mut self) {
            self.0.abort();
        }
    }

    let task = tokio::spawn(async {
        // Resumed after all that was ready has run and the events have been fetched, and behind the connections that they woke.
        yield_now().await;
        future.await
    });
    let mut task = Abandon(task);
    match (&mut task.0).await {
        Ok(output) => output,
        // Nobody else can abort the task, so that it has panicked.
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Attends to what was abandoned: it closes its connections now, and not when somebody calls again.
pub(super) async fn settle() {
    as_task(ready(())).await;
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_task_that_nobody_waits_for_any_more_is_dropped() {
        let owned = Arc::new(());
        let held = Arc::clone(&owned);
        block_on(async move {
            let endless = as_task(async move {
                let _held = held;
                pending::<()>().await;
            });
            assert!(tokio::time::timeout(Duration::from_millis(1), endless).await.is_err());
            settle().await;
        })
        .expect("a runtime");
        assert_eq!(Arc::strong_count(&owned), 1);
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_nobody_else() {
        let panicking = std::panic::catch_unwind(|| block_on(as_task(async { panic!("provoked") })));
        assert!(panicking.is_err());
        assert_eq!(block_on(as_task(ready(7))).expect("a runtime"), 7);
    }
}
