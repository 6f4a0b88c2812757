//! Events of objects and record sets: the main configuration's handlers, and what the extension puts around them.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::session::Session;
use crate::collections::Array;
use crate::error::{self, Failure, Res};
use crate::object::Object;
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

pub(super) const BEFORE_WRITE: &str = "ПередЗаписью";
pub(super) const ON_WRITE: &str = "ПриЗаписи";
pub(super) const BEFORE_DELETE: &str = "ПередУдалением";
pub(super) const ON_COPY: &str = "ПриКопировании";
pub(super) const POSTING: &str = "ОбработкаПроведения";
pub(super) const UNDO_POSTING: &str = "ОбработкаУдаленияПроведения";

/// The events of objects and record sets that are played, by the names of their handlers.
pub(super) const EVENTS: [&str; 6] = [BEFORE_WRITE, ON_WRITE, BEFORE_DELETE, ON_COPY, POSTING, UNDO_POSTING];

/// Words of an extension's annotations, Russian and English.
pub(super) const BEFORE: [&str; 2] = ["перед", "before"];
pub(super) const AROUND: [&str; 2] = ["вместо", "around"];
pub(super) const AFTER: [&str; 2] = ["после", "after"];

/// The methods that handle an event, in the order in which the platform calls them: what an extension puts before the
/// configuration's own handler, the handler itself or what takes its place, and what comes after it. A return from one
/// of them ends that one only.
fn handlers(modules: &[Rc<Instance>], event: &str) -> Vec<(Rc<Instance>, String)> {
    let annotated = |words: [&str; 2]| {
        modules.iter().find_map(|module| Some((module.clone(), module.code().annotated(words, event)?.to_owned())))
    };
    let own = || modules.iter().find_map(|module| Some((module.clone(), module.code().own_handler(event)?.to_owned())));
    [annotated(BEFORE), annotated(AROUND).or_else(own), annotated(AFTER)].into_iter().flatten().collect()
}

/// What an event is about.
pub(super) struct Source<'a> {
    pub session: &'a Session,
    /// The object or set itself.
    pub value: &'a Value,
    /// The configuration's own module and the extension's, those that exist.
    pub modules: &'a [Rc<Instance>],
}

impl Source<'_> {
    /// Calls the handlers with these parameters, which they may change.
    pub fn fire(&self, vm: &mut Vm, event: &str, arguments: &mut [Value]) -> Res<()> {
        for (instance, handler) in handlers(self.modules, event) {
            self.session.entered(&instance, &handler);
            vm.call_method(&instance, Some(self.value), &handler, arguments)?;
        }
        Ok(())
    }

    /// Calls the handlers of an event whose first parameter refuses, and raises if one of them did.
    pub fn fire_or_refuse(&self, vm: &mut Vm, event: &str, more: &[Value]) -> Res<()> {
        let mut arguments = vec![Value::Bool(false)];
        arguments.extend(more.iter().cloned());
        self.fire(vm, event, &mut arguments)?;
        if arguments[0].truth()? {
            return Err(Failure::new(format!("Не удалось записать: \"{}\"!", self.value.text())));
        }
        Ok(())
    }
}

/// `ОбменДанными`.
#[derive(Default)]
pub(super) struct DataExchange {
    loading: Cell<bool>,
    sender: RefCell<Value>,
    recipients: RefCell<Vec<Value>>,
}

impl Object for DataExchange {
    fn type_name(&self) -> Cow<'static, str> {
        "ПараметрыОбменаДанными".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "загрузка" | "load" => Ok(self.loading.get().into()),
            "отправитель" | "sender" => Ok(self.sender.borrow().clone()),
            "получатели" | "recipients" => Ok(Array::value(self.recipients.borrow().clone())),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "загрузка" | "load" => self.loading.set(value.truth()?),
            "отправитель" | "sender" => *self.sender.borrow_mut() = value,
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }
}
