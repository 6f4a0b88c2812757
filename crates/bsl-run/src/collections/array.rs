//! `Массив` and `ФиксированныйМассив`.

use std::borrow::Cow;
use std::cell::RefCell;

use super::enough_memory;
use crate::error::{self, Res};
use crate::object::{Args, Object, drop_flat};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// An array.
#[derive(Debug, Default)]
pub struct Array {
    items: RefCell<Vec<Value>>,
    fixed: bool,
}

impl Array {
    /// An array of these values.
    pub fn new(items: Vec<Value>) -> Array {
        Array { items: RefCell::new(items), fixed: false }
    }

    /// The same as a value.
    pub fn value(items: Vec<Value>) -> Value {
        Value::object(Array::new(items))
    }

    /// Its values.
    pub fn values(&self) -> Vec<Value> {
        self.items.borrow().clone()
    }

    /// Whether it cannot be changed.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    pub(crate) fn push(&self, value: Value) {
        self.items.borrow_mut().push(value);
    }

    /// `Новый Массив(…)`: sizes of the dimensions, or a fixed array.
    pub(crate) fn create(arguments: &Args) -> Res<Value> {
        if let Some(original) = arguments.get(0).and_then(Value::as_object::<Array>) {
            arguments.count(1, 1)?;
            return Ok(Array::value(original.values()));
        }
        let mut sizes = Vec::new();
        let mut total = 1_i64;
        for at in 0..arguments.len() {
            let size = arguments.integer(at)?;
            total = total.saturating_mul(size.max(0).saturating_add(1));
            enough_memory(total)?;
            sizes.push(usize::try_from(size).map_err(|_| error::bad_argument_value(at + 1))?);
        }
        Ok(Array::of_sizes(&sizes))
    }

    fn of_sizes(sizes: &[usize]) -> Value {
        match sizes {
            [] => Array::value(Vec::new()),
            [last] => Array::value(vec![Value::Undefined; *last]),
            [first, rest @ ..] => Array::value((0..*first).map(|_| Array::of_sizes(rest)).collect()),
        }
    }

    pub(crate) fn create_fixed(arguments: &Args) -> Res<Value> {
        arguments.count(1, 1)?;
        let original = arguments.get(0).and_then(Value::as_object::<Array>).ok_or_else(|| error::bad_argument(1))?;
        Ok(Value::object(Array { items: RefCell::new(original.values()), fixed: true }))
    }

    fn at(&self, key: &Value) -> Res<usize> {
        let Value::Number(_) = key else { return Err(error::bad_argument(1)) };
        let index = key.integer()?;
        let length = self.items.borrow().len();
        usize::try_from(index).ok().filter(|index| *index < length).ok_or_else(error::out_of_bounds)
    }
}

impl Drop for Array {
    fn drop(&mut self) {
        drop_flat(std::mem::take(self.items.get_mut()).into_iter());
    }
}

impl Object for Array {
    fn type_name(&self) -> Cow<'static, str> {
        if self.fixed { "ФиксированныйМассив".into() } else { "Массив".into() }
    }

    fn text(&self) -> String {
        crate::types::presentation(&self.type_name())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let length = self.items.borrow().len();
        match name.key() {
            "количество" | "count" => {
                arguments.count(0, 0)?;
                return Ok(Value::count(length));
            }
            "вграница" | "ubound" => {
                arguments.count(0, 0)?;
                return Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX) - 1));
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length)?;
                return Ok(self.items.borrow()[at].clone());
            }
            "найти" | "find" => {
                arguments.count(1, 1)?;
                let wanted = arguments.value(0);
                let found = self.items.borrow().iter().position(|item| item.same(&wanted));
                return Ok(found.map_or(Value::Undefined, Value::count));
            }
            _ if self.fixed => return Err(error::no_method(name.text())),
            _ => {}
        }
        match name.key() {
            "добавить" | "add" => {
                arguments.count(0, 1)?;
                enough_memory(i64::try_from(length + 1).unwrap_or(i64::MAX))?;
                self.items.borrow_mut().push(arguments.value(0));
            }
            "вставить" | "insert" => {
                arguments.count(1, 2)?;
                let at = usize::try_from(arguments.integer(0)?).map_err(|_| error::out_of_bounds())?;
                enough_memory(i64::try_from(at).unwrap_or(i64::MAX))?;
                let mut items = self.items.borrow_mut();
                if at > items.len() {
                    items.resize(at, Value::Undefined);
                }
                items.insert(at, arguments.value(1));
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length)?;
                self.items.borrow_mut().remove(at);
            }
            "установить" | "set" => {
                arguments.count(2, 2)?;
                let at = arguments.index(0, length)?;
                self.items.borrow_mut()[at] = arguments.value(1);
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.items.take();
                drop(old);
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        let at = self.at(key)?;
        Ok(self.items.borrow()[at].clone())
    }

    fn set_index(&self, _: &mut Vm, key: &Value, value: Value) -> Res<()> {
        if self.fixed {
            return Err(crate::error::Failure::new("Элемент фиксированной коллекции недоступен для записи"));
        }
        let at = self.at(key)?;
        let old = std::mem::replace(&mut self.items.borrow_mut()[at], value);
        drop(old);
        Ok(())
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.items.borrow().get(at).cloned())
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.items.borrow().is_empty())
    }
}
