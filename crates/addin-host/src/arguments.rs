//! The command line of `addin-host`: what it means, what is wrong with it, and its help.

use std::ffi::OsString;
use std::path::PathBuf;

use addin_host::Language;

const HELP_RUSSIAN: &str = "\
addin-host — что внутри внешней компоненты 1С:Предприятия (Native API) или почему она не подключается

Использование: addin-host [--lang ru|en] ФАЙЛ
               addin-host [--lang ru|en] --call МЕТОД [--set СВОЙСТВО=ЗНАЧЕНИЕ]... ФАЙЛ

ФАЙЛ — библиотека (.so, .dll, .dylib) или архив zip с MANIFEST.XML, из которого берётся библиотека для
операционной системы и разрядности этого процесса. Библиотека загружается и исполняется: открывайте только
то, чему доверяете.

Печатает, что предлагает архив, классы компоненты, их свойства и методы на обоих языках. Если компонента не
подключается, называет причину, в том числе текст ошибки загрузчика системы, и завершается с кодом 1.

С --call создаёт объект первого класса, задаёт свойства, вызывает метод без параметров и печатает то, что он вернул.
Исключение компоненты печатается, код завершения тогда 1. Например, что мешает работе с сервисом Passteam:

  addin-host --set Token=@token.txt --call Диагностика Passteam-0.2.0.zip

  --call МЕТОД   метод, имя на любом из языков
  --set СВОЙСТВО=ЗНАЧЕНИЕ
                 свойство; тип берётся у его прежнего значения. @ФАЙЛ вместо значения — содержимое файла без
                 пробелов и переводов строк по краям: так секрет не виден в списке процессов
  --lang ru|en   язык вывода, справки, ошибок и компоненты (по умолчанию ru)
  -h, --help     эта справка
";

const HELP_ENGLISH: &str = "\
addin-host: what is in an add-in of 1C:Enterprise (Native API), or why it does not attach

Usage: addin-host [--lang ru|en] FILE
       addin-host [--lang ru|en] --call METHOD [--set PROPERTY=VALUE]... FILE

FILE is a library (.so, .dll, .dylib) or a zip with a MANIFEST.XML, from which the library for the operating
system and architecture of this process is taken. The library is loaded and runs: open only what you trust.

Prints what the zip offers, the add-in's classes, their properties and methods in both languages. If the
add-in does not attach, it says why, with the message of the system's loader, and exits with code 1.

With --call it makes an object of the first class, sets the properties, calls the method without parameters and
prints what that returns. An exception of the add-in is printed, and the exit code is 1 then. For example, what
stands between this computer and the Passteam service:

  addin-host --lang en --set Token=@token.txt --call Diagnose Passteam-0.2.0.zip

  --call METHOD  a method by its name in either language
  --set PROPERTY=VALUE
                 a property; its type is that of the value it had. @FILE in place of the value stands for what the
                 file holds, without white space around it: a secret is then not seen in the list of processes
  --lang ru|en   language of output, help, errors and the add-in (ru by default)
  -h, --help     this text
";

/// What the user asks for.
pub(crate) enum Request {
    Help,
    Describe(PathBuf),
    Call(Call),
}

/// A call of a method.
pub(crate) struct Call {
    pub(crate) file: PathBuf,
    pub(crate) method: String,
    /// Properties to set before it, in this order.
    pub(crate) settings: Vec<(String, String)>,
}

/// What is wrong with a command line.
pub(crate) enum UsageError {
    NoFile,
    NotALanguage(OsString),
    NoValue(String),
    Unexpected(OsString),
    NotASetting(OsString),
    SettingsWithoutCall,
}

/// Reads a command line without the program's name. The language is the one asked for, also if the rest is wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> (Language, Result<Request, UsageError>) {
    let mut language = Language::default();
    let request = request(lexopt::Parser::from_args(arguments), &mut language);
    (language, request)
}

