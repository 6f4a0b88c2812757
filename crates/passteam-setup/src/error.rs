//! Why the program stops, and what a command leaves to a person.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::process::Ending;
use crate::text;
use crate::text::Text;

/// What a command that came to its end leaves to a person; what it is has been said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Everything is done: status 0.
    Nothing,
    /// Status 1.
    Something,
}

/// A reason to stop. [`SetupError::text`] is the whole sentence for the user.
#[derive(Debug)]
pub(crate) enum SetupError {
    /// The arguments are wrong.
    Misuse(Text),
    /// The base, the platform or the extension is not what it must be.
    Refused(Text),
    /// A program of the platform failed; its words were shown already.
    Command {
        /// What it should have done.
        step: Text,
        /// How it ended.
        ending: Ending,
        /// What that means for the base, and what can be done.
        advice: Text,
    },
    /// A file cannot be read or written.
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

impl SetupError {
    /// An error of the file system with its path.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> SetupError {
        let path = path.to_owned();
        move |error| SetupError::File { path, error }
    }

    /// The exit status of the program.
    pub(crate) fn status(&self) -> u8 {
        match self {
            SetupError::Misuse(_) => 2,
            SetupError::Refused(_) | SetupError::Command { .. } | SetupError::File { .. } => 1,
        }
    }

    /// The sentence for the user.
    pub(crate) fn text(&self) -> Text {
        match self {
            SetupError::Misuse(text) | SetupError::Refused(text) => text.clone(),
            SetupError::Command { step, ending, advice } => Text::of_failure(step, &ending.text(), advice),
            SetupError::File { path, error } => {
                let path = path.display();
                text!("{path}: {error}", "{path}: {error}")
            }
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl Error for SetupError {}
