//! passteam-sandbox
