//! Looks for a template in the answer to `gettemplates`, whose form the vendor does not publish: a list of objects under `result`,
//! each with an id of 24 hexadecimal digits.

use crate::diagnosis::Templates;
use crate::json::{self, JsonValue};

/// Deeper than any real answer.
const MOST_LEVELS: usize = 8;

/// What a list of templates says of this one, which is none if it is empty; `None` if the answer cannot be understood.
pub(crate) fn check(answer: &str, template_id: &str) -> Option<Templates> {
    let answer = json::well_formed(answer);
    let members = json::members(&answer).ok()?;
    let result = JsonValue::of(json::member(&members, "result")?).ok()?;
    let mut ids = Ids::default();
    ids.collect(&result, MOST_LEVELS);
    let Ids { found, is_list } = ids;
    let is_known = found.iter().any(|found| found == template_id);
    is_list.then(|| Templates { count: found.len(), is_known: (!template_id.is_empty()).then_some(is_known) })
}

/// The ids of the elements of lists.
#[derive(Default)]
struct Ids {
    found: Vec<String>,
    /// Whether there was a list at all whose elements are known to be templates: empty, or with an id in each.
    is_list: bool,
}

impl Ids {
    fn collect(&mut self, value: &JsonValue<'_>, levels: usize) {
        let Some(levels) = levels.checked_sub(1) else { return };
        match value {
            JsonValue::Array(text) => {
                let elements = json::elements(text).unwrap_or_default();
                let ids: Vec<String> = elements.iter().filter_map(|element| id(element.get())).collect();
                if ids.len() == elements.len() {
                    self.is_list = true;
                    self.found.extend(ids);
                }
            }
            JsonValue::Object(text) => {
                for (_, member) in json::members(text).unwrap_or_default() {
                    if let Ok(member) = JsonValue::of(member) {
                        self.collect(&member, levels);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The id of a template, of which an object has one.
fn id(element: &str) -> Option<String> {
    let members = json::members(element).ok()?;
    ["templateId", "_id", "id"].iter().find_map(|name| match JsonValue::of(json::member(&members, name)?) {
        Ok(JsonValue::String(id)) => Some(id),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_found_wherever_the_list_stands() {
        for answer in [
            r#"{"code":200,"result":[{"templateId":"a","name":"A"},{"templateId":"b"}]}"#,
            r#"{"code":200,"result":{"templates":[{"_id":"b"},{"_id":"c"}],"total":2}}"#,
            r#"{"code":200,"result":{"data":{"list":[{"id":"c"},{"id":"b"}]}}}"#,
        ] {
            for (asked, is_known) in [("b", Some(true)), ("x", Some(false)), ("", None)] {
                assert_eq!(check(answer, asked), Some(Templates { count: 2, is_known }), "{answer}");
            }
        }
        assert_eq!(check(r#"{"result":[]}"#, "x"), Some(Templates { count: 0, is_known: Some(false) }));
    }

    #[test]
    fn an_answer_that_cannot_be_understood_says_nothing() {
        for answer in
            ["", "{}", r#"{"result":{}}"#, r#"{"result":"x"}"#, r#"{"result":[{"name":"x"}]}"#, r#"{"result":["x"]}"#]
        {
            assert_eq!(check(answer, "x"), None, "{answer}");
        }
        let deep = format!(r#"{{"result":{}{}}}"#, r#"{"a":"#.repeat(20), "[]".to_owned() + &"}".repeat(20));
        assert_eq!(check(&deep, "x"), None);
    }
}
