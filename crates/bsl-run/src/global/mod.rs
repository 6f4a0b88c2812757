//! The global context of the language: functions, properties and the types that `Новый` makes.

mod dates;
mod numbers;
mod other;
mod strings;
mod words;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use crate::collections::{Array, Map, Structure, Table, Tree, ValueList};
use crate::enums::{self, EnumObject};
use crate::error::{Failure, Raised, Res};
use crate::json;
use crate::misc::{self, BinaryData};
use crate::object::Args;
use crate::types::{self, TypeDescription};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// A function or procedure of the global context.
pub(crate) struct Function {
    pub russian: &'static str,
    pub english: &'static str,
    pub least: usize,
    pub most: usize,
    /// Whether it is a function.
    pub returns: bool,
    pub run: fn(&mut Vm, &mut Args) -> Res<Value>,
}

const fn function(
    russian: &'static str,
    english: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut Vm, &mut Args) -> Res<Value>,
) -> Function {
    Function { russian, english, least, most, returns: true, run }
}

const fn procedure(
    russian: &'static str,
    english: &'static str,
    least: usize,
    most: usize,
    run: fn(&mut Vm, &mut Args) -> Res<Value>,
) -> Function {
    Function { russian, english, least, most, returns: false, run }
}

/// The function of this name in lower case.
pub(crate) fn function_named(key: &str) -> Option<&'static Function> {
    static INDEX: OnceLock<HashMap<String, &'static Function>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let all = [strings::FUNCTIONS, numbers::FUNCTIONS, dates::FUNCTIONS, other::FUNCTIONS];
        let named = all.into_iter().flatten().flat_map(|function| {
            [(function.russian.to_lowercase(), function), (function.english.to_lowercase(), function)]
        });
        named.collect()
    });
    index.get(key).copied()
}

/// Whether the language's own global context has a property of this name in lower case.
pub(crate) fn is_property(key: &str) -> bool {
    matches!(key, "символы" | "chars") || enums::find(key).is_some()
}

/// The property of this name in lower case.
pub(crate) fn property(key: &str) -> Option<Value> {
    if matches!(key, "символы" | "chars") {
        return Some(Value::object(misc::Chars));
    }
    enums::find(key).map(|known| Value::object(EnumObject(known)))
}

/// `Новый`.
pub(crate) fn create(vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
    let host = vm.host();
    if let Some(made) = host.create(vm, name, arguments)? {
        return Ok(made);
    }
    let nothing = |arguments: &Args, value: Value| arguments.count(0, 0).map(|()| value);
    match types::find(name.text()) {
        Some("Массив") => Array::create(arguments),
        Some("ФиксированныйМассив") => Array::create_fixed(arguments),
        Some("Структура") => Structure::create(arguments, false),
        Some("ФиксированнаяСтруктура") => Structure::create(arguments, true),
        Some("Соответствие") => Map::create(arguments, false),
        Some("ФиксированноеСоответствие") => Map::create(arguments, true),
        Some("СписокЗначений") => nothing(arguments, Value::object(ValueList::new())),
        Some("ТаблицаЗначений") => nothing(arguments, Value::object(Table::new())),
        Some("ДеревоЗначений") => nothing(arguments, Value::object(Tree::new())),
        Some("ОписаниеТипов") => TypeDescription::create(vm, arguments),
        Some("КвалификаторыЧисла") => types::new_number_qualifiers(arguments),
        Some("КвалификаторыСтроки") => types::new_string_qualifiers(arguments),
        Some("КвалификаторыДаты") => types::new_date_qualifiers(arguments),
        Some("УникальныйИдентификатор") => misc::UniqueId::create(vm, arguments),
        Some("ЧтениеJSON") => nothing(arguments, Value::object(json::Reader::default())),
        Some("ЗаписьJSON") => nothing(arguments, Value::object(json::Writer::default())),
        Some("ПараметрыЗаписиJSON") => json::WriterSettings::create(arguments),
        Some("НастройкиСериализацииJSON") => json::SerializerSettings::create(arguments),
        Some("ХешированиеДанных") => misc::Hashing::create(arguments),
        Some("СистемнаяИнформация") => nothing(arguments, Value::object(misc::SystemInfo)),
        Some("СообщениеПользователю") => misc::UserMessage::create(arguments),
        Some("ГенераторСлучайныхЧисел") => misc::RandomNumbers::create(vm, arguments),
        Some("СравнениеЗначений") => nothing(arguments, Value::object(other::Comparison)),
        Some(_) => Err(Failure::new(format!("Конструктор не найден ({name})"))),
        None => Err(Failure::new(format!("Тип не определен ({name})"))),
    }
}

/// The exception of `ВызватьИсключение` with a text, an exception's information, or all of its parameters.
pub(crate) fn raise(value: &Value, arguments: &Args) -> Failure {
    if let Some(info) = value.as_object::<misc::ErrorInfo>()
        && let Some(raised) = &info.0
    {
        return Failure::Raised(raised.clone());
    }
    let text = |at: usize| arguments.get(at).map(|value| value.text().to_string());
    let cause = arguments.get(4).and_then(Value::as_object::<misc::ErrorInfo>).and_then(|info| info.0.clone());
    Failure::Raised(Rc::new(Raised {
        description: value.text().to_string(),
        category: arguments.get(1).and_then(Value::enum_name).map(str::to_owned),
        code: text(2),
        details: text(3),
        cause,
        ..Raised::default()
    }))
}

fn bytes_of(arguments: &Args, at: usize) -> Res<Rc<[u8]>> {
    let value = arguments.value(at);
    let data = value.as_object::<BinaryData>().ok_or_else(|| crate::error::bad_argument(at + 1))?;
    Ok(data.0.clone())
}
