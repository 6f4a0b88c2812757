//! Sessions, what they share, and the functions of the global context that belong to a session.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use infobase::metadata::declared::Ssl;
use infobase::metadata::{Kind, Metadata};
use infobase::{Datum, Error, Infobase, LogLevel, Right, SessionId, TransactionMode, User};
use uuid::Uuid;

use super::addin::AddIns;
use super::client::{self, Screen};
use super::forms::Shape;
use super::mail::Post;
use super::modules::{ClientCode, Compiled, Globals, ModuleTexts, common_names, compile_all};
use super::ssl::Profiles;
use super::{addin, background, catalogs, files, jobs, locks, metadata, query, refs, registers, ssl};
use crate::date::Date;
use crate::error::{self, CompileError, Failure, Place, Res};
use crate::host::Host;
use crate::ir::ModuleCode;
use crate::misc::UniqueId;
use crate::object::Args;
use crate::stack::on_large_stack;
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It goes on.
    Go,
    /// It ends at once, as its process does in a crash. The scheduler has closed the infobase's session.
    Crash,
}

/// What a session does that waits for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The lock may be free now.
    Retry,
    /// The time to wait is over.
    TimedOut,
    /// It ends at once, see [`Turn::Crash`].
    Crash,
}

/// Decides which session runs. Sessions call it on their own threads, so it makes them wait by blocking.
pub trait Scheduler: Send + Sync {
    /// A session is about to call the platform.
    fn point(&self, session: SessionId, call: &str) -> Turn {
        let _ = (session, call);
        Turn::Go
    }

    /// A handler of an event, a procedure of a job or of a form begins in a session.
    fn entered(&self, session: SessionId, method: &Place) {
        let _ = (session, method);
    }

    /// A session waits for these others.
    fn wait(&self, session: SessionId, holders: &[SessionId]) -> Wait;

    /// A new unique identifier: whoever repeats a run gives the same ones again.
    fn new_uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// Lets every session run; a lock that another one holds times out at once.
pub struct TurnsOfItsOwn;

impl Scheduler for TurnsOfItsOwn {
    fn wait(&self, _: SessionId, _: &[SessionId]) -> Wait {
        Wait::TimedOut
    }
}

/// What a shop is made of.
pub struct SetUp {
    /// The infobase.
    pub infobase: Infobase,
    /// Which БСП it has.
    pub ssl: Ssl,
    /// The modules' texts by their place in the dump.
    pub texts: ModuleTexts,
    /// The add-in that its template holds, see [`addin_file`](super::addin_file).
    pub addin: Option<Arc<dyn AddIns>>,
    /// Who decides which session runs.
    pub scheduler: Arc<dyn Scheduler>,
}

/// An infobase with its modules: what all sessions share.
pub struct Shop {
    infobase: Mutex<Infobase>,
    /// Text files on the server, by path in lower case.
    files: Mutex<BTreeMap<String, String>>,
    post: Mutex<Post>,
    profiles: Mutex<Profiles>,
    pub(super) metadata: Arc<Metadata>,
    pub(super) code: BTreeMap<String, Arc<ModuleCode>>,
    pub(super) forms: BTreeMap<String, Arc<Shape>>,
    /// What runs on the client, by the key of the module; or why it does not compile.
    pub(super) client: ClientCode,
    pub(super) ssl: Ssl,
    pub(super) addin: Option<Arc<dyn AddIns>>,
    globals: Arc<Globals>,
    scheduler: Arc<dyn Scheduler>,
}

impl Shop {
    /// Compiles the modules and joins everything.
    ///
    /// # Errors
    /// With the first module that does not compile.
    pub fn new(set_up: SetUp) -> Result<Arc<Shop>, CompileError> {
        let metadata = set_up.infobase.metadata().clone();
        let globals = Arc::new(Globals::new(metadata.clone()));
        let Compiled { code, client, forms } = compile_all(&set_up.texts, &globals)?;
        let SetUp { infobase, ssl, addin, scheduler, .. } = set_up;
        Ok(Arc::new(Shop {
            infobase: Mutex::new(infobase),
            files: Mutex::default(),
            post: Mutex::default(),
            profiles: Mutex::default(),
            metadata,
            code,
            forms,
            client,
            ssl,
            addin,
            globals,
            scheduler,
        }))
    }

