//! A network that dies under an open connection, on Linux: what the other side closes seems to have timed out (`ETIMEDOUT`).

use std::path::Path;
use std::process::Command;

use crate::preload;

/// Lets a process that is about to start use the stand-in, compiled into this folder. The folder must outlive the process.
///
/// # Panics
/// If there is no C++ compiler.
pub fn preload(command: &mut Command, folder: &Path) {
    preload::add(command, folder, "timed_out");
}
