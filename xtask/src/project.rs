//! Where the project is, and which version it has.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::{fmt, io};

use chrono::{DateTime, Utc};

/// The version of the add-in, which the whole workspace shares.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version for INFO.XML: БСП wants four numbers, without the name of a pre-release.
pub const NUMERIC_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    ".",
    env!("CARGO_PKG_VERSION_PATCH"),
    ".0"
);

/// The top folder of the project. Cargo tells it when it runs this program; a script that runs the program itself can tell
/// it in the same way, for example to build another checkout.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().unwrap_or(&here).to_owned()
}

/// Cargo's target folder, as this machine's settings of cargo name it.
///
/// # Errors
/// Cargo does not run or does not understand the project.
pub fn target_folder() -> Result<PathBuf, cargo_metadata::Error> {
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(root()).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// The time of the last commit; `None` if the sources are not in a git repository.
///
/// # Errors
/// Git does not run or does not tell the time.
pub fn commit_time() -> Result<Option<DateTime<Utc>>, CommitTimeError> {
    let root = root();
    if !root.join(".git").exists() {
        return Ok(None);
    }
    // Git refuses the folder of another user, as containers have it. A user who builds these sources trusts them anyway.
    let trusted = format!("safe.directory={}", root.display());
    let mut git = Command::new("git");
    git.args(["-c", &trusted, "log", "-1", "--format=%ct"]).current_dir(&root);
    let output = git.output().map_err(CommitTimeError::Start)?;
    if !output.status.success() {
        return Err(CommitTimeError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let time = printed.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map(Some).ok_or(CommitTimeError::NoTime(printed))
}

/// Why git does not tell when the last commit was made.
#[derive(Debug)]
pub enum CommitTimeError {
    /// The program does not start.
    Start(io::Error),
    /// It failed; the text is its own.
    Refused(String),
    /// It printed something else.
    NoTime(String),
}

impl fmt::Display for CommitTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git does not tell the time of the last commit: ")?;
        match self {
            CommitTimeError::Start(error) => write!(f, "{error}"),
            CommitTimeError::Refused(text) => write!(f, "{text}"),
            CommitTimeError::NoTime(text) => write!(f, "it printed {text:?}"),
        }
    }
}

impl Error for CommitTimeError {}
