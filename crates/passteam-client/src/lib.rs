//! passteam-client
