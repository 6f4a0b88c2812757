//! The modules of the dump: their texts, the names that each may use, and common modules as BSL sees them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use infobase::metadata::{Kind, Metadata, Object as MetaObject, Origin};

use super::client::ClientNames;
use super::events::{AFTER, AROUND, BEFORE, EVENTS};
use super::forms;
use crate::error::{self, CompileError, Res};
use crate::host::Names;
use crate::ir::ModuleCode;
use crate::object::Object;
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// The texts of modules by their place in the dump, with `/` between folders: `CommonModules/Х/Ext/Module.bsl`. A test
/// changes them to see whether a mutation is caught. A form's XML is among them: it declares the attributes.
pub type ModuleTexts = BTreeMap<String, String>;

/// Reads all modules of a folder in the Designer's layout. Other folders beside the layout's own are left alone: they may
/// hold another dump.
///
/// # Errors
/// If a file or folder cannot be read.
pub fn read_modules(folder: &Path) -> io::Result<ModuleTexts> {
    let mut texts = ModuleTexts::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner)? {
            let path = entry?.path();
            if path.is_dir() {
                let of_layout = path.file_name().and_then(|name| name.to_str()).and_then(Kind::from_folder);
                if inner != folder || of_layout.is_some() {
                    folders.push(path);
                }
            } else if (path.extension().is_some_and(|extension| extension == "bsl") || path.ends_with("Ext/Form.xml"))
                && let Ok(relative) = path.strip_prefix(folder)
            {
                let text = fs::read_to_string(&path)?;
                // The Designer writes a byte order mark.
                let text = text.trim_start_matches('\u{feff}').to_owned();
                texts.insert(relative.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    Ok(texts)
}

/// What a module is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Common,
    Object,
    Manager,
    RecordSet,
    Form,
    Command,
}

/// What all modules may name.
pub(super) struct Globals {
    metadata: Arc<Metadata>,
}

impl Globals {
    pub fn new(metadata: Arc<Metadata>) -> Globals {
        Globals { metadata }
    }

    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// The modules of the client by their key. A module that does not compile there is an error for whoever runs it.
pub(super) type ClientCode = BTreeMap<String, Result<Arc<ModuleCode>, String>>;

/// The modules of the server and of the client by their key, and what forms declare by the key of their module.
#[derive(Default)]
pub(super) struct Compiled {
    pub code: BTreeMap<String, Arc<ModuleCode>>,
    pub client: ClientCode,
    pub forms: BTreeMap<String, Arc<forms::Shape>>,
}

/// Where the main configuration's own modules stand among the texts. A text there takes the place of the one that comes
/// with this crate; an empty one takes it away.
pub const MAIN: &str = "Розница/";

/// The main configuration's modules as far as they matter here: what is known of 1С:Розница, in other words.
const RETAIL: [(&str, &str); 3] = [
    (
        "Розница/Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl",
        include_str!("../../data/retail/Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl"),
    ),
    (
        "Розница/Catalogs/Контрагенты/Ext/ObjectModule.bsl",
        include_str!("../../data/retail/Catalogs/Контрагенты/Ext/ObjectModule.bsl"),
    ),
    (
        "Розница/Documents/ЧекККМ/Ext/ObjectModule.bsl",
        include_str!("../../data/retail/Documents/ЧекККМ/Ext/ObjectModule.bsl"),
    ),
];

/// Compiles the modules: what runs on the server and what runs on the client. A module of an object that the extension adopts stands beside the main
/// configuration's own; another one takes its place.
pub(super) fn compile_all(texts: &ModuleTexts, globals: &Arc<Globals>) -> Result<Compiled, CompileError> {
    let mut compiled = Compiled::default();
    let mut sorted: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    let given = texts.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let (main, others): (Vec<_>, Vec<_>) = given.partition(|(path, _)| path.starts_with(MAIN));
    for (path, text) in RETAIL.into_iter().chain(main).chain(others) {
        if let Some((key, ..)) = place(path, &globals.metadata) {
            sorted.insert(key, (path, text));
        }
    }
    for (key, (path, text)) in sorted {
        let Some((_, part, object)) = place(path, &globals.metadata) else { continue };
        if text.is_empty() {
            continue;
        }
        let shape = match part {
            Part::Form => {
                let xml = texts.get(&path.replace("/Form/Module.bsl", "/Form.xml"));
                Arc::new(xml.map_or_else(forms::Shape::default, |xml| forms::Shape::of(xml)))
            }
            _ => Arc::default(),
        };
        let client = |form| {
            let names = ClientNames { globals: globals.clone(), form };
            ModuleCode::compile(path, text, Arc::new(names)).map_err(|error| error.to_string())
        };
        if part == Part::Command || part == Part::Common && object.flag("ClientManagedApplication") {
            compiled.client.insert(key.clone(), client(None));
        }
        if part == Part::Command || part == Part::Common && !object.flag("Server") {
            continue;
        }
        let names = ModuleNames { globals: globals.clone(), part, object: Some(object.clone()), form: shape.clone() };
        let code = ModuleCode::compile(path, text, Arc::new(names))?;
        if part == Part::Form {
            let server = code.methods.iter().map(|method| method.name.key().to_owned()).collect();
            compiled.client.insert(key.clone(), client(Some((shape.clone(), server))));
            compiled.forms.insert(key.clone(), shape);
        }
        let own = key.strip_suffix(EXTENSION);
        check_handlers(path, &code, own.map(|own| compiled.code.get(own).map(|code| &**code)))?;
        compiled.code.insert(key, code);
    }
    Ok(compiled)
}

/// What the key of an adopted object's module ends with.
pub(super) const EXTENSION: &str = ".расширение";

/// An annotation must name what the main configuration's module has, or an event; an event's name is the main
/// configuration's. `own` is that module if the checked one is the extension's.
fn check_handlers(path: &str, code: &ModuleCode, own: Option<Option<&ModuleCode>>) -> Result<(), CompileError> {
    let is_event = |name: &str| EVENTS.iter().any(|event| event.to_lowercase() == name.to_lowercase());
    for method in &code.methods {
        let error = |message: String| CompileError { file: path.to_owned(), line: method.line, message };
        if own.is_some() && is_event(method.name.text()) {
            return Err(error(format!("Обработчик события в расширении без аннотации ({})", method.name)));
        }
        for annotation in &method.annotations {
            let Some(target) = &annotation.target else { continue };
            let word = annotation.word.as_str();
            if ![BEFORE, AROUND, AFTER].iter().any(|known| known.contains(&word)) {
                return Err(error(format!("Аннотация не поддерживается (&{word})")));
            }
            if is_event(target) {
                continue;
            }
            return Err(error(match own.flatten().is_some_and(|own| own.has_method(target)) {
                true => format!("Перехват метода, который не событие, не поддерживается ({target})"),
                false => format!("Расширяемый метод не найден ({target})"),
            }));
        }
    }
    Ok(())
}

/// The key of a module, what it is part of, and its metadata object.
fn place<'m>(path: &str, metadata: &'m Metadata) -> Option<(String, Part, &'m MetaObject)> {
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts.iter().position(|part| Kind::from_plural(part).is_some())?;
    let kind = Kind::from_plural(parts[at])?;
    let object = metadata.object(kind, parts.get(at + 1)?)?;
    let full = object.full_name().to_lowercase();
    let adopts = object.origin == Origin::Adopted && !path.starts_with(MAIN);
    let beside = if adopts { EXTENSION } else { "" };
    match &parts[at + 2..] {
        ["Ext", "Module.bsl"] if kind == Kind::CommonModule => Some((full, Part::Common, object)),
        ["Ext", "CommandModule.bsl"] if kind == Kind::CommonCommand => Some((full, Part::Command, object)),
        ["Ext", "ObjectModule.bsl"] => Some((format!("{full}.объект{beside}"), Part::Object, object)),
        ["Ext", "ManagerModule.bsl"] => Some((format!("{full}.менеджер{beside}"), Part::Manager, object)),
        ["Ext", "RecordSetModule.bsl"] => Some((format!("{full}.набор{beside}"), Part::RecordSet, object)),
        ["Forms", form, "Ext", "Form", "Module.bsl"] => {
            Some((format!("{full}.форма.{}", form.to_lowercase()), Part::Form, object))
        }
        _ => None,
    }
}

struct ModuleNames {
    globals: Arc<Globals>,
    part: Part,
    object: Option<MetaObject>,
    form: Arc<forms::Shape>,
}

/// The names that a common module of the server may use.
pub(super) fn common_names(globals: &Arc<Globals>) -> Arc<dyn Names> {
    Arc::new(ModuleNames { globals: globals.clone(), part: Part::Common, object: None, form: Arc::default() })
}

/// Functions of a session, and how many parameters they take.
const FUNCTIONS: &[(&str, &str, usize, usize)] = &[
    ("текущаядатасеанса", "currentsessiondate", 0, 0),
    ("начатьтранзакцию", "begintransaction", 0, 1),
    ("зафиксироватьтранзакцию", "committransaction", 0, 0),
    ("отменитьтранзакцию", "rollbacktransaction", 0, 0),
    ("транзакцияактивна", "transactionactive", 0, 0),
    ("установитьпривилегированныйрежим", "setprivilegedmode", 1, 1),
    ("привилегированныйрежим", "privilegedmode", 0, 0),
    ("безопасныйрежим", "safemode", 0, 0),
    ("установитьбезопасныйрежим", "setsafemode", 1, 1),
    ("строкасоединенияинформационнойбазы", "infobaseconnectionstring", 0, 0),
    ("рольдоступна", "isinrole", 1, 1),
    ("местноевремя", "tolocaltime", 1, 2),
    ("универсальноевремя", "touniversaltime", 1, 2),
    ("поместитьвовременноехранилище", "puttotempstorage", 1, 2),
    ("получитьизвременногохранилища", "getfromtempstorage", 1, 1),
    ("удалитьизвременногохранилища", "deletefromtempstorage", 1, 1),
    ("удалитьфайлы", "deletefiles", 1, 1),
    ("имяпользователя", "username", 0, 0),
    ("имякомпьютера", "computername", 0, 0),
    ("записьжурналарегистрации", "writelogevent", 1, 6),
    ("праводоступа", "accessright", 2, 3),
    ("заблокироватьданныедляредактирования", "lockdataforedit", 1, 3),
    ("разблокироватьданныедляредактирования", "unlockdataforedit", 0, 2),
    ("подключитьвнешнююкомпоненту", "attachaddin", 1, 4),
];

/// Methods of the client's global context that modules by mistake call on the server.
const CLIENT_ONLY: &[&str] = &[
    "показатьпредупреждение",
    "показатьвопрос",
    "показатьзначение",
    "показатьоповещениепользователя",
    "открытьформу",
    "открытьзначение",
    "оповестить",
    "оповеститьобизменении",
    "выполнитьобработкуоповещения",
    "подключитьобработчикожидания",
    "отключитьобработчикожидания",
    "начатьподключениевнешнейкомпоненты",
    "начатьустановкувнешнейкомпоненты",
    "состояние",
    "предупреждение",
    "вопрос",
];

impl ModuleNames {
    fn field(&self, key: &str) -> bool {
        self.object.as_ref().is_some_and(|object| object.table.field(key).is_some() || object.section(key).is_some())
    }
}

impl Names for ModuleNames {
    fn property(&self, key: &str) -> bool {
        let metadata = &self.globals.metadata;
        let is_manager = Kind::from_plural(key).is_some_and(super::refs::has_managers);
        let common = || {
            let module = metadata.object(Kind::CommonModule, key);
            module.is_some_and(|module| module.flag("Server") && !module.flag("Global"))
        };
        is_manager
            || matches!(
                key,
                "метаданные"
                    | "metadata"
                    | "регламентныезадания"
                    | "scheduledjobs"
                    | "фоновыезадания"
                    | "backgroundjobs"
            )
            || common()
    }

    fn function(&self, key: &str) -> Option<(usize, usize)> {
        let found = FUNCTIONS.iter().find(|(russian, english, ..)| *russian == key || *english == key);
        found.map(|(_, _, least, most)| (*least, *most))
    }

    fn own_property(&self, key: &str) -> bool {
        match self.part {
            Part::Common | Part::Manager | Part::Command => false,
            Part::Object => {
                self.field(key)
                    || matches!(
                        key,
                        "дополнительныесвойства" | "additionalproperties" | "обменданными" | "dataexchange"
                    )
                    || (matches!(key, "движения" | "registerrecords")
                        && self.object.as_ref().is_some_and(|object| object.kind == Kind::Document))
            }
            Part::RecordSet => matches!(
                key,
                "дополнительныесвойства"
                    | "additionalproperties"
                    | "обменданными"
                    | "dataexchange"
                    | "отбор"
                    | "filter"
            ),
            Part::Form => self.form.is_property(key),
        }
    }

    fn own_method(&self, key: &str) -> bool {
        match self.part {
            Part::Object => super::catalogs::is_method(key),
            Part::RecordSet => super::registers::is_set_method(key),
            _ => false,
        }
    }

    fn unavailable(&self, key: &str) -> Option<String> {
        let metadata = &self.globals.metadata;
        if CLIENT_ONLY.contains(&key) {
            return Some(format!("Обращение к клиентскому методу в серверном коде ({key})"));
        }
        let client_module = metadata.object(Kind::CommonModule, key).is_some_and(|module| !module.flag("Server"));
        client_module.then(|| format!("Обращение к клиентскому модулю в серверном коде ({key})"))
    }

    fn has_this(&self) -> bool {
        self.part != Part::Common
    }
}

/// A common module as a value.
pub(super) struct CommonModule {
    pub name: Name,
    pub instance: Rc<Instance>,
}

impl Object for CommonModule {
    fn type_name(&self) -> Cow<'static, str> {
        "ОбщийМодуль".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.instance.exported_variable(name).ok_or_else(|| error::no_property(name.text()))
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("module {}", self.name.key()))
    }

    fn module(&self, _: &mut Vm) -> Res<Option<Rc<Instance>>> {
        Ok(Some(self.instance.clone()))
    }
}
