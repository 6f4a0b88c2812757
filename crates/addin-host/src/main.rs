//! `addin-host FILE`: what is in an add-in, or why it does not attach.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use addin_host::{AttachError, Bundle, Language, Library, MemoryReport, Object, THIS_ARCH, THIS_OS, Value};

const HELP: [&str; 2] = [
    "\
addin-host — что внутри внешней компоненты 1С:Предприятия (Native API) или почему она не подключается

Использование: addin-host [--lang ru|en] ФАЙЛ

ФАЙЛ — библиотека (.so, .dll, .dylib) или архив zip с MANIFEST.XML, из которого берётся библиотека для
операционной системы и разрядности этого процесса. Библиотека загружается и исполняется: открывайте только
то, чему доверяете.

Печатает, что предлагает архив, классы компоненты, их свойства и методы на обоих языках. Если компонента не
подключается, называет причину, в том числе слова загрузчика системы, и завершается с кодом 1.

  --lang ru|en   язык вывода (без него — по LC_ALL, LC_MESSAGES, LANG)
  -h, --help     эта справка
",
    "\
addin-host: what is in an add-in of 1C:Enterprise (Native API), or why it does not attach

Usage: addin-host [--lang ru|en] FILE

FILE is a library (.so, .dll, .dylib) or a zip with a MANIFEST.XML, from which the library for the operating
system and architecture of this process is taken. The library is loaded and runs: open only what you trust.

Prints what the zip offers, the add-in's classes, their properties and methods in both languages. Where the
add-in does not attach, it says why, with the words of the system's loader, and exits with code 1.

  --lang ru|en   language of the output (without it: by LC_ALL, LC_MESSAGES, LANG)
  -h, --help     this text
",
];

fn main() -> ExitCode {
    let (mut language, request) = match parse_arguments() {
        Ok(parsed) => parsed,
        Err(error) => {
            eprintln!("addin-host: {error}\n\n{}", environment_language().pick(HELP[0], HELP[1]));
            return ExitCode::from(2);
        }
    };
    let language = *language.get_or_insert_with(environment_language);
    let mut out = io::stdout().lock();
    let outcome = match request {
        Request::Help => write!(out, "{}", language.pick(HELP[0], HELP[1])).map(|()| true),
        Request::Describe(file) => Report { language, out: &mut out }.describe(&file),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        // Nobody reads the rest of the output: nothing to complain about, and nobody to complain to.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

enum Request {
    Help,
    Describe(PathBuf),
}

fn parse_arguments() -> Result<(Option<Language>, Request), lexopt::Error> {
    use lexopt::prelude::*;
    let mut language = None;
    let mut file: Option<OsString> = None;
    let mut help = false;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => help = true,
            Long("lang") => language = Some(parser.value()?.parse_with(parse_language)?),
            Value(path) if file.is_none() => file = Some(path),
            unexpected => return Err(unexpected.unexpected()),
        }
    }
    match file {
        _ if help => Ok((language, Request::Help)),
        Some(file) => Ok((language, Request::Describe(file.into()))),
        None => Err("FILE?".into()),
    }
}

fn parse_language(code: &str) -> Result<Language, String> {
    match code {
        "ru" => Ok(Language::Russian),
        "en" => Ok(Language::English),
        _ => Err("ru, en".to_owned()),
    }
}

fn environment_language() -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(env::var_os);
    let code = set.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    Language::from_code(&code.to_string_lossy())
}

/// Writes what a person reads; each function says whether all was well.
struct Report<'a, W> {
    language: Language,
    out: &'a mut W,
}

