//! Types of the language: `Тип`, `ТипЗнч`, `ОписаниеТипов`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use rust_decimal::prelude::{RoundingStrategy, ToPrimitive};

use crate::collections::Array;
use crate::date::{Date, Part};
use crate::enums;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// Russian and English names of the types that need no surroundings.
const TYPES: &[(&str, &str)] = &[
    ("Неопределено", "Undefined"),
    ("Null", "Null"),
    ("Булево", "Boolean"),
    ("Число", "Number"),
    ("Строка", "String"),
    ("Дата", "Date"),
    ("Тип", "Type"),
    ("Массив", "Array"),
    ("ФиксированныйМассив", "FixedArray"),
    ("Структура", "Structure"),
    ("ФиксированнаяСтруктура", "FixedStructure"),
    ("Соответствие", "Map"),
    ("ФиксированноеСоответствие", "FixedMap"),
    ("КлючИЗначение", "KeyAndValue"),
    ("СписокЗначений", "ValueList"),
    ("ЭлементСпискаЗначений", "ValueListItem"),
    ("ТаблицаЗначений", "ValueTable"),
    ("СтрокаТаблицыЗначений", "ValueTableRow"),
    ("КолонкаТаблицыЗначений", "ValueTableColumn"),
    ("КоллекцияКолонокТаблицыЗначений", "ValueTableColumnCollection"),
    ("ИндексыКоллекции", "CollectionIndexes"),
    ("ДеревоЗначений", "ValueTree"),
    ("СтрокаДереваЗначений", "ValueTreeRow"),
    ("КоллекцияСтрокДереваЗначений", "ValueTreeRowCollection"),
    ("КоллекцияКолонокДереваЗначений", "ValueTreeColumnCollection"),
    ("КолонкаДереваЗначений", "ValueTreeColumn"),
    ("ОписаниеТипов", "TypeDescription"),
    ("КвалификаторыЧисла", "NumberQualifiers"),
    ("КвалификаторыСтроки", "StringQualifiers"),
    ("КвалификаторыДаты", "DateQualifiers"),
    ("УникальныйИдентификатор", "UUID"),
    ("ИнформацияОбОшибке", "ErrorInfo"),
    ("ЧтениеJSON", "JSONReader"),
    ("ЗаписьJSON", "JSONWriter"),
    ("ПараметрыЗаписиJSON", "JSONWriterSettings"),
    ("НастройкиСериализацииJSON", "JSONSerializerSettings"),
    ("ХешированиеДанных", "DataHashing"),
    ("ДвоичныеДанные", "BinaryData"),
    ("СистемнаяИнформация", "SystemInfo"),
    ("СообщениеПользователю", "UserMessage"),
    ("ГенераторСлучайныхЧисел", "RandomNumberGenerator"),
    ("СравнениеЗначений", "ValueComparator"),
];

/// The Russian name of a type of the language that has this name in either language.
pub(crate) fn find(name: &str) -> Option<&'static str> {
    static INDEX: OnceLock<HashMap<String, &'static str>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let names = |(russian, english): &(&'static str, &'static str)| {
            [(russian.to_lowercase(), *russian), (english.to_lowercase(), *russian)]
        };
        TYPES.iter().flat_map(names).collect()
    });
    let key = name.to_lowercase();
    index.get(&key).copied().or_else(|| enums::find(&key).map(|known| known.name))
}

