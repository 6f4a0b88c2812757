//! How much of the thread's stack is left. Endless recursion ends in an exception and not in the process's death.

use std::cell::Cell;
use std::io;

/// The stack that a program runs on. Memory is taken only as it is used.
const STACK: usize = 512 << 20;
/// What stays free for calls that do not ask.
const RESERVE: usize = 8 << 20;
/// What a thread of unknown size is trusted to have left.
const MODEST: usize = 768 << 10;

thread_local! {
    static LOWEST: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whether the stack has room for more calls.
pub(crate) fn has_room() -> bool {
    let here = address();
    let lowest = LOWEST.get().unwrap_or_else(|| {
        let lowest = here.saturating_sub(MODEST);
        LOWEST.set(Some(lowest));
        lowest
    });
    here > lowest
}

fn address() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)) as usize
}

/// Runs something on a thread with a stack that is large enough for deep recursion, and waits for it. On such a thread
/// it runs at once.
///
/// # Errors
/// If there is no memory for the thread.
///
/// # Panics
/// If `work` panics.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if LOWEST.get().is_some_and(|lowest| address().saturating_sub(lowest) > STACK / 2) {
        return Ok(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || {
            LOWEST.set(Some(address().saturating_sub(STACK - RESERVE)));
            work()
        })?;
        thread.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}
