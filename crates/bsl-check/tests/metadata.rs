//! The metadata files of the examples agree with each other and with the modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bsl_check::{Corpus, Kind, Script, rules, syntax};
use roxmltree::{Document, Node};
use walkdir::WalkDir;

/// Kinds of objects as BSL names their managers, and the Designer their folders.
const MANAGERS: [(&str, &str); 3] = [
    ("Константы", "Constants"),
    ("РегистрыСведений", "InformationRegisters"),
    ("РегламентныеЗадания", "ScheduledJobs"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every metadata file below `bsl-examples`, by its path there.
fn files() -> BTreeMap<String, String> {
    let folder = root().join("bsl-examples");
    let entries = WalkDir::new(&folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "xml"));
    entries
        .map(|entry| {
            let path = entry.path().strip_prefix(&folder).unwrap().to_str().unwrap().replace('\\', "/");
            let text = fs::read_to_string(entry.path()).unwrap();
            (path, text.trim_start_matches('\u{feff}').to_owned())
        })
        .collect()
}

fn corpus() -> Corpus {
    Corpus::read(&root()).unwrap()
}

fn parse(text: &str) -> Document<'_> {
    Document::parse(text).unwrap()
}

/// The texts of all elements of a name.
fn texts<'d>(document: &'d Document<'_>, name: &str) -> Vec<&'d str> {
    elements(document, name).filter_map(|node| node.text()).collect()
}

fn elements<'d, 'i: 'd>(document: &'d Document<'i>, name: &str) -> impl Iterator<Item = Node<'d, 'i>> {
    document.descendants().filter(move |node| node.tag_name().name() == name)
}

fn module<'c>(corpus: &'c Corpus, path: &str) -> &'c Script {
    let file = format!("bsl-examples/{path}");
    corpus.examples.iter().find(|script| script.file() == file).unwrap_or_else(|| panic!("{file} is missing"))
}

#[test]
fn every_object_is_named_as_its_file_and_has_identifiers_of_its_own() {
    let mut seen = BTreeSet::new();
    for (path, text) in &files() {
        let document = parse(text);
        if document.root_element().tag_name().name() == "MetaDataObject" {
            let stem = Path::new(path).file_stem().unwrap().to_str().unwrap();
            assert_eq!(texts(&document, "Name")[0], stem, "{path}");
        }
        let uuids = document.descendants().filter_map(|node| node.attribute("uuid"));
        for uuid in uuids.chain(texts(&document, "TypeId")).chain(texts(&document, "ValueId")) {
            assert!(seen.insert(uuid.to_owned()), "{path} repeats {uuid}");
        }
    }
    assert!(seen.len() > 60, "the metadata files are gone");
}

#[test]
fn jobs_and_subscriptions_call_exported_procedures() {
    let corpus = corpus();
    let mut called = 0;
    for (path, text) in &files() {
        let document = parse(text);
        let parameters = match document.root_element().first_element_child().map(|node| node.tag_name().name()) {
            Some("ScheduledJob") => 0,
            Some("EventSubscription") if text.contains("cfg:CatalogObject") => 2,
            Some("EventSubscription") => 3,
            _ => continue,
        };
        let handlers = [texts(&document, "MethodName"), texts(&document, "Handler")].concat();
        let [_, name, procedure] = handlers[0].split('.').collect::<Vec<_>>()[..] else { panic!("{path}") };
        let script = module(&corpus, &format!("CommonModules/{name}/Ext/Module.bsl"));
        let methods = script.methods();
        let method = methods.iter().find(|method| method.name == procedure).unwrap_or_else(|| panic!("{path}"));
        assert!(method.exported && method.parameters.len() == parameters, "{path}");
        called += 1;
    }
    assert_eq!(called, 5);
}

#[test]
fn forms_name_procedures_of_their_modules() {
    let corpus = corpus();
    let mut named = 0;
    for (path, text) in files().iter().filter(|(path, _)| path.ends_with("/Ext/Form.xml")) {
        let document = parse(text);
        let script = module(&corpus, &path.replace("Form.xml", "Form/Module.bsl"));
        let methods: BTreeSet<_> = script.methods().into_iter().map(|method| method.name).collect();
        for handler in [texts(&document, "Event"), texts(&document, "Action")].concat() {
            assert!(methods.contains(handler), "{path}: {handler}");
            named += 1;
        }
        for command in texts(&document, "CommandName") {
            let name = command.rsplit('.').next().unwrap();
            assert!(elements(&document, "Command").any(|node| node.attribute("name") == Some(name)), "{path}: {name}");
        }
    }
    assert!(named >= 6, "the forms are gone");
}

#[test]
fn modules_name_objects_that_the_metadata_files_describe() {
    let files = files();
    let mut named = 0;
    for script in &corpus().examples {
        let properties = syntax::descendants(script.root()).filter(|node| node.kind() == "property");
        for property in properties {
            let Some(receiver) = syntax::receiver(script, property) else { continue };
            let manager = receiver.rsplit('.').next().unwrap_or(receiver);
            let name = script.text_of(property);
            if let Some((_, folder)) = MANAGERS.iter().find(|(known, _)| *known == manager) {
                assert!(files.contains_key(&format!("{folder}/{name}.xml")), "{}: {receiver}.{name}", script.file());
                named += 1;
            }
            if receiver == "Перечисления.СостоянияОчередиPassteam" {
                let states = parse(&files["Enums/СостоянияОчередиPassteam.xml"]);
                let value = elements(&states, "EnumValue")
                    .flat_map(|node| node.descendants())
                    .any(|node| node.text() == Some(name));
                assert!(value, "{}: {receiver}.{name}", script.file());
                named += 1;
            }
        }
    }
    assert!(named > 20, "the managers are no longer recognised");
}

#[test]
fn queries_read_fields_that_the_queue_has() {
    let files = files();
    let register = parse(&files["InformationRegisters/ОчередьPassteam.xml"]);
    let fields: BTreeSet<_> = ["Dimension", "Resource"]
        .into_iter()
        .flat_map(|kind| elements(&register, kind))
        .filter_map(|node| node.descendants().find(|node| node.tag_name().name() == "Name")?.text())
        .collect();
    let corpus = corpus();
    let script = module(&corpus, "CommonModules/ОчередьPassteam/Ext/Module.bsl");
    assert_eq!(script.kind(), Kind::Common);
    let mut read = BTreeSet::new();
    for (_, query) in rules::queries(script).filter(|(_, query)| query.contains("КАК Очередь")) {
        for field in query.split("Очередь.").skip(1) {
            let name: String = field.chars().take_while(|c| c.is_alphanumeric()).collect();
            assert!(fields.contains(name.as_str()), "{name}");
            read.insert(name);
        }
    }
    assert_eq!(read.len(), fields.len(), "a field of the register is never read: {read:?}");
}
