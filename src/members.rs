//! The one table of what BSL can name, and dispatch by it: a row has a member's names, its parameters and the function that
//! does the work, of [`Properties`] or of [`Component`].
//!
//! A new member is a row here and that function. The Native API knows members by their index in these tables.

use crate::arguments::{Arguments, DefaultValue, Parameter, Platform};
use crate::component::{Component, FIRST_PAGE, PARALLELISM, TEMPLATE_ID, TIME_LIMIT_SECONDS, TOKEN};
use crate::misuse::{Misuse, Problem};
use crate::names::Names;
use crate::properties::Properties;
use crate::value::{Argument, Returned};

/// A property of the component.
pub struct Property {
    /// Its names.
    pub names: Names,
    /// Reads it; `None` if it is write only.
    pub get: Option<Get>,
    /// Writes it; `None` if it is read only.
    pub set: Option<Set>,
}

type Get = fn(&Properties) -> Returned;

/// How a property is written.
#[derive(Clone, Copy)]
pub enum Set {
    /// While the properties are locked.
    Locked(fn(&mut Properties, &Argument) -> Result<(), Problem>),
    /// By something that may take time, such as reading a file: nobody else waits for it.
    Unlocked(fn(&Component, &Argument) -> Result<(), Problem>),
}

/// A method of the component.
pub struct Method {
    /// Its names.
    pub names: Names,
    /// Its parameters; the optional ones come last.
    pub parameters: &'static [Parameter],
    /// Whether it can stand in an expression.
    pub returns: bool,
    /// Whether it may end in a BSL exception.
    pub raises: bool,
    /// Carries it out.
    pub call: fn(&Component, &Arguments) -> Result<Returned, Misuse>,
}

const fn setting(
    en: &'static str,
    ru: &'static str,
    get: Get,
    set: fn(&mut Properties, &Argument) -> Result<(), Problem>,
) -> Property {
    Property { names: Names::new(en, ru), get: Some(get), set: Some(Set::Locked(set)) }
}

const fn result(en: &'static str, ru: &'static str, get: Get) -> Property {
    Property { names: Names::new(en, ru), get: Some(get), set: None }
}

const fn required(en: &'static str, ru: &'static str) -> Parameter {
    Parameter { names: Names::new(en, ru), default: None }
}

const fn optional(en: &'static str, ru: &'static str, default: DefaultValue) -> Parameter {
    Parameter { names: Names::new(en, ru), default: Some(default) }
}

/// Every property.
pub static PROPERTIES: [Property; 19] = [
    Property { names: TOKEN, get: None, set: Some(Set::Locked(Properties::set_token)) },
    setting(TEMPLATE_ID.en, TEMPLATE_ID.ru, Properties::template_id, Properties::set_template_id),
    setting("ServerUrl", "АдресСервера", Properties::server_url, Properties::set_server_url),
    setting("Timeout", "Таймаут", Properties::timeout, Properties::set_timeout),
    setting("Retries", "Повторы", Properties::retries, Properties::set_retries),
    setting("Proxy", "Прокси", Properties::proxy, Properties::set_proxy),
    Property {
        names: Names::new("CertificateFile", "ФайлСертификатов"),
        get: Some(Properties::certificate_file),
        set: Some(Set::Unlocked(Component::set_certificate_file)),
    },
    setting("LogFile", "ФайлЖурнала", Properties::log_file, Properties::set_log_file),
    setting(
        "RequestsPerMinute",
        "ЗапросовВМинуту",
        Properties::requests_per_minute,
        Properties::set_requests_per_minute,
    ),
    result("CardId", "ИдентификаторКарты", Properties::card_id),
    result("CardUrl", "СсылкаНаКарту", Properties::card_url),
    result("Installed", "Установлена", Properties::installed),
    result("Code", "КодОтвета", Properties::code),
    result("ErrorKind", "ВидОшибки", Properties::error_kind),
    result("ErrorDescription", "ОписаниеОшибки", Properties::error_description),
    result("Unknown", "ИсходНеизвестен", Properties::unknown),
    result("Response", "Ответ", Properties::response),
    result("Result", "Результат", Properties::result),
    result("Version", "Версия", Properties::version),
];

