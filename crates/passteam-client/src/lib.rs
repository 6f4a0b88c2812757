//! The Passteam service (API v1.8.2) as an HTTP client sees it.
//!
//! A [`form::Request`] is what goes out, [`transport::call`] sends it under [`settings::Settings`] and repeats it only where
//! that is safe, and a [`reply::Report`] says what came of it.
//!
//! - **A card is never made twice**: `createcard` is sent again only while no byte of it can have left.
//! - **One deadline** covers everything, from looking up the name to the last byte of the answer.
//! - **Connections belong to the process**, not to a caller: see [`transport`].
//! - **No text shows a secret**: Debug output never does, and [`redact`] takes them out of the service's own words.

pub mod batch;
pub mod form;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod json;
pub mod redact;
pub mod reply;
pub mod settings;
pub mod transport;

pub use form::{FormError, Parameters, Request, Variables};
pub use reply::{Cause, Failure, Kind, Report, Success};
pub use settings::{CertificateFile, Proxy, ServerUrl, Settings, Token};
pub use transport::call;
