//! A stand-in for the Passteam service, API v1.8.2, for tests, for the demo and for developers without an account.
//!
//! [`Sandbox::start`] runs the service on a thread of its own, by default on a free port of the loopback interface;
//! dropping the value stops it. It answers `createcard`, `updatecard`, `getcard`, `getcards`,
//! `getCardsWithPagination` and `gettemplates` from memory, checks the token, records all requests, keeps the limits of a
//! tariff ([`Limits`]), gives answers another shape ([`Shape`]), and misbehaves on request ([`Fault`]). It stores nothing, and it is
//! no server for real customers' data.
//!
//! Facts about the service come from the vendor's public API pages. If these do not say how the service behaves, the
//! sandbox chooses, and the comment at that place says "The sandbox's choice".
//!
//! ```
//! use passteam_sandbox::{Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options { token: "secret".into(), ..Options::default() })?;
//! assert!(sandbox.url().ends_with("/oapi/v1"));
//! assert!(sandbox.cards().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The modules, each using only those below it:
//!
//! | module | what it holds |
//! |---|---|
//! | `sandbox` | the public handle |
//! | `accept` | the accept loop: connections, TLS, service or own path |
//! | `exchange` | one request to the service, from receiving to answering |
//! | `router` | the sandbox's own paths, and which requests to them are refused |
//! | `control`, `page` | handlers of the control paths; the page and its data |
//! | `json` | JSON shapes of the control paths and the page |
//! | `shared` | the state that all of the above share |
//! | `service`, `results` | the methods of the service; the JSON of what they read |
//! | `samples`, `fault` | sample cards; what goes wrong on request |
//! | `store`, `search` | cards and templates; what a search finds |
//! | `answer`, `refusal` | envelopes; codes and messages of refused requests |
//! | `options` | settings at start |
//! | `request_log`, `shape`, `limits` | recorded requests; names and places in answers; requests per minute, hour, day |
//! | `transport`, `certificates`, `mutex` | closing after a chosen byte; TLS certificates; locking |

mod accept;
mod answer;
mod certificates;
mod control;
mod exchange;
mod fault;
mod json;
mod limits;
mod mutex;
mod options;
mod page;
mod refusal;
mod request_log;
mod results;
mod router;
mod samples;
mod sandbox;
mod search;
mod service;
mod shape;
mod shared;
mod store;
mod transport;

pub use fault::{Drop, Fault, InvalidFault};
pub use limits::{InvalidLimits, Limits};
pub use options::{CertificateKind, DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Options, Template, Tls};
pub use request_log::{Observer, RecordedRequest};
pub use sandbox::Sandbox;
pub use shape::{InvalidShape, Shape};
pub use store::Card;
