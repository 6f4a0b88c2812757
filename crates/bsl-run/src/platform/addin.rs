//! Add-ins: attaching under a name, and objects whose members are the real library's.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use addin_host::{HostOptions, Library, Monitor};

use super::session::Session;
use crate::addin_value::{AddIn, AddInHost, CLASS};
use crate::error::{Failure, Res};
use crate::object::Args;
use crate::value::{Name, Value};

/// The template that holds the add-in.
const TEMPLATE: &str = "ОбщийМакет.КомпонентаPassteam";

/// Makes the objects of the add-in that the base's template holds.
pub trait AddIns: Send + Sync {
    /// A new object for a session. What its members do before they ask [`Session::point`] nobody can interrupt.
    ///
    /// # Errors
    /// If no object can be made.
    fn create(&self, session: &Session) -> Res<Value>;
}

/// The add-in in a library or an archive: its objects are the real ones.
pub fn addin_file(file: impl Into<PathBuf>) -> Arc<dyn AddIns> {
    Arc::new(AddInFile(file.into()))
}

struct AddInFile(PathBuf);

impl AddIns for AddInFile {
    fn create(&self, session: &Session) -> Res<Value> {
        let library = Library::open(&self.0).map_err(|error| Failure::new(error.to_string()))?;
        let object = library.create(CLASS).map_err(|error| Failure::new(error.to_string()))?;
        Ok(AddIn::value(session.clone(), object, &library))
    }
}

/// A loaded add-in, whose objects can be looked at when they are gone.
pub struct LoadedAddIn {
    library: Library,
    options: HostOptions,
    made: Mutex<Vec<Monitor>>,
}

impl LoadedAddIn {
    /// Objects of this library, made as a host with these options makes them.
    pub fn new(library: Library, options: HostOptions) -> LoadedAddIn {
        LoadedAddIn { library, options, made: Mutex::default() }
    }

    /// What each object so far has done with the platform's memory and connection.
    pub fn made(&self) -> Vec<Monitor> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AddIns for LoadedAddIn {
    fn create(&self, session: &Session) -> Res<Value> {
        let object = self.library.create_with(CLASS, self.options.clone());
        let object = object.map_err(|error| Failure::new(error.to_string()))?;
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(object.monitor());
        Ok(AddIn::value(session.clone(), object, &self.library))
    }
}

/// `ПодключитьВнешнююКомпоненту(Местоположение, Имя, Тип, Подключение)`.
pub(super) fn attach(session: &Session, arguments: &Args) -> Res<Value> {
    session.point("ПодключитьВнешнююКомпоненту")?;
    if session.is_safe() {
        return Err(Failure::new("В безопасном режиме внешние компоненты не подключаются"));
    }
    let place = arguments.string(0)?;
    let native = arguments.get(2).and_then(Value::enum_name) == Some("Native");
    let exists = template_exists(session, &place) && session.shop().addin.is_some();
    if !native || !exists {
        return Ok(Value::Bool(false));
    }
    session.attached().borrow_mut().insert(arguments.string(1)?.to_lowercase());
    Ok(Value::Bool(true))
}

/// Whether the base has the template that is named.
pub(super) fn template_exists(session: &Session, name: &str) -> bool {
    name == TEMPLATE && session.metadata().find(name).is_some()
}

/// `Новый("AddIn.Имя.Класс")`.
pub(super) fn create(session: &Session, name: &Name, arguments: &Args) -> Res<Value> {
    arguments.count(0, 0)?;
    session.point("Новый AddIn")?;
    let mut parts = name.text().split('.').skip(1);
    let (Some(attached), Some(class), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::new(format!("Тип не определен ({name})")));
    };
    if !session.attached().borrow().contains(&attached.to_lowercase()) {
        return Err(Failure::new(format!("Тип не определен ({name}): компонента под этим именем не подключена")));
    }
    if !class.eq_ignore_ascii_case(CLASS) {
        return Err(Failure::new(format!("Тип не определен ({name})")));
    }
    let addin = session.shop().addin.clone().ok_or_else(|| Failure::new("Внешняя компонента не найдена"))?;
    addin.create(session)
}

impl AddInHost for Session {
    fn before(&self, member: &str) -> Res<()> {
        self.point(member)
    }

    fn raises(&self) -> bool {
        true
    }
}
