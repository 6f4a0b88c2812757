//! Tests of the sandbox, each through HTTP, the handle, the program or the page.
//!
//! | I want to test | file |
//! |---|---|
//! | the methods of the service: results, rules, refusals | `service.rs` |
//! | faults: answers, delays and broken connections on request | `faults.rs` |
//! | connections, TLS, certificates, start and stop | `connections.rs` |
//! | the record of requests | `requests.rs` |
//! | the control paths under `/sandbox/`, and what foreign pages may not do | `control.rs` |
//! | the page, in headless Chromium | `page.rs` |
//! | the program: options, output, both languages | `program.rs` |
//!
//! `support.rs` has a client of the sandbox, `browser.rs` a page in a browser.

mod browser;
mod connections;
mod control;
mod faults;
mod page;
mod program;
mod requests;
mod service;
mod support;
