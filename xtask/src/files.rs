//! Files that are written whole or not at all.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use walkdir::WalkDir;

/// A file that could not be read or written.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl Error for FileError {}

/// Writes a file beside `path` and then gives it that name, so that a full disk leaves the old file as it was. The folders
/// on the way are made.
///
/// # Errors
/// The system refuses; nothing is left then.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), FileError> {
    replace_with(builder(0o666), path, content)
}

/// The same for a program, which may be started.
///
/// # Errors
/// The system refuses; nothing is left then.
pub fn replace_program(path: &Path, content: &[u8]) -> Result<(), FileError> {
    replace_with(builder(0o777), path, content)
}

fn replace_with(builder: tempfile::Builder, path: &Path, content: &[u8]) -> Result<(), FileError> {
    let failed = |error| FileError { path: path.to_owned(), error };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut beside = builder.tempfile_in(folder).map_err(failed)?;
    beside.write_all(content).map_err(failed)?;
    beside.persist(path).map_err(|refused| failed(refused.error))?;
    Ok(())
}

/// Every file below a folder: its path there with `/` between folders, in order.
///
/// # Errors
/// A folder cannot be read.
pub fn below(folder: &Path) -> Result<Vec<String>, FileError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(folder) {
        let entry = entry.map_err(|error| FileError { path: folder.to_owned(), error: error.into() })?;
        if entry.file_type().is_file()
            && let Ok(path) = entry.path().strip_prefix(folder)
        {
            found.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    found.sort();
    Ok(found)
}

/// Temporary files are private unless told otherwise; these get the permissions of any new file or program.
fn builder(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/file.txt");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = replace(&path, b"text").unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&folder.path().join("taken/below/../../../x\0y"), b"text").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_was_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, usual) = (folder.path().join("file"), folder.path().join("usual"));
        replace(&path, b"text").unwrap();
        fs::write(&usual, b"text").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&usual));
    }
}
