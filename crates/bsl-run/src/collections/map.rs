//! `Соответствие` and `ФиксированноеСоответствие`.

use std::borrow::Cow;
use std::cell::RefCell;

use indexmap::IndexMap;

use super::KeyAndValue;
use crate::error::{self, Res};
use crate::object::{Args, Object, drop_flat};
use crate::value::{Key, Name, Value};
use crate::vm::Vm;

/// A map: values by keys of any type. It is enumerated in the order of insertion, or in the opposite one if the host says so:
/// the platform promises none.
#[derive(Debug, Default)]
pub struct Map {
    entries: RefCell<IndexMap<Key, (Value, Value)>>,
    fixed: bool,
}

impl Map {
    /// An empty map.
    pub fn new() -> Map {
        Map::default()
    }

    /// Gives a key a value.
    pub fn put(&self, key: Value, value: Value) {
        let mut entries = self.entries.borrow_mut();
        let old = match entries.get_mut(&key.key()) {
            Some((_, known)) => Some(std::mem::replace(known, value)),
            None => {
                entries.insert(key.key(), (key, value));
                None
            }
        };
        drop(entries);
        drop(old);
    }

    /// The value of a key.
    pub fn find(&self, key: &Value) -> Option<Value> {
        self.entries.borrow().get(&key.key()).map(|(_, value)| value.clone())
    }

    /// Its entries.
    pub fn entries(&self) -> Vec<(Value, Value)> {
        self.entries.borrow().values().cloned().collect()
    }

    pub(crate) fn create(arguments: &Args, fixed: bool) -> Res<Value> {
        arguments.count(usize::from(fixed), 1)?;
        let made = Map { entries: RefCell::default(), fixed };
        if let Some(value) = arguments.get(0) {
            let original = value.as_object::<Map>().ok_or_else(|| error::bad_argument(1))?;
            *made.entries.borrow_mut() = original.entries.borrow().clone();
        }
        Ok(Value::object(made))
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        drop_flat(std::mem::take(self.entries.get_mut()).into_values().flat_map(|(key, value)| [key, value]));
    }
}

impl Object for Map {
    fn type_name(&self) -> Cow<'static, str> {
        if self.fixed {
            "ФиксированноеСоответствие".into()
        } else {
            "Соответствие".into()
        }
    }

    fn text(&self) -> String {
        crate::types::presentation(&self.type_name())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "количество" | "count" => {
                arguments.count(0, 0)?;
                return Ok(Value::count(self.entries.borrow().len()));
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                return Ok(self.find(&arguments.value(0)).unwrap_or_default());
            }
            _ if self.fixed => return Err(error::no_method(name.text())),
            _ => {}
        }
        match name.key() {
            "вставить" | "insert" => {
                arguments.count(1, 2)?;
                self.put(arguments.value(0), arguments.value(1));
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let key = arguments.value(0).key();
                let old = self.entries.borrow_mut().shift_remove(&key);
                drop(old);
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.entries.take();
                drop(old);
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        Ok(self.find(key).unwrap_or_default())
    }

    fn set_index(&self, _: &mut Vm, key: &Value, value: Value) -> Res<()> {
        if self.fixed {
            return Err(crate::error::Failure::new("Элемент фиксированной коллекции недоступен для записи"));
        }
        self.put(key.clone(), value);
        Ok(())
    }

    fn item(&self, vm: &mut Vm, at: usize) -> Res<Option<Value>> {
        let entries = self.entries.borrow();
        let at = match vm.surroundings().enumerates_maps_backwards() {
            true => entries.len().checked_sub(at + 1).unwrap_or(usize::MAX),
            false => at,
        };
        Ok(entries.get_index(at).map(|(_, (key, value))| KeyAndValue::value(key.clone(), value.clone())))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.entries.borrow().is_empty())
    }
}
