//! Small objects of the platform: exceptions' information, identifiers, binary data, hashing, messages.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use sha1::Digest;
use uuid::Uuid;

use crate::enums;
use crate::error::{self, Failure, Raised, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `ИнформацияОбОшибке`.
pub struct ErrorInfo(pub Option<Rc<Raised>>);

impl ErrorInfo {
    pub(crate) fn of(value: Option<&Value>) -> Res<Option<Rc<Raised>>> {
        match value.and_then(Value::as_object::<ErrorInfo>) {
            Some(info) => Ok(info.0.clone()),
            None => Err(error::bad_argument(1)),
        }
    }
}

/// The short text of an exception: what the innermost cause says.
pub(crate) fn brief(raised: &Raised) -> String {
    raised.description.clone()
}

/// The long text of an exception: places and causes.
pub(crate) fn detailed(raised: &Raised) -> String {
    let mut text = String::new();
    let mut next = Some(raised);
    while let Some(raised) = next {
        if !text.is_empty() {
            text.push_str("\nпо причине:\n");
        }
        text.push_str(&raised.full_text());
        if let Some(place) = raised.place.as_ref().filter(|place| !place.text.is_empty()) {
            text.push('\n');
            text.push_str(&place.text);
        }
        next = raised.cause.as_deref();
    }
    text
}

impl Object for ErrorInfo {
    fn type_name(&self) -> Cow<'static, str> {
        "ИнформацияОбОшибке".into()
    }

    fn text(&self) -> String {
        self.0.as_deref().map(brief).unwrap_or_default()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let empty = Raised::default();
        let raised = self.0.as_deref().unwrap_or(&empty);
        let place = raised.place.clone().unwrap_or_default();
        let text = |text: &Option<String>| Value::str(text.as_deref().unwrap_or_default());
        match name.key() {
            "описание" | "description" => Ok(Value::str(&raised.description)),
            "имямодуля" | "modulename" => Ok(place.module.into()),
            "номерстроки" | "linenumber" => Ok(Value::int(place.line)),
            "исходнаястрока" | "sourceline" => Ok(place.text.into()),
            "код" | "code" => Ok(text(&raised.code)),
            "дополнительнаяинформация" | "additionalinfo" => Ok(text(&raised.details)),
            "причина" | "cause" => Ok(match &raised.cause {
                Some(cause) => Value::object(ErrorInfo(Some(cause.clone()))),
                None => Value::Undefined,
            }),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, _: Value) -> Res<()> {
        Err(error::read_only(name.text()))
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "этоошибкакатегории" | "iserrorofcategory" => {
                arguments.count(1, 2)?;
                let category = arguments.get(0).and_then(Value::enum_name).ok_or_else(|| error::bad_argument(1))?;
                let own = self.0.as_ref().and_then(|raised| raised.category.clone());
                Ok(Value::Bool(category == "ВсеОшибки" || own.as_deref() == Some(category)))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// `УникальныйИдентификатор`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueId(pub Uuid);

impl UniqueId {
    pub(crate) fn create(vm: &Vm, arguments: &Args) -> Res<Value> {
        arguments.count(0, 1)?;
        match arguments.get(0) {
            None => Ok(Value::object(UniqueId(vm.surroundings().new_uuid()))),
            Some(Value::Str(text)) if text.trim().is_empty() => Ok(Value::object(UniqueId(Uuid::nil()))),
            Some(Value::Str(text)) if text.len() == 36 => {
                let parsed = Uuid::parse_str(text).map_err(|_| error::bad_argument_value(1))?;
                Ok(Value::object(UniqueId(parsed)))
            }
            Some(_) => Err(error::bad_argument_value(1)),
        }
    }
}

impl Object for UniqueId {
    fn type_name(&self) -> Cow<'static, str> {
        "УникальныйИдентификатор".into()
    }

    fn text(&self) -> String {
        self.0.to_string()
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("uuid {}", self.0))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.0.is_nil())
    }
}

/// `ДвоичныеДанные`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryData(pub Rc<[u8]>);

impl BinaryData {
    /// Binary data of these bytes.
    pub fn value(bytes: &[u8]) -> Value {
        Value::object(BinaryData(bytes.into()))
    }
}

impl Object for BinaryData {
    fn type_name(&self) -> Cow<'static, str> {
        "ДвоичныеДанные".into()
    }

    fn text(&self) -> String {
        let hex: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        hex.join(" ")
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "размер" | "size" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.0.len()))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn contents_key(&self) -> Option<String> {
        Some(format!("bytes {}", self.text()))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.0.is_empty())
    }
}

/// `ХешированиеДанных`.
pub(crate) struct Hashing {
    function: &'static str,
    bytes: RefCell<Vec<u8>>,
}

impl Hashing {
    pub fn create(arguments: &Args) -> Res<Value> {
        arguments.count(1, 1)?;
        let function = arguments.get(0).and_then(Value::enum_name).ok_or_else(|| error::bad_argument(1))?;
        Ok(Value::object(Hashing { function, bytes: RefCell::default() }))
    }

    fn sum(&self) -> Value {
        let bytes = self.bytes.borrow();
        match self.function {
            "CRC32" => Value::int(crc32fast::hash(&bytes)),
            "MD5" => BinaryData::value(&md5::Md5::digest(&*bytes)),
            "SHA1" => BinaryData::value(&sha1::Sha1::digest(&*bytes)),
            "SHA512" => BinaryData::value(&sha2::Sha512::digest(&*bytes)),
            _ => BinaryData::value(&sha2::Sha256::digest(&*bytes)),
        }
    }
}