/// The text of a type.
pub(crate) fn presentation(name: &str) -> String {
    match name {
        "УникальныйИдентификатор" => "Уникальный идентификатор".to_owned(),
        "ТаблицаЗначений" => "Таблица значений".to_owned(),
        "СтрокаТаблицыЗначений" => "Строка таблицы значений".to_owned(),
        "ДеревоЗначений" => "Дерево значений".to_owned(),
        "СписокЗначений" => "Список значений".to_owned(),
        "ЭлементСпискаЗначений" => "Элемент списка значений".to_owned(),
        "ФиксированныйМассив" => "Фиксированный массив".to_owned(),
        "ФиксированнаяСтруктура" => "Фиксированная структура".to_owned(),
        "ФиксированноеСоответствие" => "Фиксированное соответствие".to_owned(),
        "КлючИЗначение" => "Ключ и значение".to_owned(),
        "ОписаниеТипов" => "Описание типов".to_owned(),
        "ДвоичныеДанные" => "Двоичные данные".to_owned(),
        "ИнформацияОбОшибке" => "Информация об ошибке".to_owned(),
        "ЧтениеJSON" => "Чтение JSON".to_owned(),
        "ЗаписьJSON" => "Запись JSON".to_owned(),
        other => other.to_owned(),
    }
}

/// The type of this name: of the language or of the surroundings.
pub(crate) fn resolve(vm: &Vm, name: &str) -> Res<Arc<str>> {
    let name = name.trim();
    find(name)
        .map(Arc::from)
        .or_else(|| vm.host().type_name(name).map(Arc::from))
        .ok_or_else(|| Failure::new(format!("Тип не определен ({name})")))
}

/// Qualifiers of numbers, strings and dates: what a value of the type is cut to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifiers {
    /// Digits, digits of the fraction, whether numbers below zero become 0.
    Number(u32, u32, bool),
    /// The greatest length, 0 if there is none; whether shorter texts are filled up with blanks.
    String(usize, bool),
    /// The part of the date that is kept.
    Date(&'static str),
}

impl Object for Qualifiers {
    fn type_name(&self) -> Cow<'static, str> {
        match self {
            Qualifiers::Number(..) => "КвалификаторыЧисла",
            Qualifiers::String(..) => "КвалификаторыСтроки",
            Qualifiers::Date(_) => "КвалификаторыДаты",
        }
        .into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match (self, name.key()) {
            (Qualifiers::Number(digits, ..), "разрядность" | "digits") => Ok(Value::int(*digits)),
            (Qualifiers::Number(_, fraction, _), "разрядностьдробнойчасти" | "fractiondigits") => {
                Ok(Value::int(*fraction))
            }
            (Qualifiers::Number(_, _, positive), "допустимыйзнак" | "allowedsign") => {
                Ok(enums::item("ДопустимыйЗнак", if *positive { "Неотрицательный" } else { "Любой" }))
            }
            (Qualifiers::String(length, _), "длина" | "length") => Ok(Value::count(*length)),
            (Qualifiers::String(_, fixed), "допустимаядлина" | "allowedlength") => {
                Ok(enums::item("ДопустимаяДлина", if *fixed { "Фиксированная" } else { "Переменная" }))
            }
            (Qualifiers::Date(part), "частидаты" | "datefractions") => Ok(enums::item("ЧастиДаты", part)),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("{self:?}"))
    }
}

pub(crate) fn new_number_qualifiers(arguments: &Args) -> Res<Value> {
    arguments.count(0, 3)?;
    let count = |at| u32::try_from(arguments.integer_or(at, 0)?).map_err(|_| error::bad_argument_value(at + 1));
    let positive = arguments.get(2).and_then(Value::enum_name) == Some("Неотрицательный");
    Ok(Value::object(Qualifiers::Number(count(0)?, count(1)?, positive)))
}

pub(crate) fn new_string_qualifiers(arguments: &Args) -> Res<Value> {
    arguments.count(0, 2)?;
    let length = usize::try_from(arguments.integer_or(0, 0)?).map_err(|_| error::bad_argument_value(1))?;
    let fixed = arguments.get(1).and_then(Value::enum_name) == Some("Фиксированная");
    Ok(Value::object(Qualifiers::String(length, fixed)))
}

pub(crate) fn new_date_qualifiers(arguments: &Args) -> Res<Value> {
    arguments.count(0, 1)?;
    let part = match arguments.get(0) {
        None => "ДатаВремя",
        Some(Value::Enum(item)) if item.enumeration().name == "ЧастиДаты" => item.name(),
        Some(_) => return Err(error::bad_argument(1)),
    };
    Ok(Value::object(Qualifiers::Date(part)))
}

