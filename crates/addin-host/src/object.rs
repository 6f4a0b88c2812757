//! An object of an add-in, used as BSL code uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::{Component, Platform};
use crate::connection::{Connection, ExternalEvent, MisuseReport, RaisedError};
use crate::error::{AttachError, CallError};
use crate::loaded::Loaded;
use crate::memory::{Ledger, MemoryReport};
use crate::options::{Destroy, HostOptions};
use crate::value::Value;

/// An object of an add-in. Dropping it calls `Done` and destroys it.
///
/// Several threads may call it at the same time, as the platform's asynchronous methods do.
pub struct Object {
    component: Component,
    is_done: AtomicBool,
    is_destroyed: AtomicBool,
    platform: Arc<Platform>,
    library: Arc<Loaded>,
    destroy: Destroy,
    extension_name: String,
    info: i32,
}

/// What an object did with the platform's memory manager and connection. It can be read after the object is destroyed.
#[derive(Clone)]
pub struct Monitor {
    memory: Arc<Ledger>,
    connection: Arc<Connection>,
}

impl Monitor {
    /// What the add-in did with the memory manager so far.
    pub fn memory(&self) -> MemoryReport {
        self.memory.report()
    }

    /// Every `AddError` so far.
    pub fn errors(&self) -> Vec<RaisedError> {
        self.connection.errors()
    }

    /// The external events that wait in the queue.
    pub fn events(&self) -> Vec<ExternalEvent> {
        self.connection.events()
    }

    /// Calls of the connection object at times when they are not allowed.
    pub fn misuse(&self) -> MisuseReport {
        self.connection.misuse()
    }
}

impl Object {
    /// Makes the calls that follow `GetClassObject`.
    pub(crate) fn attach(
        library: Arc<Loaded>,
        component: Component,
        platform: Arc<Platform>,
        options: HostOptions,
    ) -> Result<Object, AttachError> {
        let mut object = Object {
            component,
            is_done: AtomicBool::new(false),
            is_destroyed: AtomicBool::new(false),
            platform,
            library,
            destroy: options.destroy,
            extension_name: String::new(),
            info: 0,
        };
        if options.init_first {
            object.init(&options)?;
            object.set_memory_manager(&options)?;
        } else {
            object.set_memory_manager(&options)?;
            object.init(&options)?;
        }
        object.info = narrow(object.enter(Component::info).0);
        let name = object.enter(|c| c.register_extension_as(&object.platform)).0;
        object.extension_name = match name {
            Some(name) => name,
            None if options.skip_init || options.skip_memory_manager => String::new(),
            None => return Err(AttachError::RegistrationRefused),
        };
        if let Some(locale) = &options.locale {
            object.set_locale(locale);
        }
        if let Some(language) = &options.ui_language {
            object.set_ui_language(language);
        }
        Ok(object)
    }

    fn init(&self, options: &HostOptions) -> Result<(), AttachError> {
        if options.skip_init || self.enter(|c| c.init(&self.platform)).0 {
            return Ok(());
        }
        Err(AttachError::InitRefused { errors: self.errors() })
    }

    fn set_memory_manager(&self, options: &HostOptions) -> Result<(), AttachError> {
        if options.skip_memory_manager || self.enter(|c| c.set_mem_manager(&self.platform)).0 {
            return Ok(());
        }
        Err(AttachError::MemoryManagerRefused)
    }

    /// Makes one call of the platform; returns its result and the exception that it raises.
    fn enter<T>(&self, call: impl FnOnce(&Component) -> T) -> (T, Option<RaisedError>) {
        assert!(!self.is_destroyed.load(Ordering::SeqCst), "the object is destroyed");
        let connection = self.platform.connection();
        connection.begin_call();
        let result = call(&self.component);
        (result, connection.end_call())
    }

    /// A call whose failure is a BSL exception.
    fn attempt<T>(&self, call: impl FnOnce(&Component) -> Option<T>) -> Result<T, CallError> {
        match self.enter(call) {
            (_, Some(error)) => Err(CallError::Raised(error)),
            (result, None) => result.ok_or(CallError::Failed),
        }
    }

