//! What one file says of another is there.

use std::collections::BTreeSet;
use std::path::Path;

use bsl_check::{Corpus, Script, syntax};

use crate::tree::{child, children, elements, listed, object, parse, property, xml};

/// Objects of the main configuration that types may name, beside the adopted ones none.
fn known_objects() -> BTreeSet<String> {
    listed().into_iter().map(|(kind, name)| format!("{kind}.{name}")).collect()
}

fn corpus() -> Corpus {
    Corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap()
}

fn module<'c>(corpus: &'c Corpus, path: &str) -> &'c Script {
    let file = format!("bsl-examples/extension/{path}");
    corpus.extension.iter().find(|script| script.file() == file).unwrap_or_else(|| panic!("{file} is missing"))
}

#[test]
fn types_name_objects_of_the_extension() {
    let known = known_objects();
    let mut named = 0;
    for (path, text) in &xml() {
        let document = parse(text);
        for node in elements(document.root_element(), "Type").filter_map(|node| node.text()) {
            let Some(reference) = node.strip_prefix("cfg:").filter(|name| *name != "DynamicList") else { continue };
            let (class, name) = reference.split_once('.').unwrap();
            let kind = class.trim_end_matches("Ref").trim_end_matches("Object");
            assert!(known.contains(&format!("{kind}.{name}")), "{path}: {node}");
            named += 1;
        }
    }
    assert!(named > 5, "the types are gone");
}

#[test]
fn jobs_call_exported_procedures_without_parameters() {
    let (files, corpus) = (xml(), corpus());
    let mut called = 0;
    for (_, name) in listed().iter().filter(|(kind, _)| kind == "ScheduledJob") {
        let document = parse(&files[&format!("ScheduledJobs/{name}.xml")]);
        let method = property(object(&document).unwrap(), "MethodName");
        let [_, module_name, procedure] = method.split('.').collect::<Vec<_>>()[..] else { panic!("{method}") };
        let methods = module(&corpus, &format!("CommonModules/{module_name}/Ext/Module.bsl")).methods();
        let found = methods.iter().find(|known| known.name == procedure).unwrap_or_else(|| panic!("{method}"));
        assert!(found.exported && found.parameters.is_empty(), "{method}");
        called += 1;
    }
    assert_eq!(called, 3);
}

#[test]
fn the_subsystem_holds_every_own_object() {
    let files = xml();
    let document = parse(&files["Subsystems/Passteam.xml"]);
    let content = elements(document.root_element(), "Item").filter_map(|node| node.text());
    let held: BTreeSet<_> = content.map(str::to_owned).collect();
    let own = listed()
        .into_iter()
        .filter(|(kind, _)| !matches!(kind.as_str(), "Language" | "Subsystem" | "Catalog" | "AccumulationRegister"));
    assert_eq!(held, own.map(|(kind, name)| format!("{kind}.{name}")).collect());
}

/// A role that is given to users must not open the base's objects.
#[test]
fn roles_give_rights_to_own_objects_only() {
    let known = known_objects();
    let mut seen = 0;
    for (path, text) in xml().iter().filter(|(path, _)| path.ends_with("/Rights.xml")) {
        let document = parse(text);
        for entry in elements(document.root_element(), "object") {
            let name = child(entry, "name").and_then(|node| node.text()).unwrap();
            assert!(known.contains(name), "{path}: {name}");
            let kind = name.split('.').next().unwrap();
            let allowed: &[&str] = match kind {
                "InformationRegister" => &["Read", "Update", "View", "Edit"],
                "DataProcessor" => &["Use", "View"],
                "CommonCommand" | "Subsystem" => &["View"],
                _ => panic!("{path}: rights to {name}"),
            };
            for right in elements(entry, "right") {
                let right = child(right, "name").and_then(|node| node.text()).unwrap();
                assert!(allowed.contains(&right), "{path}: {name} {right}");
            }
            seen += 1;
        }
    }
    assert!(seen > 8, "the rights are gone");
}

/// People change the registers through the forms only, which check what they do. The right to change the settings is what
/// tells those who set up; no form shows that register.
#[test]
fn roles_let_nobody_change_a_register_past_the_forms() {
    for (path, text) in xml().iter().filter(|(path, _)| path.ends_with("/Rights.xml")) {
        let document = parse(text);
        for entry in elements(document.root_element(), "object") {
            let name = child(entry, "name").and_then(|node| node.text()).unwrap();
            let rights = elements(entry, "right").filter_map(|right| child(right, "name")?.text());
            let rights: Vec<_> = rights.collect();
            if name == "InformationRegister.НастройкиPassteam" {
                assert_eq!(rights, ["Read", "Update"], "{path}");
            } else if name.starts_with("InformationRegister.") {
                assert_eq!(rights, ["Read", "View"], "{path}: {name}");
            }
        }
    }
}

