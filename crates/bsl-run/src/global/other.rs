//! Functions of types, exceptions, collections, JSON and binary data.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::date::Date;
use crate::error::{self, Failure, Res, conversion};
use crate::global::{Function, bytes_of, function, procedure};
use crate::json;
use crate::misc::{self, BinaryData, ErrorInfo, UniqueId};
use crate::object::{Args, Object};
use crate::types;
use crate::value::{Name, Value, parse_number};
use crate::vm::Vm;

pub(super) const FUNCTIONS: &[Function] = &[
    procedure("Сообщить", "Message", 1, 2, |vm, a| {
        vm.surroundings().message(&a.text(0));
        Ok(Value::Undefined)
    }),
    function("Тип", "Type", 1, 1, |vm, a| Ok(Value::Type(types::resolve(vm, &a.string(0)?)?))),
    function("ТипЗнч", "TypeOf", 1, 1, |_, a| Ok(Value::Type(a.value(0).type_name().into()))),
    function("Строка", "String", 1, 1, |_, a| Ok(Value::Str(a.text(0)))),
    function("Число", "Number", 1, 1, |_, a| match a.get(0) {
        Some(Value::Str(text)) => parse_number(text).map(Value::Number).ok_or_else(|| conversion("Число")),
        _ => a.value(0).number().map(Value::Number),
    }),
    function("Булево", "Boolean", 1, 1, |_, a| a.value(0).truth().map(Value::Bool)),
    function("Дата", "Date", 1, 6, |_, a| date(a)),
    function("ЗначениеЗаполнено", "ValueIsFilled", 1, 1, |_, a| {
        Ok(match a.value(0) {
            Value::Undefined | Value::Null => false,
            Value::Bool(_) => true,
            Value::Number(number) => !number.is_zero(),
            Value::Str(text) => !text.trim().is_empty(),
            Value::Date(date) => date != Date::EMPTY,
            Value::Type(_) | Value::Enum(_) => true,
            Value::Object(object) => object.filled()?,
        }
        .into())
    }),
    procedure("ЗаполнитьЗначенияСвойств", "FillPropertyValues", 2, 4, fill),
    function("ИнформацияОбОшибке", "ErrorInfo", 0, 0, |vm, _| {
        Ok(Value::object(ErrorInfo(vm.caught())))
    }),
    function("ОписаниеОшибки", "ErrorDescription", 0, 0, |vm, _| {
        Ok(vm.caught().map(|raised| raised.full_text()).unwrap_or_default().into())
    }),
    function("КраткоеПредставлениеОшибки", "BriefErrorDescription", 1, 1, |_, a| {
        Ok(ErrorInfo::of(a.get(0))?.map(|raised| misc::brief(&raised)).unwrap_or_default().into())
    }),
    function("ПодробноеПредставлениеОшибки", "DetailErrorDescription", 1, 1, |_, a| {
        Ok(ErrorInfo::of(a.get(0))?.map(|raised| misc::detailed(&raised)).unwrap_or_default().into())
    }),
    function("ПрочитатьJSON", "ReadJSON", 1, 9, json::read),
    procedure("ЗаписатьJSON", "WriteJSON", 2, 6, json::write),
    function("ПрочитатьДатуJSON", "ReadJSONDate", 2, 2, |_, a| {
        let format = a.get(1).and_then(Value::enum_name).ok_or_else(|| error::bad_argument(2))?;
        Ok(json::parse_date(&a.text(0), format)?.into())
    }),
    function("ЗаписатьДатуJSON", "WriteJSONDate", 2, 3, |_, a| {
        let format = a.get(1).and_then(Value::enum_name).ok_or_else(|| error::bad_argument(2))?;
        let variant = a.get(2).and_then(Value::enum_name).unwrap_or("ЛокальнаяДата");
        Ok(json::date_text(a.date(0)?, format, variant).into())
    }),
    function("XMLСтрока", "XMLString", 1, 1, |_, a| xml_text(&a.value(0)).map(Value::from)),
    function("XMLЗначение", "XMLValue", 2, 2, |vm, a| xml_value(vm, a)),
    function("Base64Строка", "Base64String", 1, 1, |_, a| Ok(STANDARD.encode(bytes_of(a, 0)?).into())),
    function("Base64Значение", "Base64Value", 1, 1, |_, a| from_base64(&a.text(0))),
    function(
        "ПолучитьBase64СтрокуИзДвоичныхДанных",
        "GetBase64StringFromBinaryData",
        1,
        1,
        |_, a| Ok(STANDARD.encode(bytes_of(a, 0)?).into()),
    ),
    function(
        "ПолучитьДвоичныеДанныеИзBase64Строки",
        "GetBinaryDataFromBase64String",
        1,
        1,
        |_, a| from_base64(&a.text(0)),
    ),
    function(
        "ПолучитьДвоичныеДанныеИзСтроки",
        "GetBinaryDataFromString",
        1,
        3,
        |_, a| {
            misc::text_encoding(a, 1)?;
            let mark: &[u8] = if a.truth_or(2, false)? { &[0xEF, 0xBB, 0xBF] } else { &[] };
            Ok(BinaryData::value(&[mark, a.text(0).as_bytes()].concat()))
        },
    ),
    function(
        "ПолучитьСтрокуИзДвоичныхДанных",
        "GetStringFromBinaryData",
        1,
        2,
        |_, a| {
            misc::text_encoding(a, 1)?;
            let bytes = bytes_of(a, 0)?;
            Ok(String::from_utf8_lossy(bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(&bytes)).into_owned().into())
        },
    ),
    function(
        "ПолучитьHexСтрокуИзДвоичныхДанных",
        "GetHexStringFromBinaryData",
        1,
        1,
        |_, a| {
            let hex: String = bytes_of(a, 0)?.iter().map(|byte| format!("{byte:02X}")).collect();
            Ok(hex.into())
        },
    ),
    function(
        "ПолучитьДвоичныеДанныеИзHexСтроки",
        "GetBinaryDataFromHexString",
        1,
        1,
        |_, a| {
            let text: String = a.text(0).chars().filter(|c| !c.is_whitespace()).collect();
            let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
            let bytes: Option<Vec<u8>> =
                pairs.map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect();
            bytes.map(|bytes| BinaryData::value(&bytes)).ok_or_else(|| error::bad_argument_value(1))
        },
    ),
];

