//! CONTRACT: what BSL sees, through the loaded library.

mod exceptions;
mod identity;
mod outcomes;
mod platform;
mod settings;
mod shop;
mod strings;
mod values;
