//! The values of the language, and how they compare, convert and become text.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::date::Date;
use crate::enums::EnumItem;
use crate::error::{Failure, Res, conversion};
use crate::object::Object;

/// A value. Values belong to one session: objects are shared by reference within it.
#[derive(Clone, Default)]
pub enum Value {
    /// `Неопределено`.
    #[default]
    Undefined,
    /// `NULL`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A decimal number.
    Number(Decimal),
    /// A date with seconds.
    Date(Date),
    /// A text.
    Str(Arc<str>),
    /// A type, by its Russian name.
    Type(Arc<str>),
    /// A value of an enumeration of the platform.
    Enum(EnumItem),
    /// Anything else.
    Object(Rc<dyn Object>),
}

/// A name of the program: names are the same whatever their case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    text: Arc<str>,
    key: Arc<str>,
}

impl Name {
    /// A name as it is written.
    pub fn new(text: &str) -> Name {
        let key: Arc<str> = text.to_lowercase().into();
        Name { text: text.into(), key }
    }

    /// The name as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name in lower case.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn shared_key(&self) -> Arc<str> {
        self.key.clone()
    }

    pub(crate) fn shared_text(&self) -> Arc<str> {
        self.text.clone()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What makes two keys of a `Соответствие` the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// `Неопределено`.
    Undefined,
    /// `NULL`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Decimal),
    /// A date.
    Date(Date),
    /// A text.
    Str(Arc<str>),
    /// A type.
    Type(Arc<str>),
    /// A value of an enumeration of the platform.
    Enum(EnumItem),
    /// An object that compares by its contents.
    Contents(String),
    /// An object that is the same as itself only.
    Identity(usize),
}

impl Value {
    /// A text.
    pub fn str(text: impl AsRef<str>) -> Value {
        Value::Str(text.as_ref().into())
    }

    /// A whole number.
    pub fn int(number: impl Into<i64>) -> Value {
        Value::Number(Decimal::from(number.into()))
    }

    /// A count.
    pub fn count(count: usize) -> Value {
        Value::Number(Decimal::from(count))
    }

    /// An object.
    pub fn object(object: impl Object) -> Value {
        Value::Object(Rc::new(object))
    }

    /// The object of the given type, if the value is one.
    pub fn as_object<T: Object>(&self) -> Option<&T> {
        match self {
            Value::Object(object) => {
                let any: &dyn std::any::Any = &**object;
                any.downcast_ref()
            }
            _ => None,
        }
    }

    /// The Russian name of a value of a platform's enumeration.
    pub fn enum_name(&self) -> Option<&'static str> {
        match self {
            Value::Enum(item) => Some(item.name()),
            _ => None,
        }
    }

    /// The Russian name of the value's type.
    pub fn type_name(&self) -> Cow<'static, str> {
        match self {
            Value::Undefined => "Неопределено".into(),
            Value::Null => "Null".into(),
            Value::Bool(_) => "Булево".into(),
            Value::Number(_) => "Число".into(),
            Value::Date(_) => "Дата".into(),
            Value::Str(_) => "Строка".into(),
            Value::Type(_) => "Тип".into(),
            Value::Enum(item) => item.enumeration().name.into(),
            Value::Object(object) => object.type_name(),
        }
    }

    /// The text that `Строка()` gives.
    pub fn text(&self) -> Arc<str> {
        match self {
            Value::Str(text) => text.clone(),
            Value::Undefined | Value::Null => "".into(),
            Value::Bool(true) => "Да".into(),
            Value::Bool(false) => "Нет".into(),
            Value::Number(number) => number_text(*number).into(),
            Value::Date(date) => date_text(*date).into(),
            Value::Type(name) => crate::types::presentation(name).into(),
            Value::Enum(item) => item.name().into(),
            Value::Object(object) => object.text().into(),
        }
    }

    /// The number that the value converts to.
    pub fn number(&self) -> Res<Decimal> {
        match self {
            Value::Number(number) => Ok(*number),
            Value::Bool(truth) => Ok(Decimal::from(u8::from(*truth))),
            Value::Str(text) => parse_number(text).ok_or_else(|| conversion("Число")),
            _ => Err(conversion("Число")),
        }
    }

    /// The whole number that the value converts to; a fraction is cut off.
    pub fn integer(&self) -> Res<i64> {
        self.number()?.trunc().to_i64().ok_or_else(|| conversion("Число"))
    }

    /// The truth value that the value converts to.
    pub fn truth(&self) -> Res<bool> {
        match self {
            Value::Bool(truth) => Ok(*truth),
            Value::Number(number) => Ok(!number.is_zero()),
            Value::Str(text) => match text.trim().to_lowercase().as_str() {
                "истина" | "true" | "да" => Ok(true),
                "ложь" | "false" | "нет" => Ok(false),
                _ => Err(conversion("Булево")),
            },
            _ => Err(conversion("Булево")),
        }
    }

    /// The date that the value converts to.
    pub fn date(&self) -> Res<Date> {
        match self {
            Value::Date(date) => Ok(*date),
            Value::Str(text) => Date::parse(text.trim()).ok_or_else(|| conversion("Дата")),
            _ => Err(conversion("Дата")),
        }
    }

    /// What makes the value the same key as another.
    pub fn key(&self) -> Key {
        match self {
            Value::Undefined => Key::Undefined,
            Value::Null => Key::Null,
            Value::Bool(truth) => Key::Bool(*truth),
            Value::Number(number) => Key::Number(number.normalize()),
            Value::Date(date) => Key::Date(*date),
            Value::Str(text) => Key::Str(text.clone()),
            Value::Type(name) => Key::Type(name.clone()),
            Value::Enum(item) => Key::Enum(*item),
            Value::Object(object) => match object.contents_key() {
                Some(contents) => Key::Contents(contents),
                None => Key::Identity(Rc::as_ptr(object).cast::<()>() as usize),
            },
        }
    }

    /// Whether `=` holds.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Number(one), Value::Number(other)) => one == other,
            (Value::Str(one), Value::Str(other)) => one == other,
            (Value::Object(one), Value::Object(other)) if Rc::ptr_eq(one, other) => true,
            // A truth value and a number compare as numbers.
            (Value::Bool(truth), Value::Number(number)) | (Value::Number(number), Value::Bool(truth)) => {
                *number == Decimal::from(u8::from(*truth))
            }
            _ => self.key() == other.key(),
        }
    }

    /// How `<` and `>` see two values.
    pub fn order(&self, other: &Value) -> Res<Ordering> {
        match (self, other) {
            (Value::Number(one), Value::Number(other)) => Ok(one.cmp(other)),
            (Value::Str(one), Value::Str(other)) => Ok(compare_text(one, other)),
            (Value::Date(one), Value::Date(other)) => Ok(one.cmp(other)),
            (Value::Bool(one), Value::Bool(other)) => Ok(one.cmp(other)),
            (Value::Bool(_), Value::Number(_)) | (Value::Number(_), Value::Bool(_)) => {
                Ok(self.number()?.cmp(&other.number()?))
            }
            _ => Err(Failure::new(
                "Операции сравнения на больше-меньше допустимы только для значений совпадающих примитивных типов \
                 (Булево, Число, Строка, Дата)",
            )),
        }
    }

    /// How a sorted table sees two values: types in a fixed order, then values.
    pub fn sort_order(&self, other: &Value) -> Ordering {
        let rank = |value: &Value| match value {
            Value::Undefined => 0,
            Value::Null => 1,
            Value::Bool(_) => 2,
            Value::Number(_) => 3,
            Value::Date(_) => 4,
            Value::Str(_) => 5,
            _ => 6,
        };
        let both = (rank(self), rank(other));
        match both {
            (6, 6) => compare_text(&self.text(), &other.text()),
            (one, two) if one != two => one.cmp(&two),
            _ => match (self, other) {
                // Names differ by case only if nothing else differs.
                (Value::Str(one), Value::Str(other)) => compare_text(one, other),
                _ => self.order(other).unwrap_or(Ordering::Equal),
            },
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.type_name(), self.text())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Value {
        Value::Number(number)
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Value {
        Value::Date(date)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text.into())
    }
}

