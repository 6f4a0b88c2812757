//! Calls over real sockets to servers on loopback that behave well, badly, or not at all.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod connections;
mod failures;
mod proxies;
mod trust;
