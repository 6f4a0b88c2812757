//! What a host may do with an object, as the fuzzer chooses it.

use addin_host::{AllocationRefusal, Destroy, HostOptions, Tm, Value};
use arbitrary::{Arbitrary, Unstructured};

/// A long string has so many UTF-16 code units at most.
const LONGEST_TEXT: usize = 1 << 20;
/// Types whose payload is a pointer that the add-in follows: `VTYPE_PSTR`, `VTYPE_PWSTR`, `VTYPE_BLOB`.
const POINTER_TYPES: [u16; 3] = [8, 22, 23];
/// The size of a pointer at the start of such a payload.
const POINTER: usize = size_of::<usize>();

/// One object's life.
#[derive(Arbitrary, Debug)]
pub struct Life {
    options: Options,
    /// What happens to the object, in order.
    pub steps: Vec<Step>,
}

/// One thing that a host, BSL code or the server does.
#[derive(Arbitrary, Debug)]
pub enum Step {
    Get {
        property: Index,
    },
    Set {
        property: Index,
        value: Argument,
    },
    Call {
        method: Index,
        arguments: Vec<Argument>,
        as_function: bool,
    },
    CallService {
        method: Service,
        arguments: Vec<Argument>,
    },
    Find {
        name: Text,
    },
    Describe {
        member: Index,
        parameter: Index,
        alias: i8,
    },
    Locale(Text),
    UserLanguage(Text),
    RefuseAllocation {
        nth: u8,
    },
    RefuseAllocations(bool),
    /// From now on the server gives this answer.
    Answer {
        status: u16,
        body: Text,
    },
    /// From now on nothing listens at the server's address.
    Hang,
}

/// A method that sends something.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Service {
    CreateCard,
    UpdateCard,
    UpdateCards,
    CallMethod,
    CreateCards,
    GetCards,
    Diagnose,
}

impl Service {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Service::CreateCard => "CreateCard",
            Service::UpdateCard => "UpdateCard",
            Service::UpdateCards => "UpdateCards",
            Service::CallMethod => "CallMethod",
            Service::CreateCards => "CreateCards",
            Service::GetCards => "GetCards",
            Service::Diagnose => "Diagnose",
        }
    }
}

/// An index of a property, method or parameter.
#[derive(Arbitrary, Debug)]
pub enum Index {
    /// One that may exist.
    Small(u8),
    /// Any.
    Any(i32),
}

impl Index {
    /// The number.
    pub fn number(&self) -> i32 {
        match *self {
            Index::Small(index) => (index % 32).into(),
            Index::Any(index) => index,
        }
    }
}

/// A string.
#[derive(Arbitrary, Debug)]
pub enum Text {
    /// One of those that mean something.
    Known(u8),
    Plain(String),
    /// Lone surrogates included.
    Units(Vec<u16>),
    Long {
        units: Vec<u16>,
        times: u16,
    },
    /// A JSON object with one member.
    Member {
        name: String,
        value: String,
    },
}

const KNOWN_TEXTS: [&str; 44] = [
    "",
    " \t\r\n",
    "null",
    "direct",
    "http://user:p%40s@127.0.0.1:1",
    "http://127.0.0.1:1/oapi/v1/",
    "https://getpass.passteam.ru/oapi/v1",
    "http://example.com",
    "ru_RU",
    "en",
    "C",
    "Token",
    "ОБНОВИТЬКАРТУ",
    "Ёлка",
    "PHONE",
    "%PHONE%",
    "79161234567",
    "gettemplates",
    "../admin",
    "5f0c",
    r#"{"PHONE":"79161234567","%CLIENT_NAME%":"Мария & Ко","BONUS":12.50,"VIP":true,"OLD":null}"#,
    r#"{"a":{"b":[1,{"c":"\ud83d"}]},"d":1e3}"#,
    r#"{"a":[]}"#,
    r#"{"":1}"#,
    r#"{"a":1e999}"#,
    r#"{"a":"#,
    "[]",
    r#"[{"cardId":"a","values":{"A":1}},{"cardId":"b"},{"cardId":" a ","values":{"A":2}},{"values":{}},7]"#,
    r#"[{"cardId":"a"},{"cardId":"b"},{"cardId":"c"},{"cardId":"d"},{"cardId":"e","values":{"A":[]}}]"#,
    r#"{"code":200,"result":{"cardId":"5f0c","cardUrl":"https://x.example/","card":{"installed":true}}}"#,
    r#"{"code":409,"message":"79161234567 of Мария & Ко, sent with NOBODY-ELSE-WRITES-THIS"}"#,
    r#"{"code":500,"message":"Provided field (PHONE) is unique and must be set."}"#,
    r#"{"code":500,"message":"Provided field (NOBODY-ELSE-WRITES-THIS) is unique and must be set."}"#,
    r#"{"code":401}"#,
    r#"{"code":404}"#,
    r#"{"code":429}"#,
    r#"{"code":"503","message":"values%5B%25PHONE%25%5D=79161234567"}"#,
    r#"{"code":9223372036854775807}"#,
    "<html>Bad Gateway</html>",
    "/etc/ssl/certs/ca-certificates.crt",
    r#"[{"key":"a","values":{"A":1}},{"key":"a"},{"key":" "},{"values":{}},{"key":5},{"key":"b","values":{"A":[]}}]"#,
    r#"{"code":200,"result":[{"_id":"5f0c8d9e2b7a4c0011223344","%A%":"NOBODY-ELSE-WRITES-THIS","installed":true}]}"#,
    r#"{"code":200,"result":{"cards":[],"nextPage":null}}"#,
    r#"{"code":200,"result":{"cardId":"NOBODY-ELSE-WRITES-THIS","cardUrl":"https://x/NOBODY-ELSE-WRITES-THIS"}}"#,
];

