//! Why an add-in does not attach, and why a call has no result.

use std::fmt;
use std::io;
use std::path::PathBuf;

use zip::result::ZipError;

use crate::connection::RaisedError;
use crate::language::Language;
use crate::manifest::{BundleEntry, ManifestError};

/// Why an add-in does not attach. [`AttachError::message`] explains it in a language, `Display` in English.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// The system's loader refused the library.
    Load {
        /// The library.
        path: PathBuf,
        /// The loader's message.
        message: String,
    },
    /// The library lacks a function that every Native API add-in exports.
    NotAnAddIn {
        /// The function.
        missing: &'static str,
    },
    /// The manifest of the zip is wrong.
    Manifest(ManifestError),
    /// The zip offers nothing for this operating system and architecture.
    NoEntryForThisPlatform {
        /// The operating system of this process.
        os: String,
        /// The architecture of this process.
        arch: String,
        /// What the manifest offers.
        offered: Vec<BundleEntry>,
    },
    /// The zip is damaged.
    Zip(ZipError),
    /// A file cannot be read or written.
    Io(io::Error),
    /// `GetClassObject` made no object of that name.
    NoSuchClass {
        /// The class that was asked for.
        class: String,
        /// The classes the library names.
        offered: Vec<String>,
    },
    /// `setMemManager` returned false.
    MemoryManagerRefused,
    /// `Init` returned false.
    InitRefused {
        /// What the add-in raised during it.
        errors: Vec<RaisedError>,
    },
    /// `RegisterExtensionAs` returned false or a null pointer.
    RegistrationRefused,
}

impl AttachError {
    /// One or two sentences for a person.
    pub fn message(&self, language: Language) -> String {
        match self {
            AttachError::Load { path, message } => {
                let path = path.display();
                language.pick(
                    format!("Загрузчик системы не принял библиотеку {path}. Его слова: {message}"),
                    format!("The system's loader refused the library {path}. Its message: {message}"),
                )
            }
            AttachError::NotAnAddIn { missing } => language.pick(
                format!("Это не внешняя компонента Native API: библиотека не экспортирует функцию {missing}."),
                format!("This is not a Native API add-in: the library does not export {missing}."),
            ),
            AttachError::Manifest(error) => error.message(language),
            AttachError::NoEntryForThisPlatform { os, arch, offered } => {
                let offered = list(offered.iter().map(|entry| format!("{} {} ({})", entry.os, entry.arch, entry.kind)));
                language.pick(
                    format!("В архиве нет компоненты Native API для {os} {arch}. Есть: {offered}."),
                    format!("The zip has no Native API add-in for {os} {arch}. It offers: {offered}."),
                )
            }
            AttachError::Zip(error) => language.pick(
                format!("Архив повреждён или не является архивом zip: {error}."),
                format!("The zip is damaged or not a zip: {error}."),
            ),
            AttachError::Io(error) => language.pick(
                format!("Файл не удалось прочитать или записать: {}.", in_russian(error)),
                format!("A file could not be read or written: {error}."),
            ),
            AttachError::NoSuchClass { class, offered } => {
                let offered = list(offered.iter().cloned());
                language.pick(
                    format!("GetClassObject не создаёт объект «{class}». Библиотека называет классы: {offered}."),
                    format!("GetClassObject makes no object “{class}”. The library names the classes: {offered}."),
                )
            }
            AttachError::MemoryManagerRefused => language.pick(
                "Компонента не приняла менеджер памяти: setMemManager вернул ложь.".to_owned(),
                "The add-in refused the memory manager: setMemManager returned false.".to_owned(),
            ),
            AttachError::InitRefused { errors } => {
                let errors = list(errors.iter().map(ToString::to_string));
                language.pick(
                    format!("Компонента не инициализировалась: Init вернул ложь. Её ошибки: {errors}."),
                    format!("The add-in did not initialize: Init returned false. Its errors: {errors}."),
                )
            }
            AttachError::RegistrationRefused => language.pick(
                "Компонента не назвала своё имя: RegisterExtensionAs вернул ложь или пустой указатель.".to_owned(),
                "The add-in gave no name: RegisterExtensionAs returned false or a null pointer.".to_owned(),
            ),
        }
    }
}

/// The operating system's reason, in Russian if it is a usual one: its own texts are in the language of the system.
fn in_russian(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "такого файла нет".to_owned(),
        io::ErrorKind::PermissionDenied => "нет прав".to_owned(),
        io::ErrorKind::IsADirectory => "это папка".to_owned(),
        io::ErrorKind::AlreadyExists => "файл с таким именем уже есть".to_owned(),
        io::ErrorKind::StorageFull => "на диске нет места".to_owned(),
        _ => error.to_string(),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let list = items.collect::<Vec<_>>().join(", ");
    if list.is_empty() { "—".to_owned() } else { list }
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AttachError::Manifest(error) => Some(error),
            AttachError::Zip(error) => Some(error),
            AttachError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ManifestError> for AttachError {
    fn from(error: ManifestError) -> AttachError {
        AttachError::Manifest(error)
    }
}

impl From<ZipError> for AttachError {
    fn from(error: ZipError) -> AttachError {
        AttachError::Zip(error)
    }
}

impl From<io::Error> for AttachError {
    fn from(error: io::Error) -> AttachError {
        AttachError::Io(error)
    }
}

/// Why a property access or a method call has no result: in BSL, the exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The add-in called `AddError` with an `scode` other than zero. Its last such error counts, even if the call returned true.
    Raised(RaisedError),
    /// The add-in returned false without such an error.
    Failed,
    /// There is no property or method of that name.
    NoSuchMember,
    /// The property cannot be read.
    NotReadable,
    /// The property cannot be written.
    NotWritable,
    /// A parameter that has no default was left out; the method was not called.
    TooFewParameters,
    /// More parameters than the method has; the method was not called.
    TooManyParameters,
    /// A method without a return value was used in an expression; it was not called.
    NoReturnValue,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CallError::Raised(error) => return error.fmt(f),
            CallError::Failed => "the add-in returned false and gave no reason",
            CallError::NoSuchMember => "the object has no property or method of that name",
            CallError::NotReadable => "the property can't be read",
            CallError::NotWritable => "the property can't be written",
            CallError::TooFewParameters => "a required parameter is missing",
            CallError::TooManyParameters => "there are more parameters than the method has",
            CallError::NoReturnValue => "the method returns no value",
        })
    }
}

impl std::error::Error for CallError {}
