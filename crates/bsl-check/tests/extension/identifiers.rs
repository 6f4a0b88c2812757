//! Identifiers are unique, and those of own data never change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::tree::{elements, folder, object, parse, property, xml};

/// The identifiers of the extension's objects and of their fields.
const FOR_EVER: &str = include_str!("identifiers.txt");

/// The external data processor that stands beside the extension.
const PROCESSOR: &str = "ПередачаКартPassteam";

const WHY: &str = "an object or field with another uuid is a new one: at the next update of a shop's base the data of the \
                   old one are gone, the cards' ids with them. A new object or field is a new line; a line never changes";

/// What stands in the files, a line each.
fn present() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for text in xml().values() {
        let document = parse(text);
        let Some(object) = object(&document) else { continue };
        let full = format!("{}.{}", object.tag_name().name(), property(object, "Name"));
        found.insert(full.clone(), object.attribute("uuid").unwrap().to_owned());
        for field in ["Dimension", "Resource"].iter().flat_map(|kind| elements(object, kind)) {
            let name = format!("{full}.{}.{}", field.tag_name().name(), property(field, "Name"));
            found.insert(name, field.attribute("uuid").unwrap().to_owned());
        }
    }
    found
}

#[test]
fn identifiers_of_own_objects_and_fields_are_for_ever() {
    let fixed: BTreeMap<String, String> = FOR_EVER
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, uuid)| (name.to_owned(), uuid.to_owned()))
        .collect();
    assert_eq!(present(), fixed, "{WHY}");
}

#[test]
fn the_extensions_name_is_for_ever() {
    let files = xml();
    let document = parse(&files["Configuration.xml"]);
    let name = property(object(&document).unwrap(), "Name");
    assert_eq!(name, "Passteam", "under another name the same ids make a second extension, and the update fails");
}

#[test]
fn no_identifier_stands_twice() {
    let mut seen = BTreeSet::new();
    // The external data processor goes into the same base.
    let processor = format!("{PROCESSOR}.xml");
    let text = fs::read_to_string(folder().join("../scheduled").join(&processor)).unwrap();
    let text = text.trim_start_matches('\u{feff}').to_owned();
    assert_eq!(property(object(&parse(&text)).unwrap(), "Name"), PROCESSOR);
    for (path, text) in xml().iter().chain([(&processor, &text)]) {
        let document = parse(text);
        let root = document.root_element();
        let uuids = root.descendants().filter_map(|node| node.attribute("uuid"));
        let generated = ["TypeId", "ValueId", "ObjectId"].iter().flat_map(|name| elements(root, name));
        for uuid in uuids.chain(generated.filter_map(|node| node.text())) {
            assert!(is_uuid(uuid), "{path}: {uuid}");
            assert!(seen.insert(uuid.to_owned()), "{path} repeats {uuid}");
        }
    }
    assert!(seen.len() > 100, "the identifiers are gone");
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c))
}
