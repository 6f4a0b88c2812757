//! Files and folders, with errors that name the path.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::SetupError;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    fs::read(path).map_err(SetupError::file(path))
}

/// Writes a file and the folders that lead to it.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), SetupError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(SetupError::file(folder))?;
    }
    fs::write(path, content).map_err(SetupError::file(path))
}

/// Writes files whose names have `/` between folders.
pub(crate) fn write_all(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), SetupError> {
    for (name, content) in files {
        let path = name.split('/').fold(folder.to_owned(), |path, part| path.join(part));
        write(&path, content)?;
    }
    Ok(())
}
