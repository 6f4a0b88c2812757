//! JSON read one level at a time: members keep their order, and a value keeps the characters it was written with.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why a text is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// Another type of value.
    OtherType,
    /// Malformed JSON; both count from 1, the column in characters.
    Syntax {
        /// The line.
        line: usize,
        /// The character in that line.
        column: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::OtherType => formatter.write_str("another type of JSON value was expected"),
            JsonError::Syntax { line, column } => write!(formatter, "malformed JSON at line {line}, column {column}"),
        }
    }
}

impl std::error::Error for JsonError {}

/// The members of an object in their order, those with a repeated name too.
///
/// # Errors
/// Malformed JSON, also deep inside; a value that is not an object.
pub fn members(text: &str) -> Result<Vec<(String, &RawValue)>, JsonError> {
    parse::<Members<'_>>(text).map(|members| members.0)
}

/// The members of an object in their order. A repeated name keeps its first place and has its last value, which is the one that
/// JSON readers take.
///
/// # Errors
/// As [`members`].
pub fn unique_members(text: &str) -> Result<IndexMap<String, &RawValue>, JsonError> {
    Ok(members(text)?.into_iter().collect())
}

/// The elements of an array.
///
/// # Errors
/// Malformed JSON, also deep inside; a value that is not an array.
pub fn elements(text: &str) -> Result<Vec<&RawValue>, JsonError> {
    parse(text)
}

/// The value of the member of that name, the last one if it is repeated.
pub fn member<'a>(members: &[(String, &'a RawValue)], name: &str) -> Option<&'a RawValue> {
    members.iter().rfind(|(member, _)| member == name).map(|(_, value)| *value)
}

/// A value by its type, which its first character tells.
#[derive(Debug, PartialEq, Eq)]
pub enum JsonValue<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number as it was written.
    Number(&'a str),
    /// A string, unescaped.
    String(String),
    /// The text of an array.
    Array(&'a str),
    /// The text of an object.
    Object(&'a str),
}

impl<'a> JsonValue<'a> {
    /// Tells a value's type.
    ///
    /// # Errors
    /// [`JsonError::OtherType`] for a string with an escape that stands for no character; [`well_formed`] replaces those.
    pub fn of(raw: &'a RawValue) -> Result<JsonValue<'a>, JsonError> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => JsonValue::String(parse(text)?),
            Some(b'[') => JsonValue::Array(text),
            Some(b'{') => JsonValue::Object(text),
            Some(b'n') => JsonValue::Null,
            Some(b't') => JsonValue::Boolean(true),
            Some(b'f') => JsonValue::Boolean(false),
            _ => JsonValue::Number(text),
        })
    }
}

/// The same JSON with every escaped surrogate that has no partner (`"\ud83d"`) replaced by U+FFFD, and without a byte order
/// mark. JSON allows such an escape, Rust's strings do not. Positions in the text stay what they were.
pub fn well_formed(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut repaired = String::new();
    let mut copied = 0;
    let mut position = 0;
    while let Some(offset) = text[position..].find('\\') {
        let escape = position + offset;
        let length = match utf16_unit(text, escape) {
            Some(0xd800..=0xdbff) if matches!(utf16_unit(text, escape + UNIT), Some(0xdc00..=0xdfff)) => 2 * UNIT,
            Some(0xd800..=0xdfff) => {
                repaired.push_str(&text[copied..escape]);
                repaired.push_str("\\ufffd");
                copied = escape + UNIT;
                UNIT
            }
            Some(_) => UNIT,
            // The escaped character may itself be a backslash.
            None => 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8),
        };
        position = escape + length;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(&text[copied..]);
    Cow::Owned(repaired)
}

/// The length of `\uXXXX`.
const UNIT: usize = 6;

/// The UTF-16 code unit that an escape at this place stands for.
fn utf16_unit(text: &str, escape: usize) -> Option<u16> {
    let digits = text.get(escape..escape + UNIT)?.strip_prefix("\\u")?;
    // A sign is no digit of an escape, though `from_str_radix` would take it.
    if digits.starts_with('+') { None } else { u16::from_str_radix(digits, 16).ok() }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(|error| {
        // A number that no double holds is a syntax error to serde_json, even if another type was expected.
        if error.is_data() || serde_json::from_str::<&RawValue>(text).is_ok() {
            JsonError::OtherType
        } else {
            position_in_characters(text, error.line(), error.column())
        }
    })
}

