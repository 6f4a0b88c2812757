//! The add-in's library and the program `passteam-setup`, built by cargo.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fmt, io};

use cargo_metadata::{Artifact, CrateType, Message};

use crate::project::root;

/// The package of the add-in.
const PACKAGE: &str = "passteam";
/// The package of the program that puts the extension into a base, and the program.
const SETUP: &str = "passteam-setup";

/// Why there is no library or program.
#[derive(Debug)]
pub enum BuildError {
    /// Cargo does not start.
    Start(io::Error),
    /// Cargo failed, and has printed why.
    Failed,
    /// Cargo succeeded, but its messages name no library or program.
    NoFile,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Start(error) => write!(f, "cargo does not start: {error}"),
            BuildError::Failed => write!(f, "cargo could not build it; it says above why"),
            BuildError::NoFile => write!(f, "cargo built nothing that was asked for"),
        }
    }
}

impl Error for BuildError {}

/// Builds the library for this machine, by the cargo that built this program; gives its path. Cargo shows its progress on
/// standard error.
pub fn build(profile: &str) -> Result<PathBuf, BuildError> {
    let mut cargo = addin_testkit::cargo();
    cargo.arg("build");
    build_with(cargo, profile)
}

/// The same by another cargo: a command whose last argument is the subcommand that builds, or an option of it.
pub fn build_with(cargo: Command, profile: &str) -> Result<PathBuf, BuildError> {
    let is_library =
        |file: &PathBuf| matches!(file.extension().and_then(|end| end.to_str()), Some("so" | "dll" | "dylib"));
    let artifacts = artifacts(cargo, &["--package", PACKAGE, "--profile", profile])?;
    let libraries = artifacts.into_iter().filter(|artifact| artifact.target.crate_types.contains(&CrateType::CDyLib));
    let files = libraries.flat_map(|artifact| artifact.filenames).map(|file| file.into_std_path_buf());
    files.into_iter().find(is_library).ok_or(BuildError::NoFile)
}

/// Builds `passteam-setup` with this component inside; the extension is the one of `bsl-examples`.
pub fn build_setup(mut cargo: Command, profile: &str, component: &Path) -> Result<PathBuf, BuildError> {
    cargo.env("PASSTEAM_SETUP_COMPONENT", component);
    let artifacts = artifacts(cargo, &["--package", SETUP, "--bin", SETUP, "--profile", profile])?;
    let programs = artifacts.into_iter().filter(|artifact| artifact.target.name == SETUP);
    programs
        .filter_map(|artifact| artifact.executable)
        .next()
        .map(|file| file.into_std_path_buf())
        .ok_or(BuildError::NoFile)
}

fn artifacts(mut cargo: Command, arguments: &[&str]) -> Result<Vec<Artifact>, BuildError> {
    let output = cargo
        .arg("--message-format=json-render-diagnostics")
        .args(arguments)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(BuildError::Start)?;
    if !output.status.success() {
        return Err(BuildError::Failed);
    }
    let messages = Message::parse_stream(output.stdout.as_slice());
    Ok(messages
        .filter_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) => Some(artifact),
            _ => None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_fails_is_an_error_and_no_panic() {
        assert!(matches!(build("no-such-profile"), Err(BuildError::Failed)));
        assert!(matches!(build_with(Command::new("no-such-cargo"), "dev"), Err(BuildError::Start(_))));
    }
}
