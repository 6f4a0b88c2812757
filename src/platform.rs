//! The platform's side: the object as 1C holds it, the platform's own interfaces, and the guard against panics.
//!
//! The field's crate `addin1c` is used for what is sound in it: 1C strings, attach types and the connection's events. Each
//! module below says what is our own and why. What the members do is not here: see [`crate::members`].

mod destructor;
mod guard;
mod host;
mod object;
mod process;
mod state;
mod vtables;

pub use guard::guard;
pub use host::{CLASS_NAME, note_capabilities};
pub use object::{Object, destroy};
pub use vtables::create;
