//! addin-host
