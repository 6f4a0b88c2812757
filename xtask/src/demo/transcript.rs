//! What the demo prints while the text that ships runs: the handlers, and the component's calls with their lines.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bsl_run::platform::{AddIns, LoadedAddIn, MAIN, ModuleTexts, Scheduler, Session, Turn, Wait};
use bsl_run::{Args, Name, Object, Place, Res, Value, Vm};
use infobase::SessionId;

/// Prints what runs. It lets every session run, too: the demo has one at a time.
pub struct Transcript {
    texts: ModuleTexts,
    /// Properties of the component that have been shown as they were set.
    settings: Mutex<BTreeSet<String>>,
    silent: AtomicBool,
}

impl Transcript {
    /// A transcript of modules with these texts.
    pub fn new(texts: ModuleTexts) -> Transcript {
        Transcript { texts, settings: Mutex::default(), silent: AtomicBool::default() }
    }

    /// Says nothing while the stage is set or looked at.
    pub fn silently<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.silent.swap(true, Ordering::Relaxed);
        let result = work();
        self.silent.store(before, Ordering::Relaxed);
        result
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// A line of a module that did something with the component.
    fn line(&self, vm: &Vm, text: &str) {
        if self.is_silent() {
            return;
        }
        match vm.place() {
            Some(place) => println!("      {}:{}  {text}", short(&place.module), place.line),
            None => println!("      {text}"),
        }
    }

    /// The lines of a handler that call the modules that ship: number and text.
    fn calls(&self, handler: &Place) -> Vec<(usize, &str)> {
        let text = self.texts.get(&handler.module).map(String::as_str).unwrap_or_default();
        let body = text.lines().enumerate().skip(handler.line as usize);
        let body = body.take_while(|(_, line)| !line.starts_with("Конец"));
        body.filter(|(_, line)| line.contains("Passteam.")).map(|(at, line)| (at + 1, line.trim())).collect()
    }
}

/// `CommonModules/Х/Ext/Module.bsl` is the module `Х`.
fn short(file: &str) -> &str {
    file.strip_prefix("CommonModules/").and_then(|rest| rest.split('/').next()).unwrap_or(file)
}

impl Scheduler for Transcript {
    fn point(&self, _: SessionId, _: &str) -> Turn {
        Turn::Go
    }

    fn entered(&self, _: SessionId, method: &Place) {
        // The main configuration's own handlers stand beside ours in other words only.
        if self.is_silent() || method.module.starts_with(MAIN) {
            return;
        }
        let module = short(&method.module);
        println!("    ▸ {module}:{}  {}", method.line, method.text);
        if module == method.module {
            for (number, line) in self.calls(method) {
                println!("      :{number}  {line}");
            }
        }
    }

    fn wait(&self, _: SessionId, _: &[SessionId]) -> Wait {
        Wait::TimedOut
    }
}

/// The loaded add-in, whose calls are printed.
pub struct Watched {
    /// The add-in.
    pub addin: Arc<LoadedAddIn>,
    /// Where its calls are printed.
    pub transcript: Arc<Transcript>,
}

impl AddIns for Watched {
    fn create(&self, session: &Session) -> Res<Value> {
        let object = self.addin.create(session)?;
        Ok(Value::object(Component { object, transcript: self.transcript.clone() }))
    }
}

struct Component {
    object: Value,
    transcript: Arc<Transcript>,
}

impl Component {
    /// Whether a property is a result that is worth a line.
    fn is_result(key: &str) -> bool {
        matches!(key, "идентификаторкарты" | "видошибки" | "описаниеошибки" | "установлена")
    }
}

impl Object for Component {
    fn type_name(&self) -> Cow<'static, str> {
        self.object.type_name()
    }

    fn get(&self, vm: &mut Vm, name: &Name) -> Res<Value> {
        let value = vm.get_member(&self.object, name)?;
        if Component::is_result(name.key()) {
            self.transcript.line(vm, &format!("Компонента.{name}  →  {}", bsl(&value)));
        }
        Ok(value)
    }

    fn set(&self, vm: &mut Vm, name: &Name, value: Value) -> Res<()> {
        let secret = matches!(name.key(), "токен" | "token");
        let shown = if secret { "\"***\"".to_owned() } else { bsl(&value) };
        vm.set_member(&self.object, name, value)?;
        // Each job sets its object up alike: once is enough.
        let setting = format!("Компонента.{name} = {shown}");
        let is_silent = self.transcript.is_silent();
        let mut known = self.transcript.settings.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_silent && known.insert(setting.clone()) {
            self.transcript.line(vm, &setting);
        }
        Ok(())
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let given = arguments.values().iter().map(|value| value.as_ref().map(bsl).unwrap_or_default());
        let call = format!("Компонента.{name}({})", given.collect::<Vec<_>>().join(", "));
        let result = vm.call_member(&self.object, name, arguments);
        match &result {
            Ok(Value::Undefined) if name.key() == "clearvalues" => {}
            Ok(Value::Undefined) => self.transcript.line(vm, &call),
            Ok(value) => self.transcript.line(vm, &format!("{call}  →  {}", bsl(value))),
            Err(failure) => self.transcript.line(vm, &format!("{call}  →  {failure}")),
        }
        result
    }
}

/// A value as BSL writes it; JSON on one line.
pub fn bsl(value: &Value) -> String {
    match value {
        Value::Bool(true) => "Истина".to_owned(),
        Value::Bool(false) => "Ложь".to_owned(),
        Value::Undefined => "Неопределено".to_owned(),
        Value::Number(number) => number.normalize().to_string(),
        Value::Str(text) => {
            let one_line: Vec<&str> = text.lines().map(str::trim).collect();
            format!("\"{}\"", one_line.join("").replace('"', "\"\""))
        }
        other => other.text().to_string(),
    }
}
