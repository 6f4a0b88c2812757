//! Checks everything in BSL that the project offers for pasting: the modules of `bsl-examples` and the BSL blocks of
//! the documentation.
//!
//! [`Corpus`] finds the scripts and parses them with `tree-sitter-bsl`; [`rules`] are the rules of the 1C standards
//! that can be seen on the tree; [`linkage`] resolves calls between the example modules; [`members`] and
//! [`reference`] hold scripts and documentation against the component's member table.

mod corpus;
mod finding;
pub mod linkage;
mod markdown;
pub mod members;
pub mod reference;
pub mod rules;
mod script;
pub mod syntax;

pub use corpus::{Corpus, CorpusError};
pub use finding::Finding;
pub use markdown::bsl_blocks;
pub use script::{Kind, Script, SyntaxError};