impl Object for Hashing {
    fn type_name(&self) -> Cow<'static, str> {
        "ХешированиеДанных".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "хешсумма" | "hashsum" => Ok(self.sum()),
            "хешфункция" | "hashfunction" => Ok(enums::item("ХешФункция", self.function)),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "добавить" | "append" => {
                arguments.count(1, 1)?;
                match arguments.get(0) {
                    Some(Value::Str(text)) => self.bytes.borrow_mut().extend_from_slice(text.as_bytes()),
                    Some(value) => {
                        let data = value.as_object::<BinaryData>().ok_or_else(|| error::bad_argument(1))?;
                        self.bytes.borrow_mut().extend_from_slice(&data.0);
                    }
                    None => return Err(error::bad_argument(1)),
                }
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                self.bytes.borrow_mut().clear();
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }
}

/// `СистемнаяИнформация`.
pub(crate) struct SystemInfo;

impl Object for SystemInfo {
    fn type_name(&self) -> Cow<'static, str> {
        "СистемнаяИнформация".into()
    }

    fn get(&self, vm: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "версияприложения" | "appversion" => Ok(vm.surroundings().application_version().into()),
            _ => Err(error::no_property(name.text())),
        }
    }
}

/// `СообщениеПользователю`.
pub(crate) struct UserMessage {
    text: RefCell<Arc<str>>,
    field: RefCell<Arc<str>>,
    data_path: RefCell<Arc<str>>,
    key: RefCell<Value>,
}

impl UserMessage {
    pub fn create(arguments: &Args) -> Res<Value> {
        arguments.count(0, 0)?;
        let empty = || RefCell::new(Arc::from(""));
        let key = RefCell::default();
        Ok(Value::object(UserMessage { text: empty(), field: empty(), data_path: empty(), key }))
    }
}

impl UserMessage {
    /// A message with this text.
    pub fn with(text: &str) -> Value {
        let empty = || RefCell::new(Arc::from(""));
        Value::object(UserMessage {
            text: RefCell::new(Arc::from(text)),
            field: empty(),
            data_path: empty(),
            key: RefCell::default(),
        })
    }
}

impl Object for UserMessage {
    fn type_name(&self) -> Cow<'static, str> {
        "СообщениеПользователю".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "текст" | "text" => Ok(Value::Str(self.text.borrow().clone())),
            "поле" | "field" => Ok(Value::Str(self.field.borrow().clone())),
            "путькданным" | "datapath" => Ok(Value::Str(self.data_path.borrow().clone())),
            "ключданных" | "datakey" => Ok(self.key.borrow().clone()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "текст" | "text" => *self.text.borrow_mut() = value.text(),
            "поле" | "field" => *self.field.borrow_mut() = value.text(),
            "путькданным" | "datapath" => *self.data_path.borrow_mut() = value.text(),
            "ключданных" | "datakey" => *self.key.borrow_mut() = value,
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "сообщить" | "message" => {
                arguments.count(0, 0)?;
                vm.surroundings().message(&self.text.borrow());
                Ok(Value::Undefined)
            }
            "установитьданные" | "setdata" => {
                arguments.count(1, 1)?;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// `ГенераторСлучайныхЧисел`.
pub(crate) struct RandomNumbers(Cell<u64>);

impl RandomNumbers {
    pub fn create(vm: &Vm, arguments: &Args) -> Res<Value> {
        arguments.count(0, 1)?;
        let seed = match arguments.get(0) {
            Some(_) => arguments.integer(0)?.unsigned_abs(),
            None => u64::try_from(vm.surroundings().universal_milliseconds()).unwrap_or_default(),
        };
        Ok(Value::object(RandomNumbers(Cell::new(seed ^ 0x9E37_79B9_7F4A_7C15))))
    }
}

impl Object for RandomNumbers {
    fn type_name(&self) -> Cow<'static, str> {
        "ГенераторСлучайныхЧисел".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "случайноечисло" | "randomnumber" => {
                arguments.count(0, 2)?;
                let low = arguments.integer_or(0, 0)?;
                let high = arguments.integer_or(1, 4_294_967_295)?;
                if low > high {
                    return Err(error::bad_argument_value(2));
                }
                // splitmix64
                let mut z = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
                self.0.set(z);
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                let span = u64::try_from(high - low).unwrap_or_default().saturating_add(1);
                let offset = i64::try_from((z ^ (z >> 31)) % span).unwrap_or_default();
                Ok(Value::int(low + offset))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// `Символы`.
pub(crate) struct Chars;

impl Object for Chars {
    fn type_name(&self) -> Cow<'static, str> {
        "Символы".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        Ok(Value::str(match name.key() {
            "пс" | "lf" => "\n",
            "вк" | "cr" => "\r",
            "таб" | "tab" => "\t",
            "нпп" | "nbsp" => "\u{a0}",
            "втаб" | "vtab" => "\u{b}",
            "пф" | "ff" => "\u{c}",
            _ => return Err(error::no_property(name.text())),
        }))
    }
}

pub(crate) fn text_encoding(arguments: &Args, at: usize) -> Res<()> {
    match arguments.get(at) {
        None | Some(Value::Undefined) => Ok(()),
        Some(value) if value.enum_name() == Some("UTF8") => Ok(()),
        Some(Value::Str(name)) if matches!(name.to_lowercase().as_str(), "utf-8" | "utf8") => Ok(()),
        Some(_) => Err(Failure::new("Кодировка не поддерживается: только UTF-8")),
    }
}
