//! Why a demo ends early or badly.

use std::io;
use std::path::PathBuf;

use addin_host::{AttachError, Language};

use crate::bundle::BundleError;
use crate::files::FileError;
use crate::library::BuildError;
use crate::project::CommitTimeError;

/// A reason; [`DemoError::message`] says it to a person.
#[derive(Debug)]
pub enum DemoError {
    /// 1C does not run on this operating system or architecture.
    Platform,
    /// The library cannot be built.
    Build(BuildError),
    /// The time of the last commit, which the bundle carries, cannot be told.
    CommitTime(CommitTimeError),
    /// The target folder of cargo is unknown.
    TargetFolder(cargo_metadata::Error),
    /// The bundle cannot be written.
    Bundle(BundleError),
    /// A file cannot be written.
    File(FileError),
    /// The sandbox does not start.
    Sandbox(io::Error),
    /// The name of a folder is not Unicode, so that it cannot be given to the component.
    FolderName(PathBuf),
    /// The infobase with the extension does not open.
    Base(String),
    /// The component does not attach.
    Attach(AttachError),
    /// So many results were not what a shop must see.
    WrongResults(usize),
}

impl DemoError {
    /// The infobase does not open.
    pub fn base(error: impl ToString) -> DemoError {
        DemoError::Base(error.to_string())
    }

    /// A sentence in the language of the demo. What the system, cargo or git say is quoted as it is.
    pub fn message(&self, language: Language) -> String {
        let (russian, english) = match self {
            DemoError::Platform => {
                ("1С:Предприятие на таких системах не работает.".into(), "1C:Enterprise does not run here.".into())
            }
            DemoError::Build(BuildError::Start(error)) => {
                (format!("Программа cargo не запускается: {error}"), format!("Cargo does not start: {error}"))
            }
            DemoError::Build(BuildError::Failed | BuildError::NoFile) => (
                "Компонента не собралась; причину назвала программа cargo, выше.".into(),
                "The component could not be built; cargo says above why.".into(),
            ),
            DemoError::CommitTime(error) => {
                (format!("Время последнего коммита неизвестно. {error}"), format!("The bundle has no date: {error}"))
            }
            DemoError::TargetFolder(error) => (
                format!("Программа cargo не назвала папку сборки: {error}"),
                format!("Cargo names no target folder: {error}"),
            ),
            DemoError::Bundle(BundleError::File(error)) | DemoError::File(error) => (
                format!("Файл не удалось прочитать или записать: {error}"),
                format!("A file cannot be read or written: {error}"),
            ),
            DemoError::Bundle(error) => (format!("Архив не собран. {error}"), format!("There is no bundle. {error}")),
            DemoError::Sandbox(error) => {
                (format!("Песочница не запускается: {error}"), format!("The sandbox does not start: {error}"))
            }
            DemoError::Base(error) => {
                (format!("База с расширением не открывается: {error}"), format!("The base does not open: {error}"))
            }
            DemoError::FolderName(path) => {
                let path = path.display();
                (format!("Имя папки не в Юникоде: {path}"), format!("The name of a folder is not Unicode: {path}"))
            }
            DemoError::Attach(error) => (error.message(Language::Russian), error.message(Language::English)),
            DemoError::WrongResults(count) => {
                (format!("Неверных результатов: {count}."), format!("Wrong results: {count}."))
            }
        };
        language.pick(russian, english)
    }
}

/// Makes `?` turn the errors of the steps into reasons.
macro_rules! reasons {
    ($($error:ty => $variant:ident),* $(,)?) => {
        $(impl From<$error> for DemoError {
            fn from(error: $error) -> DemoError {
                DemoError::$variant(error)
            }
        })*
    };
}

reasons! {
    BuildError => Build,
    CommitTimeError => CommitTime,
    cargo_metadata::Error => TargetFolder,
    BundleError => Bundle,
    FileError => File,
    AttachError => Attach,
}
