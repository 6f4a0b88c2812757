//! `Метаданные`.

use std::borrow::Cow;
use std::sync::Arc;

use infobase::metadata::{Field, Kind, Object as MetaObject, Role};

use super::session::Session;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `Метаданные`.
pub(super) fn root(session: &Session) -> Value {
    Value::object(Root(session.clone()))
}

/// The metadata of an object by its full name.
pub(super) fn object(session: &Session, full: &str) -> Res<Value> {
    let found = session.metadata().find(full).cloned();
    let found = found.ok_or_else(|| Failure::new(format!("Объект метаданных не найден ({full})")))?;
    Ok(Value::object(Described(found)))
}

/// The full name of the metadata object that a value is; empty for the configuration itself.
pub(super) fn full_name(value: &Value) -> Res<String> {
    if let Some(described) = value.as_object::<Described>() {
        return Ok(described.0.full_name());
    }
    if value.as_object::<Root>().is_some() || matches!(value, Value::Undefined) {
        return Ok(String::new());
    }
    Err(Failure::new("Ожидается объект метаданных"))
}

struct Root(Session);

impl Root {
    /// The object that a type belongs to: `СправочникСсылка.Х`, `ДокументОбъект.Х`.
    fn of_type(&self, name: &str) -> Option<Value> {
        let (class, object) = name.split_once('.')?;
        let kinds = self.0.metadata().objects().iter().map(|known| known.kind);
        let kind = kinds.filter(|kind| class.starts_with(kind.name())).max_by_key(|kind| kind.name().len())?;
        let found = self.0.metadata().object(kind, object).cloned()?;
        Some(Value::object(Described(found)))
    }
}

impl Object for Root {
    fn type_name(&self) -> Cow<'static, str> {
        "ОбъектМетаданныхКонфигурация".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        if let Some(kind) = Kind::from_plural(name.text()) {
            return Ok(Value::object(OfKind(self.0.clone(), kind)));
        }
        match name.key() {
            "имя" | "name" => Ok(Value::str("Розница")),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "найтипополномуимени" | "findbyfullname" => {
                arguments.count(1, 1)?;
                let found = self.0.metadata().find(&arguments.string(0)?).cloned();
                Ok(found.map_or(Value::Undefined, |found| Value::object(Described(found))))
            }
            "найтипотипу" | "findbytype" => {
                arguments.count(1, 1)?;
                let Value::Type(sought) = arguments.value(0) else { return Err(error::bad_argument(1)) };
                Ok(self.of_type(&sought).unwrap_or_default())
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some("metadata".to_owned())
    }
}

struct OfKind(Session, Kind);

impl OfKind {
    fn find(&self, name: &str) -> Option<Value> {
        let found = self.0.metadata().object(self.1, name).cloned()?;
        Some(Value::object(Described(found)))
    }
}

impl Object for OfKind {
    fn type_name(&self) -> Cow<'static, str> {
        "КоллекцияОбъектовМетаданных".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.find(name.text()).ok_or_else(|| error::no_property(name.text()))
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "найти" | "find" => {
                arguments.count(1, 1)?;
                Ok(self.find(&arguments.string(0)?).unwrap_or_default())
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.0.metadata().of_kind(self.1).count()))
            }
            "содержит" | "contains" => {
                arguments.count(1, 1)?;
                let full = full_name(&arguments.value(0))?;
                Ok(self.0.metadata().of_kind(self.1).any(|known| known.full_name() == full).into())
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        let found = self.0.metadata().of_kind(self.1).nth(at).cloned();
        Ok(found.map(|found| Value::object(Described(found))))
    }
}

struct Described(MetaObject);

impl Object for Described {
    fn type_name(&self) -> Cow<'static, str> {
        format!("ОбъектМетаданных: {}", self.0.kind.name()).into()
    }

    fn text(&self) -> String {
        self.0.name.clone()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let fields = |roles: &[Role]| {
            let fields = self.0.table.fields.iter().filter(|field| roles.contains(&field.role)).cloned();
            Ok(Value::object(Fields(fields.collect())))
        };
        match name.key() {
            "имя" | "name" => Ok(Value::str(&self.0.name)),
            "синоним" | "synonym" => Ok(Value::str(&self.0.synonym)),
            "реквизиты" | "attributes" => fields(&[Role::Attribute]),
            "измерения" | "dimensions" => fields(&[Role::Dimension]),
            "ресурсы" | "resources" => fields(&[Role::Resource]),
            "стандартныереквизиты" | "standardattributes" => fields(&[Role::Standard]),
            "табличныечасти" | "tabularsections" => {
                let names = self.0.sections.iter().map(|(name, _)| Arc::from(name.as_str()));
                Ok(Value::object(Names(names.collect())))
            }
            "значенияперечисления" | "enumvalues" => {
                let names = self.0.values.iter().map(|(name, _)| Arc::from(name.as_str()));
                Ok(Value::object(Names(names.collect())))
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        arguments.count(0, 0)?;
        match name.key() {
            "полноеимя" | "fullname" => Ok(self.0.full_name().into()),
            "представление" | "presentation" => Ok(Value::str(&self.0.synonym)),
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("metadata {}", self.0.full_name()))
    }
}

/// Attributes of an object.
struct Fields(Vec<Field>);

impl Fields {
    fn find(&self, name: &str) -> Option<Value> {
        let name = name.to_lowercase();
        let found = self.0.iter().find(|field| field.name.to_lowercase() == name);
        found.map(|field| Value::object(Attribute(field.clone())))
    }
}

impl Object for Fields {
    fn type_name(&self) -> Cow<'static, str> {
        "КоллекцияОбъектовМетаданных".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.find(name.text()).ok_or_else(|| error::no_property(name.text()))
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "найти" | "find" => {
                arguments.count(1, 1)?;
                Ok(self.find(&arguments.string(0)?).unwrap_or_default())
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.0.len()))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.0.get(at).map(|field| Value::object(Attribute(field.clone()))))
    }
}

struct Attribute(Field);

impl Object for Attribute {
    fn type_name(&self) -> Cow<'static, str> {
        "ОбъектМетаданных: Реквизит".into()
    }

    fn text(&self) -> String {
        self.0.name.clone()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "имя" | "name" => Ok(Value::str(&self.0.name)),
            "синоним" | "synonym" => Ok(Value::str(&self.0.synonym)),
            "тип" | "type" => {
                let types = self.0.types.types().iter().map(|one| Arc::from(one.name())).collect();
                Ok(Value::object(crate::types::TypeDescription::of(types)))
            }
            _ => Err(error::no_property(name.text())),
        }
    }
}

/// Objects of which only the names are known.
struct Names(Vec<Arc<str>>);

impl Object for Names {
    fn type_name(&self) -> Cow<'static, str> {
        "КоллекцияОбъектовМетаданных".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "найти" | "find" => {
                arguments.count(1, 1)?;
                let wanted = arguments.string(0)?.to_lowercase();
                let found = self.0.iter().find(|name| name.to_lowercase() == wanted);
                Ok(found.map_or(Value::Undefined, |name| Value::Str(name.clone())))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.0.len()))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}
