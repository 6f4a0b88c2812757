//! What an object of the platform is for the interpreter, and the parameters of its methods.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::date::Date;
use crate::error::{self, Failure, Res};
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// An object of the platform: a collection, a manager, a query.
///
/// Names come in any case and in either language; a name that the object does not have is an error. Indexing, setting
/// and enumerating are errors for objects that do not say otherwise.
pub trait Object: Any {
    /// The Russian name of its type.
    fn type_name(&self) -> Cow<'static, str>;

    /// The text that `Строка()` gives.
    fn text(&self) -> String {
        self.type_name().into_owned()
    }

    /// Reads a property.
    fn get(&self, vm: &mut Vm, name: &Name) -> Res<Value> {
        let _ = vm;
        Err(error::no_property(name.text()))
    }

    /// Writes a property.
    fn set(&self, vm: &mut Vm, name: &Name, value: Value) -> Res<()> {
        let _ = (vm, value);
        Err(error::no_property(name.text()))
    }

    /// Calls a method.
    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let _ = (vm, arguments);
        Err(error::no_method(name.text()))
    }

    /// Calls a method that needs the object as a value: a handler of its event gets it.
    fn call_on(&self, vm: &mut Vm, this: &Value, name: &Name, arguments: &mut Args) -> Res<Value> {
        let _ = this;
        self.call(vm, name, arguments)
    }

    /// Reads an element by `[]`.
    fn index(&self, vm: &mut Vm, key: &Value) -> Res<Value> {
        match key {
            Value::Str(name) => self.get(vm, &Name::new(name)),
            _ => Err(Failure::new("Получение элемента по индексу для значения не определено")),
        }
    }

    /// Writes an element by `[]`.
    fn set_index(&self, vm: &mut Vm, key: &Value, value: Value) -> Res<()> {
        match key {
            Value::Str(name) => self.set(vm, &Name::new(name), value),
            _ => Err(Failure::new("Установка элемента по индексу для значения не определена")),
        }
    }

    /// The element that `Для Каждого` visits at a place, from 0; nothing after the last one.
    fn item(&self, vm: &mut Vm, at: usize) -> Res<Option<Value>> {
        let _ = (vm, at);
        Err(Failure::new("Итератор для значения не определен"))
    }

    /// Text that equal objects share; nothing for an object that is equal to itself only.
    fn contents_key(&self) -> Option<String> {
        None
    }

    /// What `ЗначениеЗаполнено` says; an exception for objects that it does not know.
    fn filled(&self) -> Res<bool> {
        Err(error::bad_argument(1))
    }

    /// The text that `XMLСтрока` gives; nothing for an object that has none.
    fn xml_text(&self) -> Option<String> {
        None
    }

    /// The names of the properties that `ЗаполнитьЗначенияСвойств` copies; nothing if it cannot take this object.
    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        None
    }

    /// The module whose exported methods are the object's methods too, and the value that they see as `ЭтотОбъект`.
    fn module(&self, vm: &mut Vm) -> Res<Option<Rc<Instance>>> {
        let _ = vm;
        Ok(None)
    }
}

/// The parameters of a call of the platform; what is left out is nothing.
#[derive(Debug, Default)]
pub struct Args {
    values: Vec<Option<Value>>,
    written: Vec<(usize, Value)>,
}

impl Args {
    /// The given parameters.
    pub fn new(values: Vec<Option<Value>>) -> Args {
        Args { values, written: Vec::new() }
    }

    /// How many parameters there are, those left out included.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// An error if a method that takes `least` to `most` parameters got another number of them.
    pub fn count(&self, least: usize, most: usize) -> Res<()> {
        if self.values.len() > most {
            return Err(error::too_many());
        }
        let given = self.values.iter().take(least).filter(|value| value.is_some()).count();
        if given < least { Err(error::too_few()) } else { Ok(()) }
    }

    /// A parameter, from 0; nothing if it was left out.
    pub fn get(&self, at: usize) -> Option<&Value> {
        self.values.get(at)?.as_ref()
    }

    /// A parameter; `Неопределено` if it was left out.
    pub fn value(&self, at: usize) -> Value {
        self.get(at).cloned().unwrap_or_default()
    }

    /// The text of a parameter, an empty one if it was left out.
    pub fn text(&self, at: usize) -> Arc<str> {
        self.get(at).map_or_else(|| "".into(), Value::text)
    }

    /// A parameter that must be a text.
    pub fn string(&self, at: usize) -> Res<Arc<str>> {
        match self.get(at) {
            Some(Value::Str(text)) => Ok(text.clone()),
            _ => Err(error::bad_argument(at + 1)),
        }
    }

    /// A number.
    pub fn number(&self, at: usize) -> Res<Decimal> {
        self.value(at).number().map_err(|_| error::bad_argument(at + 1))
    }

    /// A whole number; a fraction is cut off.
    pub fn integer(&self, at: usize) -> Res<i64> {
        self.value(at).integer().map_err(|_| error::bad_argument(at + 1))
    }

    /// A whole number, or the given one if the parameter was left out or is `Неопределено`.
    pub fn integer_or(&self, at: usize, default: i64) -> Res<i64> {
        match self.get(at) {
            None | Some(Value::Undefined) => Ok(default),
            Some(_) => self.integer(at),
        }
    }

    /// A truth value, or the given one if the parameter was left out.
    pub fn truth_or(&self, at: usize, default: bool) -> Res<bool> {
        match self.get(at) {
            None | Some(Value::Undefined) => Ok(default),
            Some(value) => value.truth().map_err(|_| error::bad_argument(at + 1)),
        }
    }

    /// A date.
    pub fn date(&self, at: usize) -> Res<Date> {
        self.value(at).date().map_err(|_| error::bad_argument(at + 1))
    }

    /// An index into something with `length` elements.
    pub fn index(&self, at: usize, length: usize) -> Res<usize> {
        let index = self.integer(at)?;
        usize::try_from(index).ok().filter(|index| *index < length).ok_or_else(error::out_of_bounds)
    }

    /// Gives the caller's variable a value.
    pub fn write(&mut self, at: usize, value: Value) {
        self.written.push((at, value));
    }

    pub(crate) fn take_written(&mut self) -> Vec<(usize, Value)> {
        std::mem::take(&mut self.written)
    }

    /// All of them.
    pub fn values(&self) -> &[Option<Value>] {
        &self.values
    }
}

thread_local! {
    static DROPPED: RefCell<Option<Vec<Value>>> = const { RefCell::new(None) };
}

/// Drops the contents of a collection without recursion: a chain of a million arrays would exhaust the stack.
pub(crate) fn drop_flat(values: impl Iterator<Item = Value>) {
    let objects: Vec<Value> = values.filter(|value| matches!(value, Value::Object(_))).collect();
    if objects.is_empty() {
        return;
    }
    let queued = DROPPED.try_with(|queue| match queue.borrow_mut().as_mut() {
        Some(queue) => {
            queue.extend(objects.iter().cloned());
            true
        }
        None => false,
    });
    if queued != Ok(false) {
        return;
    }
    let _ = DROPPED.try_with(|queue| *queue.borrow_mut() = Some(objects));
    loop {
        let next = DROPPED.try_with(|queue| queue.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
        match next {
            Some(value) => drop(value),
            None => break,
        }
    }
    let _ = DROPPED.try_with(|queue| *queue.borrow_mut() = None);
}
