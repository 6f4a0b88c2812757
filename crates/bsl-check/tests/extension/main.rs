//! The extension's XML is what the Designer dumps and loads: elements, their order, identifiers, references.
//!
//! Nobody here has the platform. The shapes are those of its own dumps in format 2.9, the oldest of mode 8.3.16.

mod forms;
mod identifiers;
mod objects;
mod references;
mod tree;
