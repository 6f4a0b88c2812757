//! Variables and parameters, and the form (`application/x-www-form-urlencoded`) in which they go out.

mod number;

use std::collections::HashMap;
use std::fmt;

use form_urlencoded::Serializer;
use hyper::body::Bytes;

use crate::json::{self, JsonError, Value};

/// Objects and arrays may stand this deep inside one another.
const MOST_LEVELS: usize = 128;

/// The names of a method's parameters may take so much together. Flattened ones grow with the square of their JSON: one long
/// name over many elements would fill any memory.
const MOST_NAME_BYTES: usize = 64 * 1024 * 1024;

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
        self.0.put(bare.to_owned(), value.into());
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
            for (name, value) in json::members(&text)? {
                let value = Value::of(value)?;
                let text = scalar(value, || name.clone())?.ok_or_else(|| FormError::Nested { name: name.clone() })?;
                variables.set(&name, text)?;
            }
        }
        Ok(variables)
    }

    /// Adds variables over these: `later` wins, a variable named in both keeps its first place.
    pub fn merge(&mut self, later: Variables) {
        for (name, value) in later.0.entries {
            self.0.put(name, value);
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0 = Fields::default();
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// Names, without percent signs, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
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
    /// What is not such an object, nesting of more than 128 levels, and flattened names of more than 64 MiB together.
    pub fn from_json(text: &str) -> Result<Parameters, FormError> {
        let mut flat = Flattened { fields: Fields::default(), room: MOST_NAME_BYTES };
        let text = json::well_formed(text);
        if !is_nothing(&text) {
            for (name, value) in json::unique_members(&text)? {
                flat.add(name, Value::of(value)?, 1)?;
            }
        }
        Ok(Parameters(flat.fields))
    }

    /// Names as they go out, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.entries.iter().map(|(name, value)| (name.as_str(), value.as_str()))
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
    /// An object or array where a plain value must stand.
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
    /// Names that are longer than 64 MiB together: those of nested values repeat the names that they are nested in.
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

/// One call of a method of the service: what goes out, when it may be repeated, and what a success must hold. Debug output
/// shows no values.
#[derive(Clone)]
pub struct Request {
    method: String,
    body: Bytes,
    repeats: Repeats,
    expectation: Expectation,
    secrets: Vec<String>,
}

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// Only while no byte of it can have left: it must not be carried out twice.
    WhileUnsent,
    /// Also after a failure that another try may mend: carried out twice it does the same as once.
    Harmless,
    /// As [`Repeats::Harmless`], but the caller keeps the pauses that the service asks for.
    HarmlessButNotEarly,
}

/// What an answer must hold to be a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// The id of the card that was made.
    NewCard,
    /// Nothing; it may say whether the card is installed.
    UpdatedCard {
        /// The card.
        card_id: String,
    },
    /// Nothing: the caller reads the answer.
    Anything,
}

impl Request {
    /// `createcard`: makes a card of a template. It is never sent again once it may have reached the service.
    pub fn create_card(template_id: &str, variables: &Variables) -> Request {
        Request::with_variables(
            "createcard",
            ("templateId", template_id),
            variables,
            Repeats::WhileUnsent,
            Expectation::NewCard,
        )
    }

    /// `updatecard`: sets variables of a card.
    pub fn update_card(card_id: &str, variables: &Variables) -> Request {
        let expectation = Expectation::UpdatedCard { card_id: card_id.to_owned() };
        Request::with_variables("updatecard", ("cardId", card_id), variables, Repeats::Harmless, expectation)
    }

