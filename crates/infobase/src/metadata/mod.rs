//! What a base consists of: objects, their fields and types.
//!
//! Metadata come from two sources: [`declared`] holds the part of 1С:Розница that the shipped modules name, with its
//! variants, and [`designer`] reads the XML files that ship. An object of the extension that adopts one of the base
//! adds nothing to it; own objects stand beside it.

pub mod declared;
pub mod designer;
mod model;

pub use model::{Extension, Field, Kind, MOVEMENT_KIND, Metadata, Object, Origin, Role, Table, fold};
