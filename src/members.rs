//! The one table of what BSL can name: properties and methods with both names, parameters and handlers.

use crate::component::Component;
use crate::messages::{Misuse, Problem};
use crate::value::{Argument, Value};

/// The names of a member or a parameter: alias 0 and alias 1 of the Native API.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// The English name.
    pub en: &'static str,
    /// The Russian name.
    pub ru: &'static str,
}

/// A property of the component.
pub struct Property {
    /// Its names.
    pub names: Names,
    /// Reads it; nothing where it is write only.
    pub get: Option<Get>,
    /// Writes it; nothing where it is read only.
    pub set: Option<Set>,
}

type Get = fn(&Component) -> Value;
type Set = fn(&mut Component, &Argument) -> Result<(), Problem>;

/// A method of the component.
pub struct Method {
    /// Its names.
    pub names: Names,
    /// Its parameters; the optional ones come last.
    pub parameters: &'static [Parameter],
    /// Whether it can stand in an expression.
    pub returns: bool,
    /// Carries it out.
    pub call: fn(&mut Component, &Arguments) -> Result<Value, Misuse>,
}

/// A parameter of a method.
pub struct Parameter {
    /// Its names.
    pub names: Names,
    /// What the platform fills in where it is left out; nothing where it is required.
    pub default: Option<Default>,
}

/// The default of an optional parameter.
#[derive(Clone, Copy)]
pub enum Default {
    /// The empty string.
    EmptyText,
    /// A number.
    Number(u32),
}

/// What BSL passed to one call of a method.
pub struct Arguments<'a> {
    method: &'static Method,
    values: &'a [Argument],
    /// Sends an external event: its name and its data.
    pub notify: &'a dyn Fn(&str, &str),
}

const fn names(en: &'static str, ru: &'static str) -> Names {
    Names { en, ru }
}

const fn setting(en: &'static str, ru: &'static str, get: Get, set: Set) -> Property {
    Property { names: names(en, ru), get: Some(get), set: Some(set) }
}

const fn result(en: &'static str, ru: &'static str, get: Get) -> Property {
    Property { names: names(en, ru), get: Some(get), set: None }
}

const fn required(en: &'static str, ru: &'static str) -> Parameter {
    Parameter { names: names(en, ru), default: None }
}

const fn optional(en: &'static str, ru: &'static str, default: Default) -> Parameter {
    Parameter { names: names(en, ru), default: Some(default) }
}

/// How many cards `UpdateCards` sends at a time unless told otherwise.
pub const PARALLELISM: u32 = 4;
/// After how many seconds `UpdateCards` sends nothing more unless told otherwise.
pub const TIME_LIMIT_SECONDS: u32 = 300;

/// Every property; the Native API knows them by their index here.
pub static PROPERTIES: [Property; 17] = [
    Property { names: names("Token", "Токен"), get: None, set: Some(Component::set_token) },
    setting("TemplateId", "ИдентификаторШаблона", Component::template_id, Component::set_template_id),
    setting("ServerUrl", "АдресСервера", Component::server_url, Component::set_server_url),
    setting("Timeout", "Таймаут", Component::timeout, Component::set_timeout),
    setting("Retries", "Повторы", Component::retries, Component::set_retries),
    setting("Proxy", "Прокси", Component::proxy, Component::set_proxy),
    setting("CertificateFile", "ФайлСертификатов", Component::certificate_file, Component::set_certificate_file),
    setting("LogFile", "ФайлЖурнала", Component::log_file, Component::set_log_file),
    result("CardId", "ИдентификаторКарты", Component::card_id),
    result("CardUrl", "СсылкаНаКарту", Component::card_url),
    result("Installed", "Установлена", Component::installed),
    result("Code", "КодОтвета", Component::code),
    result("ErrorKind", "ВидОшибки", Component::error_kind),
    result("ErrorDescription", "ОписаниеОшибки", Component::error_description),
    result("Response", "Ответ", Component::response),
    result("Result", "Результат", Component::result),
    result("Version", "Версия", Component::version),
];

/// Every method; the Native API knows them by their index here.
pub static METHODS: [Method; 6] = [
    Method {
        names: names("SetValue", "УстановитьЗначение"),
        parameters: &[required("Name", "Имя"), required("Value", "Значение")],
        returns: false,
        call: Component::set_value,
    },
    Method {
        names: names("ClearValues", "ОчиститьЗначения"),
        parameters: &[],
        returns: false,
        call: Component::clear_values,
    },
    Method {
        names: names("CreateCard", "СоздатьКарту"),
        parameters: &[optional("Values", "Значения", Default::EmptyText)],
        returns: true,
        call: Component::create_card,
    },
    Method {
        names: names("UpdateCard", "ОбновитьКарту"),
        parameters: &[required("CardId", "ИдентификаторКарты"), optional("Values", "Значения", Default::EmptyText)],
        returns: true,
        call: Component::update_card,
    },
    Method {
        names: names("UpdateCards", "ОбновитьКарты"),
        parameters: &[
            required("Cards", "Карты"),
            optional("Parallelism", "Параллельность", Default::Number(PARALLELISM)),
            optional("TimeLimit", "ПределВремени", Default::Number(TIME_LIMIT_SECONDS)),
        ],
        returns: true,
        call: Component::update_cards,
    },
    Method {
        names: names("CallMethod", "ВызватьМетод"),
        parameters: &[required("Method", "Метод"), optional("Parameters", "Параметры", Default::EmptyText)],
        returns: true,
        call: Component::call_method,
    },
];