/// The section's menu shows the standard command of the data processor, which opens its form.
#[test]
fn the_menu_shows_the_settings() {
    let files = xml();
    let document = parse(&files["Subsystems/Passteam.xml"]);
    assert_eq!(property(object(&document).unwrap(), "IncludeInCommandInterface"), "true");
    let document = parse(&files["DataProcessors/НастройкаPassteam.xml"]);
    assert_eq!(property(object(&document).unwrap(), "UseStandardCommands"), "true");
    for role in ["НастройкаPassteam", "ПросмотрPassteam"] {
        let rights = &files[&format!("Roles/{role}/Ext/Rights.xml")];
        for object in ["DataProcessor.НастройкаPassteam", "Subsystem.Passteam", "CommonCommand.КартаPassteam"]
        {
            assert!(rights.contains(&format!("<name>{object}</name>")), "{role}: {object}");
        }
    }
}

/// The token may be in the settings, if the base has no БСП, and what the service holds are all customers' names and phones.
#[test]
fn who_looks_and_resolves_sees_the_queue_alone() {
    let files = xml();
    assert!(files["Roles/НастройкаPassteam/Ext/Rights.xml"].contains("InformationRegister.НастройкиPassteam"));
    let registers: Vec<_> =
        files["Roles/ПросмотрPassteam/Ext/Rights.xml"].lines().filter(|line| line.contains("Register.")).collect();
    assert_eq!(registers.len(), 1, "{registers:?}");
    assert!(registers[0].contains("InformationRegister.ОчередьPassteam"));
}

#[test]
fn handlers_of_adopted_modules_run_after_the_configurations_own() {
    let corpus = corpus();
    let mut handlers = Vec::new();
    let adopted = corpus.extension.iter().filter(|script| {
        let module = script.file().ends_with("/ObjectModule.bsl") || script.file().ends_with("/RecordSetModule.bsl");
        module && script.file().starts_with("bsl-examples/extension/")
    });
    for script in adopted {
        for method in script.methods() {
            let line = script.line_of(method.node);
            let above = script.lines().find(|(number, _)| number + 1 == line).map(|(_, text)| text).unwrap_or_default();
            let own = script.lines().find(|(number, _)| *number == line).map(|(_, text)| text).unwrap_or_default();
            let annotation = if own.starts_with('&') { own } else { above };
            let event = annotation.strip_prefix("&После(\"").and_then(|rest| rest.strip_suffix("\")"));
            let event = event.unwrap_or_else(|| panic!("{}: {}", script.file(), method.name));
            assert_eq!(method.name, format!("Passteam_{event}"), "{}", script.file());
            handlers.push(event.to_owned());
        }
    }
    handlers.sort();
    assert_eq!(handlers, ["ПередЗаписью", "ПриЗаписи", "ПриЗаписи", "ПриЗаписи", "ПриЗаписи"]);
}

/// A base may lack what the text names by a dot: such a module would not compile there.
#[test]
fn jobs_are_looked_up_and_never_named() {
    for script in &corpus().extension {
        for property in syntax::descendants(script.root()).filter(|node| node.kind() == "property") {
            let receiver = syntax::receiver(script, property).unwrap_or_default();
            assert_ne!(receiver, "Метаданные.РегламентныеЗадания", "{}", script.file());
        }
    }
}

#[test]
fn commands_and_default_forms_are_there() {
    let files = xml();
    let processor = parse(&files["DataProcessors/НастройкаPassteam.xml"]);
    let object = object(&processor).unwrap();
    let forms: Vec<_> = children(child(object, "ChildObjects").unwrap()).filter_map(|node| node.text()).collect();
    let default = property(object, "DefaultForm");
    let name = default.strip_prefix("DataProcessor.НастройкаPassteam.Form.").unwrap();
    assert!(forms.contains(&name), "{default}");
    let corpus = corpus();
    let opener = module(&corpus, "CommonModules/ИнтеграцияPassteamКлиент/Ext/Module.bsl");
    let opened =
        forms.iter().any(|form| opener.text().contains(&format!("\"Обработка.НастройкаPassteam.Форма.{form}\"")));
    assert!(opened, "the command opens a form of the data processor");
}
