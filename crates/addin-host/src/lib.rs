//! Loads any Native API add-in (внешняя компонента) of 1C:Enterprise and does with it what the platform does.
//!
//! ```no_run
//! use addin_host::{Library, Value};
//!
//! let library = Library::open("dist/Passteam.zip".as_ref())?;
//! let card = library.create("Passteam")?;
//! card.set("Token", "secret")?;
//! let created = card.function("CreateCard", &[Value::from(r#"{"PHONE": "79161234567"}"#)])?;
//! assert_eq!(created, Value::Bool(true));
//! assert!(card.destroy().is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is for tests, benchmarks and the program `addin-host`, which says why an add-in does not load. It runs no BSL.
//!
//! The host counts what the add-in does with the memory manager ([`MemoryReport`]), keeps the errors that it raises
//! ([`RaisedError`]) and counts the calls that the Native API does not allow ([`MisuseReport`]). Hosts differ from one another:
//! [`HostOptions`] has what they do differently.

mod abi;
mod bundle;
mod connection;
mod error;
mod language;
mod library;
mod loaded;
mod manifest;
mod memory;
mod object;
mod options;
mod value;

pub use bundle::Bundle;
pub use connection::{EventQueue, ExternalEvent, MisuseReport, RaisedError};
pub use error::{AttachError, CallError};
pub use language::Language;
pub use library::Library;
pub use manifest::{BundleEntry, ManifestError, THIS_ARCH, THIS_OS};
pub use memory::MemoryReport;
pub use object::{Monitor, Object};
pub use options::{AllocationRefusal, Application, ApplicationKind, Destroy, HostOptions};
pub use value::{Tm, Value};
