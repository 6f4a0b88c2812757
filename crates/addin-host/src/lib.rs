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
//! The host keeps an account of what the add-in does with the memory manager ([`MemoryReport`]), of the errors it
//! raises ([`RaisedError`]) and of calls that the contract does not allow ([`MisuseReport`]). [`HostOptions`] has what
//! real hosts do differently from one another.

mod abi;
mod bundle;
mod connection;
mod error;
mod language;
mod library;
mod memory;
mod object;
mod options;
mod value;

pub use bundle::{Bundle, BundleEntry, THIS_ARCH, THIS_OS};
pub use connection::{EventQueue, ExternalEvent, MisuseReport, RaisedError};
pub use error::{AttachError, CallError, ManifestError};
pub use language::Language;
pub use library::Library;
pub use memory::MemoryReport;
pub use object::{Monitor, Object};
pub use options::{AllocationRefusal, Application, ApplicationKind, Destroy, HostOptions};
pub use value::{Tm, Value};
