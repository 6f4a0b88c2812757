//! Text files on the server: kept with the shop, on no disk. Paths compare without case, as on Windows.

use std::borrow::Cow;
use std::cell::RefCell;

use super::session::Session;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

fn key(path: &str) -> String {
    path.to_lowercase().replace('/', "\\")
}

fn no_file(path: &str) -> Failure {
    Failure::new(format!("Ошибка совместного доступа к файлу '{path}': файл не найден"))
}

/// Refuses what safe mode, a security profile or the folder's rights forbid.
fn check_access(session: &Session, path: &str) -> Res<()> {
    let forbidden = session.ask(|base, _| Ok(base.settings().files_forbidden))?;
    if session.is_safe() || forbidden {
        return Err(Failure::new(format!("Нарушение прав доступа к файловой системе ({path})")));
    }
    Ok(())
}

/// The kind of object that `Новый` makes; nothing for another name.
pub(super) fn create(session: &Session, type_key: &str, arguments: &Args) -> Res<Option<Value>> {
    Ok(Some(match type_key {
        "файл" | "file" => {
            arguments.count(1, 1)?;
            Value::object(File { session: session.clone(), path: arguments.string(0)?.to_string() })
        }
        "чтениетекста" | "textreader" => {
            arguments.count(1, 2)?;
            let path = arguments.string(0)?.to_string();
            session.point("ЧтениеТекста")?;
            check_access(session, &path)?;
            let text = session.shop().files(|files| files.get(&key(&path)).cloned()).ok_or_else(|| no_file(&path))?;
            Value::object(Reader(RefCell::new(Some(text))))
        }
        "записьтекста" | "textwriter" => {
            arguments.count(1, 2)?;
            let path = arguments.string(0)?.to_string();
            check_access(session, &path)?;
            Value::object(Writer { session: session.clone(), path, text: RefCell::new(Some(String::new())) })
        }
        _ => return Ok(None),
    }))
}

/// `УдалитьФайлы(Путь)`.
pub(super) fn delete(session: &Session, arguments: &Args) -> Res<Value> {
    let path = arguments.string(0)?;
    session.point("УдалитьФайлы")?;
    check_access(session, &path)?;
    session.shop().files(|files| files.remove(&key(&path))).ok_or_else(|| no_file(&path))?;
    Ok(Value::Undefined)
}

struct File {
    session: Session,
    path: String,
}

impl Object for File {
    fn type_name(&self) -> Cow<'static, str> {
        "Файл".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "полноеимя" | "fullname" => Ok(Value::str(&self.path)),
            "имя" | "name" => Ok(Value::str(self.path.rsplit(['\\', '/']).next().unwrap_or_default())),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "существует" | "exist" => {
                arguments.count(0, 0)?;
                self.session.point("Файл.Существует")?;
                check_access(&self.session, &self.path)?;
                Ok(self.session.shop().files(|files| files.contains_key(&key(&self.path))).into())
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

fn closed() -> Failure {
    Failure::new("Файл не открыт")
}

struct Reader(RefCell<Option<String>>);

impl Object for Reader {
    fn type_name(&self) -> Cow<'static, str> {
        "ЧтениеТекста".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        arguments.count(0, 0)?;
        match name.key() {
            "прочитать" | "read" => {
                let mut rest = self.0.borrow_mut();
                let text = std::mem::take(rest.as_mut().ok_or_else(closed)?);
                Ok(if text.is_empty() { Value::Undefined } else { text.into() })
            }
            "закрыть" | "close" => {
                *self.0.borrow_mut() = None;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

struct Writer {
    session: Session,
    path: String,
    text: RefCell<Option<String>>,
}

impl Object for Writer {
    fn type_name(&self) -> Cow<'static, str> {
        "ЗаписьТекста".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "записать" | "write" | "записатьстроку" | "writeline" => {
                arguments.count(1, 1)?;
                let mut text = self.text.borrow_mut();
                let text = text.as_mut().ok_or_else(closed)?;
                text.push_str(&arguments.string(0)?);
                if matches!(name.key(), "записатьстроку" | "writeline") {
                    text.push('\n');
                }
            }
            "закрыть" | "close" => {
                arguments.count(0, 0)?;
                self.session.point("ЗаписьТекста.Закрыть")?;
                if let Some(text) = self.text.borrow_mut().take() {
                    self.session.shop().files(|files| files.insert(key(&self.path), text));
                }
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }
}
