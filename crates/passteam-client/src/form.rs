//! Variables and parameters, and the form (`application/x-www-form-urlencoded`) in which they go out.

mod number;

use std::fmt;

use indexmap::IndexMap;

use crate::json::{self, JsonError, JsonValue};

/// The deepest nesting of objects and arrays.
const MOST_LEVELS: usize = 128;

/// The largest total length of the names of a method's parameters, in bytes. Flattened names repeat those that they are nested in, so
/// that one long name over many elements would fill any memory.
const MOST_NAME_BYTES: usize = 4 * 1024 * 1024;

/// A card's variables in the order in which they were first named. Debug output shows no values.
#[derive(Clone, Default)]
pub struct Variables(Fields);

impl Variables {
    /// Sets one variable. `name` may stand in percent signs, as the service writes it: `PHONE` and `%PHONE%` are the same. A
    /// variable given before keeps its place and takes the new value.
    ///
    /// # Errors
    /// [`FormError::EmptyName`] for an empty or blank name.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), FormError> {
        let bare = name.strip_prefix('%').and_then(|name| name.strip_suffix('%')).unwrap_or(name);
        if bare.trim().is_empty() {
            return Err(FormError::EmptyName);
        }
        self.0.0.insert(bare.to_owned(), value.into());
        Ok(())
    }

    /// Takes variables from a JSON object; an empty or blank text and `null` name none.
    ///
    /// A string goes out as it is, a number with the digits it was written with, `true` and `false` as these words, `null`
    /// as the empty string.
    ///
    /// # Errors
    /// What is not such an object, an empty name, a nested object or array.
    pub fn from_json(text: &str) -> Result<Variables, FormError> {
        let mut variables = Variables::default();
        let text = json::well_formed(text);
        if !is_nothing(&text) {
            // Those that a later one of the same name replaces as well: what is nested is refused.
            let members = json::members(&text)?;
            // Of a batch thousands are kept at a time.
            variables.0.0.reserve_exact(members.len());
            for (name, value) in members {
                let value = JsonValue::of(value)?;
                let text = scalar(value, || name.clone())?.ok_or_else(|| FormError::Nested { name: name.clone() })?;
                variables.set(&name, text)?;
            }
        }
        Ok(variables)
    }

    /// Adds variables over these: `later` wins, a variable named in both keeps its first place.
    pub fn merge(&mut self, later: Variables) {
        if self.is_empty() {
            *self = later;
        } else {
            self.0.0.extend(later.0.0);
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0 = Fields::default();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// Names, without percent signs, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Parameters of a method, flattened: `a[b]` for a member of an object, `a[0]` for an element of an array. Debug output
/// shows no values.
#[derive(Clone, Default)]
pub struct Parameters(Fields);

impl Parameters {
    /// Takes parameters from a JSON object; an empty or blank text and `null` name none. Names go out as they are; an empty
    /// object or array is no parameter; of a name that stands twice in one object the last value counts.
    ///
    /// # Errors
    /// What is not such an object, nesting of more than 128 levels, and flattened names of more than 4 MiB together.
    pub fn from_json(text: &str) -> Result<Parameters, FormError> {
        let mut flat = Flattened { fields: Fields::default(), room: MOST_NAME_BYTES };
        let text = json::well_formed(text);
        if !is_nothing(&text) {
            for (name, value) in json::unique_members(&text)? {
                flat.add(name, JsonValue::of(value)?, 1)?;
            }
        }
        Ok(Parameters(flat.fields))
    }

    /// Names as they go out, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Why values cannot be taken. None of these holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormError {
    /// A variable without a name.
    EmptyName,
    /// JSON, but not an object.
    NotAnObject,
    /// Malformed JSON; both count from 1, the column in characters.
    Syntax {
        /// The line.
        line: usize,
        /// The character in that line.
        column: usize,
    },
    /// An object or array instead of a plain value.
    Nested {
        /// The member.
        name: String,
    },
    /// A number whose exponent stands for more than 400 digits.
    NumberTooLong {
        /// The member.
        name: String,
    },
    /// Objects and arrays inside one another, more than 128 levels deep.
    TooDeep,
    /// Names that are longer than 4 MiB together: those of nested values repeat the names that they are nested in.
    TooLong,
}

impl fmt::Display for FormError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::EmptyName => formatter.write_str("a variable needs a name"),
            FormError::NotAnObject => formatter.write_str("a JSON object was expected"),
            FormError::Syntax { line, column } => write!(formatter, "malformed JSON at line {line}, column {column}"),
            FormError::Nested { name } => write!(formatter, "{name:?} holds an object or array"),
            FormError::NumberTooLong { name } => write!(formatter, "{name:?} holds a number of too many digits"),
            FormError::TooDeep => {
                write!(formatter, "objects and arrays are nested more than {MOST_LEVELS} levels deep")
            }
            FormError::TooLong => write!(formatter, "the names are longer than {MOST_NAME_BYTES} bytes together"),
        }
    }
}