    /// Any other method of the service. What it does is unknown, so it is repeated only where [`Request::create_card`] is.
    ///
    /// # Errors
    /// A name of anything but ASCII letters, digits, `_` and `-`, or an empty one.
    pub fn method(name: &str, parameters: &Parameters) -> Result<Request, MethodNameError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(MethodNameError);
        }
        let mut form = Serializer::new(String::new());
        form.extend_pairs(parameters.iter());
        Ok(Request {
            method: name.to_owned(),
            body: form.finish().into(),
            repeats: Repeats::WhileUnsent,
            expectation: Expectation::Anything,
            secrets: parameters.iter().map(|(_, value)| value.to_owned()).collect(),
        })
    }

    fn with_variables(
        method: &str,
        (subject, id): (&str, &str),
        variables: &Variables,
        repeats: Repeats,
        expectation: Expectation,
    ) -> Request {
        let mut form = Serializer::new(String::new());
        form.append_pair(subject, id);
        for (name, value) in variables.iter() {
            form.append_pair(&format!("values[%{name}%]"), value);
        }
        Request {
            method: method.to_owned(),
            body: form.finish().into(),
            repeats,
            expectation,
            secrets: variables.iter().map(|(_, value)| value.to_owned()).collect(),
        }
    }

    /// The same request, but a pause that the service asks for (429) ends the call at once: the caller keeps it.
    pub fn leaving_pauses_to_the_caller(mut self) -> Request {
        if self.repeats == Repeats::Harmless {
            self.repeats = Repeats::HarmlessButNotEarly;
        }
        self
    }

    /// The values of this call, of every length, which no text for a person may show; see [`crate::redact`].
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The method of the service, such as `updatecard`.
    pub fn method_name(&self) -> &str {
        &self.method
    }

    /// The card that is to be updated.
    pub fn card_id(&self) -> Option<&str> {
        match &self.expectation {
            Expectation::UpdatedCard { card_id } => Some(card_id),
            Expectation::NewCard | Expectation::Anything => None,
        }
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    pub(crate) fn repeats(&self) -> Repeats {
        self.repeats
    }

    pub(crate) fn expectation(&self) -> &Expectation {
        &self.expectation
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .field("repeats", &self.repeats)
            .finish_non_exhaustive()
    }
}

/// A name that no method of the service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodNameError;

impl fmt::Display for MethodNameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a method's name consists of ASCII letters, digits, _ and -")
    }
}

impl std::error::Error for MethodNameError {}

/// Fields in the order in which they were first named, each name once.
#[derive(Clone, Default)]
struct Fields {
    entries: Vec<(String, String)>,
    places: HashMap<String, usize>,
}

impl Fields {
    fn put(&mut self, name: String, value: String) {
        match self.places.get(&name) {
            Some(&place) => self.entries[place].1 = value,
            None => {
                self.places.insert(name.clone(), self.entries.len());
                self.entries.push((name, value));
            }
        }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.entries.iter().map(|(name, _)| name)).finish()
    }
}

fn is_nothing(json: &str) -> bool {
    matches!(json.trim(), "" | "null")
}

