//! `Структура`, `ФиксированнаяСтруктура` and `КлючИЗначение`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::error::{self, Failure, Res};
use crate::object::{Args, Object, drop_flat};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// Fields by their name in lower case, each with the name as it was written.
type Fields = IndexMap<Arc<str>, (Arc<str>, Value)>;

/// A structure: values by names.
#[derive(Debug, Default)]
pub struct Structure {
    fields: RefCell<Fields>,
    fixed: bool,
}

impl Structure {
    /// An empty structure.
    pub fn new() -> Structure {
        Structure::default()
    }

    /// A structure of these fields.
    pub fn of<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Structure {
        let made = Structure::new();
        for (name, value) in fields {
            made.put(&Name::new(name), value);
        }
        made
    }

    /// Gives a field a value, and adds it if it is not there.
    pub fn put(&self, name: &Name, value: Value) {
        let mut fields = self.fields.borrow_mut();
        let old = match fields.get_mut(name.key()) {
            Some((_, field)) => Some(std::mem::replace(field, value)),
            None => {
                fields.insert(name.shared_key(), (name.shared_text(), value));
                None
            }
        };
        drop(fields);
        drop(old);
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<Value> {
        self.fields.borrow().get(name.to_lowercase().as_str()).map(|(_, value)| value.clone())
    }

    /// Its fields.
    pub fn fields(&self) -> Vec<(Arc<str>, Value)> {
        self.fields.borrow().values().cloned().collect()
    }

    /// `Новый Структура(Ключи, Значение1, …)` or `Новый Структура(ФиксированнаяСтруктура)`.
    pub(crate) fn create(arguments: &Args, fixed: bool) -> Res<Value> {
        let made = Structure { fields: RefCell::default(), fixed };
        match arguments.get(0) {
            None => arguments.count(0, 0)?,
            Some(Value::Str(keys)) => {
                let mut at = 0;
                for key in keys.split(',').map(str::trim) {
                    if key.is_empty() && keys.trim().is_empty() {
                        break;
                    }
                    at += 1;
                    made.put(&checked_name(key)?, arguments.value(at));
                }
                if arguments.len() > at + 1 {
                    return Err(error::too_many());
                }
            }
            Some(value) => {
                arguments.count(1, 1)?;
                let original = value.as_object::<Structure>().ok_or_else(|| error::bad_argument(1))?;
                *made.fields.borrow_mut() = original.fields.borrow().clone();
            }
        }
        Ok(Value::object(made))
    }
}

/// A name that a structure's key may be.
pub(crate) fn checked_name(name: &str) -> Res<Name> {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if starts && chars.all(|c| c.is_alphanumeric() || c == '_') {
        Ok(Name::new(name))
    } else {
        Err(Failure::new(format!("Задано неправильное имя атрибута структуры '{name}'")))
    }
}

impl Drop for Structure {
    fn drop(&mut self) {
        drop_flat(std::mem::take(self.fields.get_mut()).into_values().map(|(_, value)| value));
    }
}

impl Object for Structure {
    fn type_name(&self) -> Cow<'static, str> {
        if self.fixed { "ФиксированнаяСтруктура".into() } else { "Структура".into() }
    }

    fn text(&self) -> String {
        crate::types::presentation(&self.type_name())
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let fields = self.fields.borrow();
        fields.get(name.key()).map(|(_, value)| value.clone()).ok_or_else(|| error::no_property(name.text()))
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        if !self.fields.borrow().contains_key(name.key()) {
            return Err(error::no_property(name.text()));
        }
        if self.fixed {
            return Err(error::read_only(name.text()));
        }
        self.put(name, value);
        Ok(())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "количество" | "count" => {
                arguments.count(0, 0)?;
                return Ok(Value::count(self.fields.borrow().len()));
            }
            "свойство" | "property" => {
                arguments.count(1, 2)?;
                let found = self.field(&arguments.string(0)?);
                let has = found.is_some();
                if arguments.len() > 1 {
                    arguments.write(1, found.unwrap_or_default());
                }
                return Ok(Value::Bool(has));
            }
            _ if self.fixed => return Err(error::no_method(name.text())),
            _ => {}
        }
        match name.key() {
            "вставить" | "insert" => {
                arguments.count(1, 2)?;
                self.put(&checked_name(arguments.string(0)?.trim())?, arguments.value(1));
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let key = arguments.string(0)?.to_lowercase();
                let old = self.fields.borrow_mut().shift_remove(key.as_str());
                drop(old);
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.fields.take();
                drop(old);
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        let fields = self.fields.borrow();
        Ok(fields.get_index(at).map(|(_, (name, value))| KeyAndValue::value(Value::Str(name.clone()), value.clone())))
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.fields.borrow().values().map(|(name, _)| name.clone()).collect())
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.fields.borrow().is_empty())
    }
}

/// An element of a structure or a map while it is enumerated.
#[derive(Debug)]
pub struct KeyAndValue {
    key: Value,
    value: Value,
}

impl KeyAndValue {
    pub(crate) fn value(key: Value, value: Value) -> Value {
        Value::object(KeyAndValue { key, value })
    }
}

impl Object for KeyAndValue {
    fn type_name(&self) -> Cow<'static, str> {
        "КлючИЗначение".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "ключ" | "key" => Ok(self.key.clone()),
            "значение" | "value" => Ok(self.value.clone()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, _: Value) -> Res<()> {
        Err(error::read_only(name.text()))
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(vec!["Ключ".into(), "Значение".into()])
    }
}