impl std::error::Error for FormError {}

impl From<JsonError> for FormError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::OtherType => FormError::NotAnObject,
            JsonError::Syntax { line, column } => FormError::Syntax { line, column },
        }
    }
}

/// Names and values: an insertion of a known name keeps its place and replaces its value.
#[derive(Clone, Default)]
struct Fields(IndexMap<String, String>);

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// The text of a plain value; `None` for an object or array, and for a number of too many digits.
pub(crate) fn plain_text(value: JsonValue<'_>) -> Option<String> {
    scalar(value, String::new).ok().flatten()
}

fn is_nothing(json: &str) -> bool {
    matches!(json.trim(), "" | "null")
}

/// The text of a plain value; `None` for an object or array.
fn scalar(value: JsonValue<'_>, name: impl FnOnce() -> String) -> Result<Option<String>, FormError> {
    Ok(match value {
        JsonValue::Null => Some(String::new()),
        JsonValue::Boolean(boolean) => Some(boolean.to_string()),
        JsonValue::String(text) => Some(text),
        JsonValue::Number(number) => match number::without_exponent(number) {
            Some(digits) => Some(digits.into_owned()),
            None => return Err(FormError::NumberTooLong { name: name() }),
        },
        JsonValue::Array(_) | JsonValue::Object(_) => None,
    })
}

/// Nested values under way to fields.
struct Flattened {
    fields: Fields,
    /// How many bytes more the names may take.
    room: usize,
}