/// serde_json counts columns in bytes, which nobody can count in a line of Russian text.
fn position_in_characters(text: &str, line: usize, column: usize) -> JsonError {
    let bytes = text.as_bytes().split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    let before = String::from_utf8_lossy(&bytes[..column.min(bytes.len())]);
    JsonError::Syntax { line, column: before.chars().count() }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(String, String)> {
        let members = members(text).expect(text);
        members.into_iter().map(|(name, value)| (name, value.get().to_owned())).collect()
    }

    #[test]
    fn members_keep_their_order_and_their_very_characters() {
        let expected = [("b", "12.50"), ("a", "1e3"), ("c", "[1, 2]"), ("", "\"\\u0041\"")];
        let found = texts(r#" {"b": 12.50, "a":1e3 ,"c":[1, 2],"":"\u0041"} "#);
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_repeated_name_keeps_its_first_place_and_has_its_last_value() {
        let text = r#"{"a":1,"b":2,"\u0061":3}"#;
        assert_eq!(member(&members(text).expect("an object"), "a").map(RawValue::get), Some("3"));
        let members = unique_members(text).expect("an object");
        assert_eq!(members.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(members.get("a").map(|value| value.get()), Some("3"));
        assert_eq!(members.get("c").map(|value| value.get()), None);
    }

    #[test]
    fn an_array_gives_its_elements() {
        let elements = elements(r#"[1, "x", {}]"#).expect("an array");
        assert_eq!(elements.iter().map(|element| element.get()).collect::<Vec<_>>(), ["1", "\"x\"", "{}"]);
    }

    #[test]
    fn another_type_of_value_is_told_from_malformed_text() {
        for text in ["[]", "1", "1e400", "null", "true", "\"x\""] {
            assert_eq!(members(text).err(), Some(JsonError::OtherType), "{text}");
        }
        assert_eq!(elements("{}").err(), Some(JsonError::OtherType));
        for text in ["", "{", "{\"a\"}", "{\"a\":1,}", "{} x", "{\"a\":tru}", "{a:1}", "{\"a\":01}", "{\"a\":[1,}"] {
            assert!(matches!(members(text), Err(JsonError::Syntax { .. })), "{text}");
        }
    }

    #[test]
    fn the_place_of_a_mistake_is_counted_in_characters() {
        assert_eq!(members("{\n \"Имя\": да}").err(), Some(JsonError::Syntax { line: 2, column: 9 }));
        assert_eq!(members("").err(), Some(JsonError::Syntax { line: 1, column: 0 }));
    }

    #[test]
    fn values_are_told_by_type() {
        let members = members(r#"{"a":null,"b":true,"c":false,"d":-1.0,"e":"\n","f":[ ],"g":{ }}"#).expect("an object");
        let values: Vec<_> = members.iter().map(|(_, raw)| JsonValue::of(raw).expect("a value")).collect();
        let expected = [
            JsonValue::Null,
            JsonValue::Boolean(true),
            JsonValue::Boolean(false),
            JsonValue::Number("-1.0"),
            JsonValue::String("\n".to_owned()),
            JsonValue::Array("[ ]"),
            JsonValue::Object("{ }"),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn nesting_of_any_depth_inside_a_value_does_no_harm() {
        let depth = 100_000;
        let text = format!("{{\"deep\":{}{},\"code\":200}}", "[".repeat(depth), "]".repeat(depth));
        let members = members(&text).expect("an object");
        assert_eq!(member(&members, "code").map(RawValue::get), Some("200"));
    }

    #[test]
    fn a_surrogate_without_its_partner_becomes_the_replacement_character() {
        for (text, expected) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\uDE00x""#, "\u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83dA""#, "\u{fffd}A"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
        ] {
            let repaired = well_formed(text);
            assert_eq!(repaired.len(), text.len(), "{text}");
            assert_eq!(serde_json::from_str::<String>(&repaired).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn text_without_such_a_surrogate_stays_as_it_is() {
        for text in [
            r#""\ud83d\ude00""#,
            r#""\\ud83d""#,
            r#""😀 \" \u0041""#,
            "",
            "\\",
            "\\u",
            "\\ud8",
            "\\ud83ж",
            "\\u+123",
            "\\😀",
        ] {
            assert!(matches!(well_formed(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        assert_eq!(well_formed("\u{feff}{}"), "{}");
    }
}
