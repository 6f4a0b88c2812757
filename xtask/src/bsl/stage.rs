//! What bsl-language-server is to see: a folder of scripts, and where each one comes from.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use bsl_check::{Corpus, bsl_blocks};

/// The folder of the extension.
pub const EXTENSION: &str = crate::extension::FOLDER;

/// A script as the server sees it.
pub struct Script {
    /// Its path below the folder of the sources.
    pub staged: String,
    /// The file of the project that it comes from.
    pub file: String,
    /// The line of that file in which it begins, from 1.
    pub line: usize,
}

/// A folder that the server analyses at a time: it knows the objects of one configuration in it.
pub struct Stage<'p> {
    folder: &'p Path,
    /// What stands in it.
    pub scripts: Vec<Script>,
}

impl<'p> Stage<'p> {
    fn new(folder: &'p Path) -> Result<Stage<'p>> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        Ok(Stage { folder, scripts: Vec::new() })
    }

    fn add(&mut self, staged: String, file: &str, line: usize, text: &str) -> Result<()> {
        crate::files::replace(&self.folder.join(&staged), text.as_bytes())?;
        self.scripts.push(Script { staged, file: file.to_owned(), line });
        Ok(())
    }
}

/// Copies the modules of the extension and its metadata into a folder that is made anew.
///
/// # Errors
/// A file cannot be read or written.
pub fn extension<'p>(root: &Path, folder: &'p Path) -> Result<Stage<'p>> {
    let mut stage = Stage::new(folder)?;
    for file in Corpus::extension_files(root)? {
        stage.add(file.clone(), &file, 1, &fs::read_to_string(root.join(&file))?)?;
    }
    // From the extension's XML the server knows its objects.
    for file in crate::files::below(&root.join(EXTENSION))?.iter().filter(|file| file.ends_with(".xml")) {
        let file = Path::new(EXTENSION).join(file);
        crate::files::replace(&folder.join(&file), &fs::read(root.join(&file))?)?;
    }
    Ok(stage)
}

/// Copies the other modules, and writes every block of the documentation as a module, into a folder that is made anew.
///
/// # Errors
/// A file cannot be read or written.
pub fn others<'p>(root: &Path, folder: &'p Path) -> Result<Stage<'p>> {
    let mut stage = Stage::new(folder)?;
    for file in Corpus::example_files(root)? {
        stage.add(file.clone(), &file, 1, &fs::read_to_string(root.join(&file))?)?;
    }
    for file in Corpus::document_files(root)? {
        for (line, text) in bsl_blocks(&fs::read_to_string(root.join(&file))?) {
            stage.add(format!("documents/{file}-{line}.bsl"), &file, line, &text)?;
        }
    }
    Ok(stage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::root;

    #[test]
    fn every_module_and_every_block_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (folder.path().join("extension"), folder.path().join("others"));
        let stages = [extension(&root(), &ours).unwrap(), others(&root(), &theirs).unwrap()];
        let corpus = Corpus::read(&root()).unwrap();
        let read = corpus.extension.iter().chain(&corpus.examples).chain(&corpus.documents);
        let staged = stages.iter().flat_map(|stage| stage.scripts.iter().map(move |script| (stage.folder, script)));
        assert_eq!(staged.clone().count(), read.clone().count());
        for ((folder, script), read) in staged.zip(read) {
            assert_eq!(script.file, read.file());
            assert!(folder.join(&script.staged).is_file(), "{}", script.staged);
        }
        assert!(ours.join(EXTENSION).join("Configuration.xml").is_file(), "the server would know no objects");
    }
}
