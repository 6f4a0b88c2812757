//! Checks everything in BSL that the project offers for pasting: the modules of `bsl-examples` and the BSL blocks of
//! the documentation.
//!
//! [`Corpus`] finds the scripts and parses them with `tree-sitter-bsl`; [`linkage`] resolves calls between the example
//! modules; [`members`] and [`mod@reference`] compare scripts and documentation with the component's member table; [`rules`]
//! holds the one rule on style that bsl-language-server lacks. All other rules of the 1C standards are for that program, which
//! `cargo xtask bsl` runs.

mod corpus;
mod finding;
pub mod linkage;
mod markdown;
pub mod members;
mod nodes;
pub mod reference;
pub mod rules;
mod script;
pub mod syntax;

pub use corpus::{Corpus, CorpusError};
pub use finding::Finding;
pub use markdown::bsl_blocks;
pub use script::{Kind, Script, SyntaxError};
