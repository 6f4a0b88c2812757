//! CONTRACT: what BSL sees, through the loaded library.

mod batch;
mod exceptions;
mod identity;
mod journal;
mod outcomes;
mod platform;
mod settings;
mod strings;
mod values;

use testkit::shop;
