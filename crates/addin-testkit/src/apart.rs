//! Tests in a process of their own, with the same library.

use std::process::{Command, Output};

use crate::library::{OVERRIDE, library};

/// Does what [`testkit::apart::rerun`] does. The new process tests the library that this one has built.
///
/// # Panics
/// If the test fails there, or does not run.
pub fn rerun(path: &str, prepare: impl FnOnce(&mut Command)) -> Option<Output> {
    testkit::apart::rerun(path, |command| {
        command.env(OVERRIDE, library());
        prepare(command);
    })
}
