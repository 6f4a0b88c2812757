//! `addin-host FILE`: what is in an add-in, or why it does not attach; with `--call`, what a method of it returns. It speaks Russian, or
//! English with `--lang en`.

mod arguments;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use addin_host::{
    AttachError, Bundle, CallError, HostOptions, Language, Library, MemoryReport, Object, THIS_ARCH, THIS_OS, Value,
};

use crate::arguments::{Call, Request, help, parse};

fn main() -> ExitCode {
    let (language, request) = parse(std::env::args_os().skip(1));
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            eprintln!("addin-host: {}\n\n{}", error.message(language), help(language));
            return ExitCode::from(2);
        }
    };
    let mut out = io::stdout().lock();
    let outcome = match request {
        Request::Help => write!(out, "{}", help(language)).map(|()| true),
        Request::Describe(file) => Report { language, out: &mut out }.describe(&file),
        Request::Call(call) => Report { language, out: &mut out }.call(&call),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        // The output fails if its reader has gone, for example `head`: then a message would reach nobody.
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Writes what a person reads. A function that returns a Boolean returns true if the add-in is in order.
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

    fn call(&mut self, call: &Call) -> io::Result<bool> {
        let object = match self.object_of_first_class(&call.file) {
            Ok(object) => object,
            Err(error) => return self.error(&error),
        };
        for (property, text) in &call.settings {
            let value = match value(&object, property, text) {
                Ok(value) => value,
                Err(error) => return self.refusal(&format!("--set {property}"), &error.to_string()),
            };
            if let Err(error) = object.set(property, value) {
                return self.refusal(property, &error_text(&error, self.language));
            }
        }
        let returned = if object.has_return_value(&call.method) {
            object.function(&call.method, &[]).map(|returned| returned.as_str().unwrap_or_else(|| literal(&returned)))
        } else {
            object.procedure(&call.method, &[]).map(|()| String::new())
        };
        match returned {
            Ok(returned) => writeln!(self.out, "{returned}").map(|()| true),
            Err(error) => self.refusal(&call.method, &error_text(&error, self.language)),
        }
    }

    fn object_of_first_class(&self, file: &Path) -> Result<Object, AttachError> {
        let library = Library::open(file)?;
        let offered = library.class_names();
        let class = offered.first().cloned().unwrap_or_default();
        let locale = self.language.pick("ru_RU", "en_US");
        library.create_with(&class, HostOptions { locale: Some(locale.to_owned()), ..HostOptions::default() })
    }

    fn refusal(&mut self, what: &str, why: &str) -> io::Result<bool> {
        self.line(&format!("ОШИБКА: {what}: {why}"), &format!("ERROR: {what}: {why}"))?;
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

    /// What the add-in did wrong with memory while it was asked for its names.
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

/// The parameters by number, because the Native API has no names for them; optional ones in brackets.
fn parameters(object: &Object, method: i32) -> String {
    let parameter = |index| match object.raw_parameter_default(method, index) {
        None | Some(Value::Empty) => format!("{}", index + 1),
        Some(default) => format!("[{} = {}]", index + 1, literal(&default)),
    };
    (0..object.raw_parameter_count(method)).map(parameter).collect::<Vec<_>>().join(", ")
}

/// A value as BSL code writes it, if BSL has a literal for it.
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

/// A property's new value: the text, or what the file behind `@` holds, as the type of the value that the property has.
fn value(object: &Object, property: &str, text: &str) -> io::Result<Value> {
    let text = match text.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)?.trim().to_owned(),
        None => text.to_owned(),
    };
    let old = if object.is_readable(property) { object.get(property).ok() } else { None };
    let same_type = old.and_then(|old| match (old.as_bool(), old.as_number()) {
        (Some(_), _) => match text.to_lowercase().as_str() {
            "true" | "истина" => Some(Value::Bool(true)),
            "false" | "ложь" => Some(Value::Bool(false)),
            _ => None,
        },
        (_, Some(_)) => text.parse().ok().map(Value::number),
        _ => None,
    });
    Ok(same_type.unwrap_or_else(|| text.into()))
}

/// The add-in's own words, or what is wrong with the call.
fn error_text(error: &CallError, language: Language) -> String {
    let russian = match error {
        CallError::Raised(error) => return error.description.clone(),
        CallError::Failed => "компонента вернула ложь и не назвала причину",
        CallError::NoSuchMember => "такого свойства или метода нет",
        CallError::NotReadable => "свойство нельзя прочитать",
        CallError::NotWritable => "свойство нельзя записать",
        CallError::TooFewParameters => "у метода есть обязательные параметры",
        CallError::TooManyParameters => "параметров больше, чем у метода",
        CallError::NoReturnValue => "метод ничего не возвращает",
    };
    language.pick(russian.to_owned(), error.to_string())
}
