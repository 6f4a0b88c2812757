//! Data locks, and the advisory locks of objects and record keys.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use infobase::{Datum, LockItem, LockMode, LockValue, Reference};

use super::refs::{Ref, from_value};
use super::registers::RecordKey;
use super::session::{Session, form_of};
use crate::collections::Table;
use crate::enums;
use crate::error::{self, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `Новый БлокировкаДанных`.
pub(super) fn new_lock(session: &Session, arguments: &Args) -> Res<Value> {
    arguments.count(0, 0)?;
    Ok(Value::object(DataLock { session: session.clone(), items: RefCell::default() }))
}

struct DataLock {
    session: Session,
    items: RefCell<Vec<Rc<LockElement>>>,
}

impl Object for DataLock {
    fn type_name(&self) -> Cow<'static, str> {
        "БлокировкаДанных".into()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "добавить" | "add" => {
                arguments.count(0, 1)?;
                let element = Rc::new(LockElement {
                    space: RefCell::new(arguments.text(0).to_string()),
                    shared: Cell::new(false),
                    fields: RefCell::default(),
                    source: RefCell::default(),
                    columns: RefCell::default(),
                });
                self.items.borrow_mut().push(element.clone());
                Ok(Value::Object(element))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.items.borrow().len()))
            }
            "заблокировать" | "lock" => {
                arguments.count(0, 0)?;
                let elements = self.items.borrow().clone();
                let mut items = Vec::new();
                for element in elements {
                    items.extend(element.items(vm)?);
                }
                self.session.call("БлокировкаДанных.Заблокировать", |base, id| {
                    base.lock(id, &items)
                })?;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// `ЭлементБлокировкиДанных`.
struct LockElement {
    space: RefCell<String>,
    shared: Cell<bool>,
    fields: RefCell<Vec<(String, Datum)>>,
    source: RefCell<Value>,
    /// Fields of the lock and the source's columns that have their values.
    columns: RefCell<Vec<(String, String)>>,
}

impl LockElement {
    fn items(&self, vm: &mut Vm) -> Res<Vec<LockItem>> {
        let mode = if self.shared.get() { LockMode::Shared } else { LockMode::Exclusive };
        let mut fixed = LockItem { mode, ..LockItem::exclusive(&self.space.borrow()) };
        for (field, value) in self.fields.borrow().iter() {
            fixed.fields.insert(field.clone(), LockValue::Is(value.clone()));
        }
        let source = self.source.borrow().clone();
        let columns = self.columns.borrow().clone();
        let Value::Object(rows) = &source else { return Ok(vec![fixed]) };
        let mut items: Vec<LockItem> = Vec::new();
        let mut at = 0;
        while let Some(row) = rows.item(vm, at)? {
            at += 1;
            let mut item = fixed.clone();
            for (field, column) in &columns {
                let value = vm.get_member(&row, &Name::new(column))?;
                item.fields.insert(field.clone(), LockValue::Is(from_value(&value)?));
            }
            if !items.contains(&item) {
                items.push(item);
            }
        }
        Ok(items)
    }
}

impl Object for LockElement {
    fn type_name(&self) -> Cow<'static, str> {
        "ЭлементБлокировкиДанных".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "область" | "region" => Ok(Value::str(&*self.space.borrow())),
            "режим" | "mode" => Ok(enums::item(
                "РежимБлокировкиДанных",
                if self.shared.get() { "Разделяемый" } else { "Исключительный" },
            )),
            "источникданных" | "datasource" => Ok(self.source.borrow().clone()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "область" | "region" => *self.space.borrow_mut() = value.text().to_string(),
            "режим" | "mode" => match value.enum_name() {
                Some("Исключительный") => self.shared.set(false),
                Some("Разделяемый") => self.shared.set(true),
                _ => return Err(error::bad_argument(1)),
            },
            "источникданных" | "datasource" => {
                if value.as_object::<Table>().is_none() && value.as_object::<super::query::QueryResult>().is_none() {
                    return Err(error::bad_argument(1));
                }
                *self.source.borrow_mut() = value;
            }
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "установитьзначение" | "setvalue" => {
                arguments.count(2, 2)?;
                let field = arguments.string(0)?.to_string();
                let datum = from_value(&arguments.value(1))?;
                self.fields.borrow_mut().push((field, datum));
                Ok(Value::Undefined)
            }
            "использоватьизисточникаданных" | "usefromdatasource" => {
                arguments.count(2, 2)?;
                let pair = (arguments.string(0)?.to_string(), arguments.string(1)?.to_string());
                self.columns.borrow_mut().push(pair);
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

fn key_of(value: &Value) -> Res<String> {
    if let Some(key) = value.as_object::<RecordKey>() {
        return Ok(key.text_key());
    }
    let reference = value.as_object::<Ref>().ok_or_else(|| error::bad_argument(1))?;
    Ok(reference_key(&reference.reference))
}

fn reference_key(reference: &Reference) -> String {
    format!("{} {}", reference.object, reference.id)
}

/// `ЗаблокироватьДанныеДляРедактирования(Ключ, Версия, Форма)`.
pub(super) fn lock_for_editing(session: &Session, arguments: &Args) -> Res<Value> {
    let key = key_of(&arguments.value(0))?;
    let form = form_of(arguments, 2)?;
    session.call("ЗаблокироватьДанныеДляРедактирования", |base, id| {
        base.lock_for_editing(id, &key, form)
    })?;
    Ok(Value::Undefined)
}

/// `РазблокироватьДанныеДляРедактирования(Ключ, Форма)`.
pub(super) fn unlock_for_editing(session: &Session, arguments: &Args) -> Res<Value> {
    let key = key_of(&arguments.value(0))?;
    let form = form_of(arguments, 1)?;
    session.call("РазблокироватьДанныеДляРедактирования", |base, id| {
        base.unlock_for_editing(id, &key, form);
        Ok(())
    })?;
    Ok(Value::Undefined)
}

/// Locks an object for editing.
pub(super) fn lock_reference(session: &Session, reference: &Reference, form: Option<uuid::Uuid>) -> Res<()> {
    let key = reference_key(reference);
    session.call("Заблокировать", |base, id| base.lock_for_editing(id, &key, form))
}

/// Releases an object.
pub(super) fn unlock_reference(session: &Session, reference: &Reference, form: Option<uuid::Uuid>) -> Res<()> {
    let key = reference_key(reference);
    session.call("Разблокировать", |base, id| {
        base.unlock_for_editing(id, &key, form);
        Ok(())
    })
}