fn date(arguments: &Args) -> Res<Value> {
    let wrong = || Failure::new("Неправильное значение даты");
    if arguments.len() == 1 {
        return arguments.value(0).date().map(Value::Date);
    }
    arguments.count(3, 6)?;
    let part = |at| arguments.integer_or(at, 0);
    let made = Date::from_parts((part(0)?, part(1)?, part(2)?), (part(3)?, part(4)?, part(5)?));
    made.map(Value::Date).ok_or_else(wrong)
}

/// `ЗаполнитьЗначенияСвойств(Приемник, Источник, Список, Исключая)`.
fn fill(vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let (target, source) = (arguments.value(0), arguments.value(1));
    let names_of = |value: &Value, number: usize| match value {
        Value::Object(object) => object.property_names().ok_or_else(|| error::bad_argument(number)),
        _ => Err(error::bad_argument(number)),
    };
    let into = names_of(&target, 1)?;
    let from = names_of(&source, 2)?;
    let list = |at: usize| -> Vec<String> {
        let text = arguments.text(at);
        text.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect()
    };
    let excluded = list(3);
    let has = |names: &[std::sync::Arc<str>], key: &str| names.iter().any(|name| name.to_lowercase() == key);
    if arguments.get(2).is_some() && !list(2).is_empty() {
        for name in list(2) {
            if excluded.contains(&name) {
                continue;
            }
            // A listed property that one of them does not have is an error.
            let name = Name::new(&name);
            let value = vm.get_member(&source, &name)?;
            vm.set_member(&target, &name, value)?;
        }
        return Ok(Value::Undefined);
    }
    for name in from {
        let key = name.to_lowercase();
        if has(&into, &key) && !excluded.contains(&key) {
            let name = Name::new(&name);
            let value = vm.get_member(&source, &name)?;
            vm.set_member(&target, &name, value)?;
        }
    }
    Ok(Value::Undefined)
}

fn xml_text(value: &Value) -> Res<String> {
    Ok(match value {
        Value::Undefined | Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.normalize().to_string(),
        Value::Str(text) => text.to_string(),
        Value::Date(date) => date.chrono().format("%Y-%m-%dT%H:%M:%S").to_string(),
        Value::Enum(item) => item.name().to_owned(),
        Value::Type(_) => return Err(error::bad_argument(1)),
        Value::Object(object) => {
            if let Some(id) = value.as_object::<UniqueId>() {
                id.text()
            } else if let Some(data) = value.as_object::<BinaryData>() {
                STANDARD.encode(&*data.0)
            } else if let Some(text) = object.xml_text() {
                text
            } else {
                return Err(error::bad_argument(1));
            }
        }
    })
}

fn xml_value(vm: &mut Vm, arguments: &Args) -> Res<Value> {
    let Some(Value::Type(name)) = arguments.get(0) else { return Err(error::bad_argument(1)) };
    let text = arguments.text(1);
    let plain = text.trim();
    match &**name {
        "Строка" => Ok(Value::Str(text.clone())),
        "Число" => plain.parse().map(Value::Number).map_err(|_| conversion("Число")),
        "Булево" => match plain {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(conversion("Булево")),
        },
        "Дата" => Ok(json::parse_date(plain, "ISO")?.into()),
        "УникальныйИдентификатор" => {
            UniqueId::create(vm, &Args::new(vec![Some(Value::str(plain))]))
        }
        _ => Err(error::bad_argument(1)),
    }
}

fn from_base64(text: &str) -> Res<Value> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = STANDARD.decode(text).map_err(|_| error::bad_argument_value(1))?;
    Ok(BinaryData::value(&bytes))
}

/// `СравнениеЗначений`.
pub(super) struct Comparison;

impl Object for Comparison {
    fn type_name(&self) -> Cow<'static, str> {
        "СравнениеЗначений".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "сравнить" | "compare" => {
                arguments.count(2, 2)?;
                Ok(Value::int(match arguments.value(0).sort_order(&arguments.value(1)) {
                    std::cmp::Ordering::Less => -1,
                    std::cmp::Ordering::Equal => 0,
                    std::cmp::Ordering::Greater => 1,
                }))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}
