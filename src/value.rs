//! What crosses the border to the platform: its `tVariant` read into [`Argument`], and [`Value`] written back.
//!
//! The layout is that of the official header `types.h`. `addin1c`'s own reader is not used: it takes `vt` for a Rust
//! enum, reads most types as "empty" and fails on null pointers of empty strings and on lone surrogates.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint};

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::messages::Problem;

/// `VTYPE_…` numbers of the official header `types.h`.
mod vt {
    pub const EMPTY: u16 = 0;
    pub const NULL: u16 = 1;
    pub const I2: u16 = 2;
    pub const I4: u16 = 3;
    pub const R4: u16 = 4;
    pub const R8: u16 = 5;
    pub const DATE: u16 = 6;
    pub const TM: u16 = 7;
    pub const PSTR: u16 = 8;
    pub const BOOL: u16 = 11;
    pub const I1: u16 = 13;
    pub const UI1: u16 = 14;
    pub const UI2: u16 = 15;
    pub const UI4: u16 = 16;
    pub const I8: u16 = 17;
    pub const UI8: u16 = 18;
    pub const INT: u16 = 19;
    pub const UINT: u16 = 20;
    pub const PWSTR: u16 = 22;
    pub const BLOB: u16 = 23;
}

/// The platform's `tVariant`: `vt` is a plain number here, because the memory is foreign.
#[repr(C)]
pub struct Variant {
    data: Data,
    elements: u32,
    vt: u16,
}

#[repr(C)]
union Data {
    i1: i8,
    i2: i16,
    i4: i32,
    i8: i64,
    int: c_int,
    ui1: u8,
    ui2: u16,
    ui4: u32,
    ui8: u64,
    uint: c_uint,
    r4: f32,
    r8: f64,
    tm: Tm,
    pstr: Counted<u8>,
    pwstr: Counted<u16>,
}

/// C's `struct tm`, as the platform's compiler lays it out.
#[repr(C)]
#[derive(Clone, Copy)]
struct Tm {
    sec: c_int,
    min: c_int,
    hour: c_int,
    mday: c_int,
    mon: c_int,
    year: c_int,
    wday: c_int,
    yday: c_int,
    isdst: c_int,
    #[cfg(unix)]
    gmtoff: std::ffi::c_long,
    #[cfg(unix)]
    zone: *const std::ffi::c_char,
}

/// A pointer with a count of its units; the pointer of an empty string may be null.
#[repr(C)]
struct Counted<T> {
    start: *mut T,
    count: u32,
}

impl<T> Clone for Counted<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Counted<T> {}

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
    /// Дата; the error is a date that no calendar has.
    Date(Result<NaiveDateTime, InvalidDate>),
    /// Строка; lone surrogates have become U+FFFD.
    Text(String),
    /// Binary data.
    Binary,
    /// A type that has no meaning here; its number in `types.h`.
    Other(u16),
}

/// A `struct tm` or `DATE` that names no day of the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDate;

/// A type as BSL knows it, for texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Неопределено.
    Undefined,
    /// Null.
    Null,
    /// Булево.
    Boolean,
    /// Число.
    Number,
    /// Дата.
    Date,
    /// Строка.
    String,
    /// ДвоичныеДанные.
    Binary,
    /// Anything else; its number in `types.h`.
    Other(u16),
}

/// From here on a double no longer holds every integer: 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

