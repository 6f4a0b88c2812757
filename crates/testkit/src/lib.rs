//! What the project's tests and tools share: the add-in as cargo has just built it, and peers that misbehave.

pub mod apart;
mod library;
pub mod peer;
pub mod proxy;
pub mod relay;
pub mod resolver;
pub mod shop;
pub mod tls;

pub use library::{build, build_with, cargo, library, panic_library};
