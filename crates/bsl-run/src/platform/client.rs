//! The client: the procedures of forms, commands and common modules that run there, and what they show a person.
//!
//! A person answers a question as the test has said before, [`Session::answer`]. What a dialog calls in the end runs when
//! the procedure that opened it is over, as on the platform.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use infobase::metadata::Kind;

use super::forms::{Form, Shape};
use super::modules::{CommonModule, Globals};
use super::session::{Session, form_of};
use crate::collections::Structure;
use crate::enums;
use crate::error::{self, Failure, Res};
use crate::host::{Environment, Host, Names};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// Functions that a client may call, and how many parameters they take.
const FUNCTIONS: &[(&str, &str, usize, usize)] = &[
    ("показатьпредупреждение", "showmessagebox", 0, 4),
    ("показатьвопрос", "showquerybox", 3, 7),
    ("показатьоповещениепользователя", "showusernotification", 0, 6),
    ("показатьзначение", "showvalue", 0, 2),
    ("открытьформу", "openform", 1, 8),
    ("оповестить", "notify", 1, 3),
    ("выполнитьобработкуоповещения", "runcallback", 1, 2),
    ("получитьфайл", "getfile", 1, 3),
    ("начатьпомещениефайла", "beginputfile", 1, 6),
    ("перейтипонавигационнойссылке", "gotourl", 1, 1),
    ("состояние", "status", 0, 4),
    ("поместитьвовременноехранилище", "puttotempstorage", 1, 2),
    ("получитьизвременногохранилища", "getfromtempstorage", 1, 1),
    ("удалитьизвременногохранилища", "deletefromtempstorage", 1, 1),
    ("имякомпьютера", "computername", 0, 0),
];

/// Methods of every form.
const FORM_METHODS: [&str; 8] = [
    "закрыть",
    "close",
    "открыта",
    "isopen",
    "подключитьобработчикожидания",
    "attachidlehandler",
    "отключитьобработчикожидания",
    "detachidlehandler",
];

/// The names that a module of the client may use.
pub(super) struct ClientNames {
    pub globals: Arc<Globals>,
    /// What the form declares, and the methods of its module that run on the server.
    pub form: Option<(Arc<Shape>, BTreeSet<String>)>,
}

impl Names for ClientNames {
    fn property(&self, key: &str) -> bool {
        let module = self.globals.metadata().object(Kind::CommonModule, key);
        module.is_some_and(|module| module.flag("ClientManagedApplication") && !module.flag("Global"))
    }

    fn function(&self, key: &str) -> Option<(usize, usize)> {
        let found = FUNCTIONS.iter().find(|(russian, english, ..)| *russian == key || *english == key);
        found.map(|(_, _, least, most)| (*least, *most))
    }

    fn own_property(&self, key: &str) -> bool {
        self.form.as_ref().is_some_and(|(shape, _)| shape.is_property(key))
    }

    fn own_method(&self, key: &str) -> bool {
        self.form.as_ref().is_some_and(|(_, server)| server.contains(key) || FORM_METHODS.contains(&key))
    }

    fn unavailable(&self, key: &str) -> Option<String> {
        let server = Kind::from_plural(key).is_some() || matches!(key, "метаданные" | "metadata");
        let module = self.globals.metadata().object(Kind::CommonModule, key).is_some();
        (server || module).then(|| format!("Обращение к серверному имени в клиентском коде ({key})"))
    }

    fn has_this(&self) -> bool {
        self.form.is_some()
    }

    fn environment(&self) -> Environment {
        Environment::ThinClient
    }
}

/// What a person has seen, and what they answer.
#[derive(Default)]
pub(super) struct Screen {
    shown: Vec<String>,
    answers: VecDeque<Value>,
    opened: Vec<Value>,
    /// Procedures that dialogs call once the procedure that opened them is over, with what they are given.
    pending: VecDeque<(Value, Vec<Value>)>,
}

/// `ОписаниеОповещения`: a procedure of a client's module.
struct Callback {
    procedure: Arc<str>,
    module: Value,
    extra: Value,
}

impl Object for Callback {
    fn type_name(&self) -> Cow<'static, str> {
        "ОписаниеОповещения".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "имяпроцедуры" | "procedurename" => Ok(Value::Str(self.procedure.clone())),
            "модуль" | "module" => Ok(self.module.clone()),
            "дополнительныепараметры" | "additionalparameters" => Ok(self.extra.clone()),
            _ => Err(error::no_property(name.text())),
        }
    }
}

