//! A process that forks, as some servers do when they start others. Works on Unix.

#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::wait::eventually;

/// A process that was forked from this one. It is killed when this is dropped.
pub struct Forked(libc::pid_t);

/// Forks this process. In the new one only this thread goes on: it runs `child` and ends without a return.
///
/// # Panics
/// If the operating system refuses.
pub fn fork(child: impl FnOnce()) -> Forked {
    // SAFETY: of what other threads may have locked, the new process uses only what the C library makes usable again, its memory
    // manager above all, and what is under test.
    match unsafe { libc::fork() } {
        -1 => panic!("the process cannot fork"),
        0 => {
            let outcome = catch_unwind(AssertUnwindSafe(child));
            // SAFETY: it ends the process at once, without what the first one has registered for its own end.
            unsafe { libc::_exit(i32::from(outcome.is_err())) }
        }
        id => Forked(id),
    }
}

impl Forked {
    /// Waits for the process's end; whether its work ended without a panic.
    ///
    /// # Panics
    /// If it does not end within a minute.
    pub fn succeeds(self) -> bool {
        let mut status = 0;
        // SAFETY: the status is writable.
        eventually(
            "the forked process ends",
            || unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } == self.0,
        );
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }
}

impl Drop for Forked {
    fn drop(&mut self) {
        // SAFETY: both only ask the system; a process that has ended and was waited for is not found.
        unsafe {
            if libc::waitpid(self.0, ptr::null_mut(), libc::WNOHANG) == 0 {
                libc::kill(self.0, libc::SIGKILL);
                libc::waitpid(self.0, ptr::null_mut(), 0);
            }
        }
    }
}
