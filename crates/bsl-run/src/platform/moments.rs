//! `МоментВремени`: a document's place in time.

use std::borrow::Cow;

use infobase::{Datum, Parameter, Reference};

use super::refs::{from_value, to_value};
use super::session::Session;
use crate::date::Date;
use crate::error::{self, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `Новый МоментВремени(Дата, Ссылка)`.
pub(super) fn new_moment(session: &Session, arguments: &Args) -> Res<Value> {
    arguments.count(2, 2)?;
    let Datum::Ref(document) = from_value(&arguments.value(1))? else { return Err(error::bad_argument(2)) };
    Ok(moment(session, arguments.date(0)?, document))
}

/// The moment of a document.
pub(super) fn moment(session: &Session, date: Date, document: Reference) -> Value {
    Value::object(PointInTime { session: session.clone(), date, document })
}

/// What a moment is to a query; nothing if the value is none.
pub(super) fn parameter(value: &Value) -> Option<Parameter> {
    let moment = value.as_object::<PointInTime>()?;
    Some(Parameter::PointInTime { date: moment.date.chrono(), document: moment.document.clone() })
}

struct PointInTime {
    session: Session,
    date: Date,
    document: Reference,
}

impl PointInTime {
    fn place(&self) -> (Date, Option<String>) {
        (self.date, Datum::Ref(self.document.clone()).store())
    }
}

impl Object for PointInTime {
    fn type_name(&self) -> Cow<'static, str> {
        "МоментВремени".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "дата" | "date" => Ok(self.date.into()),
            "ссылка" | "ref" => Ok(to_value(&self.session, Datum::Ref(self.document.clone()))),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "сравнить" | "compare" => {
                arguments.count(1, 1)?;
                let other = arguments.value(0);
                let other = other.as_object::<PointInTime>().ok_or_else(|| error::bad_argument(1))?;
                Ok(Value::int(self.place().cmp(&other.place()) as i8))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("moment {:?}", self.place()))
    }
}