/// `ОписаниеТипов`: the types that a value may have, and what it is cut to.
#[derive(Debug, Clone)]
pub struct TypeDescription {
    types: Vec<Arc<str>>,
    number: (u32, u32, bool),
    string: (usize, bool),
    date: &'static str,
}

impl TypeDescription {
    /// A description of these types without qualifiers.
    pub fn of(types: Vec<Arc<str>>) -> TypeDescription {
        TypeDescription { types, number: (0, 0, false), string: (0, false), date: "ДатаВремя" }
    }

    /// `Новый ОписаниеТипов(…)`.
    pub(crate) fn create(vm: &mut Vm, arguments: &Args) -> Res<Value> {
        arguments.count(0, 7)?;
        let mut made = TypeDescription::of(Vec::new());
        let mut first = 0;
        if let Some(original) = arguments.get(0).and_then(Value::as_object::<TypeDescription>) {
            made = original.clone();
            let added = Self::types_of(vm, arguments, 1)?;
            let removed = Self::types_of(vm, arguments, 2)?;
            made.types.retain(|known| !removed.contains(known));
            made.add(added);
            first = 2;
        } else {
            made.add(Self::types_of(vm, arguments, 0)?);
        }
        for at in first + 1..arguments.len() {
            match arguments.get(at).and_then(Value::as_object::<Qualifiers>) {
                Some(Qualifiers::Number(digits, fraction, positive)) => made.number = (*digits, *fraction, *positive),
                Some(Qualifiers::String(length, fixed)) => made.string = (*length, *fixed),
                Some(Qualifiers::Date(part)) => made.date = part,
                None if matches!(arguments.get(at), None | Some(Value::Undefined)) => {}
                None => return Err(error::bad_argument(at + 1)),
            }
        }
        Ok(Value::object(made))
    }

    fn add(&mut self, types: Vec<Arc<str>>) {
        for name in types {
            if !self.types.contains(&name) {
                self.types.push(name);
            }
        }
    }

    fn types_of(vm: &Vm, arguments: &Args, at: usize) -> Res<Vec<Arc<str>>> {
        match arguments.get(at) {
            None | Some(Value::Undefined) => Ok(Vec::new()),
            Some(Value::Str(names)) => {
                names.split(',').filter(|name| !name.trim().is_empty()).map(|name| resolve(vm, name)).collect()
            }
            Some(Value::Type(name)) => Ok(vec![name.clone()]),
            Some(value) => match value.as_object::<Array>() {
                Some(array) => array
                    .values()
                    .iter()
                    .map(|value| match value {
                        Value::Type(name) => Ok(name.clone()),
                        _ => Err(error::bad_argument(at + 1)),
                    })
                    .collect(),
                None => Err(error::bad_argument(at + 1)),
            },
        }
    }

    /// The types.
    pub fn types(&self) -> &[Arc<str>] {
        &self.types
    }

    /// The same with a greatest length of its strings, 0: none.
    #[must_use]
    pub fn with_string_length(mut self, length: u32) -> TypeDescription {
        self.string.0 = length as usize;
        self
    }

    /// The greatest length of its strings, 0 if there is none.
    pub fn string_length(&self) -> u32 {
        u32::try_from(self.string.0).unwrap_or(u32::MAX)
    }

    /// The value cut to the types: itself, converted, or the default of the only type.
    pub fn adjust(&self, vm: &mut Vm, value: Value) -> Res<Value> {
        let own = value.type_name();
        if self.types.is_empty() || self.types.iter().any(|name| **name == *own) {
            return Ok(self.qualify(value));
        }
        if let [only] = self.types.as_slice() {
            let converted = match &**only {
                "Число" => value.number().ok().map(Value::Number),
                "Строка" => {
                    matches!(value, Value::Number(_) | Value::Bool(_) | Value::Date(_) | Value::Undefined | Value::Null)
                        .then(|| Value::Str(value.text()))
                }
                "Дата" => value.date().ok().map(Value::Date),
                "Булево" => match value {
                    Value::Number(_) | Value::Str(_) => value.truth().ok().map(Value::Bool),
                    _ => None,
                },
                _ => None,
            };
            return match converted {
                Some(converted) => Ok(self.qualify(converted)),
                None => default_of(vm, only),
            };
        }
        Ok(Value::Undefined)
    }

