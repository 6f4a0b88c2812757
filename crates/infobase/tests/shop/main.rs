//! The base through its public face, on a small shop.

mod bad_queries;
mod common;
mod extension;
mod large;
mod queries;
mod transactions;