    /// The name that `RegisterExtensionAs` returned.
    pub fn extension_name(&self) -> &str {
        &self.extension_name
    }

    /// The result of `GetInfo`: 2000 for a Native API add-in of the second version.
    pub fn info(&self) -> i32 {
        self.info
    }

    /// The names of the properties by index: alias 0 (English) and alias 1 (Russian).
    pub fn property_names(&self) -> Vec<(String, Option<String>)> {
        let count = narrow(self.enter(Component::property_count).0);
        names(count, |index, alias| self.raw_property_name(index, alias))
    }

    /// The names of the methods by index: alias 0 (English) and alias 1 (Russian).
    pub fn method_names(&self) -> Vec<(String, Option<String>)> {
        let count = narrow(self.enter(Component::method_count).0);
        names(count, |index, alias| self.raw_method_name(index, alias))
    }

    /// The index of a property.
    pub fn find_property(&self, name: &str) -> Option<usize> {
        self.property_index(name).and_then(|index| index.try_into().ok())
    }

    /// The index of a method.
    pub fn find_method(&self, name: &str) -> Option<usize> {
        self.method_index(name).and_then(|index| index.try_into().ok())
    }

    fn property_index(&self, name: &str) -> Option<i32> {
        let index = narrow(self.enter(|c| c.find_property(name)).0);
        (index >= 0).then_some(index)
    }

    fn method_index(&self, name: &str) -> Option<i32> {
        let index = narrow(self.enter(|c| c.find_method(name)).0);
        (index >= 0).then_some(index)
    }

    /// Whether there is a property of that name that can be read.
    pub fn is_readable(&self, name: &str) -> bool {
        self.property_index(name).is_some_and(|index| self.raw_is_readable(index))
    }

    /// Whether there is a property of that name that can be written.
    pub fn is_writable(&self, name: &str) -> bool {
        self.property_index(name).is_some_and(|index| self.raw_is_writable(index))
    }

    /// Reads a property: `Значение = Объект.Имя`.
    pub fn get(&self, name: &str) -> Result<Value, CallError> {
        let index = self.property_index(name).ok_or(CallError::NoSuchMember)?;
        if !self.raw_is_readable(index) {
            return Err(CallError::NotReadable);
        }
        self.raw_get(index)
    }

    /// Writes a property: `Объект.Имя = Значение`.
    pub fn set(&self, name: &str, value: impl Into<Value>) -> Result<(), CallError> {
        let index = self.property_index(name).ok_or(CallError::NoSuchMember)?;
        if !self.raw_is_writable(index) {
            return Err(CallError::NotWritable);
        }
        self.raw_set(index, value.into())
    }

    /// Calls a method as a statement: `Объект.Имя(…)`. Parameters left out at the end get their defaults.
    pub fn procedure(&self, name: &str, args: &[Value]) -> Result<(), CallError> {
        let index = self.method_index(name).ok_or(CallError::NoSuchMember)?;
        let mut args = self.complete(index, args)?;
        self.call_as_procedure(index, &mut args)
    }

    /// Calls a method in an expression: `Значение = Объект.Имя(…)`. Parameters left out at the end get their defaults.
    ///
    /// If the add-in returns false, its result is not read, and memory in it counts as leaked.
    pub fn function(&self, name: &str, args: &[Value]) -> Result<Value, CallError> {
        let index = self.method_index(name).ok_or(CallError::NoSuchMember)?;
        if !self.raw_has_return_value(index) {
            return Err(CallError::NoReturnValue);
        }
        let mut args = self.complete(index, args)?;
        self.call_as_function(index, &mut args)
    }

    /// The parameters, with defaults for those that were left out.
    fn complete(&self, method: i32, args: &[Value]) -> Result<Vec<Value>, CallError> {
        let count = self.raw_parameter_count(method);
        let given = i32::try_from(args.len()).unwrap_or(i32::MAX);
        if given > count {
            return Err(CallError::TooManyParameters);
        }
        let defaults =
            (given..count).map(|parameter| self.default_of(method, parameter).ok_or(CallError::TooFewParameters));
        args.iter().cloned().map(Ok).chain(defaults).collect()
    }

