//! Foreign memory: the platform's `tVariant` and strings, read into [`Argument`] and written from [`Returned`].
//!
//! The layout is that of the official header `types.h`. Nothing is converted here but the units of strings: what a value
//! means is decided in [`crate::value`]. `addin1c`'s own reader is not used: it takes `vt` for a Rust enum, reads most types
//! as "empty" and fails on null pointers of empty strings and on lone surrogates.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint};

use chrono::NaiveDateTime;

use crate::value::{Argument, InvalidDate, Returned, date_and_time, from_ole_date};

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

/// The platform's `tVariant`: `vt` is a plain number here, because the memory is foreign. It may stand at any address, as on the stack
/// of 32-bit Windows, so that no reference to it or to its fields is made.
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

impl Variant {
    /// Reads one variant.
    ///
    /// # Safety
    /// `variant` is null or points to a `tVariant` whose `vt` tells which field of its union is set; strings are readable
    /// for their count of units.
    pub unsafe fn read(variant: *const Variant) -> Argument {
        if variant.is_null() {
            return Argument::Undefined;
        }
        // SAFETY: the caller guarantees the pointer, and the union's field that `vt` names.
        unsafe {
            let data = &raw const (*variant).data;
            match (&raw const (*variant).vt).read_unaligned() {
                vt::EMPTY => Argument::Undefined,
                vt::NULL => Argument::Null,
                vt::BOOL => Argument::Boolean(field::<u8>(data) != 0),
                vt::I1 => Argument::Integer(field::<i8>(data).into()),
                vt::I2 => Argument::Integer(field::<i16>(data).into()),
                vt::I4 => Argument::Integer(field::<i32>(data).into()),
                vt::I8 => Argument::Integer(field::<i64>(data).into()),
                vt::INT => Argument::Integer(field::<c_int>(data).into()),
                vt::UI1 => Argument::Integer(field::<u8>(data).into()),
                vt::UI2 => Argument::Integer(field::<u16>(data).into()),
                vt::UI4 => Argument::Integer(field::<u32>(data).into()),
                vt::UI8 => Argument::Integer(field::<u64>(data).into()),
                vt::UINT => Argument::Integer(field::<c_uint>(data).into()),
                vt::R4 => Argument::Single(field::<f32>(data)),
                vt::R8 => Argument::Double(field::<f64>(data)),
                vt::DATE => Argument::Date(from_ole_date(field::<f64>(data))),
                vt::TM => Argument::Date(Tm::read(data.cast())),
                vt::PSTR => match Counted::<u8>::units(data.cast()) {
                    Some(bytes) => Argument::Text(String::from_utf8_lossy(bytes).into_owned()),
                    None => Argument::Other(vt::PSTR),
                },
                vt::PWSTR => match Counted::<u16>::units(data.cast()) {
                    Some(units) => Argument::Text(text(units)),
                    None => Argument::Other(vt::PWSTR),
                },
                vt::BLOB => Argument::Binary,
                other => Argument::Other(other),
            }
        }
    }

    /// Writes `value` into the platform's variant. Strings are allocated by `allocate` (bytes → block or null) and belong
    /// to the platform after that. After an error the variant is empty.
    ///
    /// # Safety
    /// `target` is writable; `allocate` gives null or a block of at least the bytes asked for, aligned for `u16`.
    pub unsafe fn write(
        target: *mut Variant,
        value: &Returned,
        allocate: impl FnOnce(usize) -> *mut u16,
    ) -> Result<(), OutOfMemory> {
        // SAFETY: `target` is writable, and a string's block is as large as the units written to it.
        unsafe {
            let data = &raw mut (*target).data;
            let set_type = |vt: u16| (&raw mut (*target).vt).write_unaligned(vt);
            set_type(vt::EMPTY);
            match value {
                Returned::Undefined => {}
                Returned::Boolean(value) => {
                    data.cast::<u8>().write(u8::from(*value));
                    set_type(vt::BOOL);
                }
                Returned::Number(number) => {
                    let whole = *number as i32;
                    if f64::from(whole) == *number {
                        data.cast::<i32>().write_unaligned(whole);
                        set_type(vt::I4);
                    } else {
                        data.cast::<f64>().write_unaligned(*number);
                        set_type(vt::R8);
                    }
                }
                Returned::Text(text) => {
                    let (start, count) = write_text(text, allocate).ok_or(OutOfMemory)?;
                    data.cast::<Counted<u16>>().write_unaligned(Counted { start, count });
                    set_type(vt::PWSTR);
                }
            }
        }
        Ok(())
    }
}

/// A field of the union: all begin at its start.
///
/// # Safety
/// `data` points to a union whose field of this type is set.
unsafe fn field<T: Copy>(data: *const Data) -> T {
    // SAFETY: the caller guarantees the field.
    unsafe { data.cast::<T>().read_unaligned() }
}