/// `Новый ОписаниеОповещения(ИмяПроцедуры, Модуль, ДополнительныеПараметры)`: the procedure must be there and exported.
pub(super) fn new_callback(arguments: &Args) -> Res<Value> {
    arguments.count(2, 5)?;
    let callback = Callback { procedure: arguments.string(0)?, module: arguments.value(1), extra: arguments.value(2) };
    callback.module()?;
    Ok(Value::object(callback))
}

impl Callback {
    fn module(&self) -> Res<Rc<Instance>> {
        let module = match self.module.as_object::<Form>() {
            Some(form) => form.client()?,
            None => {
                let module = self.module.as_object::<CommonModule>().ok_or_else(|| error::bad_argument(2))?;
                module.instance.clone()
            }
        };
        if !module.code().is_exported(&self.procedure) {
            let text = format!("Нет экспортной процедуры для оповещения ({})", self.procedure);
            return Err(Failure::new(text));
        }
        Ok(module)
    }

    fn run(&self, vm: &mut Vm, result: Vec<Value>) -> Res<()> {
        let module = self.module()?;
        let this = self.module.as_object::<Form>().map(|_| &self.module);
        let mut given = result;
        given.push(self.extra.clone());
        vm.call_method(&module, this, &self.procedure, &mut given)?;
        Ok(())
    }
}

/// `ПараметрыВыполненияКоманды`.
struct CommandParameters;

impl Object for CommandParameters {
    fn type_name(&self) -> Cow<'static, str> {
        "ПараметрыВыполненияКоманды".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "источник"
            | "source"
            | "окно"
            | "window"
            | "уникальность"
            | "uniqueness"
            | "навигационнаяссылка"
            | "url" => Ok(Value::Undefined),
            _ => Err(error::no_property(name.text())),
        }
    }
}

impl Session {
    /// What the person has been shown: warnings, questions, notifications and opened addresses.
    pub fn shown(&self) -> Vec<String> {
        self.screen().borrow().shown.clone()
    }

    /// The forms that were opened, the last one at the end.
    pub fn opened(&self) -> Vec<Value> {
        self.screen().borrow().opened.clone()
    }

    /// How the person answers the next question: `Да`, `Нет`, `ОК`.
    pub fn answer(&self, word: &str) {
        self.screen().borrow_mut().answers.push_back(enums::item("КодВозвратаДиалога", word));
    }

    /// The file that the person chooses next, by what it holds.
    pub fn choose_file(&self, content: Value) {
        self.screen().borrow_mut().answers.push_back(content);
    }

    /// The person presses a button for a command of a form. It must be seen and enabled.
    ///
    /// # Errors
    /// If there is no such button, or what the command raises.
    pub fn press(&self, vm: &mut Vm, form: &Value, command: &str) -> Res<()> {
        let action = self.form(form)?.action(vm, command)?;
        self.on_client(vm, form, &action, &mut [Value::Undefined])
    }

    /// An event of an element happens, or of the form itself if the element has no name.
    ///
    /// # Errors
    /// If nothing handles it, or what the handler raises.
    pub fn event(&self, vm: &mut Vm, form: &Value, item: &str, event: &str, arguments: &mut [Value]) -> Res<()> {
        let handler = self.form(form)?.handler(vm, item, event)?;
        self.on_client(vm, form, &handler, arguments)
    }

    /// The time has come for what `ПодключитьОбработчикОжидания` has named.
    ///
    /// # Errors
    /// What a handler raises.
    pub fn tick(&self, vm: &mut Vm, form: &Value) -> Res<()> {
        for handler in self.form(form)?.due() {
            self.on_client(vm, form, &handler, &mut [])?;
        }
        Ok(())
    }

    /// The person runs a common command with a parameter.
    ///
    /// # Errors
    /// If there is no such command, or what it raises.
    pub fn run_common_command(&self, vm: &mut Vm, name: &str, parameter: Value) -> Res<()> {
        let key = format!("общаякоманда.{}", name.to_lowercase());
        let code = self.shop().client.get(&key).cloned();
        let code = code.unwrap_or_else(|| Err(format!("Команда не найдена ({name})")));
        let module = Instance::new(code.map_err(Failure::new)?);
        vm.call_method(&module, None, "ОбработкаКоманды", &mut [parameter, Value::object(CommandParameters)])?;
        self.dialogs_end(vm)
    }

    fn on_client(&self, vm: &mut Vm, form: &Value, method: &str, arguments: &mut [Value]) -> Res<()> {
        let module = self.form(form)?.client()?;
        vm.call_method(&module, Some(form), method, arguments)?;
        self.dialogs_end(vm)
    }

