//! Days of work in one process, in seconds: memory, threads and mappings do not grow, and callers do not wait for one another.
//!
//! | file | topic |
//! |---|---|
//! | `memory.rs` | the process's memory after a hundred thousand calls |
//! | `reload.rs` | the library is loaded and unloaded again and again |
//! | `stalled.rs` | many calls of servers and names that never answer |
//! | `crowd.rs` | many threads that create, call and destroy objects at random |
//! | `alone.rs` | a process of the test's own, in which nothing else is counted |
//! | `process.rs` | what Linux tells about the process: memory, threads, mappings |
//!
//! `PASSTEAM_ENDURANCE_SECONDS` sets how long `crowd.rs` works, `PASSTEAM_ENDURANCE_SEED` repeats one of its runs.
#![cfg(target_os = "linux")]

mod alone;
mod crowd;
mod memory;
mod process;
mod reload;
mod stalled;