/// Every method.
pub static METHODS: [Method; 9] = [
    Method {
        names: Names::new("SetValue", "УстановитьЗначение"),
        parameters: &[required("Name", "Имя"), required("Value", "Значение")],
        returns: false,
        raises: true,
        call: Component::set_value,
    },
    Method {
        names: Names::new("ClearValues", "ОчиститьЗначения"),
        parameters: &[],
        returns: false,
        raises: true,
        call: Component::clear_values,
    },
    Method {
        names: Names::new("CreateCard", "СоздатьКарту"),
        parameters: &[optional("Values", "Значения", DefaultValue::EmptyText)],
        returns: true,
        raises: true,
        call: Component::create_card,
    },
    Method {
        names: Names::new("UpdateCard", "ОбновитьКарту"),
        parameters: &[
            required("CardId", "ИдентификаторКарты"),
            optional("Values", "Значения", DefaultValue::EmptyText),
        ],
        returns: true,
        raises: true,
        call: Component::update_card,
    },
    Method {
        names: Names::new("UpdateCards", "ОбновитьКарты"),
        parameters: &[
            required("Cards", "Карты"),
            optional("Parallelism", "Параллельность", DefaultValue::Number(PARALLELISM)),
            optional("TimeLimit", "ПределВремени", DefaultValue::Number(TIME_LIMIT_SECONDS)),
        ],
        returns: true,
        raises: true,
        call: Component::update_cards,
    },
    Method {
        names: Names::new("CreateCards", "СоздатьКарты"),
        parameters: &[
            required("Cards", "Карты"),
            optional("Parallelism", "Параллельность", DefaultValue::Number(PARALLELISM)),
            optional("TimeLimit", "ПределВремени", DefaultValue::Number(TIME_LIMIT_SECONDS)),
        ],
        returns: true,
        raises: true,
        call: Component::create_cards,
    },
    Method {
        names: Names::new("GetCards", "ПолучитьКарты"),
        parameters: &[
            optional("Page", "Страница", DefaultValue::Number(FIRST_PAGE)),
            optional("TemplateId", "ИдентификаторШаблона", DefaultValue::EmptyText),
        ],
        returns: true,
        raises: true,
        call: Component::get_cards,
    },
    Method {
        names: Names::new("CallMethod", "ВызватьМетод"),
        parameters: &[required("Method", "Метод"), optional("Parameters", "Параметры", DefaultValue::EmptyText)],
        returns: true,
        raises: true,
        call: Component::call_method,
    },
    Method {
        names: Names::new("Diagnose", "Диагностика"),
        parameters: &[],
        returns: true,
        raises: false,
        call: Component::diagnose,
    },
];

/// The index of the property called `name`, in either language and any case.
pub fn find_property(name: &[u16]) -> Option<usize> {
    PROPERTIES.iter().position(|property| property.names.matches(name))
}

/// The index of the method called `name`, in either language and any case.
pub fn find_method(name: &[u16]) -> Option<usize> {
    METHODS.iter().position(|method| method.names.matches(name))
}

/// Reads property `index` of `component`.
pub fn get(component: &Component, index: usize) -> Result<Returned, Misuse> {
    let property = PROPERTIES.get(index).ok_or_else(unknown)?;
    match property.get {
        Some(get) => Ok(get(&component.properties())),
        None => Err(Misuse::property(&property.names, Problem::WriteOnly)),
    }
}

/// Writes property `index` of `component`.
pub fn set(component: &Component, index: usize, value: &Argument) -> Result<(), Misuse> {
    let property = PROPERTIES.get(index).ok_or_else(unknown)?;
    let set = property.set.ok_or_else(|| Misuse::property(&property.names, Problem::ReadOnly))?;
    let outcome = match set {
        Set::Locked(set) => set(&mut component.properties(), value),
        Set::Unlocked(set) => set(component, value),
    };
    outcome.map_err(|problem| Misuse::property(&property.names, problem))
}

/// Calls method `index` of `component`, on behalf of `platform`.
pub fn call(
    component: &Component,
    index: usize,
    values: &[Argument],
    platform: &Platform<'_>,
) -> Result<Returned, Misuse> {
    let method = METHODS.get(index).ok_or_else(unknown)?;
    (method.call)(component, &Arguments::new(&method.names, method.parameters, values, platform))
}

fn unknown() -> Misuse {
    Misuse::component(Problem::UnknownMember)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::arguments;

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
    fn optional_parameters_come_last() {
        for method in &METHODS {
            let first_optional = arguments::required(method.parameters);
            assert!(method.parameters[first_optional..].iter().all(|parameter| parameter.default.is_some()));
        }
    }
}
