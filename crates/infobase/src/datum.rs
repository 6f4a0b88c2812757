//! A value as the infobase keeps it, and its form inside SQLite.
//!
//! Every value except NULL is stored as a text that begins with a letter for its type. The texts of one type sort as
//! the values do, so that SQLite's own comparisons, indexes, `MAX` and `ORDER BY` serve all types, composite columns
//! included. Only strings need more: the collation [`compare_stored`] ignores case and trailing blanks in them, as
//! the query language does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;
use uuid::Uuid;

/// A reference to an object of the base.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Full name of the metadata object, for example `Справочник.ИнформационныеКарты`.
    pub object: Arc<str>,
    /// The object's id; nil in an empty reference.
    pub id: Uuid,
}

impl Reference {
    /// The empty reference of an object type.
    pub fn empty(object: &str) -> Self {
        Reference { object: object.into(), id: Uuid::nil() }
    }

    /// A reference with a new random id.
    pub fn new_random(object: &str) -> Self {
        Reference { object: object.into(), id: Uuid::new_v4() }
    }

    /// Whether this is `ПустаяСсылка()`.
    pub fn is_empty(&self) -> bool {
        self.id.is_nil()
    }
}

/// A value of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnumValue {
    /// Full name, for example `Перечисление.ТипыИнформационныхКарт`.
    pub enumeration: Arc<str>,
    /// Name of the value; empty in an empty reference.
    pub value: Arc<str>,
}

/// A value of the infobase.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Datum {
    /// `Неопределено`.
    Undefined,
    /// `NULL`.
    Null,
    /// `Булево`.
    Boolean(bool),
    /// `Число`.
    Number(Decimal),
    /// `Дата`, whole seconds.
    Date(NaiveDateTime),
    /// `Строка`.
    String(String),
    /// A reference to an object.
    Ref(Reference),
    /// A value of an enumeration.
    Enum(EnumValue),
    /// `УникальныйИдентификатор`.
    Uuid(Uuid),
    /// `ХранилищеЗначения`: a text that only its writer can read.
    Storage(String),
    /// `Тип`, by its name, for example `СправочникСсылка.Контрагенты`.
    Type(String),
}

impl Datum {
    /// A string value.
    pub fn text(text: impl Into<String>) -> Self {
        Datum::String(text.into())
    }

    /// A whole number.
    pub fn int(number: i64) -> Self {
        Datum::Number(Decimal::from(number))
    }

    /// A value of an enumeration, by its full name and the value's name.
    pub fn enumeration(enumeration: &str, value: &str) -> Self {
        Datum::Enum(EnumValue { enumeration: enumeration.into(), value: value.into() })
    }

    /// The empty date, `'00010101'`.
    pub fn empty_date() -> Self {
        Datum::Date(empty_date())
    }

    /// Name of the value's type as `Тип()` takes it.
    pub fn type_name(&self) -> String {
        match self {
            Datum::Undefined => "Неопределено".into(),
            Datum::Null => "Null".into(),
            Datum::Boolean(_) => "Булево".into(),
            Datum::Number(_) => "Число".into(),
            Datum::Date(_) => "Дата".into(),
            Datum::String(_) => "Строка".into(),
            Datum::Ref(reference) => reference_type(&reference.object),
            Datum::Enum(value) => reference_type(&value.enumeration),
            Datum::Uuid(_) => "УникальныйИдентификатор".into(),
            Datum::Storage(_) => "ХранилищеЗначения".into(),
            Datum::Type(_) => "Тип".into(),
        }
    }

    /// The text under which SQLite stores the value; `None` for NULL.
    pub fn store(&self) -> Option<String> {
        Some(match self {
            Datum::Null => return None,
            Datum::Undefined => "!".into(),
            Datum::Boolean(value) => format!("b{}", u8::from(*value)),
            Datum::Number(number) => store_number(*number),
            Datum::Date(date) => format!("d{}", date.format("%Y%m%d%H%M%S")),
            Datum::String(text) => format!("s{text}"),
            Datum::Ref(reference) => format!("r{}/{}", reference.object, reference.id),
            Datum::Enum(value) => format!("e{}/{}", value.enumeration, value.value),
            Datum::Uuid(id) => format!("u{id}"),
            Datum::Storage(text) => format!("v{text}"),
            Datum::Type(name) => format!("t{name}"),
        })
    }

    /// Reads what [`Datum::store`] wrote; `None` if the text is not one of those.
    pub fn load(stored: &str) -> Option<Datum> {
        let mut letters = stored.chars();
        let tag = letters.next()?;
        let rest = letters.as_str();
        Some(match tag {
            '!' => Datum::Undefined,
            'b' => Datum::Boolean(rest == "1"),
            'n' => Datum::Number(load_number(rest)?),
            'd' => Datum::Date(NaiveDateTime::parse_from_str(rest, "%Y%m%d%H%M%S").ok()?),
            's' => Datum::String(rest.into()),
            'r' => {
                let (object, id) = rest.rsplit_once('/')?;
                Datum::Ref(Reference { object: object.into(), id: Uuid::parse_str(id).ok()? })
            }
            'e' => {
                let (enumeration, value) = rest.rsplit_once('/')?;
                Datum::enumeration(enumeration, value)
            }
            'u' => Datum::Uuid(Uuid::parse_str(rest).ok()?),
            'v' => Datum::Storage(rest.into()),
            't' => Datum::Type(rest.into()),
            _ => return None,
        })
    }

