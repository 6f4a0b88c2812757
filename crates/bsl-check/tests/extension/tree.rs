//! The files of the extension.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};
use walkdir::WalkDir;

/// Kinds of objects as the root lists them, in its order, and their folders.
pub const KINDS: [(&str, &str); 11] = [
    ("Language", "Languages"),
    ("Subsystem", "Subsystems"),
    ("Role", "Roles"),
    ("CommonTemplate", "CommonTemplates"),
    ("CommonModule", "CommonModules"),
    ("ScheduledJob", "ScheduledJobs"),
    ("CommonCommand", "CommonCommands"),
    ("Catalog", "Catalogs"),
    ("DataProcessor", "DataProcessors"),
    ("InformationRegister", "InformationRegisters"),
    ("AccumulationRegister", "AccumulationRegisters"),
];

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/extension")
}

/// Every file by its path, with the byte order mark that it begins with.
pub fn files() -> BTreeMap<String, String> {
    let folder = folder();
    let entries = WalkDir::new(&folder).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let read = entries.map(|entry| {
        let path = entry.path().strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
        (path, fs::read_to_string(entry.path()).unwrap())
    });
    read.collect()
}

/// The XML files without their byte order mark.
pub fn xml() -> BTreeMap<String, String> {
    let xml = files().into_iter().filter(|(path, _)| path.ends_with(".xml"));
    xml.map(|(path, text)| (path, text.trim_start_matches('\u{feff}').to_owned())).collect()
}

pub fn parse(text: &str) -> Document<'_> {
    Document::parse(text).unwrap()
}

/// The metadata object of a file, e.g. the `Catalog` of `MetaDataObject`.
pub fn object<'d>(document: &'d Document<'_>) -> Option<Node<'d, 'd>> {
    let root = document.root_element();
    (root.tag_name().name() == "MetaDataObject").then(|| root.first_element_child().unwrap())
}

/// The children of a node that are elements.
pub fn children<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

pub fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    children(node).find(|node| node.tag_name().name() == name)
}

pub fn names<'a>(node: Node<'a, 'a>) -> Vec<&'a str> {
    children(node).map(|node| node.tag_name().name()).collect()
}

/// A property of an object as text.
pub fn property(object: Node<'_, '_>, name: &str) -> String {
    let properties = child(object, "Properties").unwrap();
    child(properties, name).and_then(|node| node.text()).unwrap_or_default().to_owned()
}

pub fn elements<'a, 'i: 'a>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants().filter(move |node| node.tag_name().name() == name)
}

/// What the root lists: kind and name.
pub fn listed() -> Vec<(String, String)> {
    let files = xml();
    let document = parse(&files["Configuration.xml"]);
    let list = child(object(&document).unwrap(), "ChildObjects").unwrap();
    children(list).map(|node| (node.tag_name().name().to_owned(), node.text().unwrap().to_owned())).collect()
}

#[test]
fn every_file_begins_with_a_byte_order_mark_and_has_unix_lines() {
    for (path, text) in files() {
        assert!(text.starts_with('\u{feff}'), "{path} has no byte order mark");
        assert_eq!(text.matches('\u{feff}').count(), 1, "{path}");
        assert!(!text.contains('\r'), "{path}");
        assert!(path.ends_with(".xml") || path.ends_with(".bsl"), "{path} is no part of a dump in the repository");
    }
}

#[test]
fn every_file_has_the_oldest_format_of_the_mode() {
    for (path, text) in xml() {
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), "{path}");
        assert_eq!(parse(&text).root_element().attribute("version"), Some("2.9"), "{path}");
    }
}

/// What a file means follows from its place: the platform reads no file that nothing lists.
#[test]
fn everything_is_listed_and_everything_listed_is_there() {
    let mut expected = BTreeSet::from(["Configuration.xml".to_owned()]);
    let files = files();
    for (kind, name) in listed() {
        let (_, folder) = KINDS.iter().find(|(known, _)| *known == kind).unwrap();
        let path = format!("{folder}/{name}");
        expected.insert(format!("{path}.xml"));
        let more: &[&str] = match kind.as_str() {
            "CommonModule" => &["Ext/Module.bsl"],
            "CommonCommand" => &["Ext/CommandModule.bsl"],
            "ScheduledJob" => &["Ext/Schedule.xml"],
            "Role" => &["Ext/Rights.xml"],
            "Catalog" => &["Ext/ObjectModule.bsl"],
            "AccumulationRegister" => &["Ext/RecordSetModule.bsl"],
            _ => &[],
        };
        expected.extend(more.iter().map(|file| format!("{path}/{file}")));
        let text = files[&format!("{path}.xml")].trim_start_matches('\u{feff}');
        let document = parse(text);
        for form in object(&document).and_then(|object| child(object, "ChildObjects")).into_iter().flat_map(children) {
            if form.tag_name().name() == "Form" {
                let form = format!("{path}/Forms/{}", form.text().unwrap());
                expected.extend([".xml", "/Ext/Form.xml", "/Ext/Form/Module.bsl"].map(|end| format!("{form}{end}")));
            }
        }
    }
    assert_eq!(files.into_keys().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn the_root_lists_kinds_in_the_platforms_order() {
    let order: Vec<_> = listed()
        .iter()
        .map(|(kind, name)| {
            let at = KINDS.iter().position(|(known, _)| known == kind);
            at.unwrap_or_else(|| panic!("mode 8.3.16 has no own {kind}, or nobody looked: {name}"))
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
}
