//! A page of `getCardsWithPagination`, read by what a card is: the vendor does not publish the names of its members.
//!
//! What is not certainly a list of cards is refused. How a page is asked for is a matter of [`crate::request`].

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::form::plain_text;
use crate::json::{self, JsonValue};
use crate::outcome::{CardPage, Cause, ListedCard};
use crate::settings::Settings;

/// The members that may hold a card's id.
const ID_MEMBERS: [&str; 3] = ["cardId", "_id", "id"];
/// An id has this many hexadecimal digits.
const ID_LENGTH: usize = 24;
/// Lists are looked for in objects inside one another, this many levels deep.
const MOST_LEVELS: usize = 16;
/// [`PagesRead`] remembers at most this many ids, 12 MB.
const MOST_IDS: usize = 1_000_000;

/// Reads a page from an envelope.
///
/// # Errors
/// [`Cause::NotCards`], [`Cause::NoList`].
pub(crate) fn read(envelope: &IndexMap<String, &RawValue>) -> Result<CardPage, Cause> {
    let mut found = Found::default();
    for (name, value) in envelope {
        found.look_for_next_page(name, value);
    }
    if let Some(result) = envelope.get("result") {
        found.look_into(result, 0);
    }
    let is_last = found.next_page_is_null && !found.next_page_is_named;
    match found.cards {
        Some(cards) => Ok(CardPage { cards, is_last }),
        None if found.another_list => Err(Cause::NotCards),
        None if found.empty_list => Ok(CardPage { cards: Vec::new(), is_last: true }),
        None => Err(Cause::NoList),
    }
}

#[derive(Default)]
struct Found {
    cards: Option<Vec<ListedCard>>,
    empty_list: bool,
    /// There is a list of something else.
    another_list: bool,
    next_page_is_null: bool,
    next_page_is_named: bool,
}

impl Found {
    fn look_into(&mut self, value: &RawValue, level: usize) {
        match JsonValue::of(value) {
            Ok(JsonValue::Array(text)) => self.look_at_list(&json::elements(text).unwrap_or_default()),
            Ok(JsonValue::Object(text)) if level < MOST_LEVELS => {
                for (name, value) in json::unique_members(text).unwrap_or_default() {
                    self.look_for_next_page(&name, value);
                    self.look_into(value, level + 1);
                }
            }
            _ => {}
        }
    }

    /// The first list of cards counts. A list inside an element belongs to that element and is never looked at.
    fn look_at_list(&mut self, elements: &[&RawValue]) {
        if elements.is_empty() {
            self.empty_list = true;
        } else if self.cards.is_none() {
            self.cards = elements.iter().map(|element| card(element.get())).collect();
            self.another_list |= self.cards.is_none();
        }
    }

    fn look_for_next_page(&mut self, name: &str, value: &RawValue) {
        let letters = name.chars().filter(|character| character.is_alphanumeric());
        if letters.flat_map(char::to_lowercase).eq("nextpage".chars()) {
            let is_null = value.get() == "null";
            self.next_page_is_null |= is_null;
            self.next_page_is_named |= !is_null;
        }
    }
}

fn card(element: &str) -> Option<ListedCard> {
    let members = json::unique_members(element).ok()?;
    let card_id = ID_MEMBERS.into_iter().filter_map(|name| string(&members, name)).find(|id| is_card_id(id))?;
    let mut values = variables(&members);
    if let Some(JsonValue::Object(text)) = members.get("values").and_then(|value| JsonValue::of(value).ok()) {
        values.extend(variables(&json::unique_members(text).unwrap_or_default()));
    }
    Some(ListedCard {
        card_id,
        card_url: string(&members, "cardUrl").unwrap_or_default(),
        installed: members.get("installed").is_some_and(|value| value.get() == "true"),
        values: values.into_iter().collect(),
    })
}

fn string(members: &IndexMap<String, &RawValue>, name: &str) -> Option<String> {
    match JsonValue::of(members.get(name)?) {
        Ok(JsonValue::String(text)) => Some(text),
        _ => None,
    }
}

