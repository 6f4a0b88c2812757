//! References, enumerations, and the managers that `Справочники.Х` gives; how the infobase's values become BSL's.

use std::borrow::Cow;

use infobase::metadata::{Kind, MOVEMENT_KIND};
use infobase::{Datum, EnumValue, Reference, reference_type};

use super::catalogs::{DataObject, section as section_of};
use super::rows::{Section, is_reading};
use super::session::{Session, object_manager, register_manager};
use crate::date::Date;
use crate::enums;
use crate::error::{self, Failure, Res};
use crate::misc::UniqueId;
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// A value of the infobase as BSL sees it.
pub fn to_value(session: &Session, datum: Datum) -> Value {
    match datum {
        Datum::Undefined => Value::Undefined,
        Datum::Null => Value::Null,
        Datum::Boolean(truth) => Value::Bool(truth),
        Datum::Number(number) => Value::Number(number),
        Datum::Date(date) => Value::Date(Date::from_chrono(date).unwrap_or_default()),
        Datum::String(text) => text.into(),
        Datum::Ref(reference) => Value::object(Ref { session: session.clone(), reference }),
        Datum::Enum(value) if &*value.enumeration == MOVEMENT_KIND => enums::item(MOVEMENT_KIND, &value.value),
        Datum::Enum(value) => Value::object(EnumRef { session: session.clone(), value }),
        Datum::Uuid(id) => Value::object(UniqueId(id)),
        Datum::Storage(text) => Value::object(ValueStorage(text)),
        Datum::Type(name) => Value::Type(name.into()),
    }
}

/// A value of BSL as the infobase keeps it.
///
/// # Errors
/// If it is an object that cannot be stored.
pub fn from_value(value: &Value) -> Res<Datum> {
    Ok(match value {
        Value::Undefined => Datum::Undefined,
        Value::Null => Datum::Null,
        Value::Bool(truth) => Datum::Boolean(*truth),
        Value::Number(number) => Datum::Number(*number),
        Value::Date(date) => Datum::Date(date.chrono()),
        Value::Str(text) => Datum::text(&**text),
        Value::Type(name) => Datum::Type(name.to_string()),
        Value::Enum(item) if item.enumeration().name == MOVEMENT_KIND => Datum::enumeration(MOVEMENT_KIND, item.name()),
        Value::Enum(_) => return Err(not_stored(value)),
        Value::Object(_) => {
            if let Some(reference) = value.as_object::<Ref>() {
                Datum::Ref(reference.reference.clone())
            } else if let Some(item) = value.as_object::<EnumRef>() {
                Datum::Enum(item.value.clone())
            } else if let Some(id) = value.as_object::<UniqueId>() {
                Datum::Uuid(id.0)
            } else if let Some(storage) = value.as_object::<ValueStorage>() {
                Datum::Storage(storage.0.clone())
            } else {
                return Err(not_stored(value));
            }
        }
    })
}

fn not_stored(value: &Value) -> Failure {
    Failure::new(format!("Значение типа {} не хранится в информационной базе", value.type_name()))
}

/// A reference to an object of the infobase.
pub(super) struct Ref {
    pub session: Session,
    pub reference: Reference,
}

/// `ХранилищеЗначения`, whose contents only its writer reads.
pub(super) struct ValueStorage(pub String);

impl Object for ValueStorage {
    fn type_name(&self) -> Cow<'static, str> {
        "ХранилищеЗначения".into()
    }
}

impl Ref {
    /// A field, read as the platform reads it by a point; the type's empty value if the reference leads nowhere.
    fn field(&self, name: &Name) -> Res<Value> {
        let metadata = self.session.metadata().clone();
        let object = metadata.find(&self.reference.object).ok_or_else(|| error::no_property(name.text()))?;
        if let Some((section, table)) = object.section(name.text()) {
            let read = self.session.call("Чтение реквизита ссылки", |base, id| {
                base.read_object(id, &self.reference)
            })?;
            let records = read.and_then(|mut data| data.sections.remove(section)).unwrap_or_default();
            return Ok(Value::object(SectionOfRef(section_of(&self.session, object, section, table, records))));
        }
        let field = object.table.field(name.text()).ok_or_else(|| error::no_property(name.text()))?;
        if field.name == "Ссылка" {
            return Ok(to_value(&self.session, Datum::Ref(self.reference.clone())));
        }
        let read = self
            .session
            .call("Чтение реквизита ссылки", |base, id| base.read_object(id, &self.reference))?;
        let datum = read.and_then(|data| data.fields.get(&field.name).cloned());
        Ok(to_value(&self.session, datum.unwrap_or_else(|| field.types.empty())))
    }
}

/// A tabular section as a reference leads to it: its rows are copies.
struct SectionOfRef(Section);

impl Object for SectionOfRef {
    fn type_name(&self) -> Cow<'static, str> {
        self.0.type_name()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        if !is_reading(name.key()) {
            return Err(error::no_method(name.text()));
        }
        self.0.call(vm, name, arguments)
    }

    fn index(&self, vm: &mut Vm, key: &Value) -> Res<Value> {
        self.0.index(vm, key)
    }

    fn item(&self, vm: &mut Vm, at: usize) -> Res<Option<Value>> {
        self.0.item(vm, at)
    }
}

