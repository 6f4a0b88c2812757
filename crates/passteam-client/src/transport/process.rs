//! What the process has once: the runtime, the kept connections, look-ups under way, trusted roots.
//!
//! After a `fork` the child has a state of its own. It shares the parent's event queue (epoll) and sockets, so that using or even
//! closing them would disturb the parent; and a lock that another thread held at the fork is never released in the child. The
//! parent's state is therefore left untouched there.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

use super::http::Connection;
use super::lookup::Names;
use super::pool::Pool;
use super::trust::Trust;

/// The state of one process.
pub(super) struct Process {
    id: u32,
    pub(super) runtime: Runtime,
    pub(super) pool: Pool<Connection>,
    pub(super) names: Names,
    pub(super) trust: Trust,
}

/// A list with one entry a process: this one's, preceded by those of the processes that it was forked from. Reading it takes no
/// lock, which a fork could have left locked.
static FIRST: Place = Place::new();

type Place = OnceLock<Box<Entry>>;

struct Entry {
    process: Process,
    forked: Place,
}

impl Process {
    /// This process's state, made when it is first asked for.
    ///
    /// # Errors
    /// The operating system has no file descriptors left for the runtime; a later call may find some.
    pub(super) fn current() -> io::Result<&'static Process> {
        let id = std::process::id();
        let mut place = &FIRST;
        loop {
            match place.get() {
                Some(entry) if entry.process.id == id => return Ok(&entry.process),
                Some(entry) => place = &entry.forked,
                None => {
                    let entry = Entry { process: Process::new(id)?, forked: Place::new() };
                    // Another thread may have been faster; then the next round finds its entry.
                    let _ = place.set(Box::new(entry));
                }
            }
        }
    }

    fn new(id: u32) -> io::Result<Process> {
        Ok(Process {
            id,
            runtime: Builder::new_current_thread().enable_io().enable_time().build()?,
            pool: Pool::default(),
            names: Names::default(),
            trust: Trust::default(),
        })
    }
}
