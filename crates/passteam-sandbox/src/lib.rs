//! A stand-in for the Passteam service, API v1.8.2.
//!
//! [`Sandbox::start`] runs the service on a thread of its own, by default on a free port of the loopback interface; the
//! value stops it when it is dropped. It answers `createcard`, `updatecard`, `gettemplates` and
//! `getCardsWithPagination` from memory, checks the token, records what it was asked, and misbehaves on request
//! ([`Fault`]).
//!
//! Facts about the service come from the vendor's public API pages. Where those are silent the sandbox chooses, and the
//! item that chooses says so with the words "The sandbox's choice".
//!
//! ```
//! use passteam_sandbox::{Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options { token: "secret".into(), ..Options::default() })?;
//! assert!(sandbox.url().ends_with("/oapi/v1"));
//! assert!(sandbox.cards().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```

mod certificates;
mod control;
mod exchange;
mod face;
mod fault;
mod log;
mod options;
mod server;
mod service;
mod store;
mod transport;

pub use fault::{Drop, Fault, InvalidFault};
pub use log::RecordedRequest;
pub use options::{CertificateKind, DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Observer, Options, Template, Tls};
pub use server::Sandbox;
pub use store::Card;
