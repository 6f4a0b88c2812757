//! What the tests and tools need to know of the add-in. Servers and networks that misbehave are in the crate `testkit`, which
//! knows no add-in.
//!
//! | I need | take |
//! |---|---|
//! | the library that cargo has just built | [`library()`] |
//! | the library that can be made to panic | [`panic_library`] |
//! | an object of the component | [`shop::component`], [`shop::component_for`] a server |
//! | a service that works | [`shop::sandbox`] |
//! | to call, read and fail as BSL does | [`shop`] |
//! | a process of the test's own that tests the same library | [`apart::rerun`] |

pub mod apart;
mod library;
pub mod shop;

pub use library::{cargo, library, panic_library};
