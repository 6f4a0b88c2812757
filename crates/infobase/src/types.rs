//! Types of columns: what a field may hold, and how a value is adjusted when it is stored there.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use rust_decimal::{Decimal, RoundingStrategy};
use uuid::Uuid;

use crate::datum::{Datum, EnumValue, Reference, empty_date};

/// One type with its qualifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueType {
    /// `Булево`.
    Boolean,
    /// `Число`.
    Number {
        /// All digits; 0: not limited.
        digits: u32,
        /// Digits after the comma.
        scale: u32,
        /// Whether negative numbers become 0.
        nonnegative: bool,
    },
    /// `Строка`.
    String {
        /// Characters; 0: not limited.
        length: u32,
        /// Whether shorter strings are filled up with blanks.
        fixed: bool,
    },
    /// `Дата`.
    Date(DateParts),
    /// A reference, by the object's full name.
    Ref(String),
    /// A value of an enumeration, by its full name.
    Enum(String),
    /// `УникальныйИдентификатор`.
    Uuid,
    /// `ХранилищеЗначения`.
    Storage,
    /// `Тип`.
    Type,
    /// `Неопределено`, as a literal of a query.
    Undefined,
    /// `NULL`, as a literal of a query.
    Null,
}

/// Which parts of a date a column keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateParts {
    /// The day alone.
    Date,
    /// The time alone, on the first day of the first year.
    Time,
    /// Both.
    DateTime,
}

impl ValueType {
    fn admits(&self, value: &Datum) -> bool {
        match (self, value) {
            (ValueType::Ref(object), Datum::Ref(reference)) => **object == *reference.object,
            (ValueType::Enum(name), Datum::Enum(value)) => **name == *value.enumeration,
            (ValueType::Boolean, Datum::Boolean(_))
            | (ValueType::Number { .. }, Datum::Number(_))
            | (ValueType::String { .. }, Datum::String(_))
            | (ValueType::Date(_), Datum::Date(_))
            | (ValueType::Uuid, Datum::Uuid(_))
            | (ValueType::Storage, Datum::Storage(_))
            | (ValueType::Type, Datum::Type(_))
            | (ValueType::Undefined, Datum::Undefined) => true,
            _ => false,
        }
    }

    /// The type's empty value.
    pub fn empty(&self) -> Datum {
        match self {
            ValueType::Boolean => Datum::Boolean(false),
            ValueType::Number { .. } => Datum::Number(Decimal::ZERO),
            ValueType::String { length, fixed } => Datum::String(sized(String::new(), *length, *fixed)),
            ValueType::Date(_) => Datum::empty_date(),
            ValueType::Ref(object) => Datum::Ref(Reference::empty(object)),
            ValueType::Enum(name) => Datum::Enum(EnumValue { enumeration: name.as_str().into(), value: "".into() }),
            ValueType::Uuid => Datum::Uuid(Uuid::nil()),
            ValueType::Storage => Datum::Storage(String::new()),
            ValueType::Type | ValueType::Undefined => Datum::Undefined,
            ValueType::Null => Datum::Null,
        }
    }

    fn fit(&self, value: Datum) -> Datum {
        match (self, value) {
            (ValueType::String { length, fixed }, Datum::String(text)) => Datum::String(sized(text, *length, *fixed)),
            (ValueType::Number { digits, scale, nonnegative }, Datum::Number(number)) => {
                Datum::Number(fit_number(number, *digits, *scale, *nonnegative))
            }
            (ValueType::Date(parts), Datum::Date(date)) => Datum::Date(fit_date(date, *parts)),
            (_, value) => value,
        }
    }

    /// Name of the type as `Тип()` takes it.
    pub fn name(&self) -> String {
        self.empty_for_name().type_name()
    }

    fn empty_for_name(&self) -> Datum {
        match self {
            ValueType::Type => Datum::Type(String::new()),
            other => other.empty(),
        }
    }
}

fn sized(text: String, length: u32, fixed: bool) -> String {
    if length == 0 {
        return text;
    }
    let length = length as usize;
    let mut cut: String = text.chars().take(length).collect();
    if fixed {
        let missing = length - cut.chars().count();
        cut.extend(std::iter::repeat_n(' ', missing));
    }
    cut
}

fn fit_number(number: Decimal, digits: u32, scale: u32, nonnegative: bool) -> Decimal {
    if nonnegative && number.is_sign_negative() {
        return Decimal::ZERO;
    }
    if digits == 0 {
        return number;
    }
    let rounded = number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
    let nines = 10_i128.checked_pow(digits).map_or(i128::MAX, |power| power - 1);
    // More digits than the machine's decimal has: nothing to limit.
    let Ok(limit) = Decimal::try_from_i128_with_scale(nines, scale) else { return rounded };
    rounded.clamp(-limit, limit)
}

fn fit_date(date: NaiveDateTime, parts: DateParts) -> NaiveDateTime {
    match parts {
        DateParts::DateTime => date.with_nanosecond(0).unwrap_or(date),
        DateParts::Date => date.date().and_time(NaiveTime::MIN),
        DateParts::Time => empty_date().date().and_time(date.time().with_nanosecond(0).unwrap_or(NaiveTime::MIN)),
    }
}

/// The types that a column or an expression may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TypeSet(Vec<ValueType>);

impl TypeSet {
    /// A set of one type.
    pub fn one(value_type: ValueType) -> Self {
        TypeSet(vec![value_type])
    }

    /// A set of several.
    pub fn new(types: Vec<ValueType>) -> Self {
        TypeSet(types)
    }

    /// `Булево`.
    pub fn boolean() -> Self {
        Self::one(ValueType::Boolean)
    }

