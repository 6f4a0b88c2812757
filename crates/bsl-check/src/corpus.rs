use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use walkdir::WalkDir;

use crate::{Kind, Script, SyntaxError, bsl_blocks};

/// Everything in BSL that the repository offers for pasting.
#[derive(Debug)]
pub struct Corpus {
    /// The modules of `bsl-examples`.
    pub examples: Vec<Script>,
    /// The BSL blocks of `docs` and of the READMEs.
    pub documents: Vec<Script>,
}

/// Why the corpus could not be read.
#[derive(Debug)]
pub enum CorpusError {
    /// A file or a folder cannot be read.
    Io(PathBuf, io::Error),
    /// Scripts that are not BSL.
    Syntax(Vec<SyntaxError>),
}

impl fmt::Display for CorpusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CorpusError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            CorpusError::Syntax(errors) => errors.iter().try_for_each(|error| write!(f, "{error}")),
        }
    }
}

impl std::error::Error for CorpusError {}

impl Corpus {
    /// Reads and parses the corpus of the repository in `root`.
    ///
    /// # Errors
    /// Where a file cannot be read, and with every script that does not parse.
    pub fn read(root: &Path) -> Result<Corpus, CorpusError> {
        let mut errors = Vec::new();
        let mut parse = |file: &str, line, kind, text: &str| {
            Script::parse(file, line, kind, text).map_err(|error| errors.push(error)).ok()
        };

        let mut examples = Vec::new();
        for file in files(root, "bsl-examples", &["bsl", "os"])? {
            examples.extend(parse(&file, 1, kind(&file), &read(root, &file)?));
        }
        let mut documents = Vec::new();
        for file in Self::document_files(root)? {
            for (line, text) in bsl_blocks(&read(root, &file)?) {
                documents.extend(parse(&file, line, Kind::Fragment, &text));
            }
        }
        if errors.is_empty() { Ok(Corpus { examples, documents }) } else { Err(CorpusError::Syntax(errors)) }
    }

    /// The Markdown files that may hold BSL, relative to `root`.
    ///
    /// # Errors
    /// Where a folder cannot be read.
    pub fn document_files(root: &Path) -> Result<Vec<String>, CorpusError> {
        let mut found = files(root, "docs", &["md"])?;
        found.extend(
            ["README.md", "README.en.md"].map(str::to_owned).into_iter().filter(|file| root.join(file).exists()),
        );
        Ok(found)
    }

    /// All scripts, examples first.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> + Clone {
        self.examples.iter().chain(&self.documents)
    }
}

fn kind(file: &str) -> Kind {
    if file.ends_with(".os") {
        Kind::OneScript
    } else if file.contains("/Forms/") {
        Kind::Form
    } else if file.contains("/CommonModules/") {
        Kind::Common
    } else {
        Kind::Object
    }
}

fn files(root: &Path, folder: &str, extensions: &[&str]) -> Result<Vec<String>, CorpusError> {
    let mut found = Vec::new();
    for entry in WalkDir::new(root.join(folder)).sort_by_file_name() {
        let entry = entry.map_err(|error| CorpusError::Io(root.join(folder), error.into()))?;
        let path = entry.path();
        let wanted = path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension));
        if wanted && let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_string_lossy().replace('\\', "/"));
        }
    }
    Ok(found)
}

fn read(root: &Path, file: &str) -> Result<String, CorpusError> {
    let path = root.join(file);
    // The Designer writes a byte order mark.
    let text = fs::read_to_string(&path).map_err(|error| CorpusError::Io(path, error))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}
