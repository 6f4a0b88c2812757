//! What days of work in one process come down to: memory, threads and mappings stay what they are, and callers do not wait for one
//! another.
//!
//! Each test runs in a process of its own, where nothing else is counted: see [`alone`].
//! `PASSTEAM_ENDURANCE_SECONDS` says for how long the crowd of threads goes on, `PASSTEAM_ENDURANCE_SEED` repeats its run.
#![cfg(target_os = "linux")]

mod alone;
mod crowd;
mod memory;
mod process;
mod reload;
mod stalled;

use testkit::shop;
