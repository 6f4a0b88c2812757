//! What surrounds a program: messages, the clock, and whatever the global context holds beyond the language.

use std::rc::Rc;

use chrono::Local;

use crate::date::Date;
use crate::error::Res;
use crate::object::Args;
use crate::value::{Name, Value};
use crate::vm::Vm;

/// The names that a module may use beyond the language and its own: known when it is compiled. All are asked for in
/// lower case.
pub trait Names: Send + Sync {
    /// Whether the global context has this property.
    fn property(&self, key: &str) -> bool {
        let _ = key;
        false
    }

    /// How many parameters a function of the global context takes at least and at most.
    fn function(&self, key: &str) -> Option<(usize, usize)> {
        let _ = key;
        None
    }

    /// Whether the object whose module this is has this property.
    fn own_property(&self, key: &str) -> bool {
        let _ = key;
        false
    }

    /// Whether the object whose module this is has this method.
    fn own_method(&self, key: &str) -> bool {
        let _ = key;
        false
    }

    /// Why a name of the platform cannot be used here: a call of the client on the server.
    fn unavailable(&self, key: &str) -> Option<String> {
        let _ = key;
        None
    }

    /// Whether the module has `ЭтотОбъект`.
    fn has_this(&self) -> bool {
        false
    }

    /// Where the code runs, for `#Если`.
    fn environment(&self) -> Environment {
        Environment::Server
    }
}

/// Where code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On the server.
    Server,
    /// In the thin client.
    ThinClient,
}

/// No names beyond the language.
pub struct NoNames;

impl Names for NoNames {}

/// The surroundings of a session.
pub trait Host {
    /// Shows what `Сообщить` is given.
    fn message(&self, text: &str);

    /// Reads a property of the global context that [`Names::property`] knows.
    fn property(&self, vm: &mut Vm, name: &Name) -> Res<Value> {
        let _ = vm;
        Err(crate::error::no_property(name.text()))
    }

    /// Calls a function of the global context that [`Names::function`] knows.
    fn function(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let _ = (vm, arguments);
        Err(crate::error::no_method(name.text()))
    }

    /// Makes an object for `Новый`; nothing if the type is not known.
    fn create(&self, vm: &mut Vm, type_name: &Name, arguments: &mut Args) -> Res<Option<Value>> {
        let _ = (vm, type_name, arguments);
        Ok(None)
    }

    /// The Russian name of a type beyond the language.
    fn type_name(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The value that a variable of a type beyond the language starts with: an empty reference.
    fn default_value(&self, vm: &mut Vm, type_name: &str) -> Res<Value> {
        let _ = (vm, type_name);
        Ok(Value::Undefined)
    }

    /// Whether a `Соответствие` is enumerated in the opposite order of insertion.
    fn enumerates_maps_backwards(&self) -> bool {
        false
    }

    /// A method has ended, and so many calls are still open.
    fn call_ended(&self, open_calls: usize) {
        let _ = open_calls;
    }

    /// The local date and time.
    fn now(&self) -> Date {
        Date::from_chrono(Local::now().naive_local()).unwrap_or_default()
    }

    /// The universal time in milliseconds since the empty date.
    fn universal_milliseconds(&self) -> i64 {
        let epoch = Date::from_parts((1970, 1, 1), (0, 0, 0)).unwrap_or_default();
        epoch.seconds() * 1000 + chrono::Utc::now().timestamp_millis()
    }

    /// A new unique identifier.
    fn new_uuid(&self) -> uuid::Uuid {
        uuid::Uuid::new_v4()
    }

    /// The application's version that `СистемнаяИнформация` shows.
    fn application_version(&self) -> String {
        "8.3.24.1667".to_owned()
    }
}

/// A session's surroundings, shared by what needs them.
pub type SharedHost = Rc<dyn Host>;