    /// The default of an optional parameter. A parameter whose default is `VTYPE_EMPTY` is required.
    fn default_of(&self, method: i32, parameter: i32) -> Option<Value> {
        self.raw_parameter_default(method, parameter).filter(|value| *value != Value::Empty)
    }

    /// How many parameters a method has; 0 if there is no such method.
    pub fn parameter_count(&self, method: &str) -> usize {
        let index = self.method_index(method);
        index.map_or(0, |index| self.raw_parameter_count(index).max(0) as usize)
    }

    /// Whether there is a method of that name that returns a value.
    pub fn has_return_value(&self, method: &str) -> bool {
        self.method_index(method).is_some_and(|index| self.raw_has_return_value(index))
    }

    /// The default of a method's parameter, counted from 0; `None` if it is required.
    pub fn parameter_default(&self, method: &str, parameter: usize) -> Option<Value> {
        let parameter = i32::try_from(parameter).ok()?;
        self.default_of(self.method_index(method)?, parameter)
    }

    /// `SetLocale`.
    pub fn set_locale(&self, locale: &str) {
        self.enter(|c| c.set_locale(locale));
    }

    /// `SetUserInterfaceLanguageCode`.
    pub fn set_ui_language(&self, language: &str) {
        self.enter(|c| c.set_user_interface_language_code(language));
    }

    /// Calls a method by any index with any parameters, without the platform's checks.
    pub fn raw_call(&self, method_index: i32, args: &[Value], as_function: bool) -> Result<Value, CallError> {
        self.raw_call_in_place(method_index, &mut args.to_vec(), as_function)
    }

    /// The same; what the add-in writes into its parameters comes back in `args`, as into BSL variables.
    pub fn raw_call_in_place(
        &self,
        method_index: i32,
        args: &mut [Value],
        as_function: bool,
    ) -> Result<Value, CallError> {
        if as_function {
            self.call_as_function(method_index, args)
        } else {
            self.call_as_procedure(method_index, args).map(|()| Value::Empty)
        }
    }

    fn call_as_procedure(&self, method: i32, args: &mut [Value]) -> Result<(), CallError> {
        self.attempt(|c| c.call_as_procedure(method, args, &self.platform).then_some(()))
    }

    fn call_as_function(&self, method: i32, args: &mut [Value]) -> Result<Value, CallError> {
        self.attempt(|c| c.call_as_function(method, args, &self.platform))
    }

    /// `GetPropVal` with any index.
    pub fn raw_get(&self, index: i32) -> Result<Value, CallError> {
        self.attempt(|c| c.property(index, &self.platform))
    }

    /// `SetPropVal` with any index.
    pub fn raw_set(&self, index: i32, value: Value) -> Result<(), CallError> {
        self.attempt(|c| c.set_property(index, value, &self.platform).then_some(()))
    }

    /// `FindProp`: -1 if there is none.
    pub fn raw_find_property(&self, name: &str) -> i32 {
        narrow(self.enter(|c| c.find_property(name)).0)
    }

    /// `FindMethod`: -1 if there is none.
    pub fn raw_find_method(&self, name: &str) -> i32 {
        narrow(self.enter(|c| c.find_method(name)).0)
    }

    /// `GetPropName` with any index and alias; `None` for a null pointer.
    pub fn raw_property_name(&self, index: i32, alias: i32) -> Option<String> {
        self.enter(|c| c.property_name(index, alias, &self.platform)).0
    }

    /// `GetMethodName` with any index and alias; `None` for a null pointer.
    pub fn raw_method_name(&self, index: i32, alias: i32) -> Option<String> {
        self.enter(|c| c.method_name(index, alias, &self.platform)).0
    }

    /// `IsPropReadable` with any index.
    pub fn raw_is_readable(&self, index: i32) -> bool {
        self.enter(|c| c.is_property_readable(index)).0
    }

    /// `IsPropWritable` with any index.
    pub fn raw_is_writable(&self, index: i32) -> bool {
        self.enter(|c| c.is_property_writable(index)).0
    }

