//! Values as BSL means them: [`Argument`] comes in, [`Returned`] goes back; and how a value becomes the text of a variable.
//!
//! Nothing here knows how the platform lays them out in memory: [`crate::variant`] does.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::misuse::{BslType, Problem};

/// A value that BSL passes in.
///
/// No `Debug`: it may hold a customer's data or the token.
#[derive(Clone, PartialEq)]
pub enum Argument {
    /// Неопределено, or a parameter that was left out.
    Undefined,
    /// Null.
    Null,
    /// Булево.
    Boolean(bool),
    /// Число that the platform sent as an integer.
    Integer(i128),
    /// Число in single precision.
    Single(f32),
    /// Число in double precision.
    Double(f64),
    /// Дата; the error stands for a date that does not exist.
    Date(Result<NaiveDateTime, InvalidDate>),
    /// Строка; lone surrogates have become U+FFFD.
    Text(String),
    /// Binary data.
    Binary,
    /// A type that the component cannot use; its number in the official header `types.h`.
    Other(u16),
}

/// A date that does not exist, or one outside the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDate;

/// A value that BSL gets back.
#[derive(Clone, Debug, PartialEq)]
pub enum Returned {
    /// Неопределено.
    Undefined,
    /// Булево.
    Boolean(bool),
    /// Число; it goes as an integer if it is one and fits into 32 bits, as the platform itself sends numbers.
    Number(f64),
    /// Строка.
    Text(String),
}

/// 2^53: the first number from which a double no longer holds every integer.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

impl Argument {
    /// The type by its BSL name.
    pub fn bsl_type(&self) -> BslType {
        match self {
            Argument::Undefined => BslType::Undefined,
            Argument::Null => BslType::Null,
            Argument::Boolean(_) => BslType::Boolean,
            Argument::Integer(_) | Argument::Single(_) | Argument::Double(_) => BslType::Number,
            Argument::Date(_) => BslType::Date,
            Argument::Text(_) => BslType::String,
            Argument::Binary => BslType::Binary,
            Argument::Other(vt) => BslType::Other(*vt),
        }
    }

    /// The text of a Строка.
    pub fn as_text(&self) -> Result<&str, Problem> {
        match self {
            Argument::Text(text) => Ok(text),
            other => Err(Problem::WrongType { expected: BslType::String, got: other.bsl_type() }),
        }
    }

    /// The text of an optional Строка: Неопределено and Null count as empty.
    pub fn as_optional_text(&self) -> Result<&str, Problem> {
        match self {
            Argument::Undefined | Argument::Null => Ok(""),
            other => other.as_text(),
        }
    }

    /// The number of a Число, which may be NaN or infinite.
    pub fn as_number(&self) -> Result<f64, Problem> {
        match self {
            // Rounding changes only large numbers, which are outside the range of every setting.
            Argument::Integer(number) => Ok(*number as f64),
            Argument::Single(number) => Ok((*number).into()),
            Argument::Double(number) => Ok(*number),
            other => Err(Problem::WrongType { expected: BslType::Number, got: other.bsl_type() }),
        }
    }

    /// A number of a setting that has a range.
    pub fn as_number_within(&self, (least, most): (f64, f64)) -> Result<f64, Problem> {
        let number = self.as_number()?;
        if (least..=most).contains(&number) { Ok(number) } else { Err(Problem::OutOfRange { least, most }) }
    }

    /// A whole number, not negative, of a setting that has a range.
    pub fn as_whole_within(&self, range: (f64, f64)) -> Result<u32, Problem> {
        let number = self.as_number_within(range)?;
        if number.fract() == 0.0 { Ok(number as u32) } else { Err(Problem::NotWhole) }
    }

    /// The value of a template's variable as it is sent (docs/reference.md says how each type becomes text).
    pub fn to_variable(&self) -> Result<String, Problem> {
        match self {
            Argument::Undefined | Argument::Null => Ok(String::new()),
            Argument::Boolean(value) => Ok(value.to_string()),
            Argument::Integer(number) => exact(*number as f64, || number.to_string()),
            Argument::Single(number) => exact((*number).into(), || decimal(number)),
            Argument::Double(number) => exact(*number, || decimal(number)),
            Argument::Date(Ok(date)) => Ok(date_text(date)),
            Argument::Date(Err(InvalidDate)) => Err(Problem::InvalidDate),
            Argument::Text(text) => Ok(text.clone()),
            Argument::Binary | Argument::Other(_) => Err(Problem::Unsendable { got: self.bsl_type() }),
        }
    }
}

/// `text`, unless the number has lost digits or is none.
fn exact(number: f64, text: impl FnOnce() -> String) -> Result<String, Problem> {
    if !number.is_finite() {
        Err(Problem::NotFinite)
    } else if number.abs() >= FIRST_INEXACT {
        Err(Problem::NumberTooLarge)
    } else {
        Ok(text())
    }
}

/// Rust's `Display` for floats gives the shortest plain decimal; `-0` is the one spelling to change.
fn decimal(number: &(impl std::fmt::Display + Default + PartialEq)) -> String {
    if *number == Default::default() { "0".to_owned() } else { number.to_string() }
}

fn date_text(date: &NaiveDateTime) -> String {
    if *date == empty_date() {
        return String::new();
    }
    // chrono's own format strings would add 25 KB to the library.
    let day = format!("{:02}.{:02}.{:04}", date.day(), date.month(), date.year());
    if date.time() == NaiveTime::MIN {
        day
    } else {
        format!("{day} {:02}:{:02}:{:02}", date.hour(), date.minute(), date.second())
    }
}