impl Flattened {
    fn add(&mut self, name: String, value: JsonValue<'_>, level: usize) -> Result<(), FormError> {
        if level > MOST_LEVELS {
            return Err(FormError::TooDeep);
        }
        self.room = self.room.checked_sub(name.len()).ok_or(FormError::TooLong)?;
        match value {
            JsonValue::Object(text) => {
                for (member, value) in json::unique_members(text)? {
                    self.add(format!("{name}[{member}]"), JsonValue::of(value)?, level + 1)?;
                }
            }
            JsonValue::Array(text) => {
                for (index, element) in json::elements(text)?.into_iter().enumerate() {
                    self.add(format!("{name}[{index}]"), JsonValue::of(element)?, level + 1)?;
                }
            }
            plain => {
                if let Some(text) = scalar(plain, || name.clone())? {
                    self.fields.0.insert(name, text);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn variables(json: &str) -> Vec<(String, String)> {
        let variables = Variables::from_json(json).expect(json);
        variables.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn parameters(json: &str) -> Vec<(String, String)> {
        let parameters = Parameters::from_json(json).expect(json);
        parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn one_pair_of_percent_signs_around_a_name_does_not_matter() {
        for (name, expected) in [
            ("PHONE", "PHONE"),
            ("%PHONE%", "PHONE"),
            ("%PHONE", "%PHONE"),
            ("PHONE%", "PHONE%"),
            ("%%PHONE%%", "%PHONE%"),
            ("100%", "100%"),
            ("%", "%"),
            (" x ", " x "),
        ] {
            let mut variables = Variables::default();
            variables.set(name, "").expect(name);
            assert_eq!(variables.iter().collect::<Vec<_>>(), [(expected, "")], "{name}");
        }
    }

    #[test]
    fn a_variable_without_a_name_is_refused() {
        for name in ["", " ", "\u{a0}\t", "%%", "% %"] {
            assert_eq!(Variables::default().set(name, "x"), Err(FormError::EmptyName), "{name:?}");
        }
        assert_eq!(Variables::from_json(r#"{"a":1,"":2}"#).err(), Some(FormError::EmptyName));
    }

    #[test]
    fn a_variable_given_twice_keeps_its_first_place_and_its_last_value() {
        let mut variables = Variables::default();
        for (name, value) in [("A", "1"), ("B", "2"), ("%A%", "3"), ("a", "4")] {
            variables.set(name, value).expect(name);
        }
        assert_eq!(variables.iter().collect::<Vec<_>>(), [("A", "3"), ("B", "2"), ("a", "4")]);
    }

    #[test]
    fn later_variables_win_over_earlier_ones() {
        let mut merged = Variables::from_json(r#"{"A":1,"B":2}"#).expect("variables");
        merged.merge(Variables::from_json(r#"{"C":3,"%A%":4}"#).expect("variables"));
        assert_eq!(merged.iter().collect::<Vec<_>>(), [("A", "4"), ("B", "2"), ("C", "3")]);
        assert!(!merged.is_empty());
        merged.clear();
        assert!(merged.is_empty());
        merged.set("A", "5").expect("a variable");
        assert_eq!(merged.iter().collect::<Vec<_>>(), [("A", "5")]);
    }

    #[test]
    fn no_json_means_no_variables_and_no_parameters() {
        for text in ["", " \r\n\t", "\u{a0}", "null", " null ", "{}", "\u{feff}{}"] {
            assert!(Variables::from_json(text).expect(text).is_empty(), "{text:?}");
            assert_eq!(Parameters::from_json(text).expect(text).iter().count(), 0, "{text:?}");
        }
    }

    #[test]
    fn plain_values_become_text() {
        assert_eq!(
            variables(
                r#"{"a":"Ы \"\u044b\"","b":true,"c":false,"d":null,"e":12.50,"f":-1e2,"g":"","h":"2024-01-02T00:00:00"}"#
            ),
            owned(&[
                ("a", "Ы \"ы\""),
                ("b", "true"),
                ("c", "false"),
                ("d", ""),
                ("e", "12.50"),
                ("f", "-100"),
                ("g", ""),
                ("h", "2024-01-02T00:00:00"),
            ])
        );
    }

    #[test]
    fn a_surrogate_without_its_partner_becomes_the_replacement_character() {
        assert_eq!(variables(r#"{"\ud83d":"x\ude00"}"#), owned(&[("\u{fffd}", "x\u{fffd}")]));
        assert_eq!(parameters(r#"{"a":["\ud83d"]}"#), owned(&[("a[0]", "\u{fffd}")]));
    }

    #[test]
    fn values_hold_no_objects_and_no_arrays() {
        for text in [r#"{"A":1,"B":{}}"#, r#"{"B":[1]}"#, r#"{"B":{"x":1},"B":2}"#] {
            assert_eq!(Variables::from_json(text).err(), Some(FormError::Nested { name: "B".to_owned() }), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_json_object_is_refused() {
        for text in ["[]", "1", "\"x\"", "true"] {
            assert_eq!(Variables::from_json(text).err(), Some(FormError::NotAnObject), "{text}");
            assert_eq!(Parameters::from_json(text).err(), Some(FormError::NotAnObject), "{text}");
        }
        for text in ["{", "{'a':1}", "{\"a\":1} x", "{\"a\":[1,}", "nul", "PHONE=1"] {
            assert!(matches!(Variables::from_json(text), Err(FormError::Syntax { line: 1, .. })), "{text}");
            assert!(matches!(Parameters::from_json(text), Err(FormError::Syntax { line: 1, .. })), "{text}");
        }
    }

    #[test]
    fn a_number_too_long_to_write_out_is_refused() {
        let error = Some(FormError::NumberTooLong { name: "A".to_owned() });
        assert_eq!(Variables::from_json(r#"{"A":1e999999999}"#).err(), error);
        let error = Some(FormError::NumberTooLong { name: "a[0][b]".to_owned() });
        assert_eq!(Parameters::from_json(r#"{"a":[{"b":1e401}]}"#).err(), error);
    }

    #[test]
    fn nested_parameters_go_out_with_their_path() {
        assert_eq!(
            parameters(
                r#"{"limit":50,"filter":{"tag":["a","b"],"x y":{"z":null}},"[q]":true,"none":{},"empty":[],"%A%":1}"#
            ),
            owned(&[
                ("limit", "50"),
                ("filter[tag][0]", "a"),
                ("filter[tag][1]", "b"),
                ("filter[x y][z]", ""),
                ("[q]", "true"),
                ("%A%", "1"),
            ])
        );
    }

    #[test]
    fn of_a_parameter_given_twice_the_last_value_counts() {
        assert_eq!(parameters(r#"{"a":{"b":1},"c":2,"a":{"d":3}}"#), owned(&[("a[d]", "3"), ("c", "2")]));
    }

    #[test]
    fn nesting_beyond_128_levels_is_refused() {
        let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(Parameters::from_json(&nested(MOST_LEVELS)).expect("128 levels").iter().count(), 1);
        assert_eq!(Parameters::from_json(&nested(MOST_LEVELS + 1)).err(), Some(FormError::TooDeep));
        assert_eq!(Parameters::from_json(&nested(100_000)).err(), Some(FormError::TooDeep));
    }

    #[test]
    fn a_long_name_over_many_elements_is_refused_before_it_fills_the_memory() {
        let json = |name: usize, elements: &str, times: usize| {
            format!(r#"{{"{}":[{}0]}}"#, "n".repeat(name), format!("{elements},").repeat(times))
        };
        for elements in ["0", "[]", "[[0],{}]"] {
            let parameters = Parameters::from_json(&json(1_000_000, elements, 200_000));
            assert_eq!(parameters.err(), Some(FormError::TooLong), "{elements}");
        }
        assert_eq!(Parameters::from_json(&json(1024 * 1024, "0", 60)).err(), Some(FormError::TooLong));
        assert_eq!(Parameters::from_json(&json(10, "0", 200_000)).expect("short names").iter().count(), 200_001);
        assert_eq!(Parameters::from_json(&json(100_000, "0", 29)).expect("few elements").iter().count(), 30);
    }
}
