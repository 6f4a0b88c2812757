//! The Passteam service (API v1.8.2) as an HTTP client sees it.
//!
//! A [`Request`] is what goes out, [`call()`] sends it under [`Settings`] and repeats it only if that is safe, and a [`Report`] says
//! what came of it. [`batch`] does the same for many cards at once.
//!
//! ```
//! # use std::io::{Read, Write};
//! use passteam_client::settings::{ServerUrl, Token};
//! use passteam_client::{Request, Settings, Variables, call};
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address = format!("http://{}", listener.local_addr()?);
//! # std::thread::spawn(move || {
//! #     let (mut connection, _) = listener.accept().expect("a connection");
//! #     let mut request = String::new();
//! #     while !request.ends_with("7500") {
//! #         let mut bytes = [0; 1024];
//! #         let count = connection.read(&mut bytes).expect("a request");
//! #         request.push_str(std::str::from_utf8(&bytes[..count]).expect("ASCII"));
//! #     }
//! #     let body = r#"{"result": {"card": {"installed": true}}, "message": "", "code": 200, "error": false}"#;
//! #     write!(connection, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("an answer");
//! # });
//! let settings = Settings {
//!     token: Token::parse("0123456789abcdef")?,
//!     server: ServerUrl::parse(&address)?, // the public service if it is left out
//!     ..Settings::default()
//! };
//! let mut variables = Variables::default();
//! variables.set("BALANCE", "7500")?;
//!
//! let report = call(&settings, &Request::update_card("5f0c8d9e2b7a4c0011223344", &variables));
//! match report.outcome {
//!     Ok(success) => assert!(success.installed, "the customer has the card in the wallet"),
//!     Err(failure) => panic!("{}: {:?}", failure.kind(), failure.cause),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - **A card is never made twice**: `createcard` is sent again only if no byte of it can have left, or if the service says that it
//!   has done nothing.
//! - **One deadline** covers everything, from looking up the name to the last byte of the answer.
//! - **Connections belong to the process**, not to a caller: see [`transport`].
//! - **No text shows a secret**: Debug output never does, and [`redact`] takes them out of the service's own words.

mod attempt;
pub mod batch;
mod call;
mod cards;
mod certificate;
mod diagnose;
pub mod diagnosis;
pub mod form;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod json;
pub mod outcome;
mod pace;
mod pem;
pub mod redact;
mod repeat;
mod reply;
pub mod request;
pub mod settings;
mod templates;
pub mod transport;

pub use call::{call, call_async, call_in_turn};
pub use cards::PagesRead;
pub use certificate::Certificate;
pub use diagnose::diagnose;
pub use diagnosis::Diagnosis;
pub use form::{FormError, Parameters, Variables};
pub use outcome::{CardPage, Cause, Failure, Kind, ListedCard, Report, Success};
pub use pace::RequestRate;
pub use request::Request;
pub use settings::{CertificateFile, Proxy, ServerUrl, Settings, Token};