    fn dialogs_end(&self, vm: &mut Vm) -> Res<()> {
        loop {
            let next = self.screen().borrow_mut().pending.pop_front();
            let Some((callback, result)) = next else { return Ok(()) };
            run(vm, &callback, result)?;
        }
    }

    /// Calls a procedure once the one that runs is over; nothing if nobody asked for it.
    pub(super) fn call_later(&self, callback: &Value, result: Vec<Value>) {
        if !matches!(callback, Value::Undefined) {
            self.screen().borrow_mut().pending.push_back((callback.clone(), result));
        }
    }

    fn show(&self, text: &str) {
        self.screen().borrow_mut().shown.push(text.to_owned());
    }

    fn next_answer(&self, question: &str) -> Res<Value> {
        let answer = self.screen().borrow_mut().answers.pop_front();
        answer.ok_or_else(|| Failure::new(format!("Никто не ответил на вопрос: {question}")))
    }

    /// A function of the client's global context.
    pub(super) fn client_function(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "показатьпредупреждение" | "showmessagebox" => {
                self.show(&arguments.text(1));
                self.call_later(&arguments.value(0), Vec::new());
            }
            "показатьвопрос" | "showquerybox" => {
                let question = arguments.text(1);
                self.show(&question);
                let answer = self.next_answer(&question)?;
                self.call_later(&arguments.value(0), vec![answer]);
            }
            "показатьоповещениепользователя" | "showusernotification" => {
                self.show(&format!("{} {}", arguments.text(0), arguments.text(2)));
            }
            "показатьзначение" | "showvalue" => self.show(&arguments.text(1)),
            "перейтипонавигационнойссылке" | "gotourl" => {
                self.show(&arguments.text(0));
            }
            "открытьформу" | "openform" => {
                let parameters = arguments.value(1);
                let fields = parameters.as_object::<Structure>().map(Structure::fields).unwrap_or_default();
                let given: Vec<_> = fields.iter().map(|(name, value)| (&**name, value.clone())).collect();
                if let Some(form) = self.open_form_with(vm, &arguments.string(0)?, &given)? {
                    if let Ok(handler) = self.form(&form)?.handler(vm, "", "OnOpen") {
                        let module = self.form(&form)?.client()?;
                        vm.call_method(&module, Some(&form), &handler, &mut [Value::Bool(false)])?;
                    }
                    self.screen().borrow_mut().opened.push(form.clone());
                    return Ok(form);
                }
            }
            "выполнитьобработкуоповещения" | "runcallback" => {
                run(vm, &arguments.value(0), vec![arguments.value(1)])?;
            }
            "получитьфайл" | "getfile" => {
                let address = arguments.string(0)?;
                let content = self.stored(&address).ok_or_else(|| error::bad_argument_value(1))?;
                self.show(&format!("Файл {}", arguments.string(1)?));
                self.screen().borrow_mut().opened.push(content);
            }
            "начатьпомещениефайла" | "beginputfile" => self.put_file(arguments)?,
            "оповестить" | "notify" | "состояние" | "status" => {}
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }

    /// `НачатьПомещениеФайла(Завершение, Адрес, ИмяФайла, Интерактивно, ИдентификаторФормы)`.
    fn put_file(&self, arguments: &Args) -> Res<()> {
        let (interactive, form) = (3, 4);
        if !arguments.value(interactive).truth()? {
            return Err(error::bad_argument_value(interactive + 1));
        }
        form_of(arguments, form)?;
        let content = self.next_answer("файл")?;
        let address = format!("e1cib/tempstorage/{}", self.new_uuid());
        self.store(&address, content);
        self.call_later(&arguments.value(0), vec![true.into(), address.into(), "Файл".into()]);
        Ok(())
    }

    /// A common module of the client; nothing if there is none of this name.
    pub(super) fn client_module(&self, name: &Name) -> Res<Option<Value>> {
        let key = format!("общиймодуль.{}", name.key());
        let Some(code) = self.shop().client.get(&key).cloned() else { return Ok(None) };
        let code = code.map_err(Failure::new)?;
        let instance = self.cached(&format!("клиент.{key}"), || Some(code));
        Ok(instance.map(|instance| Value::object(CommonModule { name: name.clone(), instance })))
    }
}

/// Runs the procedure that an `ОписаниеОповещения` names.
fn run(vm: &mut Vm, callback: &Value, result: Vec<Value>) -> Res<()> {
    let Some(callback) = callback.as_object::<Callback>() else { return Err(error::bad_argument(1)) };
    callback.run(vm, result)
}
