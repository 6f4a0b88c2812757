//! The add-in.