    /// Whether two values are the same for a query and for a key: strings without case and trailing blanks.
    pub fn same(&self, other: &Datum) -> bool {
        match (self.store(), other.store()) {
            (Some(left), Some(right)) => compare_stored(&left, &right) == Ordering::Equal,
            (left, right) => left == right,
        }
    }
}

impl fmt::Display for Datum {
    /// For messages: the platform's own presentations need the base.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Undefined => write!(out, "Неопределено"),
            Datum::Null => write!(out, "NULL"),
            Datum::Boolean(true) => write!(out, "Истина"),
            Datum::Boolean(false) => write!(out, "Ложь"),
            Datum::Number(number) => write!(out, "{}", number.normalize()),
            Datum::Date(date) => write!(out, "{}", date.format("%d.%m.%Y %H:%M:%S")),
            Datum::String(text) | Datum::Storage(text) => write!(out, "{text}"),
            Datum::Ref(reference) => write!(out, "{}:{}", reference.object, reference.id),
            Datum::Enum(value) => write!(out, "{}.{}", value.enumeration, value.value),
            Datum::Uuid(id) => write!(out, "{id}"),
            Datum::Type(name) => write!(out, "{name}"),
        }
    }
}

/// The empty date of 1C.
pub fn empty_date() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN)
}

/// `Справочник.Х` → `СправочникСсылка.Х`.
pub fn reference_type(object: &str) -> String {
    match object.split_once('.') {
        Some((kind, name)) => format!("{kind}Ссылка.{name}"),
        None => object.into(),
    }
}

/// Sign, exponent and digits, so that texts sort as the numbers do; a negative number has its digits complemented.
fn store_number(number: Decimal) -> String {
    if number.is_zero() {
        return "n1".into();
    }
    let number = number.normalize();
    let digits = number.mantissa().unsigned_abs().to_string();
    let exponent = digits.len() as i64 - i64::from(number.scale()) + 500;
    let digits = digits.trim_end_matches('0');
    if number.is_sign_positive() {
        return format!("n2{exponent:03}{digits}");
    }
    let complement: String = digits.bytes().map(|digit| char::from(b'0' + b'9' - digit)).collect();
    // The colon sorts after all digits: of two negative numbers the one with fewer digits is the greater.
    format!("n0{:03}{complement}:", 999 - exponent)
}

fn load_number(rest: &str) -> Option<Decimal> {
    let (negative, rest) = match rest.as_bytes().first()? {
        b'1' => return Some(Decimal::ZERO),
        b'2' => (false, rest.get(1..)?.to_owned()),
        _ => {
            let digits = rest.get(1..)?.trim_end_matches(':').bytes();
            (true, digits.map(|digit| char::from((b'0' + b'9').wrapping_sub(digit))).collect())
        }
    };
    let exponent = rest.get(..3)?.parse::<i64>().ok()? - 500;
    let digits = rest.get(3..)?;
    let scale = digits.len() as i64 - exponent;
    let mut mantissa = i128::from_str(digits).ok()?;
    if scale < 0 {
        mantissa = mantissa.checked_mul(10_i128.checked_pow(u32::try_from(-scale).ok()?)?)?;
    }
    let number = Decimal::try_from_i128_with_scale(mantissa, u32::try_from(scale.max(0)).ok()?).ok()?;
    Some(if negative { -number } else { number })
}

/// The collation of all columns: strings without case and trailing blanks, everything else byte by byte.
pub fn compare_stored(left: &str, right: &str) -> Ordering {
    if !left.starts_with('s') || !right.starts_with('s') {
        return left.cmp(right);
    }
    let (left, right) = (left.trim_end_matches(' '), right.trim_end_matches(' '));
    if left == right {
        return Ordering::Equal;
    }
    left.chars().flat_map(char::to_lowercase).cmp(right.chars().flat_map(char::to_lowercase))
}

/// A string as queries compare it: without case and trailing blanks.
pub(crate) fn fold_string(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = Decimal> {
        (any::<i64>(), 0_u32..18).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_sort_as_texts(left in number(), right in number()) {
            let (a, b) = (store_number(left), store_number(right));
            prop_assert_eq!(load_number(&a[1..]), Some(left.normalize()));
            prop_assert_eq!(a.cmp(&b), left.cmp(&right), "{} {}", a, b);
        }

        #[test]
        fn any_text_loads_without_panic(text in ".*") {
            let _ = Datum::load(&text);
            let _ = Datum::load(&format!("n{text}"));
        }
    }

    #[test]
    fn values_of_every_type_come_back() {
        for value in [
            Datum::Undefined,
            Datum::Boolean(true),
            Datum::int(-1_234_567),
            Datum::empty_date(),
            Datum::text("Строка / с косой чертой"),
            Datum::Ref(Reference::new_random("Справочник.Контрагенты")),
            Datum::enumeration("Перечисление.ПолФизическогоЛица", ""),
            Datum::Uuid(Uuid::new_v4()),
            Datum::Storage("{}".into()),
            Datum::Type("СправочникСсылка.Контрагенты".into()),
        ] {
            assert_eq!(Datum::load(&value.store().unwrap()), Some(value));
        }
    }

    #[test]
    fn strings_compare_without_case_and_trailing_blanks() {
        assert!(Datum::text("Иванов  ").same(&Datum::text("ИВАНОВ")));
        assert!(!Datum::text(" Иванов").same(&Datum::text("Иванов")));
        assert!(!Datum::text("1").same(&Datum::int(1)));
        assert!(Datum::Number(Decimal::new(150, 2)).same(&Datum::Number(Decimal::new(15, 1))));
    }
}