impl Names {
    /// The name for an alias of the Native API: 0 English, 1 Russian.
    pub fn alias(&self, alias: usize) -> Option<&'static str> {
        match alias {
            0 => Some(self.en),
            1 => Some(self.ru),
            _ => None,
        }
    }

    /// Whether `name` is one of the two, case aside.
    fn matches(&self, name: &[u16]) -> bool {
        [self.en, self.ru].into_iter().any(|own| own.encode_utf16().map(fold).eq(name.iter().copied().map(fold)))
    }
}

/// Lower case, for the letters that names are made of: Latin and Russian.
fn fold(unit: u16) -> u16 {
    match unit {
        0x41..=0x5A | 0x410..=0x42F => unit + 0x20,
        0x401 => 0x451,
        other => other,
    }
}

/// The index of the property called `name`, in either language and any case.
pub fn find_property(name: &[u16]) -> Option<usize> {
    PROPERTIES.iter().position(|property| property.names.matches(name))
}

/// The index of the method called `name`, in either language and any case.
pub fn find_method(name: &[u16]) -> Option<usize> {
    METHODS.iter().position(|method| method.names.matches(name))
}

impl Method {
    /// How many parameters a call must pass at least.
    pub fn required(&self) -> usize {
        self.parameters.iter().take_while(|parameter| parameter.default.is_none()).count()
    }
}

impl Default {
    /// The value that the platform passes where BSL leaves the parameter out.
    pub fn value(self) -> Value {
        match self {
            Default::EmptyText => Value::Text(String::new()),
            Default::Number(number) => Value::Number(number.into()),
        }
    }
}

impl<'a> Arguments<'a> {
    /// Pairs what was passed with the method's parameters.
    pub fn new(method: &'static Method, values: &'a [Argument], notify: &'a dyn Fn(&str, &str)) -> Arguments<'a> {
        Arguments { method, values, notify }
    }

    /// Refuses too few and too many.
    pub fn check_count(&self) -> Result<(), Misuse> {
        let (least, most, got) = (self.method.required(), self.method.parameters.len(), self.values.len());
        if (least..=most).contains(&got) {
            Ok(())
        } else {
            Err(Misuse::method(self.method, Problem::ParameterCount { least, most, got }))
        }
    }

    /// Takes parameter `index` (from 0) through `read`; one that was left out is Неопределено.
    pub fn read<T>(&self, index: usize, read: impl FnOnce(&Argument) -> Result<T, Problem>) -> Result<T, Misuse> {
        read(self.values.get(index).unwrap_or(&Argument::Undefined))
            .map_err(|problem| Misuse::parameter(self.method, index, problem))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn units(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn no_name_stands_for_two_members() {
        for all in [
            PROPERTIES.iter().map(|p| &p.names).collect::<Vec<_>>(),
            METHODS.iter().map(|m| &m.names).collect::<Vec<_>>(),
        ] {
            let folded: HashSet<String> =
                all.iter().flat_map(|names| [names.en.to_lowercase(), names.ru.to_lowercase()]).collect();
            assert_eq!(folded.len(), all.len() * 2);
        }
    }

    #[test]
    fn look_up_ignores_case_in_both_scripts() {
        for (index, property) in PROPERTIES.iter().enumerate() {
            for name in [property.names.en, property.names.ru] {
                assert_eq!(find_property(&units(&name.to_uppercase())), Some(index));
                assert_eq!(find_property(&units(&name.to_lowercase())), Some(index));
            }
        }
        for (index, method) in METHODS.iter().enumerate() {
            for name in [method.names.en, method.names.ru] {
                assert_eq!(find_method(&units(&name.to_uppercase())), Some(index));
                assert_eq!(find_method(&units(&name.to_lowercase())), Some(index));
            }
        }
        assert_eq!(find_method(&units("ОбновитьКарт")), None);
        assert_eq!(find_method(&units("ОбновитьКартуу")), None);
        assert_eq!(find_property(&[]), None);
    }

    #[test]
    fn folding_agrees_with_unicode_for_every_letter_of_the_two_alphabets() {
        for letter in ('A'..='Z').chain('a'..='z').chain('А'..='я').chain(['Ё', 'ё']) {
            let lower = letter.to_lowercase().next().unwrap();
            assert_eq!(u32::from(fold(letter as u16)), u32::from(lower), "{letter}");
        }
    }

    #[test]
    fn optional_parameters_come_last() {
        for method in &METHODS {
            let first_optional = method.required();
            assert!(method.parameters[first_optional..].iter().all(|parameter| parameter.default.is_some()));
        }
    }
}
