//! Reads the JSON array that a batch is made of. An entry that cannot be sent spoils nothing but itself.

use std::collections::HashSet;

use crate::form::Variables;
use crate::json::{self, JsonError, JsonValue};

/// One element of the array.
#[derive(Clone, Debug)]
pub enum Entry {
    /// It can be sent.
    Sendable {
        /// The card's id without white space around it, or the key of a creation as it was given.
        name: String,
        /// The card's variables.
        variables: Variables,
    },
    /// It cannot be sent.
    Invalid {
        /// The card's id or the creation's key, empty if there is none.
        name: String,
    },
}

/// Reads an array of `{"cardId": "…", "values": {…}}`; `values` may be absent or `null`.
///
/// # Errors
/// Malformed JSON, and anything but an array.
pub fn updates(text: &str) -> Result<Vec<Entry>, JsonError> {
    read(text, "cardId", |card_id| card_id.trim().to_owned())
}

/// Reads an array of `{"key": "…", "values": {…}}`; `values` may be absent or `null`. The second and later entries of one key are
/// invalid.
///
/// # Errors
/// As [`updates`].
pub fn creations(text: &str) -> Result<Vec<Entry>, JsonError> {
    let mut known = HashSet::new();
    let mut entries = read(text, "key", |key| key)?;
    for entry in &mut entries {
        let (Entry::Sendable { name, .. } | Entry::Invalid { name }) = entry;
        if !known.insert(name.clone()) {
            *entry = Entry::Invalid { name: std::mem::take(name) };
        }
    }
    Ok(entries)
}

fn read(text: &str, name_member: &str, tidy: impl Fn(String) -> String) -> Result<Vec<Entry>, JsonError> {
    let text = json::well_formed(text);
    json::elements(&text)?.into_iter().map(|element| entry(element.get(), name_member, &tidy)).collect()
}

fn entry(text: &str, name_member: &str, tidy: impl Fn(String) -> String) -> Result<Entry, JsonError> {
    let members = match json::members(text) {
        Ok(members) => members,
        Err(JsonError::OtherType) => return Ok(Entry::Invalid { name: String::new() }),
        Err(syntax) => return Err(syntax),
    };
    let member = |name| json::member(&members, name).map(JsonValue::of).transpose();
    let name = match member(name_member)? {
        Some(JsonValue::String(name)) => tidy(name),
        _ => String::new(),
    };
    let variables = match member("values")? {
        None | Some(JsonValue::Null) => Some(Variables::default()),
        Some(JsonValue::Object(values)) => Variables::from_json(values).ok(),
        Some(_) => None,
    };
    Ok(match variables {
        Some(variables) if !name.is_empty() => Entry::Sendable { name, variables },
        _ => Entry::Invalid { name },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, those of invalid entries behind an exclamation mark.
    fn names(entries: Result<Vec<Entry>, JsonError>) -> Vec<String> {
        let name = |entry| match entry {
            Entry::Sendable { name, .. } => name,
            Entry::Invalid { name } => format!("!{name}"),
        };
        entries.expect("an array").into_iter().map(name).collect()
    }

    /// serde_json refuses such a number if an object is expected.
    #[test]
    fn a_number_that_no_double_holds_spoils_its_own_entry_only() {
        assert_eq!(names(updates(r#"[{"cardId": "a"}, 71e400]"#)), ["a", "!"]);
    }

    #[test]
    fn what_cannot_be_sent_is_told_apart_from_what_is_no_batch() {
        let text = r#"[{"cardId":"a"},{"cardId":"b","values":null},{},{"cardId":""},{"cardId":" "},{"cardId":5},7,"x",null,[],
            {"cardId":"c","values":{"A":{}}},{"cardId":"d","values":[]},{"cardId":"e","values":"x"},{"cardId":"f","values":{"":1}}]"#;
        assert_eq!(names(updates(text)), ["a", "b", "!", "!", "!", "!", "!", "!", "!", "!", "!c", "!d", "!e", "!f"]);
        for text in ["", "{}", "null", "1", "[", "[{]", "[] []"] {
            assert!(updates(text).is_err() && creations(text).is_err(), "{text}");
        }
        assert!(names(updates("[]")).is_empty() && names(creations("[]")).is_empty());
    }

    #[test]
    fn white_space_around_a_cards_id_does_not_matter_and_a_key_stays_as_it_is() {
        assert_eq!(names(updates(r#"[{"cardId":" a\n"}]"#)), ["a"]);
        assert_eq!(names(creations(r#"[{"key":" a\n"},{"key":"a"}]"#)), [" a\n", "a"]);
    }

    #[test]
    fn a_creation_needs_a_key_of_its_own() {
        let text = r#"[{"key":"a"},{"key":"b","values":[]},{"key":"a"},{"key":"b"},{"cardId":"c"},{"key":""},{"key":1},{"key":"c","values":{}}]"#;
        assert_eq!(names(creations(text)), ["a", "!b", "!a", "!b", "!", "!", "!", "c"]);
    }
}