impl Argument {
    /// Reads one variant.
    ///
    /// # Safety
    /// `variant` is null or points to a `tVariant` whose `vt` tells what its union holds; strings are readable for
    /// their count of units.
    pub unsafe fn read(variant: *const Variant) -> Argument {
        if variant.is_null() {
            return Argument::Undefined;
        }
        // SAFETY: the caller vouches for the pointer, and for the union's field that `vt` names.
        unsafe {
            let data = &(*variant).data;
            match (*variant).vt {
                vt::EMPTY => Argument::Undefined,
                vt::NULL => Argument::Null,
                vt::BOOL => Argument::Boolean(data.ui1 != 0),
                vt::I1 => Argument::Integer(data.i1.into()),
                vt::I2 => Argument::Integer(data.i2.into()),
                vt::I4 => Argument::Integer(data.i4.into()),
                vt::I8 => Argument::Integer(data.i8.into()),
                vt::INT => Argument::Integer(data.int.into()),
                vt::UI1 => Argument::Integer(data.ui1.into()),
                vt::UI2 => Argument::Integer(data.ui2.into()),
                vt::UI4 => Argument::Integer(data.ui4.into()),
                vt::UI8 => Argument::Integer(data.ui8.into()),
                vt::UINT => Argument::Integer(data.uint.into()),
                vt::R4 => Argument::Single(data.r4),
                vt::R8 => Argument::Double(data.r8),
                vt::DATE => Argument::Date(from_ole_date(data.r8)),
                vt::TM => Argument::Date(from_tm(&data.tm)),
                vt::PSTR => match data.pstr.units() {
                    Some(bytes) => Argument::Text(String::from_utf8_lossy(bytes).into_owned()),
                    None => Argument::Other(vt::PSTR),
                },
                vt::PWSTR => match data.pwstr.units() {
                    Some(units) => Argument::Text(String::from_utf16_lossy(units)),
                    None => Argument::Other(vt::PWSTR),
                },
                vt::BLOB => Argument::Binary,
                other => Argument::Other(other),
            }
        }
    }

    /// The type as BSL would call it.
    pub fn kind(&self) -> Type {
        match self {
            Argument::Undefined => Type::Undefined,
            Argument::Null => Type::Null,
            Argument::Boolean(_) => Type::Boolean,
            Argument::Integer(_) | Argument::Single(_) | Argument::Double(_) => Type::Number,
            Argument::Date(_) => Type::Date,
            Argument::Text(_) => Type::String,
            Argument::Binary => Type::Binary,
            Argument::Other(vt) => Type::Other(*vt),
        }
    }

    /// The text, where this is a Строка.
    pub fn as_text(&self) -> Result<&str, Problem> {
        match self {
            Argument::Text(text) => Ok(text),
            other => Err(Problem::WrongType { expected: Type::String, got: other.kind() }),
        }
    }

    /// The text of an optional Строка: Неопределено and Null count as empty.
    pub fn as_optional_text(&self) -> Result<&str, Problem> {
        match self {
            Argument::Undefined | Argument::Null => Ok(""),
            other => other.as_text(),
        }
    }

    /// The number, where this is a Число; NaN and infinities pass through.
    pub fn as_number(&self) -> Result<f64, Problem> {
        match self {
            // Settings are small; a rounded giant is out of their range all the same.
            Argument::Integer(number) => Ok(*number as f64),
            Argument::Single(number) => Ok((*number).into()),
            Argument::Double(number) => Ok(*number),
            other => Err(Problem::WrongType { expected: Type::Number, got: other.kind() }),
        }
    }

    /// The value of a template's variable, as it goes out (CONTRACT "How a value becomes text").
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
            Argument::Binary | Argument::Other(_) => Err(Problem::Unsendable { got: self.kind() }),
        }
    }
}

impl<T> Counted<T> {
    /// The units, or nothing where a null pointer claims to hold some.
    ///
    /// # Safety
    /// A pointer that is not null is readable for `count` units.
    unsafe fn units(&self) -> Option<&[T]> {
        match (self.count, self.start.is_null()) {
            (0, _) => Some(&[]),
            (_, true) => None,
            // SAFETY: not null, and the caller vouches for the count.
            (count, false) => Some(unsafe { std::slice::from_raw_parts(self.start, count as usize) }),
        }
    }
}

fn exact(number: f64, text: impl FnOnce() -> String) -> Result<String, Problem> {
    if !number.is_finite() {
        Err(Problem::NotFinite)
    } else if number.abs() >= FIRST_INEXACT {
        Err(Problem::NumberTooLarge)
    } else {
        Ok(text())
    }
}

/// `Display` of Rust's floats is the shortest plain decimal; only the sign of a zero is not wanted.
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

