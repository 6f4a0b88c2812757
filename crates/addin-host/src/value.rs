//! Values that pass between BSL code and an add-in.

/// A value as the Native API carries it, one variant for each `VTYPE_*` of the official `types.h`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `VTYPE_EMPTY`: Неопределено, and a parameter left out.
    Empty,
    /// `VTYPE_NULL`.
    Null,
    /// `VTYPE_I1`.
    I1(i8),
    /// `VTYPE_UI1`.
    UI1(u8),
    /// `VTYPE_I2`.
    I2(i16),
    /// `VTYPE_UI2`.
    UI2(u16),
    /// `VTYPE_I4`: how the platform passes a whole number that fits.
    I4(i32),
    /// `VTYPE_UI4`.
    UI4(u32),
    /// `VTYPE_I8`.
    I8(i64),
    /// `VTYPE_UI8`.
    UI8(u64),
    /// `VTYPE_INT`.
    Int(i32),
    /// `VTYPE_UINT`.
    Uint(u32),
    /// `VTYPE_R4`.
    R4(f32),
    /// `VTYPE_R8`: how the platform passes every other number.
    R8(f64),
    /// `VTYPE_DATE`: days since 1899-12-30.
    Date(f64),
    /// `VTYPE_TM`: how the platform passes a date.
    Tm(Tm),
    /// `VTYPE_BOOL`.
    Bool(bool),
    /// `VTYPE_ERROR`.
    Error(i32),
    /// `VTYPE_HRESULT`: a C `long`, so only its low 32 bits pass on Windows.
    Hresult(i64),
    /// `VTYPE_PWSTR`: UTF-16 code units, lone surrogates included.
    String(Vec<u16>),
    /// `VTYPE_PWSTR` with a null pointer and this length.
    NullString {
        /// The length in code units.
        len: u32,
    },
    /// `VTYPE_PSTR`: bytes of a string in no particular encoding.
    Pstr(Vec<u8>),
    /// `VTYPE_BLOB`: binary data.
    Blob(Vec<u8>),
    /// `VTYPE_INTERFACE`: the address of an object. The host does not use it.
    Interface(usize),
    /// `VTYPE_VARIANT`: a pointer to another value; `None` is a null pointer. Read from an add-in it is always `None`.
    Variant(Option<Box<Value>>),
    /// `VTYPE_CLSID`: the 16 bytes of a UUID.
    Clsid([u8; 16]),
    /// Any other type: its `vt` and the first bytes of its payload.
    Other {
        /// The variant's type.
        vt: u16,
        /// The first 16 bytes of the variant.
        bytes: [u8; 16],
    },
}

/// The calendar fields of C's `struct tm`, by their C names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tm {
    /// Seconds, 0 to 59.
    pub sec: i32,
    /// Minutes, 0 to 59.
    pub min: i32,
    /// Hours, 0 to 23.
    pub hour: i32,
    /// Day of the month, 1 to 31.
    pub mday: i32,
    /// Months since January, 0 to 11.
    pub mon: i32,
    /// Years since 1900.
    pub year: i32,
    /// Days since Sunday, 0 to 6.
    pub wday: i32,
    /// Days since 1 January, 0 to 365.
    pub yday: i32,
    /// Daylight saving time: positive when in effect, negative when unknown.
    pub isdst: i32,
}

impl Tm {
    /// A date and time in the numbers a person uses: the full year, months from 1.
    pub fn new(year: i32, month: i32, day: i32, hour: i32, minute: i32, second: i32) -> Tm {
        Tm { sec: second, min: minute, hour, mday: day, mon: month - 1, year: year - 1900, ..Tm::default() }
    }
}

impl Value {
    /// A BSL number as the platform passes it: `I4` when it is whole and fits, else `R8`.
    pub fn number(number: f64) -> Value {
        // The cast saturates, so the comparison fails for a number that does not fit.
        let whole = number as i32;
        if f64::from(whole) == number { Value::I4(whole) } else { Value::R8(number) }
    }

    /// The text of a string; lone surrogates become U+FFFD. `None` for every other type.
    pub fn as_str(&self) -> Option<String> {
        match self {
            Value::String(units) => Some(String::from_utf16_lossy(units)),
            Value::NullString { len: 0 } => Some(String::new()),
            _ => None,
        }
    }

    /// A Boolean; `None` for every other type.
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Any of the number types as the nearest `f64`; `None` for every other type.
    pub fn as_number(&self) -> Option<f64> {
        Some(match *self {
            Value::I1(n) => n.into(),
            Value::UI1(n) => n.into(),
            Value::I2(n) => n.into(),
            Value::UI2(n) => n.into(),
            Value::I4(n) | Value::Int(n) => n.into(),
            Value::UI4(n) | Value::Uint(n) => n.into(),
            Value::I8(n) => n as f64,
            Value::UI8(n) => n as f64,
            Value::R4(n) => n.into(),
            Value::R8(n) => n,
            _ => return None,
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.encode_utf16().collect())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::from(text.as_str())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::I4(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::R8(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<Tm> for Value {
    fn from(date: Tm) -> Value {
        Value::Tm(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bsl_number_is_whole_if_it_fits_in_32_bits() {
        assert_eq!(Value::number(12.0), Value::I4(12));
        assert_eq!(Value::number(-2_147_483_648.0), Value::I4(i32::MIN));
        assert_eq!(Value::number(2_147_483_648.0), Value::R8(2_147_483_648.0));
        assert_eq!(Value::number(12.5), Value::R8(12.5));
        assert!(matches!(Value::number(f64::NAN), Value::R8(_)));
    }

    #[test]
    fn a_date_is_given_in_the_numbers_of_the_calendar() {
        let tm = Tm::new(2024, 2, 29, 23, 59, 58);
        assert_eq!((tm.year, tm.mon, tm.mday), (124, 1, 29));
        assert_eq!((tm.hour, tm.min, tm.sec), (23, 59, 58));
    }

    #[test]
    fn only_numbers_read_as_numbers_and_only_strings_as_text() {
        assert_eq!(Value::UI8(7).as_number(), Some(7.0));
        assert_eq!(Value::from("7").as_number(), None);
        assert_eq!(Value::from("Карта").as_str().as_deref(), Some("Карта"));
        assert_eq!(Value::String(vec![0xD800]).as_str().as_deref(), Some("\u{FFFD}"));
        assert_eq!(Value::Pstr(b"a".to_vec()).as_str(), None);
    }
}
