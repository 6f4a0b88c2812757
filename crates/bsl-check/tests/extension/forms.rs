//! Forms are whole: what an element shows is an attribute, what a button does is a command, tables have their additions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bsl_check::Corpus;
use roxmltree::Node;

use crate::tree::{child, children, elements, names, parse, xml};

/// What the platform writes for the table of a dynamic list.
const OF_DYNAMIC_LISTS: [&str; 9] = [
    "AutoRefresh",
    "AutoRefreshPeriod",
    "Period",
    "ChoiceFoldersAndItems",
    "RestoreCurrentRow",
    "TopLevelParent",
    "ShowRoot",
    "AllowRootChoice",
    "UpdateOnDataChange",
];
const ADDITIONS: [(&str, &str); 3] = [
    ("SearchStringAddition", "SearchStringRepresentation"),
    ("ViewStatusAddition", "ViewStatusRepresentation"),
    ("SearchControlAddition", "SearchControl"),
];

fn forms() -> Vec<(String, String)> {
    let forms: Vec<_> = xml().into_iter().filter(|(path, _)| path.ends_with("/Ext/Form.xml")).collect();
    assert_eq!(forms.len(), 2);
    forms
}

fn name_of<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("name").unwrap_or_default()
}

#[test]
fn a_form_has_its_parts_in_order() {
    let order =
        ["Title", "AutoTitle", "AutoCommandBar", "Events", "ChildItems", "Attributes", "Commands", "Parameters"];
    for (path, text) in forms() {
        let document = parse(&text);
        let parts = names(document.root_element());
        let places = parts.iter().map(|part| order.iter().position(|known| known == part));
        assert!(places.clone().all(|at| at.is_some()) && places.is_sorted(), "{path}: {parts:?}");
    }
}

/// Elements, attributes and commands are numbered each for themselves; the form's own command bar is -1.
#[test]
fn numbers_and_names_are_unique() {
    for (path, text) in forms() {
        let document = parse(&text);
        let root = document.root_element();
        for part in ["Attributes", "Commands"] {
            let entries: Vec<_> = child(root, part).into_iter().flat_map(children).collect();
            let ids: BTreeSet<_> = entries.iter().filter_map(|node| node.attribute("id")).collect();
            let distinct: BTreeSet<_> = entries.iter().map(|node| name_of(*node)).collect();
            assert!(ids.len() == entries.len() && distinct.len() == entries.len(), "{path}: {part}");
        }
        let items = [child(root, "AutoCommandBar"), child(root, "ChildItems")].into_iter().flatten();
        let elements: Vec<_> = items
            .flat_map(|node| node.descendants())
            .filter(|node| node.attribute("id").is_some_and(|id| id != "-1"))
            .collect();
        let ids: BTreeSet<_> = elements.iter().filter_map(|node| node.attribute("id")).collect();
        let distinct: BTreeSet<_> = elements.iter().map(|node| name_of(*node)).collect();
        assert!(elements.len() > 10, "{path}");
        assert_eq!((ids.len(), distinct.len()), (elements.len(), elements.len()), "{path}");
    }
}

#[test]
fn elements_show_attributes_and_buttons_run_commands() {
    for (path, text) in forms() {
        let document = parse(&text);
        let root = document.root_element();
        let named =
            |part| -> BTreeSet<&str> { child(root, part).into_iter().flat_map(children).map(name_of).collect() };
        let (attributes, commands) = (named("Attributes"), named("Commands"));
        for shown in elements(root, "DataPath").filter_map(|node| node.text()) {
            assert!(attributes.contains(shown.split('.').next().unwrap()), "{path}: {shown}");
        }
        let run: BTreeSet<_> =
            elements(root, "CommandName").filter_map(|node| node.text()?.strip_prefix("Form.Command.")).collect();
        assert_eq!(run, commands, "{path}");
    }
}

#[test]
fn handlers_are_procedures_of_the_forms_module() {
    let corpus = Corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
    for (path, text) in forms() {
        let document = parse(&text);
        let file = format!("bsl-examples/extension/{}", path.replace("Form.xml", "Form/Module.bsl"));
        let script = corpus.extension.iter().find(|script| script.file() == file).unwrap();
        let methods: BTreeSet<_> = script.methods().into_iter().map(|method| method.name).collect();
        let root = document.root_element();
        for handler in elements(root, "Event").chain(elements(root, "Action")).filter_map(|node| node.text()) {
            assert!(methods.contains(handler), "{path}: {handler}");
        }
    }
}

