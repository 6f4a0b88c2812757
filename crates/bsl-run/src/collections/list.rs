//! `СписокЗначений` and its elements.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::{Array, position_of};
use crate::error::{self, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value, compare_text};
use crate::vm::Vm;

/// A value list.
#[derive(Debug, Default)]
pub struct ValueList {
    items: RefCell<Vec<Rc<ListItem>>>,
    next: Cell<i64>,
}

/// An element of a value list.
#[derive(Debug, Default)]
pub struct ListItem {
    value: RefCell<Value>,
    presentation: RefCell<Arc<str>>,
    checked: Cell<bool>,
    picture: RefCell<Value>,
    id: i64,
}

impl ValueList {
    /// An empty list.
    pub fn new() -> ValueList {
        ValueList::default()
    }

    /// The values and their presentations.
    pub fn items(&self) -> Vec<(Value, Arc<str>)> {
        let items = self.items.borrow();
        items.iter().map(|item| (item.value.borrow().clone(), item.presentation.borrow().clone())).collect()
    }

    fn item_of(&self, value: Value, presentation: Arc<str>, checked: bool, picture: Value) -> Rc<ListItem> {
        let id = self.next.replace(self.next.get() + 1);
        Rc::new(ListItem {
            value: RefCell::new(value),
            presentation: RefCell::new(presentation),
            checked: Cell::new(checked),
            picture: RefCell::new(picture),
            id,
        })
    }

    fn new_item(&self, arguments: &Args, from: usize) -> Res<Rc<ListItem>> {
        let checked = arguments.truth_or(from + 2, false)?;
        Ok(self.item_of(arguments.value(from), arguments.text(from + 1), checked, arguments.value(from + 3)))
    }

    /// The place of an element that is given itself or by its index.
    fn place(&self, arguments: &Args, at: usize) -> Res<usize> {
        if let Some(Value::Object(object)) = arguments.get(at) {
            return position_of(&self.items.borrow(), object).ok_or_else(|| error::bad_argument_value(at + 1));
        }
        arguments.index(at, self.items.borrow().len())
    }

    fn sort(&self, arguments: &Args, by: impl Fn(&ListItem, &ListItem) -> std::cmp::Ordering) {
        let descending = arguments.get(0).and_then(Value::enum_name) == Some("Убыв");
        self.items.borrow_mut().sort_by(|one, other| if descending { by(other, one) } else { by(one, other) });
    }
}

