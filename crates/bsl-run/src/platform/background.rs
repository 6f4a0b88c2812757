//! `ФоновыеЗадания`: a method of a common module in a session of its own. The session that starts it waits for its end,
//! so a job that is asked for has always ended.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use uuid::Uuid;

use super::refs::{from_value, to_value};
use super::session::Session;
use crate::collections::{Array, Structure};
use crate::enums;
use crate::error::{self, Failure, Raised, Res};
use crate::host::Host;
use crate::misc::{ErrorInfo, UniqueId, UserMessage};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `ФоновыеЗадания`.
pub(super) fn manager(session: &Session) -> Value {
    Value::object(Manager(session.clone()))
}

/// What a job leaves behind.
pub(super) struct Done {
    id: Uuid,
    method: String,
    key: String,
    title: String,
    error: Option<Rc<Raised>>,
    messages: RefCell<Vec<String>>,
}

struct Manager(Session);

impl Object for Manager {
    fn type_name(&self) -> Cow<'static, str> {
        "МенеджерФоновыхЗаданий".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "выполнить" | "execute" => {
                arguments.count(1, 4)?;
                let job = Rc::new(run(&self.0, arguments)?);
                self.0.background_jobs().borrow_mut().push(job.clone());
                Ok(Value::object(Job(job)))
            }
            "найтипоуникальномуидентификатору" | "findbyuuid" => {
                arguments.count(1, 1)?;
                let id = arguments.value(0);
                let id = id.as_object::<UniqueId>().ok_or_else(|| error::bad_argument(1))?;
                let known = self.0.background_jobs().borrow().iter().find(|job| job.id == id.0).cloned();
                Ok(known.map_or(Value::Undefined, |done| Value::object(Job(done))))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

fn run(session: &Session, arguments: &Args) -> Res<Done> {
    let method = arguments.string(0)?.to_string();
    let (module, procedure) = method.rsplit_once('.').ok_or_else(|| error::bad_argument_value(1))?;
    session.point("ФоновыеЗадания.Выполнить")?;
    let (shop, user) = (session.shop().clone(), session.ask(|base, id| Ok(base.user(id)?.clone()))?);
    let id = shop.infobase(|base| base.open_session(user));
    let own = Session::new(shop.clone(), id);
    let mut passed = match arguments.get(1) {
        None | Some(Value::Undefined) => Vec::new(),
        Some(given) => {
            let given = given.as_object::<Array>().ok_or_else(|| error::bad_argument(2))?;
            given.values().iter().map(|value| copied(&own, value)).collect::<Res<_>>()?
        }
    };
    let ended = own.call_module(&mut Vm::new(Rc::new(own.clone())), module, procedure, &mut passed);
    let closed = shop.infobase(|base| base.close_session(id));
    let error = match ended {
        Ok(_) => closed.err().map(|error| Rc::new(Raised { description: error.to_string(), ..Raised::default() })),
        Err(Failure::Raised(raised)) => Some(raised),
        // The job's process died; the session that started it lives on.
        Err(Failure::Killed) => Some(Rc::new(Raised {
            description: "Фоновое задание прервано".into(),
            ..Raised::default()
        })),
    };
    for (address, value) in own.stored_values() {
        if session.has_stored(&address) {
            session.store(&address, copied(session, &value)?);
        }
    }
    Ok(Done {
        id: session.new_uuid(),
        method,
        key: arguments.text(2).to_string(),
        title: arguments.text(3).to_string(),
        error,
        messages: RefCell::new(own.messages()),
    })
}

/// A value as it goes from one session into another: simple values, references, structures and arrays of them.
fn copied(session: &Session, value: &Value) -> Res<Value> {
    if let Some(structure) = value.as_object::<Structure>() {
        let fields = structure.fields().into_iter();
        let fields: Vec<_> = fields.map(|(name, value)| Ok((name, copied(session, &value)?))).collect::<Res<_>>()?;
        return Ok(Value::object(Structure::of(fields.iter().map(|(name, value)| (&**name, value.clone())))));
    }
    if let Some(array) = value.as_object::<Array>() {
        let values = array.values();
        return Ok(Array::value(values.iter().map(|value| copied(session, value)).collect::<Res<_>>()?));
    }
    Ok(to_value(session, from_value(value)?))
}

/// `ФоновоеЗадание`.
struct Job(Rc<Done>);

impl Object for Job {
    fn type_name(&self) -> Cow<'static, str> {
        "ФоновоеЗадание".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        Ok(match name.key() {
            "уникальныйидентификатор" | "uuid" => Value::object(UniqueId(self.0.id)),
            "имяметода" | "methodname" => Value::str(&self.0.method),
            "ключ" | "key" => Value::str(&self.0.key),
            "наименование" | "description" => Value::str(&self.0.title),
            "состояние" | "state" => {
                let state =
                    if self.0.error.is_none() { "Завершено" } else { "ЗавершеноАварийно" };
                enums::item("СостояниеФоновогоЗадания", state)
            }
            "информацияобошибке" | "errorinfo" => match &self.0.error {
                Some(raised) => Value::object(ErrorInfo(Some(raised.clone()))),
                None => Value::Undefined,
            },
            _ => return Err(error::no_property(name.text())),
        })
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "получитьсообщенияпользователю" | "getusermessages" => {
                arguments.count(0, 1)?;
                let mut messages = self.0.messages.borrow_mut();
                let told = messages.iter().map(|text| UserMessage::with(text)).collect();
                if arguments.truth_or(0, false)? {
                    messages.clear();
                }
                Ok(Array::value(told))
            }
            // Too late: it has ended.
            "отменить" | "cancel" => {
                arguments.count(0, 0)?;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("background job {}", self.0.id))
    }
}