#[test]
fn tables_have_their_additions() {
    let mut tables = 0;
    for (path, text) in forms() {
        let document = parse(&text);
        for table in elements(document.root_element(), "Table") {
            for (addition, kind) in ADDITIONS {
                let found = child(table, addition).unwrap_or_else(|| panic!("{path}: {addition}"));
                let source = child(found, "AdditionSource").unwrap();
                assert_eq!(child(source, "Item").and_then(|node| node.text()), Some(name_of(table)), "{path}");
                assert_eq!(child(source, "Type").and_then(|node| node.text()), Some(kind), "{path}");
            }
            tables += 1;
        }
    }
    assert!(tables > 0);
}

/// The attribute that a table shows.
fn shown_by<'a>(root: Node<'a, 'a>, table: Node<'a, 'a>) -> Node<'a, 'a> {
    let shown = child(table, "DataPath").and_then(|node| node.text()).unwrap();
    elements(root, "Attribute").find(|attribute| name_of(*attribute) == shown).unwrap()
}

/// A dynamic list has its properties and settings; a table of values a row filter instead.
#[test]
fn tables_are_written_as_what_they_show() {
    for (path, text) in forms() {
        let document = parse(&text);
        let root = document.root_element();
        for table in elements(root, "Table") {
            let parts = names(table);
            let attribute = shown_by(root, table);
            let at = parts.iter().position(|part| *part == OF_DYNAMIC_LISTS[0]);
            let Some(settings) = child(attribute, "Settings") else {
                assert!(child(attribute, "Columns").is_some() && at.is_none(), "{path}: {}", name_of(table));
                assert!(parts.contains(&"RowFilter"), "{path}: {}", name_of(table));
                continue;
            };
            let at = at.unwrap();
            assert_eq!(parts[at..at + OF_DYNAMIC_LISTS.len()], OF_DYNAMIC_LISTS, "{path}");
            let path_of_pictures = format!("{}.DefaultPicture", name_of(table));
            let pictures = child(table, "RowPictureDataPath").and_then(|node| node.text());
            assert_eq!(pictures, Some(path_of_pictures.as_str()), "{path}");
            let own_query = child(settings, "QueryText").is_some();
            let manual = child(settings, "ManualQuery").and_then(|node| node.text());
            assert_eq!(manual, Some(if own_query { "true" } else { "false" }), "{path}");
            let expected = ["ManualQuery", "DynamicDataRead", "QueryText", "MainTable", "ListSettings"];
            let expected: Vec<_> = expected.into_iter().filter(|part| own_query || *part != "QueryText").collect();
            assert_eq!(names(settings), expected, "{path}");
            let list = child(settings, "ListSettings").unwrap();
            let expected = ["filter", "order", "conditionalAppearance", "itemsViewMode", "itemsUserSettingID"];
            assert_eq!(names(list), expected, "{path}");
        }
    }
}

/// What a table can show: the fields of a list's query or of its main table, or a table's own columns.
fn fields_of(files: &BTreeMap<String, String>, attribute: Node<'_, '_>) -> BTreeSet<String> {
    if let Some(columns) = child(attribute, "Columns") {
        return children(columns).map(|column| name_of(column).to_owned()).collect();
    }
    let settings = child(attribute, "Settings").unwrap();
    if let Some(query) = child(settings, "QueryText").and_then(|node| node.text()) {
        let fields = query.split("\nИЗ\n").next().unwrap();
        let names = fields.lines().filter_map(|line| line.trim_end_matches(',').rsplit_once(" КАК "));
        return names.map(|(_, name)| name.to_owned()).collect();
    }
    let table = child(settings, "MainTable").and_then(|node| node.text()).unwrap();
    let register = &files[&format!("{}.xml", table.replacen('.', "s/", 1))];
    let name = |piece: &str| piece.split("</Name>").next().unwrap_or_default().to_owned();
    register.split("<Name>").skip(1).map(name).collect()
}

#[test]
fn columns_and_what_is_always_read_are_fields() {
    let files = xml();
    for (path, text) in forms() {
        let document = parse(&text);
        let root = document.root_element();
        for table in elements(root, "Table") {
            let (name, attribute) = (name_of(table), shown_by(root, table));
            let fields = fields_of(&files, attribute);
            let prefix = format!("{}.", name_of(attribute));
            let paths = elements(root, "DataPath").filter_map(|node| node.text());
            let shown: BTreeSet<_> = paths.filter_map(|path| path.strip_prefix(&prefix)).collect();
            for column in &shown {
                assert!(fields.contains(*column), "{path}: {name}.{column}");
            }
            let kept = child(attribute, "UseAlways").into_iter().flat_map(children).filter_map(|node| node.text());
            let kept: BTreeSet<_> = kept.map(|field| field.strip_prefix(&prefix).unwrap()).collect();
            for field in &kept {
                assert!(fields.contains(*field), "{path}: {name} always {field}");
            }
        }
    }
}
