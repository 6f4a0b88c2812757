//! A stand-in for the C library's resolver.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles it into a folder; the path of the library, for `LD_PRELOAD`.
///
/// Names below `stalled.test` are never answered for, those below `slow.test` are not found after a second, those below
/// `unknown.test` at once, and those below `temporary.test` fail for the time being (`EAI_AGAIN`).
///
/// # Panics
/// Where there is no C++ compiler.
pub fn build(folder: &Path) -> PathBuf {
    let library = folder.join("resolver.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/resolver.cpp");
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| OsString::from("c++"));
    let status = Command::new(&compiler)
        .args(["-std=c++17", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .status()
        .unwrap_or_else(|error| panic!("these tests need a C++ compiler ({compiler:?}): {error}"));
    assert!(status.success(), "{source} does not compile");
    library
}