impl Text {
    /// The code units.
    pub fn units(&self) -> Vec<u16> {
        match self {
            Text::Known(index) => KNOWN_TEXTS[usize::from(*index) % KNOWN_TEXTS.len()].encode_utf16().collect(),
            Text::Plain(text) => text.encode_utf16().collect(),
            Text::Units(units) => units.clone(),
            Text::Long { units, times } => units.repeat(usize::from(*times).min(LONGEST_TEXT / units.len().max(1))),
            Text::Member { name, value } => serde_json::json!({ name: value }).to_string().encode_utf16().collect(),
        }
    }

    /// The text; lone surrogates have become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf16_lossy(&self.units())
    }
}

/// A value of any type of the Native API.
#[derive(Arbitrary, Debug)]
pub enum Argument {
    Empty,
    Null,
    I1(i8),
    UI1(u8),
    I2(i16),
    UI2(u16),
    I4(i32),
    UI4(u32),
    I8(i64),
    UI8(u64),
    Int(i32),
    Uint(u32),
    R4(f32),
    R8(f64),
    SmallNumber(u8),
    Date(f64),
    Day(i32),
    Tm(#[arbitrary(with = tm)] Tm),
    Bool(bool),
    Error(i32),
    Hresult(i64),
    Text(Text),
    NullString { len: u32 },
    Pstr(Vec<u8>),
    Blob(Vec<u8>),
    Interface(usize),
    Variant(Option<Box<Argument>>),
    Clsid([u8; 16]),
    Other { vt: u16, bytes: [u8; 16] },
}

fn tm(from: &mut Unstructured<'_>) -> arbitrary::Result<Tm> {
    let mut field =
        || -> arbitrary::Result<i32> { if from.arbitrary()? { from.arbitrary() } else { from.int_in_range(0..=127) } };
    Ok(Tm {
        sec: field()?,
        min: field()?,
        hour: field()?,
        mday: field()?,
        mon: field()?,
        year: field()?,
        wday: field()?,
        yday: field()?,
        isdst: field()?,
    })
}

impl Argument {
    /// The value for the host.
    pub fn value(&self) -> Value {
        match self {
            Argument::Empty => Value::Empty,
            Argument::Null => Value::Null,
            Argument::I1(number) => Value::I1(*number),
            Argument::UI1(number) => Value::UI1(*number),
            Argument::I2(number) => Value::I2(*number),
            Argument::UI2(number) => Value::UI2(*number),
            Argument::I4(number) => Value::I4(*number),
            Argument::UI4(number) => Value::UI4(*number),
            Argument::I8(number) => Value::I8(*number),
            Argument::UI8(number) => Value::UI8(*number),
            Argument::Int(number) => Value::Int(*number),
            Argument::Uint(number) => Value::Uint(*number),
            Argument::R4(number) => Value::R4(*number),
            Argument::R8(number) => Value::R8(*number),
            Argument::SmallNumber(number) => Value::I4((*number).into()),
            Argument::Date(days) => Value::Date(*days),
            Argument::Day(day) => Value::Date((*day).into()),
            Argument::Tm(tm) => Value::Tm(*tm),
            Argument::Bool(value) => Value::Bool(*value),
            Argument::Error(code) => Value::Error(*code),
            Argument::Hresult(code) => Value::Hresult(*code),
            Argument::Text(text) => Value::String(text.units()),
            Argument::NullString { len } => Value::NullString { len: *len },
            Argument::Pstr(bytes) => Value::Pstr(bytes.clone()),
            Argument::Blob(bytes) => Value::Blob(bytes.clone()),
            Argument::Interface(address) => Value::Interface(*address),
            Argument::Variant(inner) => Value::Variant(inner.as_deref().map(|inner| Box::new(inner.value()))),
            Argument::Clsid(bytes) => Value::Clsid(*bytes),
            Argument::Other { vt, bytes } => other(*vt, *bytes),
        }
    }
}

/// A variant as its bytes say, but that a pointer in it leads nowhere: no host gives one that leads astray.
fn other(vt: u16, mut bytes: [u8; 16]) -> Value {
    if POINTER_TYPES.contains(&vt) {
        bytes[..POINTER].fill(0);
    }
    Value::Other { vt, bytes }
}

/// What hosts do differently from one another.
#[derive(Arbitrary, Debug)]
struct Options {
    null_empty_strings: bool,
    virtual_destructor: bool,
    zero_allocation_is_null: bool,
    leaves_refused_pointers: bool,
    init_first: bool,
    isolated: bool,
}

impl Life {
    /// The host's ways.
    pub fn options(&self) -> HostOptions {
        let options = &self.options;
        HostOptions {
            null_empty_strings: options.null_empty_strings,
            destroy: if options.virtual_destructor { Destroy::VirtualDestructor } else { Destroy::DestroyObject },
            zero_allocation_is_null: options.zero_allocation_is_null,
            allocation_refusal: if options.leaves_refused_pointers {
                AllocationRefusal::Untouched
            } else {
                AllocationRefusal::Null
            },
            init_first: options.init_first,
            isolated: options.isolated,
            ..HostOptions::default()
        }
    }
}
