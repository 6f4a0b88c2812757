//! What `docs/reference.md` promises to BSL code, tested through the loaded library.
//!
//! | file | topic |
//! |---|---|
//! | `identity.rs` | class, exported functions, names of properties and methods in both languages |
//! | `settings.rs` | properties that are set: defaults, limits, refusals |
//! | `values.rs` | how values of BSL become the fields of a request |
//! | `strings.rs` | long, empty and odd strings in both directions |
//! | `outcomes.rs` | what a call leaves in the result properties |
//! | `exceptions.rs` | mistakes of the BSL code |
//! | `batch.rs` | `UpdateCards` |
//! | `creations.rs` | `CreateCards` |
//! | `pages.rs` | `GetCards` |
//! | `unknown.rs` | `Unknown`: outcomes that no answer tells, and the pause that a service asks for |
//! | `rate.rs` | `RequestsPerMinute` |
//! | `threads.rs` | several threads that use one object |
//! | `journal.rs` | `LogFile` |
//! | `diagnosis.rs` | `Diagnose` |
//! | `platform.rs` | the platform's memory, threads, events, panics and unloading |
//!
//! To add a test, take a service from `addin_testkit::shop`, or a server that misbehaves from `testkit`.

mod batch;
mod creations;
mod diagnosis;
mod exceptions;
mod identity;
mod journal;
mod outcomes;
mod pages;
mod platform;
mod rate;
mod settings;
mod strings;
mod threads;
mod unknown;
mod values;
