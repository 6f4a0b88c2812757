//! Runs BSL, the language of 1С:Предприятие, so that tests execute the text that ships.
//!
//! [`ModuleCode::compile`] takes the tree that `bsl-check` parses and resolves every name once; the result can run in
//! any session, on any thread. A [`Vm`] is one session: it runs compiled modules on its own thread and never shares its
//! values. What surrounds a program comes from a [`Host`]: messages, the clock, functions and properties beyond the
//! language, types. Objects of the platform implement [`Object`].
//!
//! What is not known is an error: a construct, a global name, a type, a member, a parameter too many. Names of the
//! global context are checked when a module is compiled, members when they are used.
//!
//! A session can be stopped at any call of the platform: the call returns [`Failure::Killed`], which no `Попытка`
//! catches, so that the session's thread ends as if its process had died. Sessions share nothing but what their hosts
//! share.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bsl_run::{Instance, ModuleCode, NoNames, PrintingHost, Value, Vm};
//!
//! let text = "Функция Сумма(А, Б = 2) Экспорт\n\tВозврат А + Б;\nКонецФункции";
//! let code = ModuleCode::compile("sum.bsl", text, Arc::new(NoNames))?;
//! let mut vm = Vm::new(PrintingHost::shared(Vec::new()));
//! let sum = vm.call_method(&Instance::new(code), None, "Сумма", &mut [Value::int(40)])?;
//! assert_eq!(&*sum.text(), "42");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This is not the platform: it proves what the text does if the platform behaves as the rules here say.

mod addin_value;
pub mod collections;
mod date;
mod enums;
mod error;
mod format;
mod global;
mod host;
mod ir;
mod json;
mod lower;
mod misc;
mod object;
pub mod platform;
mod script_host;
mod stack;
mod types;
mod value;
mod vm;

pub use date::{Date, Part};
pub use enums::{EnumItem, Enumeration};
pub use error::{CompileError, Failure, Place, Raised, Res};
pub use host::{Environment, Host, Names, NoNames, SharedHost};
pub use ir::ModuleCode;
pub use misc::{BinaryData, ErrorInfo, UniqueId};
pub use object::{Args, Object};
pub use script_host::{PrintingHost, ScriptError, ScriptNames, run_script};
pub use stack::on_large_stack;
pub use types::{Qualifiers, TypeDescription};
pub use value::{Key, Name, Value};
pub use vm::{Instance, Vm};