fn is_card_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The members named `%NAME%` that hold a plain value.
fn variables(members: &IndexMap<String, &RawValue>) -> IndexMap<String, String> {
    let variable = |(name, value): (&String, &&RawValue)| {
        let name = name.strip_prefix('%')?.strip_suffix('%').filter(|name| !name.is_empty())?;
        Some((name.to_owned(), plain_text(JsonValue::of(value).ok()?)?))
    };
    members.iter().filter_map(variable).collect()
}

/// The pages that one caller has read, which tell whether a page repeats the one before it: some services answer a page that does
/// not exist with the last one that does.
#[derive(Default)]
pub struct PagesRead {
    /// What the pages are of; another server, token or template begins anew.
    subject: (String, String, String),
    /// The ids of each page, the page that was read last at the end.
    pages: IndexMap<u32, HashSet<Id>>,
}

/// An id as a number.
type Id = [u8; ID_LENGTH / 2];

impl PagesRead {
    /// Notes that `page`, counted from 1, was read with these settings, and tells whether there may be more pages.
    pub fn note(&mut self, settings: &Settings, template_id: &str, page: u32, read: &CardPage) -> bool {
        let subject = (settings.server.as_str().to_owned(), settings.token.reveal().to_owned(), template_id.to_owned());
        if self.subject != subject {
            *self = PagesRead { subject, pages: IndexMap::new() };
        }
        let ids: HashSet<Id> = read.cards.iter().filter_map(|card| id(&card.card_id)).collect();
        let before = page.checked_sub(1).and_then(|before| self.pages.get(&before));
        let repeats = before.is_some_and(|before| ids.is_subset(before));
        self.pages.shift_remove(&page);
        self.pages.insert(page, ids);
        while self.pages.len() > 1 && self.pages.values().map(HashSet::len).sum::<usize>() > MOST_IDS {
            self.pages.shift_remove_index(0);
        }
        !read.is_last && !repeats
    }
}

