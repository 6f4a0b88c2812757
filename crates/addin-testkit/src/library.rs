//! The libraries under test, as cargo builds them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::{CrateType, Message};

/// Names another library to test instead of the one built here: a release build, another platform's, a zip bundle.
pub(crate) const OVERRIDE: &str = "PASSTEAM_LIBRARY";
/// The same for the library that can be made to panic.
const PANIC_OVERRIDE: &str = "PASSTEAM_PANIC_LIBRARY";

/// The add-in. It is built once per process, so that a stale library is never tested.
///
/// # Panics
/// If cargo cannot build it.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| given_or_built(OVERRIDE, "passteam"))
}

/// The add-in built so that `SetLocale("panic:SLOT")` makes the next call of that vtable slot panic.
///
/// # Panics
/// If cargo cannot build it.
pub fn panic_library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| given_or_built(PANIC_OVERRIDE, "passteam-panic-library"))
}

fn given_or_built(variable: &str, package: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| build(package, "dev"), PathBuf::from)
}

/// The cargo that built this program, without the variables that it sets for the running package: build scripts depend on
/// them, and would run again for each package.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let of_this_package =
        |name: &str| name == "OUT_DIR" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this_package)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Builds a package's cdylib with a profile of cargo. The path comes from cargo's own output.
fn build(package: &str, profile: &str) -> PathBuf {
    let output = cargo()
        .args(["build", "--message-format=json-render-diagnostics", "--package", package, "--profile", profile])
        // A relative target folder is relative to the workspace.
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo does not build {package}");
    Message::parse_stream(output.stdout.as_slice())
        .filter_map(|message| match message.expect("cargo prints JSON") {
            Message::CompilerArtifact(artifact) => Some(artifact),
            _ => None,
        })
        .filter(|artifact| artifact.target.crate_types.contains(&CrateType::CDyLib))
        .flat_map(|artifact| artifact.filenames)
        .find(|file| matches!(file.extension(), Some("so" | "dll" | "dylib")))
        .unwrap_or_else(|| panic!("{package} has no library"))
        .into_std_path_buf()
}
