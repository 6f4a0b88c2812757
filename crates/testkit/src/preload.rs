//! Libraries that stand in for parts of the C library, in processes that are started with them (`LD_PRELOAD`, on Linux).

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

const LD_PRELOAD: &str = "LD_PRELOAD";

/// Compiles a stand-in of this crate into `folder`, which must outlive the process, and lets the process use it besides others.
///
/// # Panics
/// If there is no C++ compiler.
pub(crate) fn add(command: &mut Command, folder: &Path, name: &str) {
    let library = folder.join(format!("{name}.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(format!("{name}.cpp"));
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| OsString::from("c++"));
    let status = Command::new(&compiler)
        .args(["-std=c++17", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .unwrap_or_else(|error| panic!("these tests need a C++ compiler ({compiler:?}): {error}"));
    assert!(status.success(), "{} does not compile", source.display());

    let before = command.get_envs().find(|(variable, _)| *variable == LD_PRELOAD).and_then(|(_, libraries)| libraries);
    let mut libraries = before.map(OsStr::to_owned).unwrap_or_default();
    if !libraries.is_empty() {
        libraries.push(":");
    }
    libraries.push(library);
    command.env(LD_PRELOAD, libraries);
}
