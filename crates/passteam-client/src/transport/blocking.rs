//! Work that can block for any time, such as asking the system's resolver or reading a file: it runs on a thread of its own, which
//! ends with the work, and everybody who needs the same result meanwhile shares it.
//!
//! Such work cannot be cancelled. A caller that gives up leaves the thread behind until the system answers, so the number of
//! threads is limited.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

/// How many threads may be busy at once, for all keys together.
const MOST_THREADS: usize = 64;

/// The same for one key: a name that nobody answers for leaves the others their threads.
const MOST_THREADS_OF_A_KEY: usize = 4;

/// How long the last thread for a key may be busy before the next caller starts another: the system may have lost a question.
const PATIENCE: Duration = Duration::from_secs(2);

/// Given explicitly, because the standard library would read an environment variable for it. The C library's resolver needs about
/// 70 KiB, and plug-ins of the system may need more.
const STACK_BYTES: usize = 512 * 1024;

/// Results of blocking work by key.
pub(super) struct Shared<T> {
    thread_name: &'static str,
    threads: Arc<Semaphore>,
    /// Only keys that somebody works on or waits for have an entry that is alive.
    works: Mutex<BTreeMap<String, Weak<Work<T>>>>,
}

/// The work for one key.
struct Work<T> {
    /// The newest result; each one wakes all who wait.
    result: watch::Sender<Option<T>>,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    threads: usize,
    last_began: Option<Instant>,
}

impl<T: Clone + Send + Sync + 'static> Shared<T> {
    /// Names its threads so that a debugger or `ps` shows whose they are.
    pub(super) fn new(thread_name: &'static str) -> Shared<T> {
        Shared { thread_name, threads: Arc::new(Semaphore::new(MOST_THREADS)), works: Mutex::default() }
    }

    /// The next result for this key: of a thread that is at work already, or of one that is started now.
    ///
    /// # Errors
    /// No thread can be started, or the work has panicked.
    pub(super) async fn get(&self, key: &str, work: impl FnOnce() -> T + Clone + Send + 'static) -> io::Result<T> {
        let entry = self.entry(key);
        let mut results = entry.result.subscribe();
        loop {
            if entry.is_thread_due() {
                self.start(&entry, work.clone(), &results).await?;
            }
            match timeout(PATIENCE, results.changed()).await {
                Ok(Ok(())) => {
                    let result = results.borrow_and_update().clone();
                    return result.ok_or_else(|| io::Error::other("the work has panicked"));
                }
                Ok(Err(gone)) => return Err(io::Error::other(gone)),
                Err(_) => {}
            }
        }
    }

    fn entry(&self, key: &str) -> Arc<Work<T>> {
        let mut works = lock(&self.works);
        if let Some(work) = works.get(key).and_then(Weak::upgrade) {
            return work;
        }
        works.retain(|_, work| work.strong_count() > 0);
        let work = Arc::new(Work { result: watch::Sender::new(None), running: Mutex::default() });
        works.insert(key.to_owned(), Arc::downgrade(&work));
        work
    }

    /// Starts a thread, unless others have made that needless while this caller waited for its turn.
    async fn start(
        &self,
        entry: &Arc<Work<T>>,
        work: impl FnOnce() -> T + Send + 'static,
        results: &watch::Receiver<Option<T>>,
    ) -> io::Result<()> {
        let permit = Arc::clone(&self.threads).acquire_owned().await.map_err(io::Error::other)?;
        if !entry.is_thread_due() || results.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let busy = Busy::begin(Arc::clone(entry), permit);
        let run = move || busy.end(catch_unwind(AssertUnwindSafe(work)).ok());
        thread::Builder::new().name(self.thread_name.to_owned()).stack_size(STACK_BYTES).spawn(run)?;
        Ok(())
    }
}

impl<T> Work<T> {
    fn is_thread_due(&self) -> bool {
        let running = lock(&self.running);
        match running.last_began {
            Some(began) if running.threads > 0 => {
                running.threads < MOST_THREADS_OF_A_KEY && began.elapsed() >= PATIENCE
            }
            _ => true,
        }
    }
}

/// A thread that is at work, or about to be started.
struct Busy<T> {
    counted: Counted<T>,
    permit: OwnedSemaphorePermit,
}

