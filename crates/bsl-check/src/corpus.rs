use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use walkdir::WalkDir;

use crate::markdown::bsl_blocks;
use crate::script::{Kind, Script, SyntaxError};

/// Everything in BSL that the repository offers for pasting.
#[derive(Debug)]
pub struct Corpus {
    /// The modules of `bsl-examples` but for the extension.
    pub examples: Vec<Script>,
    /// The modules of the extension, which names them as the configuration beside it does, and of what calls it.
    pub extension: Vec<Script>,
    /// The BSL blocks of `docs` and of the READMEs.
    pub documents: Vec<Script>,
}

/// The folders of the extension, and of the external data processor that calls it.
const WITH_THE_EXTENSION: [&str; 2] = ["bsl-examples/extension", "bsl-examples/scheduled"];

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
    /// A file cannot be read, or scripts do not parse; the error names all of these.
    pub fn read(root: &Path) -> Result<Corpus, CorpusError> {
        let mut errors = Vec::new();
        let mut parse = |file: &str, line, kind, text: &str| {
            Script::parse(file, line, kind, text).map_err(|error| errors.push(error)).ok()
        };

        let mut examples = Vec::new();
        for file in Self::example_files(root)? {
            examples.extend(parse(&file, 1, kind(&file), &read(root, &file)?));
        }
        let mut extension = Vec::new();
        for file in Self::extension_files(root)? {
            extension.extend(parse(&file, 1, kind(&file), &read(root, &file)?));
        }
        let mut documents = Vec::new();
        for file in Self::document_files(root)? {
            for (line, text) in bsl_blocks(&read(root, &file)?) {
                documents.extend(parse(&file, line, Kind::Fragment, &text));
            }
        }
        if errors.is_empty() { Ok(Corpus { examples, extension, documents }) } else { Err(CorpusError::Syntax(errors)) }
    }

    /// The modules of `bsl-examples` but for the extension, relative to `root`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn example_files(root: &Path) -> Result<Vec<String>, CorpusError> {
        let mut found = files(root, "bsl-examples", &["bsl", "os"])?;
        found.retain(|file| !WITH_THE_EXTENSION.iter().any(|folder| file.starts_with(&format!("{folder}/"))));
        Ok(found)
    }

    /// The modules of the extension, relative to `root`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn extension_files(root: &Path) -> Result<Vec<String>, CorpusError> {
        let folders = WITH_THE_EXTENSION.iter().map(|folder| files(root, folder, &["bsl"]));
        Ok(folders.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The Markdown files that may hold BSL, relative to `root`.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn document_files(root: &Path) -> Result<Vec<String>, CorpusError> {
        let mut found = files(root, "docs", &["md"])?;
        found.extend(
            ["README.md", "README.en.md"].map(str::to_owned).into_iter().filter(|file| root.join(file).exists()),
        );
        Ok(found)
    }

    /// All scripts: examples, the extension, the documentation.
    pub fn scripts(&self) -> impl Iterator<Item = &Script> + Clone {
        self.examples.iter().chain(&self.extension).chain(&self.documents)
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
