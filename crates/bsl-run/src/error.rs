//! Exceptions of the language, and the crash of a session.

use std::fmt;
use std::rc::Rc;

/// The result of everything that BSL code can make fail.
pub type Res<T> = Result<T, Failure>;

/// Why execution does not go on.
#[derive(Debug, Clone)]
pub enum Failure {
    /// An exception, which `Попытка` catches.
    Raised(Rc<Raised>),
    /// The session was crashed from outside. Nothing catches it: no handler of the program runs any more.
    Killed,
}

/// An exception, as `ИнформацияОбОшибке()` shows it.
#[derive(Debug, Clone, Default)]
pub struct Raised {
    /// What happened.
    pub description: String,
    /// Where it happened; nothing until the interpreter has seen it leave a statement.
    pub place: Option<Place>,
    /// The exception that led to this one.
    pub cause: Option<Rc<Raised>>,
    /// What happened, as a name: an infobase reports a lock's time-out or a broken rule by it.
    pub kind: Option<&'static str>,
    /// The category that the program named, as its name.
    pub category: Option<String>,
    /// The code that the program named.
    pub code: Option<String>,
    /// What the program passed along.
    pub details: Option<String>,
}

/// A line of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The module's file or name.
    pub module: String,
    /// The line, from 1.
    pub line: u32,
    /// The text of the line.
    pub text: String,
}

impl Failure {
    /// An exception with a description, without a place yet.
    pub fn new(description: impl Into<String>) -> Failure {
        Failure::Raised(Rc::new(Raised { description: description.into(), ..Raised::default() }))
    }

    /// The same with a name of what happened.
    pub fn of_kind(kind: &'static str, description: impl Into<String>) -> Failure {
        Failure::Raised(Rc::new(Raised { description: description.into(), kind: Some(kind), ..Raised::default() }))
    }

    /// The same exception; its place is set if it has none.
    #[must_use]
    pub fn at(self, place: impl FnOnce() -> Place) -> Failure {
        match self {
            Failure::Raised(raised) if raised.place.is_none() => {
                let mut raised = Rc::unwrap_or_clone(raised);
                raised.place = Some(place());
                Failure::Raised(Rc::new(raised))
            }
            other => other,
        }
    }
}

impl Raised {
    /// `{Модуль(строка)}: текст`, as `ОписаниеОшибки()` gives it.
    pub fn full_text(&self) -> String {
        match &self.place {
            Some(place) => format!("{{{}({})}}: {}", place.module, place.line, self.description),
            None => self.description.clone(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Raised(raised) => match &raised.place {
                Some(place) => write!(f, "{}:{}: {}", place.module, place.line, raised.description),
                None => f.write_str(&raised.description),
            },
            Failure::Killed => f.write_str("сеанс прерван"),
        }
    }
}

impl std::error::Error for Failure {}

/// A text that is not a program: it does not parse, or uses what is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for CompileError {}

pub(crate) fn conversion(target: &str) -> Failure {
    Failure::new(format!("Преобразование значения к типу {target} не может быть выполнено"))
}

pub(crate) fn no_property(name: &str) -> Failure {
    Failure::new(format!("Поле объекта не обнаружено ({name})"))
}

pub(crate) fn read_only(name: &str) -> Failure {
    Failure::new(format!("Поле объекта недоступно для записи ({name})"))
}

pub(crate) fn no_method(name: &str) -> Failure {
    Failure::new(format!("Метод объекта не обнаружен ({name})"))
}

pub(crate) fn bad_argument(number: usize) -> Failure {
    Failure::new(format!("Несоответствие типов (параметр номер '{number}')"))
}

pub(crate) fn bad_argument_value(number: usize) -> Failure {
    Failure::new(format!("Недопустимое значение параметра (параметр номер '{number}')"))
}

pub(crate) fn out_of_bounds() -> Failure {
    Failure::new("Индекс находится за границами массива")
}

pub(crate) fn too_many() -> Failure {
    Failure::new("Слишком много фактических параметров")
}

pub(crate) fn too_few() -> Failure {
    Failure::new("Недостаточно фактических параметров")
}
