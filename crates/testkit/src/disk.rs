//! A disk that does not answer for the time being, on Linux. A test that needs it runs in a process of its own:
//!
//! ```no_run
//! # use testkit::{apart, disk, test_path};
//! # fn a_test() {
//! let folder = tempfile::tempdir().unwrap();
//! if apart::rerun(test_path!(a_test), |command| disk::preload(command, folder.path())).is_some() {
//!     return;
//! }
//! let file = disk::folder().join("ca.pem");
//! disk::stall();
//! // Whoever opens the file now waits until `disk::answer()`.
//! # }
//! ```

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::preload;

/// Names the folder whose files stand on that disk.
const FOLDER: &str = "PASSTEAM_TEST_DISK";
/// Names the file that exists while the disk does not answer.
const STALLS: &str = "PASSTEAM_TEST_DISK_STALLS";

/// Lets a process that is about to start use the stand-in, compiled into this folder. The folder must outlive the process.
///
/// # Panics
/// If there is no C++ compiler.
pub fn preload(command: &mut Command, folder: &Path) {
    let disk = folder.join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    preload::add(command, folder, "disk");
    command.env(FOLDER, disk).env(STALLS, folder.join("disk-stalls"));
}

/// The folder whose files stand on that disk.
///
/// # Panics
/// If this process was not started with [`preload()`].
pub fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).expect("a process with the stand-in"))
}

/// From now on whoever opens a file of that disk waits.
///
/// # Panics
/// If this process was not started with [`preload()`].
pub fn stall() {
    std::fs::write(switch(), "").expect("a file in the stand-in's folder");
}

/// Whether anybody has had to wait for the disk so far.
///
/// # Panics
/// If this process was not started with [`preload()`].
pub fn has_waiter() -> bool {
    let mut waiter = switch().into_os_string();
    waiter.push("-waiter");
    Path::new(&waiter).exists()
}

/// The disk answers again, to those who wait and to all others.
///
/// # Panics
/// If this process was not started with [`preload()`], or the disk answers already.
pub fn answer() {
    std::fs::remove_file(switch()).expect("a disk that does not answer");
}

fn switch() -> PathBuf {
    PathBuf::from(std::env::var_os(STALLS).expect("a process with the stand-in"))
}
