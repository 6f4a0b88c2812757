//! An object of a real add-in as a value of BSL.

use std::borrow::Cow;
use std::cell::RefCell;

use addin_host::{CallError, Library, Object as AddInObject, Tm, Value as AddInValue};
use chrono::{Datelike, NaiveDate, Timelike};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use crate::date::Date;
use crate::error::{self, Failure, Res, no_method, no_property};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// The class that the add-in has; the platform takes it from the manifest.
pub(crate) const CLASS: &str = "Passteam";

/// What a host does around the calls of an add-in.
pub(crate) trait AddInHost {
    /// A member is about to be called.
    fn before(&self, member: &str) -> Res<()>;

    /// Whether an exception of the add-in becomes one of the program. OneScript's does not.
    fn raises(&self) -> bool;
}

/// An object of an add-in; nothing is left of it once it is released.
pub(crate) struct AddIn<H> {
    host: H,
    object: RefCell<Option<AddInObject>>,
    /// Stays open as long as the object lives.
    _library: Library,
}

impl<H: AddInHost + 'static> AddIn<H> {
    /// The object as a value.
    pub fn value(host: H, object: AddInObject, library: &Library) -> Value {
        Value::object(AddIn { host, object: RefCell::new(Some(object)), _library: library.clone() })
    }

    /// Destroys the object now; later uses are exceptions.
    pub fn release(&self) {
        drop(self.object.borrow_mut().take());
    }

    fn with<T>(&self, work: impl FnOnce(&AddInObject) -> Res<T>) -> Res<T> {
        match &*self.object.borrow() {
            Some(object) => work(object),
            None => Err(Failure::new("Объект внешней компоненты освобожден")),
        }
    }

    /// The result of a member, or what its exception means to the program.
    fn outcome<T: Default>(&self, name: &Name, result: Result<T, CallError>) -> Res<T> {
        match result {
            Ok(value) => Ok(value),
            Err(CallError::Raised(_)) if !self.host.raises() => Ok(T::default()),
            Err(CallError::Raised(raised)) => Err(Failure::of_kind("AddIn", raised.description)),
            Err(other) => {
                Err(Failure::of_kind("AddIn", format!("Ошибка при вызове метода компоненты ({name}): {other}")))
            }
        }
    }
}

impl<H: AddInHost + 'static> Object for AddIn<H> {
    fn type_name(&self) -> Cow<'static, str> {
        format!("AddIn.{CLASS}.{CLASS}").into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.with(|object| {
            if object.find_property(name.text()).is_none() {
                return Err(no_property(name.text()));
            }
            self.host.before(name.text())?;
            let value = self.outcome(name, object.get(name.text()).map(Some))?;
            from_addin(value.unwrap_or(AddInValue::Empty))
        })
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        self.with(|object| {
            if object.find_property(name.text()).is_none() {
                return Err(no_property(name.text()));
            }
            self.host.before(name.text())?;
            self.outcome(name, object.set(name.text(), to_addin(&value)?))
        })
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        self.with(|object| {
            if object.find_method(name.text()).is_none() {
                return Err(no_method(name.text()));
            }
            let given = given(object, name, arguments)?;
            self.host.before(name.text())?;
            if object.has_return_value(name.text()) {
                let value = self.outcome(name, object.function(name.text(), &given).map(Some))?;
                return from_addin(value.unwrap_or(AddInValue::Empty));
            }
            self.outcome(name, object.procedure(name.text(), &given))?;
            Ok(Value::Undefined)
        })
    }
}

/// The parameters of a method, with the defaults of those that are left out.
fn given(object: &AddInObject, name: &Name, arguments: &Args) -> Res<Vec<AddInValue>> {
    let count = object.parameter_count(name.text());
    arguments.count(0, count)?;
    let default = |at| object.parameter_default(name.text(), at).ok_or_else(error::too_few);
    for at in arguments.len().min(count)..count {
        default(at)?;
    }
    (0..arguments.len()).map(|at| arguments.get(at).map_or_else(|| default(at), to_addin)).collect()
}

/// A value as the platform passes it: whole numbers that fit as 32 bits, others as doubles.
fn to_addin(value: &Value) -> Res<AddInValue> {
    Ok(match value {
        Value::Undefined => AddInValue::Empty,
        Value::Null => AddInValue::Null,
        Value::Bool(truth) => AddInValue::Bool(*truth),
        Value::Number(number) => match number.to_i32().filter(|_| number.is_integer()) {
            Some(whole) => AddInValue::I4(whole),
            None => AddInValue::R8(number.to_f64().unwrap_or(f64::NAN)),
        },
        Value::Date(date) => {
            let date = date.chrono();
            let number = |value: u32| i32::try_from(value).unwrap_or_default();
            AddInValue::Tm(Tm {
                sec: number(date.second()),
                min: number(date.minute()),
                hour: number(date.hour()),
                mday: number(date.day()),
                mon: number(date.month0()),
                year: date.year() - 1900,
                ..Tm::default()
            })
        }
        Value::Str(text) => AddInValue::String(text.encode_utf16().collect()),
        other => {
            return Err(Failure::new(format!("Значение типа {} не передается внешней компоненте", other.type_name())));
        }
    })
}

fn from_addin(value: AddInValue) -> Res<Value> {
    let real = |number: f64| Decimal::from_f64(number).map(Value::Number);
    let converted = match value {
        AddInValue::Empty => Some(Value::Undefined),
        AddInValue::Null => Some(Value::Null),
        AddInValue::Bool(truth) => Some(Value::Bool(truth)),
        AddInValue::I1(number) => Some(Value::int(number)),
        AddInValue::UI1(number) => Some(Value::int(number)),
        AddInValue::I2(number) => Some(Value::int(number)),
        AddInValue::UI2(number) => Some(Value::int(number)),
        AddInValue::I4(number) | AddInValue::Int(number) => Some(Value::int(number)),
        AddInValue::UI4(number) | AddInValue::Uint(number) => Some(Value::int(number)),
        AddInValue::I8(number) => Some(Value::int(number)),
        AddInValue::UI8(number) => Some(Value::Number(Decimal::from(number))),
        AddInValue::R4(number) => real(f64::from(number)),
        AddInValue::R8(number) => real(number),
        AddInValue::String(units) => Some(String::from_utf16_lossy(&units).into()),
        AddInValue::NullString { .. } => Some(Value::str("")),
        AddInValue::Tm(tm) => {
            let part = |value: i32| u32::try_from(value).ok();
            let date = part(tm.mon).zip(part(tm.mday)).and_then(|(month, day)| {
                let time = (part(tm.hour)?, part(tm.min)?, part(tm.sec)?);
                NaiveDate::from_ymd_opt(tm.year + 1900, month + 1, day)?.and_hms_opt(time.0, time.1, time.2)
            });
            date.and_then(Date::from_chrono).map(Value::Date)
        }
        _ => None,
    };
    converted.ok_or_else(|| Failure::new("Внешняя компонента вернула значение неизвестного типа"))
}
