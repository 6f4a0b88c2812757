//! Panics: none crosses into the platform, which would abort, and none prints its text.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    /// Source file and line of this thread's last panic.
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `body`; `None` if it panicked.
pub fn catch<R>(body: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(body)).ok()
}

/// Runs what an exported function does; `fallback` if it panicked.
pub fn guard<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    catch(body).unwrap_or(fallback)
}

/// Source file and line of this thread's last panic; empty if there was none since the last call.
pub fn take_panic_place() -> String {
    PANIC_PLACE.try_with(RefCell::take).unwrap_or_default()
}

/// Keeps the texts of our panics, which may quote a customer's data, off the process's output; the place is enough.
pub fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(|location| format!("{}:{}", location.file(), location.line()));
            let _ = PANIC_PLACE.try_with(|cell| cell.replace(place.unwrap_or_default()));
        }));
    });
}
