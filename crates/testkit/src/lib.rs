//! What the project's tests and tools share: the add-in as cargo has just built it, and peers that misbehave.

mod library;
pub mod peer;

pub use library::{build, library, panic_library};