    /// Whether the extension was left in safe mode.
    pub(super) fn extension_is_safe(&self) -> bool {
        self.metadata.extension.is_some() && self.infobase(|base| base.settings().extension_safe_mode)
    }

    /// Works on the server's text files: their texts by path in lower case with `\\` between folders. A test copies them
    /// with a file base's folder.
    pub fn files<T>(&self, work: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        work(&mut self.files.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on БСП's post office: what it has sent, and whether it can.
    pub fn post<T>(&self, work: impl FnOnce(&mut Post) -> T) -> T {
        work(&mut self.post.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on the cluster's security profiles, as far as БСП knows of them.
    pub fn profiles<T>(&self, work: impl FnOnce(&mut Profiles) -> T) -> T {
        work(&mut self.profiles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Works on the infobase itself, as a test does that looks into it.
    pub fn infobase<T>(&self, work: impl FnOnce(&mut Infobase) -> T) -> T {
        work(&mut self.infobase.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Compiles a text as a common module of the server.
    ///
    /// # Errors
    /// If it is no program.
    pub fn compile(&self, text: &str) -> Result<Arc<ModuleCode>, CompileError> {
        ModuleCode::compile("<текст>", text, common_names(&self.globals))
    }

    /// Runs some work in a session of its own, on a thread of its own, and closes the session.
    ///
    /// # Errors
    /// What the work raises, as text with its place; `сеанс прерван` if the scheduler ended the session.
    pub fn run<T: Send>(
        self: &Arc<Self>,
        user: User,
        work: impl FnOnce(&mut Vm, &Session) -> Res<T> + Send,
    ) -> Result<T, SessionError> {
        let id = self.infobase(|base| base.open_session(user));
        let done = on_large_stack(|| {
            let session = Session::new(self.clone(), id);
            let mut vm = Vm::new(Rc::new(session.clone()));
            work(&mut vm, &session).map_err(|failure| SessionError::of(&failure))
        });
        let closed = self.infobase(|base| base.close_session(id));
        let result = done.map_err(|error| SessionError { text: error.to_string(), killed: false })?;
        closed.map_err(|error| SessionError { text: error.to_string(), killed: false })?;
        result
    }
}

/// How a session ended that did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionError {
    /// The exception with its place.
    pub text: String,
    /// Whether the scheduler ended the session.
    pub killed: bool,
}

impl SessionError {
    fn of(failure: &Failure) -> SessionError {
        SessionError { text: failure.to_string(), killed: matches!(failure, Failure::Killed) }
    }
}

impl std::fmt::Display for SessionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SessionError {}

/// A session.
#[derive(Clone)]
pub struct Session(Rc<Inner>);

struct Inner {
    shop: Arc<Shop>,
    id: SessionId,
    messages: RefCell<Vec<String>>,
    modules: RefCell<BTreeMap<String, Rc<Instance>>>,
    attached: RefCell<BTreeSet<String>>,
    /// What privileged mode was before a method switched it, and how deep that method's call is.
    privileged: RefCell<Vec<(usize, bool)>>,
    /// How deep the calls of the methods are that switched safe mode on.
    safe: RefCell<Vec<usize>>,
    /// `ВременноеХранилище` by address.
    storage: RefCell<BTreeMap<String, Value>>,
    /// The background jobs that the session has started.
    background: RefCell<Vec<Rc<background::Done>>>,
    /// What the person has seen and does.
    screen: RefCell<Screen>,
    ended: Cell<bool>,
    maps_backwards: bool,
}

impl Session {
    pub(super) fn new(shop: Arc<Shop>, id: SessionId) -> Session {
        let maps_backwards = shop.infobase(|base| base.settings().maps_backwards);
        Session(Rc::new(Inner {
            shop,
            id,
            messages: RefCell::default(),
            modules: RefCell::default(),
            attached: RefCell::default(),
            privileged: RefCell::default(),
            safe: RefCell::default(),
            storage: RefCell::default(),
            background: RefCell::default(),
            screen: RefCell::default(),
            ended: Cell::new(false),
            maps_backwards,
        }))
    }

    /// The session's number.
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// What all sessions share.
    pub fn shop(&self) -> &Arc<Shop> {
        &self.0.shop
    }

    /// What the user was shown so far.
    pub fn messages(&self) -> Vec<String> {
        self.0.messages.borrow().clone()
    }

    pub(super) fn metadata(&self) -> &Arc<Metadata> {
        &self.0.shop.metadata
    }

    pub(super) fn screen(&self) -> &RefCell<Screen> {
        &self.0.screen
    }

    pub(super) fn attached(&self) -> &RefCell<BTreeSet<String>> {
        &self.0.attached
    }

    /// Asks the scheduler before a call of the platform.
    ///
    /// # Errors
    /// If the scheduler ends the session.
    pub fn point(&self, call: &str) -> Res<()> {
        if self.0.ended.get() || self.0.shop.scheduler.point(self.0.id, call) == Turn::Crash {
            self.0.ended.set(true);
            return Err(Failure::Killed);
        }
        Ok(())
    }

    /// Calls the infobase: asks the scheduler first, and waits for locks as it says.
    pub(super) fn call<T>(
        &self,
        name: &str,
        mut work: impl FnMut(&mut Infobase, SessionId) -> infobase::Result<T>,
    ) -> Res<T> {
        self.point(name)?;
        loop {
            let result = self.0.shop.infobase(|base| work(base, self.0.id));
            let holders = match result {
                Ok(value) => return Ok(value),
                Err(Error::WouldWait(holders)) => holders,
                Err(error) => return Err(self.failure(error)),
            };
            match self.0.shop.scheduler.wait(self.0.id, &holders) {
                Wait::Retry => {}
                Wait::TimedOut => {
                    let error = self.0.shop.infobase(|base| base.lock_timed_out(self.0.id));
                    return Err(self.failure(error.unwrap_or_else(|error| error)));
                }
                Wait::Crash => {
                    self.0.ended.set(true);
                    return Err(Failure::Killed);
                }
            }
        }
    }

    /// Asks the infobase something that is no call of the platform.
    pub(super) fn ask<T>(&self, work: impl FnOnce(&mut Infobase, SessionId) -> infobase::Result<T>) -> Res<T> {
        self.0.shop.infobase(|base| work(base, self.0.id)).map_err(|error| self.failure(error))
    }

    fn failure(&self, error: Error) -> Failure {
        let kind = match &error {
            Error::NoSession => {
                self.0.ended.set(true);
                return Failure::Killed;
            }
            Error::LockTimeout => "LockTimeout",
            Error::Deadlock => "Deadlock",
            Error::TransactionFailed => "TransactionFailed",
            Error::Rights { .. } => "Rights",
            Error::NotUnique(_) => "NotUnique",
            Error::Changed => "Changed",
            Error::ObjectLocked(_) => "ObjectLocked",
            _ => "Infobase",
        };
        Failure::of_kind(kind, error.to_string())
    }

    /// The instance of a module in this session, by its key; nothing if there is no such module.
    pub(super) fn module(&self, key: &str) -> Option<Rc<Instance>> {
        self.cached(key, || self.0.shop.code.get(key).cloned())
    }

    /// The session's instance under this key, made of the code when it is first asked for.
    pub(super) fn cached(&self, key: &str, code: impl FnOnce() -> Option<Arc<ModuleCode>>) -> Option<Rc<Instance>> {
        if let Some(known) = self.0.modules.borrow().get(key) {
            return Some(known.clone());
        }
        let instance = Instance::new(code()?);
        self.0.modules.borrow_mut().insert(key.to_owned(), instance.clone());
        Some(instance)
    }

    /// New instances of an object's own modules: the configuration's and the extension's, those that exist.
    pub(super) fn object_modules(&self, key: &str) -> Vec<Rc<Instance>> {
        let keys = [key.to_owned(), format!("{key}{}", super::modules::EXTENSION)];
        let extended = if self.0.shop.extension_is_safe() { 1 } else { 2 };
        keys.iter().take(extended).filter_map(|key| self.object_code(key)).map(Instance::new).collect()
    }

    /// The code of an object's own module, which every object runs with variables of its own.
    pub(super) fn object_code(&self, key: &str) -> Option<Arc<ModuleCode>> {
        self.0.shop.code.get(key).cloned()
    }

    /// Calls an exported method of a common module, as a test or the platform does.
    ///
    /// # Errors
    /// What the method raises, or if there is no such module.
    pub fn call_module(&self, vm: &mut Vm, module: &str, method: &str, arguments: &mut [Value]) -> Res<Value> {
        let key = format!("общиймодуль.{}", module.to_lowercase());
        let instance = self.module(&key).ok_or_else(|| Failure::new(format!("Модуль не найден ({module})")))?;
        self.entered(&instance, method);
        vm.call_method(&instance, None, method, arguments)
    }

    /// Puts a value into the temporary storage.
    pub(super) fn store(&self, address: &str, value: Value) {
        self.0.storage.borrow_mut().insert(address.to_owned(), value);
    }

    /// Whether the temporary storage has something at this address.
    pub(super) fn has_stored(&self, address: &str) -> bool {
        self.0.storage.borrow().contains_key(address)
    }

    /// Everything in the temporary storage.
    pub(super) fn stored_values(&self) -> Vec<(String, Value)> {
        self.0.storage.borrow().iter().map(|(address, value)| (address.clone(), value.clone())).collect()
    }

    pub(super) fn background_jobs(&self) -> &RefCell<Vec<Rc<background::Done>>> {
        &self.0.background
    }

    /// What stands in the temporary storage under an address.
    pub(super) fn stored(&self, address: &str) -> Option<Value> {
        self.0.storage.borrow().get(address).cloned()
    }

    /// Tells the scheduler that a method begins.
    pub(super) fn entered(&self, instance: &Instance, method: &str) {
        if let Some(place) = instance.code().method_place(method) {
            self.0.shop.scheduler.entered(self.0.id, &place);
        }
    }

    /// Runs a text as a common module of the server: its statements, and then its function `name` if one is named. Tests
    /// set the stage with it.
    ///
    /// # Errors
    /// If the text does not compile, or what it raises.
    pub fn run_text(&self, vm: &mut Vm, text: &str, name: Option<&str>, arguments: &mut [Value]) -> Res<Value> {
        let code = self.0.shop.compile(text).map_err(|error| Failure::new(error.to_string()))?;
        self.run_code(vm, &code, name, arguments)
    }

    /// The same for a text that [`Shop::compile`] has taken before.
    ///
    /// # Errors
    /// What it raises.
    pub fn run_code(
        &self,
        vm: &mut Vm,
        code: &Arc<ModuleCode>,
        name: Option<&str>,
        arguments: &mut [Value],
    ) -> Res<Value> {
        let instance = Instance::new(code.clone());
        match name {
            Some(name) => vm.call_method(&instance, None, name, arguments),
            None => vm.initialize(&instance, None).map(|()| Value::Undefined),
        }
    }

    /// A property of the global context, as BSL reads it: `Справочники`, `Метаданные`.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn global(&self, vm: &mut Vm, name: &str) -> Res<Value> {
        Host::property(self, vm, &Name::new(name))
    }

    /// Follows names from a property of the global context on: `Справочники.ИнформационныеКарты`.
    ///
    /// # Errors
    /// If one of them does not exist.
    pub fn path(&self, vm: &mut Vm, path: &str) -> Res<Value> {
        let mut names = path.split('.');
        let mut value = self.global(vm, names.next().unwrap_or_default())?;
        for name in names {
            value = vm.get_member(&value, &Name::new(name))?;
        }
        Ok(value)
    }

    /// Whether safe mode is on, in which a change to privileged mode does nothing.
    pub(super) fn is_safe(&self) -> bool {
        !self.0.safe.borrow().is_empty() || self.0.shop.extension_is_safe()
    }

    /// Safe mode ends with the method that began it, or by that method's call. It ends privileged mode.
    fn switch_safe(&self, vm: &Vm, on: bool) -> Res<()> {
        let depth = vm.call_depth();
        if on {
            self.0.safe.borrow_mut().push(depth);
            return self.switch_privileged(vm, false);
        }
        if self.0.safe.borrow().last() != Some(&depth) {
            return Err(Failure::new("Безопасный режим установлен не этим методом"));
        }
        self.0.safe.borrow_mut().pop();
        Ok(())
    }

    fn switch_privileged(&self, vm: &Vm, on: bool) -> Res<()> {
        if on && self.is_safe() {
            return Ok(());
        }
        let before = self.ask(|base, id| base.set_privileged(id, on))?;
        let depth = vm.call_depth();
        let mut switched = self.0.privileged.borrow_mut();
        // What the method itself switched before does not matter at its end.
        if switched.last().is_none_or(|(known, _)| *known < depth) {
            switched.push((depth, before));
        }
        Ok(())
    }
}

impl Host for Session {
    fn message(&self, text: &str) {
        self.0.messages.borrow_mut().push(text.to_owned());
    }

    fn enumerates_maps_backwards(&self) -> bool {
        self.0.maps_backwards
    }

    fn property(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        if matches!(name.key(), "регламентныезадания" | "scheduledjobs") {
            return Ok(jobs::manager(self));
        }
        if matches!(name.key(), "фоновыезадания" | "backgroundjobs") {
            return Ok(background::manager(self));
        }
        if let Some(kind) = Kind::from_plural(name.text()) {
            return Ok(Value::object(refs::Managers::new(self.clone(), kind)));
        }
        if matches!(name.key(), "метаданные" | "metadata") {
            return Ok(metadata::root(self));
        }
        if let Some(instance) = self.module(&format!("общиймодуль.{}", name.key())) {
            return Ok(Value::object(super::modules::CommonModule { name: name.clone(), instance }));
        }
        if let Some(module) = self.client_module(name)? {
            return Ok(module);
        }
        if self.metadata().object(Kind::CommonModule, name.text()).is_some() {
            return Ok(ssl::module(self, name));
        }
        Err(error::no_property(name.text()))
    }

    fn function(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "текущаядатасеанса" | "currentsessiondate" => {
                self.point("ТекущаяДатаСеанса")?;
                Ok(self.now().into())
            }
            "начатьтранзакцию" | "begintransaction" => {
                let mode = match arguments.get(0) {
                    None => None,
                    Some(mode) => Some(match mode.enum_name() {
                        Some("Управляемый") => TransactionMode::Managed,
                        Some("Автоматический") => TransactionMode::Automatic,
                        _ => return Err(error::bad_argument(1)),
                    }),
                };
                self.call("НачатьТранзакцию", |base, id| base.begin(id, mode))?;
                Ok(Value::Undefined)
            }
            "зафиксироватьтранзакцию" | "committransaction" => {
                self.call("ЗафиксироватьТранзакцию", |base, id| base.commit(id))?;
                Ok(Value::Undefined)
            }
            "отменитьтранзакцию" | "rollbacktransaction" => {
                self.call("ОтменитьТранзакцию", |base, id| base.rollback(id))?;
                Ok(Value::Undefined)
            }
            "транзакцияактивна" | "transactionactive" => {
                Ok(self.ask(|base, id| base.in_transaction(id))?.into())
            }
            "установитьпривилегированныйрежим" | "setprivilegedmode" => {
                let on = arguments.truth_or(0, false)?;
                self.switch_privileged(vm, on)?;
                Ok(Value::Undefined)
            }
            "привилегированныйрежим" | "privilegedmode" => {
                Ok(self.ask(|base, id| base.is_privileged(id))?.into())
            }
            "безопасныйрежим" | "safemode" => Ok(self.is_safe().into()),
            "установитьбезопасныйрежим" | "setsafemode" => {
                self.switch_safe(vm, arguments.value(0).truth()?)?;
                Ok(Value::Undefined)
            }
            "строкасоединенияинформационнойбазы" | "infobaseconnectionstring" => {
                Ok(Value::str(self.ask(|base, _| Ok(base.connection().to_owned()))?))
            }
            "рольдоступна" | "isinrole" => {
                let role = arguments.string(0)?;
                if self.metadata().object(Kind::Role, &role).is_none() {
                    return Err(Failure::new(format!("Роль не найдена ({role})")));
                }
                Ok(self.ask(|base, id| base.user(id).map(|user| user.has_role(&role)))?.into())
            }
            "имяпользователя" | "username" => {
                Ok(Value::str(self.ask(|base, id| base.user(id).map(|user| user.name.clone()))?))
            }
            "имякомпьютера" | "computername" => {
                Ok(Value::str(self.ask(|base, id| base.computer(id).map(str::to_owned))?))
            }
            "местноевремя" | "tolocaltime" => self.shifted(arguments, 1),
            "универсальноевремя" | "touniversaltime" => self.shifted(arguments, -1),
            "поместитьвовременноехранилище" | "puttotempstorage" => {
                let address = match arguments.get(1) {
                    Some(Value::Str(address)) => address.to_string(),
                    _ => {
                        form_of(arguments, 1)?;
                        format!("e1cib/tempstorage/{}", self.new_uuid())
                    }
                };
                self.store(&address, arguments.value(0));
                Ok(address.into())
            }
            "получитьизвременногохранилища" | "getfromtempstorage" => {
                Ok(self.0.storage.borrow().get(&*arguments.string(0)?).cloned().unwrap_or_default())
            }
            "удалитьизвременногохранилища" | "deletefromtempstorage" => {
                self.0.storage.borrow_mut().remove(&*arguments.string(0)?);
                Ok(Value::Undefined)
            }
            "удалитьфайлы" | "deletefiles" => files::delete(self, arguments),
            "записьжурналарегистрации" | "writelogevent" => self.write_log(arguments),
            "праводоступа" | "accessright" => self.access_right(arguments),
            "заблокироватьданныедляредактирования" | "lockdataforedit" => {
                locks::lock_for_editing(self, arguments)
            }
            "разблокироватьданныедляредактирования" | "unlockdataforedit" => {
                locks::unlock_for_editing(self, arguments)
            }
            "подключитьвнешнююкомпоненту" | "attachaddin" => addin::attach(self, arguments),
            _ => self.client_function(vm, name, arguments),
        }
    }

    fn create(&self, _: &mut Vm, type_name: &Name, arguments: &mut Args) -> Res<Option<Value>> {
        if type_name.key().starts_with("addin.") {
            return addin::create(self, type_name, arguments).map(Some);
        }
        if let Some(made) = files::create(self, type_name.key(), arguments)? {
            return Ok(Some(made));
        }
        Ok(Some(match type_name.key() {
            "запрос" | "query" => query::new_query(self, arguments)?,
            "менеджервременныхтаблиц" | "temptablesmanager" => {
                query::new_tables(self, arguments)?
            }
            "описаниеоповещения" | "notifydescription" | "callbackdescription" => {
                client::new_callback(arguments)?
            }
            "моментвремени" | "pointintime" => super::moments::new_moment(self, arguments)?,
            "граница" | "boundary" => query::new_boundary(arguments)?,
            "блокировкаданных" | "datalock" => locks::new_lock(self, arguments)?,
            _ => return Ok(None),
        }))
    }

    fn type_name(&self, name: &str) -> Option<String> {
        for (own, english) in OWN_TYPES {
            if own.to_lowercase() == name.to_lowercase() || english.to_lowercase() == name.to_lowercase() {
                return Some((*own).to_owned());
            }
        }
        let metadata = self.metadata();
        if let Some(known) = metadata.type_by_name(name) {
            return Some(known.name());
        }
        // An object's or a record set's type: `СправочникОбъект.Х`, `РегистрНакопленияНаборЗаписей.Х`.
        let (class, object) = name.split_once('.')?;
        let class = class.to_lowercase();
        let endings = [
            ("объект", "Объект"),
            ("object", "Объект"),
            ("менеджерзаписи", "МенеджерЗаписи"),
            ("наборзаписей", "НаборЗаписей"),
            ("recordset", "НаборЗаписей"),
            ("ключзаписи", "КлючЗаписи"),
        ];
        endings.iter().find_map(|(ending, russian)| {
            let kind = Kind::from_name(class.strip_suffix(ending)?)?;
            let object = metadata.object(kind, object)?;
            Some(format!("{}{russian}.{}", kind.name(), object.name))
        })
    }

    fn default_value(&self, _: &mut Vm, type_name: &str) -> Res<Value> {
        let known = self.metadata().type_by_name(type_name);
        Ok(known.map_or(Value::Undefined, |known| refs::to_value(self, known.empty())))
    }

    fn call_ended(&self, open_calls: usize) {
        self.0.safe.borrow_mut().retain(|depth| *depth <= open_calls);
        let mut switched = self.0.privileged.borrow_mut();
        while let Some((depth, before)) = switched.last().copied().filter(|(depth, _)| *depth > open_calls) {
            switched.pop();
            let _ = depth;
            // A session that was ended has no mode any more.
            let _ = self.0.shop.infobase(|base| base.set_privileged(self.0.id, before));
        }
    }

    fn now(&self) -> Date {
        let now = self.0.shop.infobase(|base| base.session_date(self.0.id));
        now.ok().and_then(Date::from_chrono).unwrap_or_default()
    }

    fn new_uuid(&self) -> Uuid {
        self.0.shop.scheduler.new_uuid()
    }

    fn universal_milliseconds(&self) -> i64 {
        let now = self.0.shop.infobase(|base| base.universal_date(self.0.id));
        now.ok().and_then(Date::from_chrono).unwrap_or_default().seconds() * 1000
    }
}

/// Types of the platform's own objects that modules name.
const OWN_TYPES: &[(&str, &str)] = &[
    ("Запрос", "Query"),
    ("РезультатЗапроса", "QueryResult"),
    ("ВыборкаИзРезультатаЗапроса", "QueryResultSelection"),
    ("Граница", "Boundary"),
    ("МоментВремени", "PointInTime"),
    ("БлокировкаДанных", "DataLock"),
    ("ХранилищеЗначения", "ValueStorage"),
];

impl Session {
    /// A date in the session's time zone, or back in universal time.
    fn shifted(&self, arguments: &Args, direction: i64) -> Res<Value> {
        if arguments.get(1).is_some() {
            return Err(Failure::new("Часовой пояс не поддерживается"));
        }
        let zone = self.ask(|base, id| Ok(base.session_date(id)? - base.universal_date(id)?))?;
        let shifted = arguments.date(0)?.seconds() + direction * zone.num_seconds();
        Ok(Date::from_seconds(shifted).unwrap_or_default().into())
    }

    fn write_log(&self, arguments: &mut Args) -> Res<Value> {
        let level = match arguments.get(1) {
            None | Some(Value::Undefined) => LogLevel::Information,
            Some(level) => match level.enum_name() {
                Some("Ошибка") => LogLevel::Error,
                Some("Предупреждение") => LogLevel::Warning,
                Some("Информация") => LogLevel::Information,
                Some("Примечание") => LogLevel::Note,
                _ => return Err(error::bad_argument(2)),
            },
        };
        let object = arguments.get(2).map(metadata::full_name).transpose()?.unwrap_or_default();
        let data = match arguments.get(3) {
            None => Datum::Undefined,
            Some(value) => refs::from_value(value)?,
        };
        let (event, comment) = (arguments.text(0), arguments.text(4));
        self.call("ЗаписьЖурналаРегистрации", |base, id| {
            base.write_log(id, &event, level, &object, data.clone(), &comment)
        })?;
        Ok(Value::Undefined)
    }

    fn access_right(&self, arguments: &mut Args) -> Res<Value> {
        let right = arguments.string(0)?.to_lowercase();
        let object = metadata::full_name(&arguments.value(1))?;
        let may = self.ask(|base, id| {
            let user = base.user(id)?;
            let read = user.may(&object, Right::Read);
            let update = user.may(&object, Right::Update);
            Ok(match right.as_str() {
                "администрирование" | "administration" => user.full_rights,
                "чтение" | "read" | "просмотр" | "view" => read,
                _ => update,
            })
        })?;
        let privileged = self.ask(|base, id| base.is_privileged(id))?;
        Ok(Value::Bool(may || privileged))
    }
}

/// A form's or a session's identifier.
pub(super) fn form_of(arguments: &Args, at: usize) -> Res<Option<Uuid>> {
    match arguments.get(at) {
        None | Some(Value::Undefined) => Ok(None),
        Some(value) => match value.as_object::<UniqueId>() {
            Some(id) => Ok(Some(id.0)),
            None => Err(error::bad_argument(at + 1)),
        },
    }
}

pub(super) use catalogs::object_manager;
pub(super) use registers::register_manager;