impl Object for ValueList {
    fn type_name(&self) -> Cow<'static, str> {
        "СписокЗначений".into()
    }

    fn text(&self) -> String {
        let texts = self.items().into_iter().map(|(value, presentation)| {
            if presentation.is_empty() { value.text().to_string() } else { presentation.to_string() }
        });
        texts.collect::<Vec<_>>().join("; ")
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let item_value =
            |item: Option<&Rc<ListItem>>| item.map_or(Value::Undefined, |item| Value::Object(item.clone()));
        match name.key() {
            "добавить" | "add" => {
                arguments.count(0, 4)?;
                let item = self.new_item(arguments, 0)?;
                self.items.borrow_mut().push(item.clone());
                Ok(Value::Object(item))
            }
            "вставить" | "insert" => {
                arguments.count(1, 5)?;
                let at = arguments.index(0, self.items.borrow().len() + 1)?;
                let item = self.new_item(arguments, 1)?;
                self.items.borrow_mut().insert(at, item.clone());
                Ok(Value::Object(item))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.items.borrow().len()))
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, self.items.borrow().len())?;
                Ok(item_value(self.items.borrow().get(at)))
            }
            "найтипозначению" | "findbyvalue" => {
                arguments.count(1, 1)?;
                let wanted = arguments.value(0);
                Ok(item_value(self.items.borrow().iter().find(|item| item.value.borrow().same(&wanted))))
            }
            "найтипоидентификатору" | "findbyid" => {
                arguments.count(1, 1)?;
                let wanted = arguments.integer(0)?;
                Ok(item_value(self.items.borrow().iter().find(|item| item.id == wanted)))
            }
            "индекс" | "indexof" => {
                arguments.count(1, 1)?;
                Ok(self.place(arguments, 0).map_or(Value::int(-1), Value::count))
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let at = self.place(arguments, 0)?;
                self.items.borrow_mut().remove(at);
                Ok(Value::Undefined)
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.items.take();
                drop(old);
                Ok(Value::Undefined)
            }
            "сдвинуть" | "move" => {
                arguments.count(2, 2)?;
                let at = self.place(arguments, 0)?;
                let to = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(arguments.integer(1)?);
                let mut items = self.items.borrow_mut();
                let to = usize::try_from(to).ok().filter(|to| *to < items.len()).ok_or_else(error::out_of_bounds)?;
                let item = items.remove(at);
                items.insert(to, item);
                Ok(Value::Undefined)
            }
            "выгрузитьзначения" | "unloadvalues" => {
                arguments.count(0, 0)?;
                Ok(Array::value(self.items().into_iter().map(|(value, _)| value).collect()))
            }
            "загрузитьзначения" | "loadvalues" => {
                arguments.count(1, 1)?;
                let values = arguments.value(0);
                let array = values.as_object::<Array>().ok_or_else(|| error::bad_argument(1))?;
                let items: Vec<_> = array
                    .values()
                    .into_iter()
                    .map(|value| self.item_of(value, "".into(), false, Value::Undefined))
                    .collect();
                let old = self.items.replace(items);
                drop(old);
                Ok(Value::Undefined)
            }
            "заполнитьпометки" | "fillchecks" => {
                arguments.count(1, 1)?;
                let checked = arguments.truth_or(0, false)?;
                self.items.borrow().iter().for_each(|item| item.checked.set(checked));
                Ok(Value::Undefined)
            }
            "сортироватьпозначению" | "sortbyvalue" => {
                arguments.count(0, 1)?;
                self.sort(arguments, |one, other| one.value.borrow().sort_order(&other.value.borrow()));
                Ok(Value::Undefined)
            }
            "сортироватьпопредставлению" | "sortbypresentation" => {
                arguments.count(0, 1)?;
                self.sort(arguments, |one, other| {
                    compare_text(&one.presentation.borrow(), &other.presentation.borrow())
                });
                Ok(Value::Undefined)
            }
            "скопировать" | "copy" => {
                arguments.count(0, 0)?;
                let copy = ValueList::new();
                for item in self.items.borrow().iter() {
                    let made = copy.item_of(
                        item.value.borrow().clone(),
                        item.presentation.borrow().clone(),
                        item.checked.get(),
                        item.picture.borrow().clone(),
                    );
                    copy.items.borrow_mut().push(made);
                }
                Ok(Value::object(copy))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        let at = Args::new(vec![Some(key.clone())]).index(0, self.items.borrow().len())?;
        Ok(Value::Object(self.items.borrow()[at].clone()))
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.items.borrow().get(at).map(|item| Value::Object(item.clone())))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.items.borrow().is_empty())
    }
}

impl Object for ListItem {
    fn type_name(&self) -> Cow<'static, str> {
        "ЭлементСпискаЗначений".into()
    }

    fn text(&self) -> String {
        let presentation = self.presentation.borrow();
        if presentation.is_empty() { self.value.borrow().text().to_string() } else { presentation.to_string() }
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "значение" | "value" => Ok(self.value.borrow().clone()),
            "представление" | "presentation" => Ok(Value::Str(self.presentation.borrow().clone())),
            "пометка" | "check" => Ok(self.checked.get().into()),
            "картинка" | "picture" => Ok(self.picture.borrow().clone()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "значение" | "value" => {
                let old = self.value.replace(value);
                drop(old);
            }
            "представление" | "presentation" => *self.presentation.borrow_mut() = value.text(),
            "пометка" | "check" => self.checked.set(value.truth()?),
            "картинка" | "picture" => *self.picture.borrow_mut() = value,
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "получитьидентификатор" | "getid" => {
                arguments.count(0, 0)?;
                Ok(Value::int(self.id))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(["Значение", "Представление", "Пометка", "Картинка"].map(Arc::from).to_vec())
    }
}
