//! addin-host FILE: what is in an add-in, or why it does not attach.

fn main() {}