/// BSL's empty date, 0001-01-01 00:00:00.
fn empty_date() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN)
}

/// A pause in whole seconds, never too short.
pub fn whole_seconds(pause: Duration) -> u64 {
    pause.as_secs() + u64::from(pause.subsec_nanos() > 0)
}

/// The date of a year, month and day, from 1 each, and of an hour, minute and second.
pub fn date_and_time(
    (year, month, day): (i32, i32, i32),
    (hour, minute, second): (i32, i32, i32),
) -> Result<NaiveDateTime, InvalidDate> {
    let unsigned = |part: i32| u32::try_from(part).map_err(|_| InvalidDate);
    let year = Some(year).filter(|year| (1..=9999).contains(year)).ok_or(InvalidDate)?;
    NaiveDate::from_ymd_opt(year, unsigned(month)?, unsigned(day)?)
        .and_then(|day| day.and_hms_opt(unsigned(hour).ok()?, unsigned(minute).ok()?, unsigned(second).ok()?))
        .ok_or(InvalidDate)
}

/// The date that `DATE` means. It counts days from 1899-12-30; the fraction is the time since midnight, also for days
/// before that one, whose number is negative.
pub fn from_ole_date(days: f64) -> Result<NaiveDateTime, InvalidDate> {
    const FIRST: f64 = -693_593.0;
    const AFTER_LAST: f64 = 2_958_466.0;
    const DAY: f64 = 86_400.0;
    if !(days > FIRST - 1.0 && days < AFTER_LAST) {
        return Err(InvalidDate);
    }
    let seconds = (days.fract().abs() * DAY).round();
    let start = NaiveDate::from_ymd_opt(1, 1, 1).ok_or(InvalidDate)?;
    let from_start = (days.trunc() - FIRST) as u64 + u64::from(seconds >= DAY);
    start
        .checked_add_days(Days::new(from_start))
        .filter(|day| *day < NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap_or(NaiveDate::MAX))
        .and_then(|day| {
            NaiveTime::from_num_seconds_from_midnight_opt((seconds % DAY) as u32, 0).map(|time| day.and_time(time))
        })
        .ok_or(InvalidDate)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Time = (i32, i32, i32);

    fn double(number: f64) -> Result<String, Problem> {
        Argument::Double(number).to_variable()
    }

    #[test]
    fn numbers_are_plain_decimals() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (12.5, "12.5"),
            (-12.5, "-12.5"),
            (12500.5, "12500.5"),
            (0.1, "0.1"),
            (1e-7, "0.0000001"),
            (79_161_234_567.0, "79161234567"),
            (9_007_199_254_740_991.0, "9007199254740991"),
        ] {
            assert_eq!(double(number).as_deref(), Ok(text));
        }
        assert_eq!(Argument::Single(0.1).to_variable().as_deref(), Ok("0.1"));
        assert_eq!(Argument::Integer(-1234).to_variable().as_deref(), Ok("-1234"));
    }

    #[test]
    fn a_number_that_has_lost_digits_or_is_none_is_refused() {
        assert_eq!(double(9_007_199_254_740_992.0), Err(Problem::NumberTooLarge));
        assert_eq!(double(-1e300), Err(Problem::NumberTooLarge));
        assert_eq!(Argument::Integer(1 << 53).to_variable(), Err(Problem::NumberTooLarge));
        assert_eq!(double(f64::NAN), Err(Problem::NotFinite));
        assert_eq!(double(f64::NEG_INFINITY), Err(Problem::NotFinite));
        assert_eq!(Argument::Single(f32::NAN).to_variable(), Err(Problem::NotFinite));
    }

    #[test]
    fn dates_read_as_in_a_shop() {
        let text = |day: (i32, i32, i32), time: Time| Argument::Date(date_and_time(day, time)).to_variable();
        for (day, time, shown) in [
            ((1985, 3, 9), (0, 0, 0), "09.03.1985"),
            ((2026, 11, 24), (7, 5, 9), "24.11.2026 07:05:09"),
            ((1, 1, 1), (0, 0, 0), ""),
            ((1, 1, 1), (10, 0, 0), "01.01.0001 10:00:00"),
            ((9999, 12, 31), (23, 59, 59), "31.12.9999 23:59:59"),
        ] {
            assert_eq!(text(day, time).as_deref(), Ok(shown));
        }
        for day in [(2025, 2, 29), (1900, 1, 0), (2025, 13, 1), (2025, -1, 1), (0, 1, 1), (10_000, 1, 1)] {
            assert_eq!(text(day, (0, 0, 0)), Err(Problem::InvalidDate), "{day:?}");
        }
        assert_eq!(text((2026, 1, 1), (24, 0, 0)), Err(Problem::InvalidDate));
    }

    #[test]
    fn ole_dates_count_from_1899_12_30() {
        for (days, text) in [
            (0.0, "30.12.1899"),
            (2.0, "01.01.1900"),
            (31_114.0, "08.03.1985"),
            (31_114.75, "08.03.1985 18:00:00"),
            (-1.25, "29.12.1899 06:00:00"),
            (-693_593.0, ""),
            (2_958_465.999_99, "31.12.9999 23:59:59"),
            (44_000.999_999_99, "19.06.2020"),
        ] {
            assert_eq!(Argument::Date(from_ole_date(days)).to_variable().as_deref(), Ok(text), "{days}");
        }
        for days in [f64::NAN, f64::INFINITY, -693_594.0, 2_958_466.0, 2_958_465.999_999_99, 1e300] {
            assert_eq!(Argument::Date(from_ole_date(days)).to_variable(), Err(Problem::InvalidDate), "{days}");
        }
    }
}