fn from_tm(tm: &Tm) -> Result<NaiveDateTime, InvalidDate> {
    let unsigned = |part: c_int| u32::try_from(part).map_err(|_| InvalidDate);
    let year = tm.year.checked_add(1900).filter(|year| (1..=9999).contains(year)).ok_or(InvalidDate)?;
    let month = unsigned(tm.mon)?.checked_add(1).ok_or(InvalidDate)?;
    NaiveDate::from_ymd_opt(year, month, unsigned(tm.mday)?)
        .and_then(|day| day.and_hms_opt(unsigned(tm.hour).ok()?, unsigned(tm.min).ok()?, unsigned(tm.sec).ok()?))
        .ok_or(InvalidDate)
}

/// `DATE` counts days from 1899-12-30; before that day the fraction still runs forward within the day.
fn from_ole_date(days: f64) -> Result<NaiveDateTime, InvalidDate> {
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

/// A value that BSL gets back.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Неопределено.
    Undefined,
    /// Булево.
    Boolean(bool),
    /// Число; goes as an integer where it is one and fits into 32 bits, as the platform itself sends numbers.
    Number(f64),
    /// Строка.
    Text(String),
}

/// The platform's memory manager could not give a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl Value {
    /// Writes the value into the platform's variant. Strings are allocated by `allocate` (bytes → block or null) and
    /// belong to the platform from then on. After an error the variant is empty.
    ///
    /// # Safety
    /// `target` is writable; `allocate` gives null or a block of at least the bytes asked for, aligned for `u16`.
    pub unsafe fn write(
        &self,
        target: *mut Variant,
        allocate: impl FnOnce(usize) -> *mut u16,
    ) -> Result<(), OutOfMemory> {
        // SAFETY: `target` is writable, and the strings' block is as large as the units written to it.
        unsafe {
            (*target).vt = vt::EMPTY;
            match self {
                Value::Undefined => {}
                Value::Boolean(value) => {
                    (*target).data.ui1 = (*value).into();
                    (*target).vt = vt::BOOL;
                }
                Value::Number(number) => {
                    let whole = *number as i32;
                    if f64::from(whole) == *number {
                        (*target).data.i4 = whole;
                        (*target).vt = vt::I4;
                    } else {
                        (*target).data.r8 = *number;
                        (*target).vt = vt::R8;
                    }
                }
                Value::Text(text) => {
                    let (start, count) = write_text(text, allocate).ok_or(OutOfMemory)?;
                    (*target).data.pwstr = Counted { start, count };
                    (*target).vt = vt::PWSTR;
                }
            }
        }
        Ok(())
    }
}