/// The text of a plain value; `None` for an object or array.
fn scalar(value: Value<'_>, name: impl FnOnce() -> String) -> Result<Option<String>, FormError> {
    Ok(match value {
        Value::Null => Some(String::new()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        Value::String(text) => Some(text),
        Value::Number(number) => match number::without_exponent(number) {
            Some(digits) => Some(digits.into_owned()),
            None => return Err(FormError::NumberTooLong { name: name() }),
        },
        Value::Array(_) | Value::Object(_) => None,
    })
}

/// Nested values under way to fields.
struct Flattened {
    fields: Fields,
    /// How many bytes more the names may take.
    room: usize,
}

impl Flattened {
    fn add(&mut self, name: String, value: Value<'_>, level: usize) -> Result<(), FormError> {
        if level > MOST_LEVELS {
            return Err(FormError::TooDeep);
        }
        self.room = self.room.checked_sub(name.len()).ok_or(FormError::TooLong)?;
        match value {
            Value::Object(text) => {
                for (member, value) in json::unique_members(text)? {
                    self.add(format!("{name}[{member}]"), Value::of(value)?, level + 1)?;
                }
            }
            Value::Array(text) => {
                for (index, element) in json::elements(text)?.into_iter().enumerate() {
                    self.add(format!("{name}[{index}]"), Value::of(element)?, level + 1)?;
                }
            }
            plain => {
                if let Some(text) = scalar(plain, || name.clone())? {
                    self.fields.put(name, text);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields of a form as any server reads them.
    fn read_back(request: &Request) -> Vec<(String, String)> {
        form_urlencoded::parse(&request.body()).into_owned().collect()
    }

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
    fn a_card_goes_out_as_its_template_and_then_its_variables_in_their_order() {
        let mut variables = Variables::default();
        variables.set("PHONE", "79161234567").expect("a variable");
        variables.set("%CLIENT_NAME%", "Иванова & Co").expect("a variable");
        let request = Request::create_card("tpl 1", &variables);
        assert_eq!(request.method_name(), "createcard");
        assert_eq!(
            String::from_utf8(request.body().to_vec()).expect("ASCII"),
            "templateId=tpl+1&values%5B%25PHONE%25%5D=79161234567\
             &values%5B%25CLIENT_NAME%25%5D=%D0%98%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2%D0%B0+%26+Co"
        );
    }

    #[test]
    fn an_update_names_its_card_first() {
        let mut variables = Variables::default();
        variables.set("BALANCE", "7500").expect("a variable");
        let request = Request::update_card("5f0c", &variables);
        assert_eq!(request.method_name(), "updatecard");
        assert_eq!(request.body(), "cardId=5f0c&values%5B%25BALANCE%25%5D=7500");
        assert_eq!(Request::update_card("5f0c", &Variables::default()).body(), "cardId=5f0c");
    }

    proptest! {
        #[test]
        fn whatever_goes_in_a_standard_form_parser_reads_back(
            id in ".*",
            pairs in proptest::collection::vec((".*[^%\\s].*", ".*"), 0..8),
        ) {
            let mut variables = Variables::default();
            for (name, value) in &pairs {
                variables.set(name, value).expect("a name that is not blank");
            }
            let mut expected = vec![("templateId".to_owned(), id.clone())];
            expected.extend(variables.iter().map(|(name, value)| (format!("values[%{name}%]"), value.to_owned())));
            prop_assert_eq!(read_back(&Request::create_card(&id, &variables)), expected);
        }

        #[test]
        fn whatever_stands_in_a_json_object_a_standard_form_parser_reads_back(
            pairs in proptest::collection::btree_map(".*[^%\\s].*", ".*", 0..8),
        ) {
            let json = serde_json::to_string(&pairs).expect("JSON");
            let sent = Variables::from_json(&json).expect("variables");
            let mut expected = Variables::default();
            for (name, value) in &pairs {
                expected.set(name, value).expect("a name that is not blank");
            }
            prop_assert_eq!(sent.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());

            let parameters = Parameters::from_json(&json).expect("parameters");
            let request = Request::method("m", &parameters).expect("a method");
            prop_assert_eq!(read_back(&request), pairs.into_iter().collect::<Vec<_>>());
        }
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
        assert_eq!(Parameters::from_json(&json(10, "0", 200_000)).expect("short names").iter().count(), 200_001);
        assert_eq!(Parameters::from_json(&json(1_000_000, "0", 9)).expect("few elements").iter().count(), 10);
    }

    #[test]
    fn a_methods_name_is_letters_digits_underscores_and_hyphens() {
        for name in ["gettemplates", "getCardsWithPagination", "a-b_1"] {
            assert_eq!(Request::method(name, &Parameters::default()).expect(name).method_name(), name);
        }
        for name in ["", "a b", "../admin", "a/b", "a?b", "a#b", "метод", "a%2f", "a\n"] {
            assert_eq!(Request::method(name, &Parameters::default()).err(), Some(MethodNameError), "{name:?}");
        }
    }

    #[test]
    fn only_an_update_may_be_carried_out_twice() {
        let variables = Variables::default();
        let method = Request::method("m", &Parameters::default()).expect("a method");
        assert_eq!(Request::create_card("t", &variables).repeats(), Repeats::WhileUnsent);
        assert_eq!(method.repeats(), Repeats::WhileUnsent);
        assert_eq!(method.leaving_pauses_to_the_caller().repeats(), Repeats::WhileUnsent);
        let update = Request::update_card("c", &variables);
        assert_eq!(update.repeats(), Repeats::Harmless);
        assert_eq!(update.leaving_pauses_to_the_caller().repeats(), Repeats::HarmlessButNotEarly);
    }

    #[test]
    fn debug_output_shows_no_value_and_secrets_tell_all_of_them() {
        let variables = Variables::from_json(r#"{"NAME":"SECRET1","PHONE":"SECRET2","X":"a"}"#).expect("variables");
        let parameters = Parameters::from_json(r#"{"a":["SECRET3"]}"#).expect("parameters");
        let method = Request::method("m", &parameters).expect("a method");
        let create = Request::create_card("t", &variables);
        let text = format!("{variables:?} {parameters:?} {method:?} {create:#?}");
        assert!(text.contains("NAME") && text.contains("createcard"), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
        assert_eq!(create.secrets(), ["SECRET1", "SECRET2", "a"]);
        assert_eq!(method.secrets(), ["SECRET3"]);
    }

    #[test]
    fn strings_of_several_megabytes_go_through() {
        let long = "Ж&".repeat(1_000_000);
        let json = serde_json::json!({ "LONG": long }).to_string();
        let request = Request::update_card("c", &Variables::from_json(&json).expect("variables"));
        assert_eq!(read_back(&request)[1].1, long);
    }
}