/// The platform's memory manager gave no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl Tm {
    /// Reads the fields that a date consists of; the others may not even be set.
    ///
    /// # Safety
    /// `tm` points to a date.
    unsafe fn read(tm: *const Tm) -> Result<NaiveDateTime, InvalidDate> {
        // SAFETY: the caller guarantees the date.
        let [year, mon, mday, hour, min, sec] = unsafe {
            [
                &raw const (*tm).year,
                &raw const (*tm).mon,
                &raw const (*tm).mday,
                &raw const (*tm).hour,
                &raw const (*tm).min,
                &raw const (*tm).sec,
            ]
            .map(|field| field.read_unaligned())
        };
        let year = year.checked_add(1900).ok_or(InvalidDate)?;
        let month = mon.checked_add(1).ok_or(InvalidDate)?;
        date_and_time((year, month, mday), (hour, min, sec))
    }
}

impl<T> Counted<T> {
    /// The units; `None` for a null pointer with a count that is not 0.
    ///
    /// # Safety
    /// `counted` points to a pointer and a count; a pointer that is not null is readable for that many units during `'a`.
    unsafe fn units<'a>(counted: *const Counted<T>) -> Option<&'a [T]> {
        // SAFETY: the caller guarantees both fields.
        let (start, count) =
            unsafe { ((&raw const (*counted).start).read_unaligned(), (&raw const (*counted).count).read_unaligned()) };
        match (count, start.is_null()) {
            (0, _) => Some(&[]),
            (_, true) => None,
            // SAFETY: not null, and the caller guarantees the count.
            (count, false) => Some(unsafe { std::slice::from_raw_parts(start, count as usize) }),
        }
    }
}

/// Text in UTF-16, lone surrogates as U+FFFD. ASCII, such as ids and names of variables, is most of what comes, and needs no decoding.
fn text(units: &[u16]) -> String {
    if units.iter().fold(0, |all, unit| all | unit) < 0x80 {
        let bytes = units.iter().map(|unit| *unit as u8).collect();
        return String::from_utf8(bytes).unwrap_or_default();
    }
    String::from_utf16_lossy(units)
}

/// Copies `text` and a terminating NUL into a block of `allocate`; the block, and the length without the NUL. The block is
/// never empty, because not every host gives one of zero bytes.
///
/// # Safety
/// `allocate` gives null or a block of at least the bytes asked for, aligned for `u16`.
pub unsafe fn write_text(text: &str, allocate: impl FnOnce(usize) -> *mut u16) -> Option<(*mut u16, u32)> {
    let is_ascii = text.is_ascii();
    let length = if is_ascii { text.len() } else { text.encode_utf16().count() };
    let count = u32::try_from(length).ok()?;
    let start = allocate(length.checked_add(1)?.checked_mul(size_of::<u16>())?);
    if start.is_null() {
        return None;
    }
    // SAFETY: the block holds `length` units and the NUL, and is new.
    unsafe {
        if is_ascii {
            (0..).zip(text.bytes()).for_each(|(place, byte)| start.add(place).write(byte.into()));
        } else {
            (0..).zip(text.encode_utf16()).for_each(|(place, unit)| start.add(place).write(unit));
        }
        start.add(length).write(0);
    }
    Some((start, count))
}

/// The units of a string that ends with a NUL; `None` for a null pointer.
///
/// # Safety
/// `start` is null or points to units that end with a NUL and stay as they are for `'a`.
pub unsafe fn read_name<'a>(start: *const u16) -> Option<&'a [u16]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller guarantees the terminating NUL, so every unit up to it is readable.
    unsafe {
        let length = (0..).take_while(|&index| *start.add(index) != 0).count();
        Some(std::slice::from_raw_parts(start, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::misuse::Problem;

    fn variant(vt: u16, data: Data) -> Variant {
        Variant { data, elements: 0, vt }
    }

    fn read(vt: u16, data: Data) -> Argument {
        // SAFETY: every test fills the field that its `vt` names.
        unsafe { Variant::read(&variant(vt, data)) }
    }

    fn tm(year: i32, month: i32, day: i32, (hour, min, sec): (i32, i32, i32)) -> Data {
        Data {
            tm: Tm {
                sec,
                min,
                hour,
                mday: day,
                mon: month.wrapping_sub(1),
                year: year.wrapping_sub(1900),
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
    fn dates_are_read_as_c_counts_their_years_and_months() {
        let text = |data| read(vt::TM, data).to_variable();
        assert_eq!(text(tm(2026, 11, 24, (7, 5, 9))).as_deref(), Ok("24.11.2026 07:05:09"));
        assert_eq!(text(tm(2025, 13, 1, (0, 0, 0))), Err(Problem::InvalidDate));
        assert_eq!(text(tm(i32::MIN + 1899, 1, 1, (0, 0, 0))), Err(Problem::InvalidDate));
        assert_eq!(text(tm(2026, i32::MIN, 1, (0, 0, 0))), Err(Problem::InvalidDate));
        assert_eq!(read(vt::DATE, Data { r8: 31_114.75 }).to_variable().as_deref(), Ok("08.03.1985 18:00:00"));
    }

    #[test]
    fn what_has_no_text_is_refused_and_never_empty() {
        for vt in [vt::BLOB, 9, 10, 12, 21, 24, 0xFFF, 0x1000, 0x4000, 0xFFFF] {
            assert!(matches!(read(vt, Data { ui8: 0 }).to_variable(), Err(Problem::Unsendable { .. })), "{vt}");
        }
    }
}