    fn qualify(&self, value: Value) -> Value {
        match value {
            Value::Number(number) => {
                let (digits, fraction, positive) = self.number;
                if positive && number.is_sign_negative() {
                    return Value::int(0);
                }
                if digits == 0 {
                    return Value::Number(number);
                }
                let rounded = number.round_dp_with_strategy(fraction, RoundingStrategy::MidpointAwayFromZero);
                let whole = digits.saturating_sub(fraction);
                let limit = 10_i128.checked_pow(whole.min(28)).unwrap_or(i128::MAX);
                if rounded.trunc().abs().to_i128().is_some_and(|value| value >= limit) {
                    let nines = rust_decimal::Decimal::from_i128_with_scale(
                        10_i128.pow(digits.min(28)) - 1,
                        fraction.min(digits).min(28),
                    );
                    return Value::Number(if rounded.is_sign_negative() { -nines } else { nines });
                }
                Value::Number(rounded)
            }
            Value::Str(text) => {
                let (length, fixed) = self.string;
                if length == 0 {
                    return Value::Str(text);
                }
                let mut cut: String = text.chars().take(length).collect();
                if fixed {
                    cut.extend(std::iter::repeat_n(' ', length.saturating_sub(cut.chars().count())));
                }
                Value::from(cut)
            }
            Value::Date(date) => match self.date {
                "Дата" => Value::Date(date.start_of(Part::Day)),
                "Время" => Value::Date(Date::from_seconds(date.seconds() % 86_400).unwrap_or_default()),
                _ => Value::Date(date),
            },
            other => other,
        }
    }
}

/// The value that a variable of a type starts with.
pub(crate) fn default_of(vm: &mut Vm, name: &str) -> Res<Value> {
    Ok(match name {
        "Число" => Value::int(0),
        "Строка" => Value::str(""),
        "Дата" => Value::Date(Date::EMPTY),
        "Булево" => Value::Bool(false),
        other => {
            let host = vm.host();
            host.default_value(vm, other)?
        }
    })
}

impl Object for TypeDescription {
    fn type_name(&self) -> Cow<'static, str> {
        "ОписаниеТипов".into()
    }

    fn text(&self) -> String {
        self.types.iter().map(|name| presentation(name)).collect::<Vec<_>>().join(", ")
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "квалификаторычисла" | "numberqualifiers" => {
                let (digits, fraction, positive) = self.number;
                Ok(Value::object(Qualifiers::Number(digits, fraction, positive)))
            }
            "квалификаторыстроки" | "stringqualifiers" => {
                Ok(Value::object(Qualifiers::String(self.string.0, self.string.1)))
            }
            "квалификаторыдаты" | "datequalifiers" => Ok(Value::object(Qualifiers::Date(self.date))),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "типы" | "types" => {
                arguments.count(0, 0)?;
                Ok(Array::value(self.types.iter().cloned().map(Value::Type).collect()))
            }
            "содержиттип" | "containstype" => {
                arguments.count(1, 1)?;
                match arguments.get(0) {
                    Some(Value::Type(name)) => Ok(self.types.contains(name).into()),
                    _ => Err(error::bad_argument(1)),
                }
            }
            "привестизначение" | "adjustvalue" => {
                arguments.count(0, 1)?;
                self.adjust(vm, arguments.value(0))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        let mut types = self.types.clone();
        types.sort();
        Some(format!("types {types:?} {:?} {:?} {}", self.number, self.string, self.date))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.types.is_empty())
    }
}
