//! A page of cards is read as another reader of JSON reads it: never half, never anything but cards.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use passteam_client::fuzzing::judge;
use passteam_client::{CardPage, Cause, ListedCard, PagesRead, Request, Settings};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let body = format!(r#"{{"code":200,"result":{text}}}"#);
    let (outcome, code) = judge(&Request::get_cards(1, ""), 200, &body, None, false);
    let Ok(json) = serde_json::from_str::<Value>(&body) else { return };
    if json["code"] != 200 {
        return;
    }
    assert_eq!(code, 200);
    match outcome {
        Ok(success) => check_page(&json, &success.page.expect("a page")),
        Err(failure) => assert!(matches!(failure.cause, Cause::NotCards | Cause::NoList), "{failure:?}"),
    }
});

fn check_page(json: &Value, page: &CardPage) {
    let mut lists = Vec::new();
    collect_lists(&json["result"], &mut lists);
    if page.cards.is_empty() {
        assert!(page.is_last && !lists.is_empty() && lists.iter().all(|list| list.is_empty()));
        return;
    }
    let is_shown = |list: &&Vec<Value>| {
        list.len() == page.cards.len() && list.iter().zip(&page.cards).all(|(element, card)| shows(element, card))
    };
    assert!(lists.iter().any(is_shown), "{page:?}");
    let mut pages = PagesRead::default();
    assert_eq!(pages.note(&Settings::default(), "", 1, page), !page.is_last);
    assert!(!pages.note(&Settings::default(), "", 2, page), "a page that repeats the one before it");
}

/// Lists that are no part of another list's elements.
fn collect_lists<'a>(value: &'a Value, lists: &mut Vec<&'a Vec<Value>>) {
    match value {
        Value::Array(list) => lists.push(list),
        Value::Object(members) => members.values().for_each(|member| collect_lists(member, lists)),
        _ => {}
    }
}

fn shows(element: &Value, card: &ListedCard) -> bool {
    let named = ["cardId", "_id", "id"].iter().any(|name| element[name] == card.card_id.as_str());
    let is_id = card.card_id.len() == 24 && card.card_id.chars().all(|digit| digit.is_ascii_hexdigit());
    let values: BTreeMap<&str, &str> =
        card.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let stands = |(name, value): (&&str, &&str)| {
        let name = format!("%{name}%");
        [&element["values"][&name], &element[&name]].into_iter().any(|member| is_text_of(value, member))
    };
    named
        && is_id
        && element["cardUrl"].as_str().unwrap_or_default() == card.card_url
        && (element["installed"] == true) == card.installed
        && values.iter().all(stands)
}

fn is_text_of(text: &str, value: &Value) -> bool {
    match value {
        Value::Null => text.is_empty(),
        Value::Bool(value) => text == value.to_string(),
        Value::String(value) => text == value,
        Value::Number(number) => text.parse() == Ok(number.as_f64().expect("any number is near a double")),
        Value::Array(_) | Value::Object(_) => false,
    }
}
