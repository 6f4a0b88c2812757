//! The platform around the modules that ship: managers, objects, record sets, events, jobs and the add-in, on an
//! infobase of the crate `infobase`.
//!
//! A [`Shop`] is what all sessions share: the infobase, the compiled modules, the add-in. A [`Session`] is one
//! session on a thread of its own; [`Shop::run`] opens one, does some work in it and closes it. Before every call of
//! the platform a session asks the shop's [`Scheduler`], which may let other sessions go first or end this one as a
//! crash does.
//!
//! What the platform does not let a module do is an exception here too: a lock, a right, a failed transaction. The texts
//! are close to the platform's, no test may depend on them.

mod addin;
mod background;
mod catalogs;
mod client;
mod events;
mod files;
mod forms;
mod jobs;
mod lists;
mod locks;
mod mail;
mod metadata;
mod modules;
mod moments;
mod query;
mod refs;
mod registers;
mod rows;
mod selections;
mod session;
mod ssl;

pub use addin::{AddIns, LoadedAddIn, addin_file};
pub use mail::{Letter, Post};
pub use modules::{MAIN, ModuleTexts, read_modules};
pub use refs::{from_value, to_value};
pub use session::{Scheduler, Session, SessionError, SetUp, Shop, Turn, TurnsOfItsOwn, Wait};
pub use ssl::Profiles;