fn request(mut parser: lexopt::Parser, language: &mut Language) -> Result<Request, UsageError> {
    use lexopt::prelude::*;
    let (mut file, mut wants_help, mut wrong) = (None, false, None);
    let (mut method, mut settings) = (None, Vec::new());
    // Reads on after a mistake: `--lang` may follow it.
    while let Some(argument) = parser.next().transpose() {
        let mistake = match argument {
            Ok(Short('h') | Long("help")) => {
                wants_help = true;
                None
            }
            Ok(Long("lang")) => set_language(&mut parser, language).err(),
            Ok(Long("call")) if method.is_none() => match text(&mut parser) {
                Ok(name) => {
                    method = Some(name);
                    None
                }
                Err(error) => Some(error),
            },
            Ok(Long("set")) => match setting(&mut parser) {
                Ok(pair) => {
                    settings.push(pair);
                    None
                }
                Err(error) => Some(error),
            },
            Ok(Value(path)) if file.is_none() => {
                file = Some(path);
                None
            }
            Ok(Value(argument)) => Some(UsageError::Unexpected(argument)),
            Ok(Long(name)) => Some(UsageError::Unexpected(format!("--{name}").into())),
            Ok(Short(name)) => Some(UsageError::Unexpected(format!("-{name}").into())),
            Err(error) => Some(error.into()),
        };
        wrong = wrong.or(mistake);
    }
    match (wrong, file) {
        (Some(error), _) => Err(error),
        _ if wants_help => Ok(Request::Help),
        (None, Some(file)) => match method {
            Some(method) => Ok(Request::Call(Call { file: file.into(), method, settings })),
            None if settings.is_empty() => Ok(Request::Describe(file.into())),
            None => Err(UsageError::SettingsWithoutCall),
        },
        (None, None) => Err(UsageError::NoFile),
    }
}

fn set_language(parser: &mut lexopt::Parser, language: &mut Language) -> Result<(), UsageError> {
    let code = parser.value()?;
    *language = match code.to_str() {
        Some("ru") => Language::Russian,
        Some("en") => Language::English,
        _ => return Err(UsageError::NotALanguage(code)),
    };
    Ok(())
}

fn text(parser: &mut lexopt::Parser) -> Result<String, UsageError> {
    parser.value()?.into_string().map_err(UsageError::Unexpected)
}

fn setting(parser: &mut lexopt::Parser) -> Result<(String, String), UsageError> {
    let text = text(parser)?;
    match text.split_once('=') {
        Some((property, value)) if !property.is_empty() => Ok((property.to_owned(), value.to_owned())),
        _ => Err(UsageError::NotASetting(text.into())),
    }
}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> UsageError {
        match error {
            lexopt::Error::MissingValue { option } => UsageError::NoValue(option.unwrap_or_default()),
            lexopt::Error::UnexpectedValue { option, value } => {
                UsageError::Unexpected(format!("{option}={}", value.display()).into())
            }
            other => UsageError::Unexpected(other.to_string().into()),
        }
    }
}

impl UsageError {
    /// A sentence for a person.
    pub(crate) fn message(&self, language: Language) -> String {
        match self {
            UsageError::NoFile => language.pick("не указан ФАЙЛ".to_owned(), "FILE is missing".to_owned()),
            UsageError::NotALanguage(code) => language.pick(
                format!("--lang: «{}» не подходит: возможны ru, en", code.display()),
                format!("--lang: \"{}\" is not possible: ru, en", code.display()),
            ),
            UsageError::NotASetting(text) => language.pick(
                format!("--set: «{}» не имеет вида СВОЙСТВО=ЗНАЧЕНИЕ", text.display()),
                format!("--set: \"{}\" is not PROPERTY=VALUE", text.display()),
            ),
            UsageError::SettingsWithoutCall => {
                language.pick("--set нужен только вместе с --call".to_owned(), "--set needs --call".to_owned())
            }
            UsageError::NoValue(option) => {
                language.pick(format!("{option}: нужно значение"), format!("{option}: a value is missing"))
            }
            UsageError::Unexpected(argument) => language.pick(
                format!("лишний аргумент: {}", argument.display()),
                format!("unexpected argument: {}", argument.display()),
            ),
        }
    }
}

/// The help.
pub(crate) fn help(language: Language) -> &'static str {
    language.pick(HELP_RUSSIAN, HELP_ENGLISH)
}
