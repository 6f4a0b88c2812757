//! A stand-in for a 1C infobase, for tests that run the BSL which ships and for the demo.
//!
//! It has metadata (those that ship as XML, on top of a declared part of 1С:Розница), data in SQLite, the query
//! language, sessions with transactions, locks, rights, a clock that tests set, and an event log. It knows nothing of
//! the language's interpreter: event handlers are the caller's. It is no platform: what it says of locks and errors
//! is what is known of the platform, and [`Settings`] holds what is not settled.
//!
//! Sessions take turns: a call that would have to wait returns [`Error::WouldWait`] with the sessions that must go
//! first, and the caller's scheduler repeats it later or ends the wait by [`Infobase::lock_timed_out`].
//!
//! ```
//! use infobase::metadata::declared::{Variant, retail};
//! use infobase::{Infobase, Reference, Settings, User};
//!
//! let variant = Variant::retail_23();
//! let mut base = Infobase::in_memory(retail(&variant)?, Settings::from(&variant))?;
//! let session = base.open_session(User::administrator());
//! let mut card = base.new_object(&Reference::new_random("Справочник.ИнформационныеКарты"), false)?;
//! card.fields.insert("КодКарты".into(), infobase::Datum::text("2000000000015"));
//! base.write_object(session, &mut card)?;
//!
//! let text = "ВЫБРАТЬ Карты.Ссылка КАК Карта ИЗ Справочник.ИнформационныеКарты КАК Карты";
//! let found = base.query_last(session, text, &Default::default())?;
//! assert_eq!(found.rows, [[infobase::Datum::Ref(card.reference)]]);
//! # Ok::<(), infobase::Error>(())
//! ```

mod base;
mod datum;
mod error;
mod locks;
pub mod metadata;
mod query;
mod records;
mod session;
mod session_id;
mod store;
mod types;

pub use base::{Infobase, LogEntry, LogLevel, Settings};
pub use datum::{Datum, EnumValue, Reference, empty_date, reference_type};
pub use error::{Error, Result};
pub use locks::{LockItem, LockMode, LockValue};
pub use query::{Column, Levels, Parameter, Rows, TempTables};
pub use records::{ObjectData, Record};
pub use session::{Right, TransactionMode, User};
pub use session_id::SessionId;
pub use store::Work;
pub use types::{DateParts, TypeSet, ValueType};
