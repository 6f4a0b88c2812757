//! Servers, proxies and networks that misbehave: a call ends in time, says what happened, sends nothing twice and shows no secret.
//!
//! | file | topic |
//! |---|---|
//! | `table.rs` | every way to fail, with the outcome and the advice that it must give |
//! | `never_twice.rs` | a creation is sent at most once, at whichever byte its connection breaks |
//! | `keep_alive.rs` | kept connections that the server closes |
//! | `waiting.rs` | waiting uses no processor time and blocks no other caller |
//! | `names.rs` | host names that do not resolve, or slowly |
//! | `networks.rs` | dead addresses, slow name servers, connections that died, old proxies |
//! | `proxies.rs` | which proxy a request takes, and what the proxy sees |
//! | `tls.rs` | which servers are trusted |
//! | `advice.rs` | what a failure's text points at |
//! | `diagnosis.rs` | what `Diagnose` finds |
//! | `environment.rs` | machines without certificates of authorities |
//! | `trust_files.rs` | files of certificates that are slow, malformed, or written while the process runs |
//! | `secrets.rs` | texts never show the token, the proxy's password or a customer's data |
//!
//! To add a way to fail, add a row to `table.rs`: the tests of outcomes, secrets and waiting all use it. The servers come from
//! `testkit`, whose first page lists what it has.

mod advice;
mod diagnosis;
mod environment;
mod keep_alive;
mod names;
mod networks;
mod never_twice;
mod proxies;
mod secrets;
mod table;
mod tls;
mod trust_files;
mod waiting;
