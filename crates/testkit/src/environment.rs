//! A host that changes its environment all the time, on Linux: `getenv` beside `setenv` ends the process sooner or later. A test that
//! needs it runs in a process of its own, and must itself read no variable after [`begin`].

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::preload;
use crate::wait::eventually;

/// Names the file whose existence starts the changes.
const CHANGES: &str = "PASSTEAM_TEST_ENVIRONMENT_CHANGES";
/// Names the file that tells who has read the environment since.
const READERS: &str = "PASSTEAM_TEST_ENVIRONMENT_READERS";

/// Lets a process that is about to start use the stand-in, compiled into this folder. The folder must outlive the process.
///
/// # Panics
/// If there is no C++ compiler.
pub fn preload(command: &mut Command, folder: &Path) {
    preload::add(command, folder, "environment");
    command.env(CHANGES, folder.join("environment-changes")).env(READERS, folder.join("environment-readers"));
}

/// The environment's readers.
pub struct Readers(PathBuf);

/// From now on a thread changes the environment, the time zone above all, until the process ends.
///
/// # Panics
/// If this process was not started with [`preload()`].
pub fn begin() -> Readers {
    let path = |variable| PathBuf::from(std::env::var_os(variable).expect("a process with the stand-in"));
    let (changes, readers) = (path(CHANGES), path(READERS));
    std::fs::write(changes, "").expect("a file in the stand-in's folder");
    eventually("the changes begin", || readers.exists());
    Readers(readers)
}

impl Readers {
    /// The lines "library variable" of those who have read the environment since [`begin`].
    ///
    /// # Panics
    /// If they cannot be read.
    pub fn so_far(&self) -> Vec<String> {
        let lines = std::fs::read_to_string(&self.0).expect("a list");
        lines.lines().map(str::to_owned).collect()
    }
}