fn id(text: &str) -> Option<Id> {
    let mut id = [0; ID_LENGTH / 2];
    for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn page(envelope: &Value) -> Result<CardPage, Cause> {
        read(&json::unique_members(&envelope.to_string()).expect("an object"))
    }

    fn page_of(result: Value) -> Result<CardPage, Cause> {
        page(&json!({ "code": 200, "result": result }))
    }

    fn hex(number: u32) -> String {
        format!("5f0c8d9e2b7a4c00{number:08X}")
    }

    fn ids(page: Result<CardPage, Cause>) -> Vec<String> {
        page.expect("a page").cards.into_iter().map(|card| card.card_id).collect()
    }

    /// A card, and the object that a service may show it as.
    fn card_and_shape() -> impl Strategy<Value = (ListedCard, Value)> {
        let values = proptest::collection::btree_map("[A-Z_%]{0,3}[A-Z]", ".*", 0..4);
        let id_member = proptest::sample::select(&ID_MEMBERS[..]);
        let url = proptest::option::of("https://x\\.example/%20[a-z]{1,5}");
        (any::<u32>(), id_member, values, any::<bool>(), url, proptest::option::of(any::<bool>())).prop_map(
            |(number, id_member, values, apart, url, installed)| {
                let mut object = serde_json::Map::new();
                object.insert("name".to_owned(), json!("not a variable"));
                object.insert(id_member.to_owned(), json!(hex(number)));
                let variables = values.iter().map(|(name, value)| (format!("%{name}%"), json!(value)));
                if apart {
                    object.insert("values".to_owned(), Value::Object(variables.collect()));
                } else {
                    object.extend(variables);
                }
                if let Some(url) = &url {
                    object.insert("cardUrl".to_owned(), json!(url));
                }
                if let Some(installed) = installed {
                    object.insert("installed".to_owned(), json!(installed));
                }
                let card = ListedCard {
                    card_id: hex(number),
                    card_url: url.unwrap_or_default(),
                    installed: installed.unwrap_or_default(),
                    values: values.into_iter().collect(),
                };
                (card, Value::Object(object))
            },
        )
    }

    /// The envelope that shows this list somewhere under `result`, with other members around it.
    fn envelopes(list: &Value, name: &str, number: u32) -> Vec<Value> {
        vec![
            json!({ "code": 200, "result": list }),
            json!({ "code": 200, "result": { "cards": list, "page": number, "pages": number } }),
            json!({ "code": 200, "result": { "total_count": number, name: list, "limit": 50 } }),
            json!({ "code": 200, "result": { "data": { name: list }, "empty": [], "meta": { "current": number } } }),
            json!({ "code": 200, "result": { "templates": [], "tags": ["a"], "data": { name: list } } }),
        ]
    }

    proptest! {
        #[test]
        fn cards_are_read_in_every_shape(
            cards in proptest::collection::vec(card_and_shape(), 1..6),
            name in "[a-z]{1,8}x",
            number in any::<u32>(),
        ) {
            let (expected, shapes): (Vec<ListedCard>, Vec<Value>) = cards.into_iter().unzip();
            for envelope in envelopes(&Value::Array(shapes), &name, number) {
                let sorted = |mut cards: Vec<ListedCard>| {
                    cards.iter_mut().for_each(|card| card.values.sort());
                    cards.into_iter().map(|card| (card.card_id, card.card_url, card.installed, card.values)).collect::<Vec<_>>()
                };
                let page = page(&envelope).expect("a page");
                prop_assert!(!page.is_last);
                prop_assert_eq!(sorted(page.cards), sorted(expected.clone()));
            }
        }

        #[test]
        fn one_element_that_is_no_card_spoils_the_list(
            cards in proptest::collection::vec(card_and_shape(), 0..4),
            place in any::<prop::sample::Index>(),
            stranger in proptest::sample::select(vec![
                json!(null),
                json!("5f0c8d9e2b7a4c0011223344"),
                json!([]),
                json!({}),
                json!({ "templateId": "5f0c8d9e2b7a4c0011223344", "name": "Bonus" }),
                json!({ "purchase": 7, "sum": 12.5 }),
                json!({ "id": "5f0c8d9e2b7a4c001122334" }),
                json!({ "id": "5f0c8d9e2b7a4c00112233445" }),
                json!({ "id": "5f0c8d9e2b7a4c001122334g" }),
                json!({ "id": 5 }),
                json!({ "Id": "5f0c8d9e2b7a4c0011223344" }),
            ]),
            name in "[a-z]{1,8}x",
        ) {
            let mut list: Vec<Value> = cards.into_iter().map(|(_, shape)| shape).collect();
            list.insert(place.index(list.len() + 1), stranger);
            for envelope in envelopes(&Value::Array(list), &name, 1) {
                prop_assert_eq!(page(&envelope), Err(Cause::NotCards));
            }
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in r#"\{("[a-z]{0,3}":[\[\]{}",0-9a-f%:null]{0,20}){0,4}\}"#) {
            if let Ok(members) = json::unique_members(&text) {
                let _ = read(&members);
            }
        }
    }

    #[test]
    fn plain_values_become_text_and_others_are_left_out() {
        let card = r#"{"id":"5f0c8d9e2b7a4c0011223344","%A%":12.50,"%B%":true,"%C%":null,"%D%":[1],"%E%":{},"%F%":1e3,"%%":"x","G":"y","values":{"%A%":"z","H":"y"}}"#;
        let text = format!(r#"{{"result":[{card}]}}"#);
        let page = read(&json::unique_members(&text).expect("an object")).expect("a page");
        let values: Vec<_> = page.cards[0].values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(values, [("A", "z"), ("B", "true"), ("C", ""), ("F", "1000")]);
    }

    #[test]
    fn an_answer_without_a_list_is_told_from_one_with_another() {
        for result in [json!(null), json!({}), json!("x"), json!(7), json!({ "card": { "id": hex(1) } })] {
            assert_eq!(page_of(result.clone()), Err(Cause::NoList), "{result}");
        }
        assert_eq!(page(&json!({ "code": 200, "cards": [{ "id": hex(1) }] })), Err(Cause::NoList), "not under result");
        assert_eq!(page_of(json!({ "a": [], "b": ["x"] })), Err(Cause::NotCards));
        let nested = json!({ "templates": [{ "name": "Bonus", "cards": [{ "id": hex(1) }] }] });
        assert_eq!(page_of(nested), Err(Cause::NotCards), "the cards of one template are not the page");
    }

    #[test]
    fn the_first_list_of_cards_counts() {
        let result = json!({ "a": [], "b": [1], "c": [{ "id": hex(1) }], "d": [{ "id": hex(2) }] });
        let text = format!(r#"{{"result":{{"b":[1],"d":[{{"id":"{}"}}],"c":[{{"id":"{}"}}]}}}}"#, hex(2), hex(1));
        assert_eq!(ids(page_of(result)), [hex(1)]);
        assert_eq!(ids(read(&json::unique_members(&text).expect("an object"))), [hex(2)], "in the order of the text");
    }

    #[test]
    fn only_an_empty_list_and_a_next_page_of_null_end_the_walk_at_once() {
        let cards = json!([{ "id": hex(1) }]);
        for (result, is_last) in [
            (json!([]), true),
            (json!({ "cards": [], "more": true, "nextPage": 2 }), true),
            (json!({ "cards": cards }), false),
            (json!({ "cards": cards, "nextPage": null }), true),
            (json!({ "cards": cards, "next_page": null }), true),
            (json!({ "cards": cards, "meta": { "NEXT-PAGE": null } }), true),
            (json!({ "cards": cards, "nextPage": 0 }), false),
            (json!({ "cards": cards, "nextPage": "" }), false),
            (json!({ "cards": cards, "nextPage": false }), false),
            (json!({ "cards": cards, "previousPage": null, "nextPageUrl": null }), false),
            (json!([{ "id": hex(1), "nextPage": null }]), false),
        ] {
            assert_eq!(page_of(result.clone()).map(|page| page.is_last), Ok(is_last), "{result}");
        }
        let beside = page(&json!({ "code": 200, "result": cards, "nextPage": null }));
        assert!(beside.expect("a page").is_last);
    }

    fn cards(numbers: impl IntoIterator<Item = u32>) -> CardPage {
        let card =
            |number| ListedCard { card_id: hex(number), card_url: String::new(), installed: false, values: Vec::new() };
        CardPage { cards: numbers.into_iter().map(card).collect(), is_last: false }
    }

    #[test]
    fn a_page_that_repeats_the_one_before_it_is_the_last() {
        let settings = Settings::default();
        let mut pages = PagesRead::default();
        let mut more = |page, numbers: &[u32]| pages.note(&settings, "t", page, &cards(numbers.iter().copied()));
        assert!(more(1, &[1, 2]));
        assert!(more(1, &[1, 2]), "one page twice");
        assert!(more(3, &[1, 2]), "another page than the one before");
        assert!(more(2, &[2, 3]), "one card is new");
        assert!(!more(3, &[3, 2]));
        assert!(more(2, &[4, 5]));
        assert!(!more(3, &[5]), "a part of the page before");
        assert!(!pages.note(&settings, "t", 9, &CardPage { is_last: true, ..cards([9]) }));
    }

    #[test]
    fn pages_of_another_template_or_server_are_not_compared() {
        let settings = Settings::default();
        let mut pages = PagesRead::default();
        assert!(pages.note(&settings, "t", 1, &cards([1])));
        assert!(pages.note(&settings, "u", 2, &cards([1])));
        let server = crate::ServerUrl::parse("https://other.example").expect("a URL");
        assert!(pages.note(&Settings { server, ..Settings::default() }, "u", 3, &cards([1])));
    }

    #[test]
    fn the_memory_of_pages_is_bounded() {
        let settings = Settings::default();
        let mut pages = PagesRead::default();
        let most = MOST_IDS as u32;
        assert!(pages.note(&settings, "t", 1, &cards([1])));
        assert!(pages.note(&settings, "t", 2, &cards(10..10 + most)));
        assert_eq!(pages.pages.keys().copied().collect::<Vec<_>>(), [2]);
        assert!(!pages.note(&settings, "t", 3, &cards([10])));
    }
}