/// Puts `text` with a terminating NUL into a block of `allocate`: its start, and its length without the NUL. A block is
/// never empty, because not every host gives one of zero bytes.
///
/// # Safety
/// `allocate` gives null or a block of at least the bytes asked for, aligned for `u16`.
pub unsafe fn write_text(text: &str, allocate: impl FnOnce(usize) -> *mut u16) -> Option<(*mut u16, u32)> {
    let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let count = u32::try_from(units.len() - 1).ok()?;
    let start = allocate(size_of_val(units.as_slice()));
    if start.is_null() {
        return None;
    }
    // SAFETY: the block holds as many bytes as `units` has, and is new, so that the two cannot overlap.
    unsafe { std::ptr::copy_nonoverlapping(units.as_ptr(), start, units.len()) };
    Some((start, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(vt: u16, data: Data) -> Variant {
        Variant { data, elements: 0, vt }
    }

    fn read(vt: u16, data: Data) -> Argument {
        // SAFETY: every test fills the field that its `vt` names.
        unsafe { Argument::read(&variant(vt, data)) }
    }

    fn double(number: f64) -> Result<String, Problem> {
        Argument::Double(number).to_variable()
    }

    fn tm(year: i32, month: i32, day: i32, (hour, min, sec): (i32, i32, i32)) -> Data {
        Data {
            tm: Tm {
                sec,
                min,
                hour,
                mday: day,
                mon: month - 1,
                year: year - 1900,
                wday: 0,
                yday: 0,
                isdst: 0,
                #[cfg(unix)]
                gmtoff: 0,
                #[cfg(unix)]
                zone: std::ptr::null(),
            },
        }
    }

    #[test]
    fn the_layout_is_that_of_the_header() {
        let (variant, tm) = match (cfg!(windows), cfg!(target_pointer_width = "64")) {
            (true, _) => (48, 36),
            (false, true) => (64, 56),
            (false, false) => (52, 44),
        };
        assert_eq!(size_of::<Variant>(), variant);
        assert_eq!(size_of::<Tm>(), tm);
    }

    #[test]
    fn every_integer_type_is_read_as_what_it_is() {
        assert!(read(vt::I1, Data { i1: -5 }) == Argument::Integer(-5));
        assert!(read(vt::I2, Data { i2: -300 }) == Argument::Integer(-300));
        assert!(read(vt::I4, Data { i4: i32::MIN }) == Argument::Integer(i32::MIN.into()));
        assert!(read(vt::I8, Data { i8: i64::MIN }) == Argument::Integer(i64::MIN.into()));
        assert!(read(vt::INT, Data { int: -1 }) == Argument::Integer(-1));
        assert!(read(vt::UI1, Data { ui1: 255 }) == Argument::Integer(255));
        assert!(read(vt::UI2, Data { ui2: 65535 }) == Argument::Integer(65535));
        assert!(read(vt::UI4, Data { ui4: u32::MAX }) == Argument::Integer(u32::MAX.into()));
        assert!(read(vt::UI8, Data { ui8: u64::MAX }) == Argument::Integer(u64::MAX.into()));
        assert!(read(vt::UINT, Data { uint: 7 }) == Argument::Integer(7));
    }

    #[test]
    fn a_null_pointer_is_an_empty_string_but_never_a_longer_one() {
        let null = |count| Data { pwstr: Counted { start: std::ptr::null_mut(), count } };
        assert!(read(vt::PWSTR, null(0)) == Argument::Text(String::new()));
        assert!(read(vt::PWSTR, null(1)) == Argument::Other(vt::PWSTR));
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        let mut units = [0x41, 0xD800, 0x42];
        let data = Data { pwstr: Counted { start: units.as_mut_ptr(), count: 3 } };
        assert!(read(vt::PWSTR, data) == Argument::Text("A\u{FFFD}B".to_owned()));
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
        for (data, text) in [
            (tm(1985, 3, 9, (0, 0, 0)), "09.03.1985"),
            (tm(2026, 11, 24, (7, 5, 9)), "24.11.2026 07:05:09"),
            (tm(1, 1, 1, (0, 0, 0)), ""),
            (tm(1, 1, 1, (10, 0, 0)), "01.01.0001 10:00:00"),
            (tm(9999, 12, 31, (23, 59, 59)), "31.12.9999 23:59:59"),
        ] {
            assert_eq!(read(vt::TM, data).to_variable().as_deref(), Ok(text));
        }
        for data in
            [tm(2025, 2, 29, (0, 0, 0)), tm(1900, 1, 0, (0, 0, 0)), tm(2025, 13, 1, (0, 0, 0)), tm(0, 1, 1, (0, 0, 0))]
        {
            assert_eq!(read(vt::TM, data).to_variable(), Err(Problem::InvalidDate));
        }
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
            assert_eq!(read(vt::DATE, Data { r8: days }).to_variable().as_deref(), Ok(text), "{days}");
        }
        for days in [f64::NAN, f64::INFINITY, -693_594.0, 2_958_466.0, 2_958_465.999_999_99, 1e300] {
            assert_eq!(read(vt::DATE, Data { r8: days }).to_variable(), Err(Problem::InvalidDate), "{days}");
        }
    }

    #[test]
    fn what_has_no_text_is_refused_and_never_empty() {
        for vt in [vt::BLOB, 9, 10, 12, 21, 24, 0xFFF, 0x1000, 0x4000, 0xFFFF] {
            assert!(matches!(read(vt, Data { ui8: 0 }).to_variable(), Err(Problem::Unsendable { .. })), "{vt}");
        }
    }
}
