//! What `Выбрать()` of a catalogue's or a document's manager gives.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use infobase::metadata::{Kind, Object as MetaObject};
use infobase::{Datum, Parameter};

use super::refs::{from_value, to_value};
use super::session::Session;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `Справочники.Х.Выбрать(Родитель)` and `Документы.Х.Выбрать(Начало, Конец)`. Owners, filters and orders of the
/// program's own are not known.
pub(super) fn select(session: &Session, meta: &MetaObject, arguments: &Args) -> Res<Value> {
    let full = meta.full_name();
    let is_document = meta.kind == Kind::Document;
    arguments.count(0, if is_document { 2 } else { 1 })?;
    let mut parameters = BTreeMap::new();
    let mut conditions = Vec::new();
    let mut condition = |at: usize, text: &str| -> Res<()> {
        if !matches!(arguments.get(at), None | Some(Value::Undefined)) {
            let datum = from_value(&arguments.value(at))?;
            parameters.insert(format!("Значение{at}"), Parameter::Value(datum));
            conditions.push(format!("{text} &Значение{at}"));
        }
        Ok(())
    };
    let order = if is_document {
        condition(0, "Т.Дата >=")?;
        condition(1, "Т.Дата <=")?;
        "Т.Дата, Т.Ссылка"
    } else {
        condition(0, "Т.Родитель =")?;
        "Т.Ссылка"
    };
    let filter = if conditions.is_empty() { String::new() } else { format!("ГДЕ {}", conditions.join(" И ")) };
    let text = format!("ВЫБРАТЬ Т.Ссылка КАК Ссылка ИЗ {full} КАК Т {filter} УПОРЯДОЧИТЬ ПО {order}");
    let rows = session.call("Выбрать", |base, id| base.query_last(id, &text, &parameters))?;
    let found = rows.rows.into_iter().filter_map(|mut row| row.pop()).collect();
    Ok(Value::object(ObjectSelection {
        session: session.clone(),
        full,
        found,
        next: Cell::new(0),
        current: RefCell::default(),
    }))
}

/// `СправочникВыборка.Х`, `ДокументВыборка.Х`.
struct ObjectSelection {
    session: Session,
    full: String,
    found: Vec<Datum>,
    next: Cell<usize>,
    /// The reference of the current object.
    current: RefCell<Value>,
}

impl ObjectSelection {
    fn current(&self) -> Res<Value> {
        match &*self.current.borrow() {
            Value::Undefined => Err(Failure::new("Выборка не позиционирована: не вызван Следующий()")),
            current => Ok(current.clone()),
        }
    }
}

impl Object for ObjectSelection {
    fn type_name(&self) -> Cow<'static, str> {
        self.full.replacen('.', "Выборка.", 1).into()
    }

    fn get(&self, vm: &mut Vm, name: &Name) -> Res<Value> {
        let current = self.current()?;
        vm.get_member(&current, name)
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "следующий" | "next" => {
                arguments.count(0, 0)?;
                let at = self.next.get();
                let found = self.found.get(at).cloned();
                self.next.set(at + usize::from(found.is_some()));
                let current = found.map_or(Value::Undefined, |datum| to_value(&self.session, datum));
                let stands = !current.same(&Value::Undefined);
                *self.current.borrow_mut() = current;
                Ok(stands.into())
            }
            "получитьобъект" | "getobject" => {
                let current = self.current()?;
                vm.call_member(&current, name, arguments)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}