impl<T> Busy<T> {
    fn begin(work: Arc<Work<T>>, permit: OwnedSemaphorePermit) -> Busy<T> {
        Busy { counted: Counted::begin(work), permit }
    }

    fn end(self, result: Option<T>) {
        let Busy { counted, permit } = self;
        let work = Arc::clone(&counted.0);
        // First: a caller that comes after the result must not wait for this thread.
        drop(counted);
        work.result.send_replace(result);
        drop(work);
        // Last: a thread whose permit is free again holds on to nothing.
        drop(permit);
    }
}

/// One of the threads that the work counts.
struct Counted<T>(Arc<Work<T>>);

impl<T> Counted<T> {
    fn begin(work: Arc<Work<T>>) -> Counted<T> {
        let mut running = lock(&work.running);
        running.threads += 1;
        running.last_began = Some(Instant::now());
        drop(running);
        Counted(work)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        lock(&self.0.running).threads -= 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use futures_util::future::join_all;
    use tokio::task::yield_now;

    use super::*;

    /// Work that ends when the sender says so, or is dropped; and how often it was begun.
    fn stuck() -> (mpsc::Sender<usize>, Arc<AtomicUsize>, impl FnOnce() -> usize + Clone + Send + 'static) {
        let (end, ended) = mpsc::channel();
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(ended)));
        let count = Arc::clone(&begun);
        let work = move || {
            count.fetch_add(1, Ordering::SeqCst);
            lock(&ended).recv().unwrap_or(0)
        };
        (end, begun, work)
    }

    /// Polls once and gives up.
    async fn abandon(future: impl Future) {
        tokio::select! {
            biased;
            _ = future => panic!("it has ended"),
            () = yield_now() => (),
        }
    }

    #[tokio::test]
    async fn all_who_wait_share_the_next_result() {
        let shared = Shared::new("test");
        let (end, begun, work) = stuck();
        let callers = join_all((0..8).map(|_| shared.get("key", work.clone())));
        let answer = async {
            yield_now().await;
            end.send(7).expect("a thread that waits");
        };
        let (results, ()) = tokio::join!(callers, answer);
        assert!(results.into_iter().all(|result| result.is_ok_and(|value| value == 7)));
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_result_serves_only_those_who_have_asked_before_it_came() {
        let shared = Shared::new("test");
        assert_eq!(shared.get("key", || 1).await.expect("a result"), 1);
        assert_eq!(shared.get("key", || 2).await.expect("a result"), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_whose_work_never_ends_gets_few_threads_and_leaves_the_others_theirs() {
        let shared = Shared::new("test");
        let (end, _, work) = stuck();
        let waiting = timeout(100 * PATIENCE, shared.get("stuck", work));
        assert!(waiting.await.is_err());
        assert_eq!(shared.threads.available_permits(), MOST_THREADS - MOST_THREADS_OF_A_KEY);
        assert_eq!(shared.get("other", || 1).await.expect("a result"), 1);
        drop(end);
        drop(shared.threads.acquire_many(MOST_THREADS as u32).await.expect("the threads have ended"));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_keeps_its_thread_until_it_ends() {
        let shared = Shared::new("test");
        let mut ends = Vec::new();
        for number in 0..MOST_THREADS {
            let (end, _, work) = stuck();
            abandon(shared.get(&number.to_string(), work)).await;
            ends.push(end);
        }
        abandon(shared.get("one more", || 1)).await;
        ends.pop();
        assert_eq!(shared.get("one more", || 1).await.expect("a result"), 1);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_next_caller_tries_again() {
        let shared = Shared::new("test");
        assert!(shared.get("key", || -> u8 { panic!("provoked") }).await.is_err());
        assert_eq!(shared.get("key", || 1).await.expect("a result"), 1);
        assert_eq!(lock(&shared.works).len(), 1);
    }

    #[tokio::test]
    async fn a_key_that_nobody_needs_is_forgotten() {
        let shared = Shared::new("test");
        for key in ["a", "b", "c"] {
            assert_eq!(shared.get(key, || 1).await.expect("a result"), 1);
            drop(shared.threads.acquire_many(MOST_THREADS as u32).await.expect("the thread has ended"));
        }
        assert_eq!(lock(&shared.works).keys().collect::<Vec<_>>(), ["c"]);
    }
}
