//! Programs that stand alone: a file, its parameters, and what it prints.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use addin_host::Library;

use crate::addin_value::{AddIn, AddInHost};
use crate::collections::Array;
use crate::error::{self, CompileError, Failure, Res};
use crate::host::{Host, Names, SharedHost};
use crate::ir::ModuleCode;
use crate::object::Args;
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// The global context of a program that stands alone: its parameters, and OneScript's functions for add-ins.
pub struct ScriptNames;

impl Names for ScriptNames {
    fn property(&self, key: &str) -> bool {
        is_parameters(key)
    }

    fn function(&self, key: &str) -> Option<(usize, usize)> {
        match key {
            "подключитьвнешнююкомпоненту" | "attachaddin" => Some((2, 3)),
            "освободитьобъект" | "freeobject" => Some((1, 1)),
            _ => None,
        }
    }
}

fn is_parameters(key: &str) -> bool {
    matches!(key, "аргументыкоманднойстроки" | "commandlinearguments")
}

/// Writes messages to an output, a line each.
pub struct PrintingHost<W> {
    output: RefCell<W>,
    parameters: Vec<String>,
    /// The libraries that the program has attached, by their names in lower case.
    attached: RefCell<HashMap<String, Library>>,
}

impl<W: Write + 'static> PrintingHost<W> {
    /// Surroundings that print to this output.
    pub fn shared(output: W) -> SharedHost {
        Rc::new(PrintingHost::new(output, Vec::new()))
    }

    fn new(output: W, parameters: Vec<String>) -> PrintingHost<W> {
        PrintingHost { output: RefCell::new(output), parameters, attached: RefCell::default() }
    }
}

impl<W> PrintingHost<W> {
    /// `ПодключитьВнешнююКомпоненту(Файл, Имя, Тип)`.
    fn attach(&self, arguments: &Args) -> Res<Value> {
        if arguments.get(2).is_some_and(|kind| kind.enum_name() != Some("Native")) {
            return Ok(Value::Bool(false));
        }
        let Ok(library) = Library::open(Path::new(&*arguments.string(0)?)) else { return Ok(Value::Bool(false)) };
        self.attached.borrow_mut().insert(arguments.string(1)?.to_lowercase(), library);
        Ok(Value::Bool(true))
    }

    /// `Новый("AddIn.Имя.Класс")`.
    fn new_object(&self, type_name: &Name) -> Res<Value> {
        let unknown = || Failure::new(format!("Тип не определен ({type_name})"));
        let (name, class) =
            type_name.text().split_once('.').and_then(|(_, rest)| rest.split_once('.')).ok_or_else(unknown)?;
        let library = self.attached.borrow().get(&name.to_lowercase()).cloned().ok_or_else(unknown)?;
        let object = library.create(class).map_err(|error| Failure::new(error.to_string()))?;
        Ok(AddIn::value(ScriptAddIn, object, &library))
    }
}

/// How OneScript calls an add-in: it does not see the add-in's exceptions.
struct ScriptAddIn;

impl AddInHost for ScriptAddIn {
    fn before(&self, _: &str) -> Res<()> {
        Ok(())
    }

    fn raises(&self) -> bool {
        false
    }
}

impl<W: Write> Host for PrintingHost<W> {
    fn message(&self, text: &str) {
        // A reader that has gone does not stop the program.
        let _ = writeln!(self.output.borrow_mut(), "{text}");
    }

    fn property(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        if is_parameters(name.key()) {
            return Ok(Array::value(self.parameters.iter().map(Value::str).collect()));
        }
        Err(error::no_property(name.text()))
    }

    fn function(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "подключитьвнешнююкомпоненту" | "attachaddin" => self.attach(arguments),
            "освободитьобъект" | "freeobject" => {
                if let Some(object) = arguments.value(0).as_object::<AddIn<ScriptAddIn>>() {
                    object.release();
                }
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn create(&self, _: &mut Vm, type_name: &Name, arguments: &mut Args) -> Res<Option<Value>> {
        if !type_name.key().starts_with("addin.") {
            return Ok(None);
        }
        arguments.count(0, 0)?;
        self.new_object(type_name).map(Some)
    }
}

/// Why a program did not run to its end.
#[derive(Debug)]
pub enum ScriptError {
    /// The file cannot be read.
    Read(String, io::Error),
    /// Its text is not a program.
    Compile(CompileError),
    /// An exception that nothing caught.
    Run(Box<str>),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScriptError::Read(file, error) => write!(f, "{file}:1: Файл не прочитан: {error}"),
            ScriptError::Compile(error) => error.fmt(f),
            ScriptError::Run(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ScriptError {}

/// Runs the program in a file and prints its messages. Call it on a large stack, see
/// [`on_large_stack`](crate::on_large_stack).
///
/// # Errors
/// If the file cannot be read, is not a program, or ends with an exception.
pub fn run_script(file: &Path, parameters: Vec<String>, output: impl Write + 'static) -> Result<(), ScriptError> {
    let shown = file.display().to_string();
    let text = std::fs::read(file).map_err(|error| ScriptError::Read(shown.clone(), error))?;
    let text = String::from_utf8(text)
        .map_err(|error| ScriptError::Read(shown.clone(), io::Error::new(io::ErrorKind::InvalidData, error)))?;
    let code = ModuleCode::compile(&shown, &text, Arc::new(ScriptNames)).map_err(ScriptError::Compile)?;
    let mut vm = Vm::new(Rc::new(PrintingHost::new(output, parameters)));
    vm.initialize(&Instance::new(code), None).map_err(|failure: Failure| ScriptError::Run(failure.to_string().into()))
}