/// Letters compare as a dictionary has them: without case first, `ё` after `е`, small before capital.
pub(crate) fn compare_text(one: &str, other: &str) -> Ordering {
    fn weight(c: char) -> (u32, u32, bool) {
        let small = c.to_lowercase().next().unwrap_or(c);
        let class = if small.is_alphabetic() {
            2
        } else if small.is_numeric() {
            1
        } else {
            0
        };
        let code = if small == 'ё' { u32::from('е') * 2 + 1 } else { u32::from(small) * 2 };
        (class, code, c.is_uppercase())
    }
    let both = |with_case: bool| {
        let key = move |c: char| {
            let (class, code, capital) = weight(c);
            (class, code, with_case && capital)
        };
        one.chars().map(key).cmp(other.chars().map(key))
    };
    both(false).then_with(|| both(true))
}

/// A number as 1C writes it: groups of three with a no-break space, a decimal comma.
pub(crate) fn number_text(number: Decimal) -> String {
    let plain = number.normalize().to_string();
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = format!("{sign}{}", grouped(whole, "\u{a0}", &[3]));
    if let Some(fraction) = fraction {
        text.push(',');
        text.push_str(fraction);
    }
    text
}

/// Digits in groups from the right; the last size repeats, a size of 0 ends grouping.
pub(crate) fn grouped(digits: &str, separator: &str, sizes: &[usize]) -> String {
    let mut groups = Vec::new();
    let mut rest = digits;
    let mut at = 0;
    while let Some(&size) = sizes.get(at).or(sizes.last()).filter(|size| **size > 0) {
        if rest.len() <= size {
            break;
        }
        let (head, tail) = rest.split_at(rest.len() - size);
        groups.push(tail);
        rest = head;
        at += 1;
    }
    groups.push(rest);
    groups.reverse();
    groups.join(separator)
}

fn date_text(date: Date) -> String {
    date.chrono().format("%d.%m.%Y %-H:%M:%S").to_string()
}

/// A number from a text: blanks around it, groups, a decimal point or comma.
pub(crate) fn parse_number(text: &str) -> Option<Decimal> {
    let blank = |c: char| c.is_whitespace() || c == '\u{a0}';
    let text = text.trim_matches(blank);
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == ',')
        || !digits.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let plain: String = text.chars().filter(|c| *c != '\u{a0}').map(|c| if c == ',' { '.' } else { c }).collect();
    let plain = plain.strip_suffix('.').unwrap_or(&plain);
    if plain.contains(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-' | '+')) {
        return None;
    }
    Decimal::from_str_exact(plain).or_else(|_| plain.parse()).ok().map(|number: Decimal| number.normalize())
}
