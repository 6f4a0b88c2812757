//! Scheduled jobs: the procedure that the metadata name, in a session of its own, and `РегламентныеЗадания`.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use infobase::User;
use infobase::metadata::Kind;
use uuid::Uuid;

use super::metadata;
use super::session::{Session, SessionError, Shop};
use crate::collections::{Array, Structure};
use crate::error::{self, Failure, Res};
use crate::misc::UniqueId;
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

impl Shop {
    /// Runs a scheduled job as the server does: in a session of its own, with all rights. Whether the job is switched on
    /// does not matter.
    ///
    /// # Errors
    /// What the job's procedure raises, or if there is no such job.
    pub fn run_job(self: &Arc<Self>, name: &str) -> Result<(), SessionError> {
        let method = self.metadata.object(Kind::ScheduledJob, name).map(|job| job.property("MethodName").to_owned());
        self.run(User::administrator(), |vm, session| {
            let method = method.ok_or_else(|| Failure::new(format!("Регламентное задание не найдено ({name})")))?;
            let mut parts = method.split('.').skip(1);
            let (module, procedure) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            session.call_module(vm, module, procedure, &mut []).map(|_| ())
        })
    }

    /// The scheduled jobs that are switched on, by name.
    pub fn jobs_on(&self) -> Vec<String> {
        let names = self.metadata.of_kind(Kind::ScheduledJob).map(|job| job.name.clone());
        names.filter(|name| self.infobase(|base| base.job_is_on(name).unwrap_or(false))).collect()
    }
}

/// `РегламентныеЗадания`.
pub(super) fn manager(session: &Session) -> Value {
    Value::object(Manager(session.clone()))
}

/// The predefined job of this name.
pub(super) fn job(session: &Session, name: &str) -> Res<Value> {
    let on = session.ask(|base, _| base.job_is_on(name))?;
    let known = session.metadata().object(Kind::ScheduledJob, name);
    let known = known.ok_or_else(|| Failure::new(format!("Регламентное задание не найдено ({name})")))?;
    let id = Uuid::parse_str(&known.uuid).unwrap_or_default();
    Ok(Value::object(Job { session: session.clone(), name: known.name.clone(), id, on: Cell::new(on) }))
}

/// The name of the job that a parameter means: its metadata, its identifier, its own object or its name.
pub(super) fn named(session: &Session, value: &Value) -> Res<String> {
    if let Some(job) = value.as_object::<Job>() {
        return Ok(job.name.clone());
    }
    if let Value::Str(name) = value {
        return Ok(name.to_string());
    }
    if let Some(id) = value.as_object::<UniqueId>() {
        let id = id.0.to_string();
        let known = session.metadata().of_kind(Kind::ScheduledJob).find(|job| job.uuid == id);
        return known.map(|job| job.name.clone()).ok_or_else(|| Failure::new("Регламентное задание не найдено"));
    }
    let full = metadata::full_name(value)?;
    let name = full.split_once('.').filter(|(kind, _)| *kind == Kind::ScheduledJob.name());
    name.map(|(_, name)| name.to_owned()).ok_or_else(|| error::bad_argument(1))
}

/// The jobs that a structure with `Метаданные`, `Имя` or `Использование` asks for; all of them without one.
pub(super) fn found(session: &Session, filter: Option<&Value>) -> Res<Vec<Value>> {
    let filter = match filter {
        None | Some(Value::Undefined) => Vec::new(),
        Some(value) => value.as_object::<Structure>().ok_or_else(|| error::bad_argument(1))?.fields(),
    };
    let mut jobs = Vec::new();
    for known in session.metadata().of_kind(Kind::ScheduledJob) {
        let on = session.ask(|base, _| base.job_is_on(&known.name))?;
        let mut fits = true;
        for (name, value) in &filter {
            fits &= match name.to_lowercase().as_str() {
                "метаданные" | "metadata" | "имя" | "name" => {
                    named(session, value)?.to_lowercase() == known.name.to_lowercase()
                }
                "использование" | "use" => value.truth()? == on,
                "предопределенное" | "predefined" => value.truth()?,
                _ => return Err(Failure::new(format!("Отбор регламентных заданий не поддерживается ({name})"))),
            };
        }
        if fits {
            jobs.push(job(session, &known.name)?);
        }
    }
    Ok(jobs)
}

struct Manager(Session);

impl Object for Manager {
    fn type_name(&self) -> Cow<'static, str> {
        "МенеджерРегламентныхЗаданий".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "найтипредопределенное" | "findpredefined" => {
                arguments.count(1, 1)?;
                job(&self.0, &named(&self.0, &arguments.value(0))?)
            }
            "получитьрегламентныезадания" | "getscheduledjobs" => {
                arguments.count(0, 1)?;
                Ok(Array::value(found(&self.0, arguments.get(0))?))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

struct Job {
    session: Session,
    name: String,
    id: Uuid,
    on: Cell<bool>,
}

impl Object for Job {
    fn type_name(&self) -> Cow<'static, str> {
        "РегламентноеЗадание".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "использование" | "use" => Ok(self.on.get().into()),
            "метаданные" | "metadata" => {
                metadata::object(&self.session, &format!("{}.{}", Kind::ScheduledJob.name(), self.name))
            }
            "предопределенное" | "predefined" => Ok(Value::Bool(true)),
            "уникальныйидентификатор" | "uuid" => Ok(Value::object(UniqueId(self.id))),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "использование" | "use" => {
                self.on.set(value.truth()?);
                Ok(())
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "записать" | "write" => {
                arguments.count(0, 0)?;
                let on = self.on.get();
                self.session.call("РегламентноеЗадание.Записать", |base, id| {
                    base.switch_job(id, &self.name, on)
                })?;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("job {}", self.name))
    }
}