    /// `GetNParams` with any index.
    pub fn raw_parameter_count(&self, method_index: i32) -> i32 {
        narrow(self.enter(|c| c.parameter_count(method_index)).0)
    }

    /// `HasRetVal` with any index.
    pub fn raw_has_return_value(&self, method_index: i32) -> bool {
        self.enter(|c| c.has_return_value(method_index)).0
    }

    /// `GetParamDefValue` with any indexes: the variant's value, `None` if it returned false.
    pub fn raw_parameter_default(&self, method_index: i32, parameter: i32) -> Option<Value> {
        self.enter(|c| c.parameter_default(method_index, parameter, &self.platform)).0
    }

    /// Every `AddError` so far.
    pub fn errors(&self) -> Vec<RaisedError> {
        self.platform.connection().errors()
    }

    /// Every `AddError` since the last call of this function.
    pub fn take_errors(&self) -> Vec<RaisedError> {
        self.platform.connection().take_errors()
    }

    /// The external events that wait in the queue.
    pub fn events(&self) -> Vec<ExternalEvent> {
        self.platform.connection().events()
    }

    /// Empties the queue of external events, as the platform does between calls.
    pub fn take_events(&self) -> Vec<ExternalEvent> {
        self.platform.connection().take_events()
    }

    /// The text of the status line; `None` if it was not set or was reset.
    pub fn status_line(&self) -> Option<String> {
        self.platform.connection().status_line()
    }

    /// The texts of the dialogs shown through `IMsgBox`.
    pub fn dialogs(&self) -> Vec<String> {
        self.platform.connection().dialogs()
    }

    /// Calls of the connection object at times when they are not allowed.
    pub fn misuse(&self) -> MisuseReport {
        self.platform.connection().misuse()
    }

    /// What the add-in did with the memory manager so far.
    pub fn memory(&self) -> MemoryReport {
        self.platform.memory().report()
    }

    /// Refuses one of the next allocations, counted from 1; 0 cancels that.
    pub fn fail_allocation(&self, nth: usize) {
        self.platform.memory().refuse_nth(nth);
    }

    /// Refuses every allocation, until this is called with false.
    pub fn fail_all_allocations(&self, fail: bool) {
        self.platform.memory().refuse_all(fail);
    }

    /// What can be read after the object is destroyed.
    pub fn monitor(&self) -> Monitor {
        Monitor { memory: Arc::clone(self.platform.memory()), connection: Arc::clone(self.platform.connection()) }
    }

    /// Calls `Done`, also while other threads are inside calls of the object. Later `Done`s are left out.
    pub fn done(&self) {
        if !self.is_done.swap(true, Ordering::SeqCst) {
            self.enter(Component::done);
            self.platform.connection().set_done();
        }
    }

    /// Calls `Done` and destroys the object while other threads may be inside calls of it. Calls that begin later panic.
    pub fn destroy_during_calls(&self) {
        self.done();
        self.destroy_without_done();
    }

    /// Destroys the object as a host does that forgets `Done`, also while other threads are inside calls of it. Calls that begin later
    /// panic.
    pub fn destroy_without_done(&self) {
        self.is_done.store(true, Ordering::SeqCst);
        if !self.is_destroyed.swap(true, Ordering::SeqCst) {
            match self.destroy {
                Destroy::DestroyObject => self.library.exports().destroy_object(&self.component),
                Destroy::VirtualDestructor => self.component.delete(),
            }
        }
    }

    /// Destroys the object; blocks that are still live in the report are leaks.
    pub fn destroy(self) -> MemoryReport {
        let monitor = self.monitor();
        drop(self);
        monitor.memory()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        self.destroy_during_calls();
    }
}

fn names(count: i32, name: impl Fn(i32, i32) -> Option<String>) -> Vec<(String, Option<String>)> {
    (0..count).map(|index| (name(index, 0).unwrap_or_default(), name(index, 1))).collect()
}

/// A C `long` as 32 bits, as on Windows; larger numbers become the nearest that fits.
fn narrow(long: std::ffi::c_long) -> i32 {
    #[allow(clippy::useless_conversion)] // c_long is i64 on some targets
    let long = i64::from(long);
    long.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
