//! Calls over real sockets to servers on loopback that behave well, badly, or not at all.
//!
//! | file | topic |
//! |---|---|
//! | `calls.rs` | the settings and requests that all these tests use |
//! | `answers.rs` | what a request looks like, and answers that arrive whole |
//! | `connections.rs` | connections that several calls share, and that the server closes |
//! | `kept.rs` | connections that stay open from one call to the next |
//! | `failures.rs` | servers that misbehave, and how often a request reaches them |
//! | `proxies.rs` | proxies that work, refuse, and answer nonsense |
//! | `trust.rs` | which certificates are accepted |
//! | `exhausted.rs` | a process that can open no more files |
//! | `idle.rs` | a call that waits uses no processor time |
//!
//! The servers come from the crate `testkit`; its first page lists what it has.

mod answers;
mod calls;
mod connections;
#[cfg(unix)]
mod exhausted;
mod failures;
#[cfg(target_os = "linux")]
mod idle;
mod kept;
mod proxies;
mod trust;