impl Object for Ref {
    fn type_name(&self) -> Cow<'static, str> {
        reference_type(&self.reference.object).into()
    }

    fn text(&self) -> String {
        if self.reference.is_empty() {
            return String::new();
        }
        let read = self.session.ask(|base, id| {
            let before = base.set_privileged(id, true)?;
            let read = base.read_object(id, &self.reference);
            base.set_privileged(id, before)?;
            read
        });
        match read {
            Ok(Some(data)) => ["Наименование", "Номер"]
                .iter()
                .find_map(|name| data.fields.get(*name))
                .map(ToString::to_string)
                .unwrap_or_default(),
            _ => format!("<Объект не найден> ({}:{})", self.reference.object, self.reference.id.simple()),
        }
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.field(name)
    }

    fn set(&self, _: &mut Vm, name: &Name, _: Value) -> Res<()> {
        Err(error::read_only(name.text()))
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        arguments.count(0, 0)?;
        match name.key() {
            "пустая" | "isempty" => Ok(self.reference.is_empty().into()),
            "уникальныйидентификатор" | "uuid" => Ok(Value::object(UniqueId(self.reference.id))),
            "моментвремени" | "pointintime" if self.reference.object.starts_with("Документ.") => {
                let date = self.field(&Name::new("Дата"))?.date()?;
                Ok(super::moments::moment(&self.session, date, self.reference.clone()))
            }
            "получитьобъект" | "getobject" => {
                let read = self
                    .session
                    .call("ПолучитьОбъект", |base, id| base.read_object(id, &self.reference))?;
                match read {
                    Some(data) => DataObject::value(vm, &self.session, data),
                    None => Ok(Value::Undefined),
                }
            }
            "метаданные" | "metadata" => super::metadata::object(&self.session, &self.reference.object),
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("ref {}/{}", self.reference.object, self.reference.id))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.reference.is_empty())
    }

    fn xml_text(&self) -> Option<String> {
        Some(self.reference.id.to_string())
    }
}

/// A value of an enumeration.
pub(super) struct EnumRef {
    pub session: Session,
    pub value: EnumValue,
}

impl Object for EnumRef {
    fn type_name(&self) -> Cow<'static, str> {
        reference_type(&self.value.enumeration).into()
    }

    fn text(&self) -> String {
        let object = self.session.metadata().find(&self.value.enumeration);
        let known = object.and_then(|object| object.values.iter().find(|(name, _)| **name == *self.value.value));
        known.map_or_else(String::new, |(_, synonym)| synonym.clone())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        arguments.count(0, 0)?;
        match name.key() {
            "пустая" | "isempty" => Ok(self.value.value.is_empty().into()),
            "метаданные" | "metadata" => super::metadata::object(&self.session, &self.value.enumeration),
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("enum {}/{}", self.value.enumeration, self.value.value))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.value.value.is_empty())
    }

    fn xml_text(&self) -> Option<String> {
        Some(self.value.value.to_string())
    }
}

/// Whether the global context has managers of this kind.
pub(super) fn has_managers(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Catalog
            | Kind::Document
            | Kind::Enumeration
            | Kind::Constant
            | Kind::InformationRegister
            | Kind::AccumulationRegister
            | Kind::ExchangePlan
    )
}

/// `Справочники`, `Константы` and so on.
pub(super) struct Managers {
    session: Session,
    kind: Kind,
}

impl Managers {
    pub fn new(session: Session, kind: Kind) -> Managers {
        Managers { session, kind }
    }
}

impl Object for Managers {
    fn type_name(&self) -> Cow<'static, str> {
        format!("{}Менеджер", self.kind.plural()).into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let metadata = self.session.metadata().clone();
        let object = metadata.object(self.kind, name.text()).ok_or_else(|| error::no_property(name.text()))?;
        let full = object.full_name();
        Ok(match self.kind {
            Kind::Enumeration => Value::object(EnumManager { session: self.session.clone(), full }),
            Kind::Constant => {
                Value::object(ConstantManager { session: self.session.clone(), name: object.name.clone() })
            }
            Kind::InformationRegister | Kind::AccumulationRegister => register_manager(&self.session, &full),
            _ => object_manager(&self.session, &full),
        })
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "главныйузел" | "masternode" if self.kind == Kind::ExchangePlan => {
                arguments.count(0, 0)?;
                let main = self.session.call("ГлавныйУзел", |base, _| Ok(base.main_node()))?;
                Ok(main.map_or(Value::Undefined, |node| to_value(&self.session, Datum::Ref(node))))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

struct EnumManager {
    session: Session,
    full: String,
}

impl Object for EnumManager {
    fn type_name(&self) -> Cow<'static, str> {
        self.full.replacen('.', "Менеджер.", 1).into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let metadata = self.session.metadata().clone();
        let known = metadata.find(&self.full).and_then(|object| {
            object.values.iter().find(|(value, _)| value.to_lowercase() == name.key()).map(|(value, _)| value.clone())
        });
        let value = known.ok_or_else(|| error::no_property(name.text()))?;
        Ok(to_value(&self.session, Datum::enumeration(&self.full, &value)))
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "пустаяссылка" | "emptyref" => {
                arguments.count(0, 0)?;
                Ok(to_value(&self.session, Datum::enumeration(&self.full, "")))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

struct ConstantManager {
    session: Session,
    name: String,
}

impl Object for ConstantManager {
    fn type_name(&self) -> Cow<'static, str> {
        format!("КонстантаМенеджер.{}", self.name).into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "получить" | "get" => {
                arguments.count(0, 0)?;
                let datum = self
                    .session
                    .call("Константа.Получить", |base, id| base.constant(id, &self.name))?;
                Ok(to_value(&self.session, datum))
            }
            "установить" | "set" => {
                arguments.count(1, 1)?;
                let datum = from_value(&arguments.value(0))?;
                self.session.call("Константа.Установить", |base, id| {
                    base.set_constant(id, &self.name, datum.clone())
                })?;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}
