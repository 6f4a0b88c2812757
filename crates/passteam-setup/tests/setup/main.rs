//! `passteam-setup` as its user runs it, against a stand-in for the platform: what it prints, its status, and what is left in
//! the base.
//!
//! The stand-in (`stand_in/main.rs`) plays `1cv8` and `ibcmd`. Nothing here shows that the platform itself agrees.

mod checks;
mod failures;
mod installs;
mod leaves;
mod shop;
