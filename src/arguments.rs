//! What BSL passes to one call of a method, read by the method's parameters.

use std::path::PathBuf;

use crate::language::Language;
use crate::misuse::{Misuse, Problem, Subject};
use crate::names::Names;
use crate::value::{Argument, Returned};

/// A parameter of a method.
pub struct Parameter {
    /// Its names.
    pub names: Names,
    /// What the platform passes if BSL leaves it out; `None` if it is required.
    pub default: Option<DefaultValue>,
}

/// The default of an optional parameter.
#[derive(Clone, Copy)]
pub enum DefaultValue {
    /// The empty string.
    EmptyText,
    /// A number.
    Number(u32),
}

impl DefaultValue {
    /// The value that the platform passes if BSL leaves the parameter out.
    pub fn value(self) -> Returned {
        match self {
            DefaultValue::EmptyText => Returned::Text(String::new()),
            DefaultValue::Number(number) => Returned::Number(number.into()),
        }
    }
}

/// How many of `parameters` a call must pass; the optional ones come last.
pub fn required(parameters: &[Parameter]) -> usize {
    parameters.iter().take_while(|parameter| parameter.default.is_none()).count()
}

/// What a method may do with the platform, or ask of it, during its call.
pub struct Platform<'a> {
    /// The language of every text.
    pub language: Language,
    /// Sends an external event: its name and its data.
    pub notify: &'a dyn Fn(&str, &str),
    /// Whether the component runs in a process of its own; `None` if the platform does not say.
    pub is_isolated: &'a dyn Fn() -> Option<bool>,
    /// The file that the component was loaded from.
    pub library_file: &'a dyn Fn() -> Option<PathBuf>,
    /// The operating system's version, if it has one beside its name.
    pub system_version: &'a dyn Fn() -> Option<String>,
}

/// What BSL passed to one call of a method.
pub struct Arguments<'a> {
    /// The method.
    pub method: &'static Names,
    parameters: &'static [Parameter],
    values: &'a [Argument],
    /// The platform that calls.
    pub platform: &'a Platform<'a>,
}

impl<'a> Arguments<'a> {
    /// The `values` of a call of `method`, which takes `parameters`.
    pub fn new(
        method: &'static Names,
        parameters: &'static [Parameter],
        values: &'a [Argument],
        platform: &'a Platform<'a>,
    ) -> Arguments<'a> {
        Arguments { method, parameters, values, platform }
    }

    /// Refuses too few and too many.
    pub fn check_count(&self) -> Result<(), Misuse> {
        let (least, most, got) = (required(self.parameters), self.parameters.len(), self.values.len());
        if (least..=most).contains(&got) {
            Ok(())
        } else {
            Err(Misuse::method(self.method, Problem::ParameterCount { least, most, got }))
        }
    }

    /// Converts parameter `index` (from 0) by `read`; one that was left out is Неопределено.
    pub fn read<T>(&self, index: usize, read: impl FnOnce(&Argument) -> Result<T, Problem>) -> Result<T, Misuse> {
        read(self.values.get(index).unwrap_or(&Argument::Undefined))
            .map_err(|problem| Misuse { subject: self.subject(index), problem })
    }

    fn subject(&self, index: usize) -> Subject {
        match self.parameters.get(index) {
            Some(parameter) => {
                Subject::Parameter { method: self.method, number: index + 1, parameter: &parameter.names }
            }
            None => Subject::Method(self.method),
        }
    }
}
