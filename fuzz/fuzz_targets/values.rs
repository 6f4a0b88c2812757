//! The JSON that BSL passes in goes out as a form that any server reads back as what it said.

#![no_main]

use libfuzzer_sys::fuzz_target;
use passteam_client::batch::{self, Entry};
use passteam_client::fuzzing::form;
use passteam_client::json::JsonError;
use passteam_client::{FormError, Parameters, Request, Variables};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let json: Option<Value> = serde_json::from_str(&text).ok();
    match Variables::from_json(&text) {
        Ok(variables) => check_variables(json.as_ref(), &variables),
        Err(error) => check_error(&text, json.as_ref(), &error),
    }
    match Parameters::from_json(&text) {
        Ok(parameters) => check_parameters(json.as_ref(), &parameters),
        Err(error) => check_error(&text, json.as_ref(), &error),
    }
    match batch::updates(&text) {
        Ok(entries) => check_entries(json.as_ref(), &entries),
        Err(JsonError::Syntax { line, column }) => check_place(&text, json.as_ref(), line, column),
        Err(JsonError::OtherType) => assert!(!matches!(json, Some(Value::Array(_)))),
    }
});

fn check_variables(json: Option<&Value>, variables: &Variables) {
    let pairs: Vec<(String, String)> =
        variables.iter().map(|(name, value)| (format!("values[%{name}%]"), value.to_owned())).collect();
    for (request, subject) in [
        (Request::create_card("шаблон &=+%", variables), ("templateId", "шаблон &=+%")),
        (Request::update_card("", variables), ("cardId", "")),
    ] {
        let read = read_back(&request);
        let (first, rest) = read.split_first().expect("the subject");
        assert_eq!((first.0.as_str(), first.1.as_str()), subject);
        assert_eq!(rest, pairs);
    }
    if let Some(Value::Object(members)) = json {
        for (name, value) in variables.iter() {
            let spellings = [name.to_owned(), format!("%{name}%")];
            let mut meant = spellings.iter().filter_map(|spelling| members.get(spelling));
            assert!(meant.any(|member| is_text_of(value, member)), "{name:?} is not {value:?}");
        }
    }
}

fn check_parameters(json: Option<&Value>, parameters: &Parameters) {
    let request = Request::method("m", parameters).expect("a method's name");
    let pairs: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(read_back(&request), pairs);
    if let Some(Value::Object(members)) = json {
        let mut leaves = Vec::new();
        for (name, value) in members {
            collect_leaves(name.clone(), value, &mut leaves);
        }
        for (name, value) in parameters.iter() {
            let found = leaves.iter().any(|(leaf, member)| leaf == name && is_text_of(value, member));
            assert!(found, "{name:?} is not {value:?}");
        }
        for (name, _) in &leaves {
            assert!(parameters.iter().any(|(sent, _)| sent == name), "{name:?} is lost");
        }
    }
}

fn check_error(text: &str, json: Option<&Value>, error: &FormError) {
    match error {
        FormError::Syntax { line, column } => check_place(text, json, *line, *column),
        FormError::NotAnObject => assert!(!matches!(json, Some(Value::Object(_) | Value::Null))),
        FormError::EmptyName
        | FormError::Nested { .. }
        | FormError::NumberTooLong { .. }
        | FormError::TooDeep
        | FormError::TooLong => {}
    }
    assert!(!error.to_string().is_empty());
}

/// The place of a mistake, in a text that has one.
fn check_place(text: &str, json: Option<&Value>, line: usize, column: usize) {
    assert!(json.is_none(), "malformed only here: {text:?}");
    let line = text.split('\n').nth(line - 1).expect("a line of the text");
    assert!(column <= line.chars().count(), "column {column} of {line:?}");
}

fn check_entries(json: Option<&Value>, entries: &[Entry]) {
    let Some(Value::Array(elements)) = json else { return };
    assert_eq!(entries.len(), elements.len());
    for (entry, element) in entries.iter().zip(elements) {
        let named = element["cardId"].as_str().unwrap_or_default().trim();
        let values = element.get("values").filter(|values| !values.is_null());
        let sendable = values.is_none_or(|values| {
            values
                .as_object()
                .is_some_and(|values| values.values().all(|value| !value.is_object() && !value.is_array()))
        });
        match entry {
            Entry::Sendable { name: card_id, variables } => {
                assert!(!named.is_empty() && sendable);
                assert_eq!(card_id, named);
                check_variables(values, variables);
            }
            Entry::Invalid { name: card_id } => assert_eq!(card_id, named),
        }
    }
}

fn read_back(request: &Request) -> Vec<(String, String)> {
    form_urlencoded::parse(&form(request)).into_owned().collect()
}

/// Plain values by the names that nested ones go out under.
fn collect_leaves<'a>(name: String, value: &'a Value, leaves: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                collect_leaves(format!("{name}[{member}]"), value, leaves);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                collect_leaves(format!("{name}[{index}]"), value, leaves);
            }
        }
        plain => leaves.push((name, plain)),
    }
}

fn is_text_of(text: &str, value: &Value) -> bool {
    match value {
        Value::Null => text.is_empty(),
        Value::Bool(value) => text == value.to_string(),
        Value::String(value) => text == value,
        Value::Number(number) => is_number(text, number),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_number(text: &str, number: &serde_json::Number) -> bool {
    let is_plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    let same = text.parse() == Ok(number.as_f64().expect("any number is near a double"));
    is_plain && same
}