impl<W: Write> Report<'_, W> {
    fn line(&mut self, russian: &str, english: &str) -> io::Result<()> {
        let text = self.language.pick(russian, english);
        writeln!(self.out, "{text}")
    }

    fn error(&mut self, error: &AttachError) -> io::Result<bool> {
        let text = error.message(self.language);
        self.line(&format!("ОШИБКА: {text}"), &format!("ERROR: {text}"))?;
        Ok(false)
    }

    fn describe(&mut self, file: &Path) -> io::Result<bool> {
        self.line(&format!("Этот процесс: {THIS_OS} {THIS_ARCH}"), &format!("This process: {THIS_OS} {THIS_ARCH}"))?;
        match Bundle::open_if_zip(file) {
            Ok(Some(bundle)) => self.bundle(&bundle)?,
            Ok(None) => (),
            Err(error) => return self.error(&error),
        }
        match Library::open(file) {
            Ok(library) => self.library(&library),
            Err(error) => self.error(&error),
        }
    }

    fn bundle(&mut self, bundle: &Bundle) -> io::Result<()> {
        self.line("Архив предлагает:", "The zip offers:")?;
        for entry in bundle.entries() {
            let missing = if bundle.has_file(entry) {
                ""
            } else {
                self.language.pick(" — файла нет!", " — no such file!")
            };
            writeln!(self.out, "  {} {} {}: {}{missing}", entry.os, entry.arch, entry.kind, entry.path)?;
        }
        Ok(())
    }

    fn library(&mut self, library: &Library) -> io::Result<bool> {
        let classes = library.class_names();
        self.line(
            &format!("Классы (GetClassNames): {}", classes.join(", ")),
            &format!("Classes (GetClassNames): {}", classes.join(", ")),
        )?;
        let attach_type = match library.attach_type() {
            None => self.language.pick("не экспортируется", "not exported").to_owned(),
            Some(1) => self.language.pick("1, только неизолированно", "1, not isolated only").to_owned(),
            Some(2) => self.language.pick("2, только изолированно", "2, isolated only").to_owned(),
            Some(3) => self.language.pick("3, изолированно и неизолированно", "3, isolated or not").to_owned(),
            Some(other) => other.to_string(),
        };
        self.line(
            &format!("Способ подключения (GetAttachType): {attach_type}"),
            &format!("Attach type (GetAttachType): {attach_type}"),
        )?;
        let mut all_well = !classes.is_empty();
        for class in classes {
            self.line(&format!("\nКласс {class}"), &format!("\nClass {class}"))?;
            all_well &= match library.create(&class) {
                Ok(object) => self.object(object)?,
                Err(error) => self.error(&error)?,
            };
        }
        Ok(all_well)
    }

    fn object(&mut self, object: Object) -> io::Result<bool> {
        let name = object.extension_name();
        let info = object.info();
        self.line(
            &format!("  Имя (RegisterExtensionAs): {name}; версия (GetInfo): {info}"),
            &format!("  Name (RegisterExtensionAs): {name}; version (GetInfo): {info}"),
        )?;
        self.line("  Свойства:", "  Properties:")?;
        for (index, names) in (0..).zip(object.property_names()) {
            let access = match (object.raw_is_readable(index), object.raw_is_writable(index)) {
                (true, true) => self.language.pick("чтение и запись", "read and write"),
                (true, false) => self.language.pick("только чтение", "read only"),
                (false, true) => self.language.pick("только запись", "write only"),
                (false, false) => self.language.pick("недоступно", "no access"),
            };
            writeln!(self.out, "    {}: {access}", both(names))?;
        }
        self.line("  Методы:", "  Methods:")?;
        for (index, names) in (0..).zip(object.method_names()) {
            let parameters = parameters(&object, index);
            let kind = if object.raw_has_return_value(index) {
                self.language.pick("функция", "function")
            } else {
                self.language.pick("процедура", "procedure")
            };
            writeln!(self.out, "    {}({parameters}): {kind}", both(names))?;
        }
        self.memory(&object.destroy())?;
        Ok(true)
    }

    /// What the add-in did wrong while it was only asked for its names.
    fn memory(&mut self, report: &MemoryReport) -> io::Result<()> {
        if report.is_clean() {
            return Ok(());
        }
        let MemoryReport { live_blocks, live_bytes, foreign_frees, double_frees, overruns, overlong_values, .. } =
            report;
        self.line(
            &format!(
                "  ВНИМАНИЕ, память: не освобождено блоков {live_blocks} (байт {live_bytes}), отдано или освобождено \
                 чужих {foreign_frees}, повторно {double_frees}, записей за конец блока {overruns}, строк длиннее \
                 своего блока {overlong_values}"
            ),
            &format!(
                "  WARNING, memory: blocks leaked {live_blocks} ({live_bytes} bytes), foreign ones handed over or freed \
                 {foreign_frees}, freed twice {double_frees}, overrun {overruns}, strings longer than their block \
                 {overlong_values}"
            ),
        )
    }
}

fn both((first, second): (String, Option<String>)) -> String {
    match second {
        Some(second) => format!("{first} / {second}"),
        None => first,
    }
}

/// The parameters by number, as the Native API knows no names of them; optional ones in brackets.
fn parameters(object: &Object, method: i32) -> String {
    let parameter = |index| match object.raw_parameter_default(method, index) {
        None | Some(Value::Empty) => format!("{}", index + 1),
        Some(default) => format!("[{} = {}]", index + 1, literal(&default)),
    };
    (0..object.raw_parameter_count(method)).map(parameter).collect::<Vec<_>>().join(", ")
}

/// A value as BSL code writes it, where BSL can.
fn literal(value: &Value) -> String {
    match value {
        Value::Bool(true) => "Истина".to_owned(),
        Value::Bool(false) => "Ложь".to_owned(),
        value => match (value.as_number(), value.as_str()) {
            (Some(number), _) => number.to_string(),
            (_, Some(text)) => format!("\"{}\"", text.replace('"', "\"\"")),
            _ => format!("{value:?}"),
        },
    }
}