    /// `Число` without qualifiers.
    pub fn number() -> Self {
        Self::one(ValueType::Number { digits: 0, scale: 0, nonnegative: false })
    }

    /// `Строка` of at most `length` characters, 0: any.
    pub fn string(length: u32) -> Self {
        Self::one(ValueType::String { length, fixed: false })
    }

    /// `Дата` with time.
    pub fn date() -> Self {
        Self::one(ValueType::Date(DateParts::DateTime))
    }

    /// A reference to the object with this full name.
    pub fn reference(object: &str) -> Self {
        Self::one(ValueType::Ref(object.into()))
    }

    /// The type of a value at hand.
    pub fn of(value: &Datum) -> Self {
        Self::one(match value {
            Datum::Undefined => ValueType::Undefined,
            Datum::Null => ValueType::Null,
            Datum::Boolean(_) => ValueType::Boolean,
            Datum::Number(_) => return Self::number(),
            Datum::Date(_) => ValueType::Date(DateParts::DateTime),
            // A parameter may be compared however long it is.
            Datum::String(text) => {
                ValueType::String { length: text.chars().count().clamp(1, 1024) as u32, fixed: false }
            }
            Datum::Ref(reference) => ValueType::Ref(reference.object.to_string()),
            Datum::Enum(value) => ValueType::Enum(value.enumeration.to_string()),
            Datum::Uuid(_) => ValueType::Uuid,
            Datum::Storage(_) => ValueType::Storage,
            Datum::Type(_) => ValueType::Type,
        })
    }

    /// The types, in the order of the declaration.
    pub fn types(&self) -> &[ValueType] {
        &self.0
    }

    /// Whether a value of this type (or empty value of a composite one) may be stored as it is.
    pub fn admits(&self, value: &Datum) -> bool {
        (self.0.len() != 1 && *value == Datum::Undefined) || self.0.iter().any(|one| one.admits(value))
    }

    /// What the column holds before anything is stored: `Неопределено` if the type is composite.
    pub fn empty(&self) -> Datum {
        match self.0.as_slice() {
            [one] => one.empty(),
            _ => Datum::Undefined,
        }
    }

    /// Adjusts a value as an assignment to an attribute does (`ОписаниеТипов.ПривестиЗначение`): a value of a foreign
    /// type becomes the empty value, a long string is cut, a number is rounded.
    pub fn adjust(&self, value: Datum) -> Datum {
        if let Some(one) = self.0.iter().find(|one| one.admits(&value)) {
            return one.fit(value);
        }
        self.convert(&value).unwrap_or_else(|| self.empty())
    }

    /// What a value of a foreign type becomes if the column has exactly one primitive type.
    fn convert(&self, value: &Datum) -> Option<Datum> {
        let [one] = self.0.as_slice() else { return None };
        let converted = match (one, value) {
            (ValueType::String { .. }, Datum::Number(number)) => Datum::String(number.normalize().to_string()),
            (ValueType::String { .. }, Datum::Boolean(flag)) => Datum::text(if *flag { "Да" } else { "Нет" }),
            (ValueType::Number { .. }, Datum::String(text)) => {
                Datum::Number(text.trim().replace(',', ".").parse::<Decimal>().ok()?)
            }
            (ValueType::Number { .. }, Datum::Boolean(flag)) => Datum::int(i64::from(*flag)),
            (ValueType::Boolean, Datum::Number(number)) => Datum::Boolean(!number.is_zero()),
            (ValueType::Date(_), Datum::String(text)) => {
                Datum::Date(NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?.and_time(NaiveTime::MIN))
            }
            _ => return None,
        };
        Some(one.fit(converted))
    }

    /// Adds the types of another set.
    pub fn union(mut self, other: &TypeSet) -> Self {
        for one in &other.0 {
            if !self.0.contains(one) {
                self.0.push(one.clone());
            }
        }
        self
    }

    /// Whether one of the types is a string of unlimited length, which a query cannot compare, group or order by.
    pub fn has_unlimited_string(&self) -> bool {
        self.0.iter().any(|one| matches!(one, ValueType::String { length: 0, .. } | ValueType::Storage))
    }

    /// Full names of the objects that the value may refer to.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|one| match one {
            ValueType::Ref(name) | ValueType::Enum(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_adjusted_to_the_column() {
        let money = TypeSet::one(ValueType::Number { digits: 5, scale: 2, nonnegative: false });
        assert_eq!(money.adjust(Datum::Number(Decimal::new(12345, 3))), Datum::Number(Decimal::new(1235, 2)));
        assert_eq!(money.adjust(Datum::int(1_000_000)), Datum::Number(Decimal::new(99999, 2)));
        assert_eq!(money.adjust(Datum::text("7,5")), Datum::Number(Decimal::new(75, 1)));
        assert_eq!(TypeSet::string(3).adjust(Datum::text("карта")), Datum::text("кар"));
        let fixed = TypeSet::one(ValueType::String { length: 4, fixed: true });
        assert_eq!(fixed.adjust(Datum::text("id")), Datum::text("id  "));
        assert_eq!(fixed.adjust(Datum::Undefined), Datum::text("    "));
    }

    #[test]
    fn a_foreign_reference_becomes_the_empty_one() {
        let owner = TypeSet::reference("Справочник.Контрагенты");
        let person = Datum::Ref(Reference::new_random("Справочник.ФизическиеЛица"));
        assert_eq!(owner.adjust(person.clone()), Datum::Ref(Reference::empty("Справочник.Контрагенты")));
        let both = owner.union(&TypeSet::reference("Справочник.ФизическиеЛица"));
        assert_eq!(both.adjust(person.clone()), person);
        assert_eq!(both.empty(), Datum::Undefined);
    }
}
