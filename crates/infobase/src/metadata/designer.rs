//! Reads metadata from the XML files that the Designer dumps and loads.
//!
//! Only what the modules can notice is read. A property that has no field of its own in [`Object`] is kept by its
//! name in the XML, so that a new reader of properties needs no change here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};
use walkdir::WalkDir;

use super::declared::Variant;
use super::model::{Extension, Field, Kind, Metadata, Object, Origin, Role, Table};
use crate::error::{Error, Result};
use crate::types::{DateParts, TypeSet, ValueType};

/// Adds every object of a folder in the Designer's layout, then drops types that no object has. Only the layout's own
/// folders are read (`Catalogs`, `CommonModules`): others beside them may hold another dump.
fn add_files(metadata: &mut Metadata, folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<()> {
    let of_layout = |entry: &walkdir::DirEntry| {
        entry.depth() != 1 || entry.file_name().to_str().is_some_and(|name| Kind::from_folder(name).is_some())
    };
    let mut paths = Vec::new();
    for entry in WalkDir::new(folder).into_iter().filter_entry(of_layout) {
        let path = entry.map_err(|error| unreadable(folder, &error.to_string()))?.into_path();
        if path.extension().is_some_and(|extension| extension == "xml") && wanted(&path) {
            paths.push(path);
        }
    }
    // An object comes before what belongs to it, which lies deeper.
    paths.sort_by_key(|path| (path.components().count(), path.clone()));
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error.to_string()))?;
        add_file(metadata, &path, text.trim_start_matches('\u{feff}'))?;
    }
    metadata.drop_missing_types();
    Ok(())
}

/// Adds an extension: what its root lists must be there, and nothing else. An adopted object may bring modules only.
/// On a platform without scheduled jobs in extensions (see [`Variant::own_jobs`]) it comes without its jobs.
///
/// # Errors
/// A file cannot be read, is no XML, or describes an object that contradicts the base; the root is none of an extension; a listed file is missing or one is not listed; an adopted object
/// has children of its own.
pub fn add_extension(metadata: &mut Metadata, folder: &Path, variant: &Variant) -> Result<()> {
    let root = folder.join("Configuration.xml");
    let text = fs::read_to_string(&root).map_err(|error| unreadable(&root, &error.to_string()))?;
    let document = Document::parse(text.trim_start_matches('\u{feff}'));
    let document = document.map_err(|error| unreadable(&root, &error.to_string()))?;
    let node = document.root_element().children().find(|node| node.tag_name().name() == "Configuration");
    let node = node.ok_or_else(|| unreadable(&root, "нет элемента Configuration"))?;
    if property(node, "ObjectBelonging") != "Adopted" || property(node, "ConfigurationExtensionPurpose").is_empty() {
        return Err(unreadable(&root, "это не расширение"));
    }
    metadata.extension = Some(Extension {
        name: property(node, "Name"),
        prefix: property(node, "NamePrefix"),
        mode: property(node, "ConfigurationExtensionCompatibilityMode"),
    });
    let mut listed = BTreeSet::new();
    for child in elements(node, "ChildObjects") {
        let class = child.tag_name().name();
        let kind =
            Kind::from_name(class).ok_or_else(|| unreadable(&root, &format!("вид {class} не поддерживается")))?;
        listed.insert(folder.join(kind.folder()).join(format!("{}.xml", child.text().unwrap_or_default().trim())));
    }
    for path in objects_on_disk(folder)? {
        if !listed.remove(&path) {
            return Err(unreadable(&path, "объект не указан в Configuration.xml"));
        }
    }
    if let Some(missing) = listed.first() {
        return Err(unreadable(missing, "объект указан в Configuration.xml, но файла нет"));
    }
    let lacks_jobs = |path: &Path| !variant.own_jobs && path.starts_with(folder.join(Kind::ScheduledJob.folder()));
    add_files(metadata, folder, |path| !lacks_jobs(path))
}

/// The files of objects: those directly in the layout's folders.
fn objects_on_disk(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    for (kind, ..) in Kind::NAMES {
        let inner = folder.join(kind.folder());
        if !inner.exists() {
            continue;
        }
        for entry in fs::read_dir(&inner).map_err(|error| unreadable(&inner, &error.to_string()))? {
            let path = entry.map_err(|error| unreadable(&inner, &error.to_string()))?.path();
            if path.extension().is_some_and(|extension| extension == "xml") {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

fn add_file(metadata: &mut Metadata, path: &Path, text: &str) -> Result<()> {
    let document = Document::parse(text).map_err(|error| unreadable(path, &error.to_string()))?;
    if document.root_element().tag_name().name() == "Rights" {
        add_rights(metadata, path, document.root_element());
        return Ok(());
    }
    if document.root_element().tag_name().name() != "MetaDataObject" {
        return Ok(());
    }
    let Some(node) = document.root_element().children().find(Node::is_element) else { return Ok(()) };
    if node.tag_name().name() == "Form" {
        add_form(metadata, path, node);
        return Ok(());
    }
    let Some(kind) = Kind::from_name(node.tag_name().name()) else { return Ok(()) };
    let object = read_object(kind, node);
    if object.origin == Origin::Adopted && elements(node, "ChildObjects").next().is_some() {
        return Err(unreadable(path, "заимствованный объект с собственными полями или формами не поддерживается"));
    }
    metadata.add(object).map_err(|error| unreadable(path, &error.to_string()))
}

/// A role's rights stand below its folder: `Roles/Имя/Ext/Rights.xml`.
fn add_rights(metadata: &mut Metadata, path: &Path, root: Node<'_, '_>) {
    let Some(role) = path.ancestors().nth(2).and_then(|folder| folder.file_name()?.to_str()) else { return };
    let text = |node: Node<'_, '_>, name: &str| {
        let found = node.children().find(|child| child.tag_name().name() == name);
        found.and_then(|child| child.text()).unwrap_or_default().trim().to_owned()
    };
    let mut grants = Vec::new();
    for object in root.children().filter(|child| child.tag_name().name() == "object") {
        for right in object.children().filter(|child| child.tag_name().name() == "right") {
            if text(right, "value") == "true" {
                grants.push((text(object, "name"), text(right, "name")));
            }
        }
    }
    metadata.set_grants(role, grants);
}

/// A form's own file stands below the folder of its object: `Catalogs/ИнформационныеКарты/Forms/Форма.xml`.
fn add_form(metadata: &mut Metadata, path: &Path, node: Node<'_, '_>) {
    let mut above = path.ancestors().skip(2).filter_map(|folder| folder.file_name()?.to_str());
    if let (Some(object), Some(kind)) = (above.next(), above.next().and_then(Kind::from_plural)) {
        metadata.extend_children(kind, object, &property(node, "Name"));
    }
}

fn read_object(kind: Kind, node: Node<'_, '_>) -> Object {
    let mut object = Object::new(kind, &property(node, "Name"));
    object.uuid = node.attribute("uuid").unwrap_or_default().into();
    object.origin = match property(node, "ObjectBelonging").as_str() {
        "Adopted" => Origin::Adopted,
        _ => Origin::Extension,
    };
    object.synonym = synonym(node);
    for entry in properties(node) {
        if entry.children().all(|child| !child.is_element()) {
            object.properties.insert(entry.tag_name().name().into(), entry.text().unwrap_or_default().trim().into());
        }
    }
    match kind {
        Kind::Constant | Kind::SessionParameter => {
            object.table.fields.push(read_field(node, "Значение", Role::Attribute))
        }
        _ => add_children(&mut object, node),
    }
    object.add_standard_fields();
    object
}

fn add_children(object: &mut Object, node: Node<'_, '_>) {
    for child in elements(node, "ChildObjects") {
        let name = property(child, "Name");
        match child.tag_name().name() {
            "Dimension" => object.table.fields.push(read_field(child, &name, Role::Dimension)),
            "Resource" => object.table.fields.push(read_field(child, &name, Role::Resource)),
            "Attribute" => object.table.fields.push(read_field(child, &name, Role::Attribute)),
            "TabularSection" => {
                let fields = elements(child, "ChildObjects")
                    .filter(|field| field.tag_name().name() == "Attribute")
                    .map(|field| read_field(field, &property(field, "Name"), Role::Attribute))
                    .collect();
                object.sections.push((name, Table { fields }));
            }
            "EnumValue" => object.values.push((name, synonym(child))),
            "Form" => object.forms.push(child.text().unwrap_or_default().trim().into()),
            "Template" => object.templates.push(child.text().unwrap_or_default().trim().into()),
            "Command" => object.commands.push(name),
            _ => {}
        }
    }
}

fn read_field(node: Node<'_, '_>, name: &str, role: Role) -> Field {
    let types =
        properties(node).find(|entry| entry.tag_name().name() == "Type").map_or_else(TypeSet::default, read_types);
    Field {
        synonym: synonym(node),
        leading: property(node, "Master") == "true",
        indexed: matches!(property(node, "Indexing").as_str(), "Index" | "IndexWithAdditionalOrder"),
        ..Field::new(name, role, types)
    }
}

fn read_types(node: Node<'_, '_>) -> TypeSet {
    let qualifier = |group: &str, name: &str| {
        let group = node.children().find(|child| child.tag_name().name() == group);
        let value = group.and_then(|group| group.children().find(|child| child.tag_name().name() == name));
        value.and_then(|value| value.text()).unwrap_or_default().trim().to_owned()
    };
    let number = |group: &str, name: &str| qualifier(group, name).parse::<u32>().unwrap_or(0);
    let types = node.children().filter(|child| child.tag_name().name() == "Type").filter_map(|child| {
        let name = child.text().unwrap_or_default().trim();
        Some(match name {
            "xs:boolean" => ValueType::Boolean,
            "xs:string" => ValueType::String {
                length: number("StringQualifiers", "Length"),
                fixed: qualifier("StringQualifiers", "AllowedLength") == "Fixed",
            },
            "xs:decimal" => ValueType::Number {
                digits: number("NumberQualifiers", "Digits"),
                scale: number("NumberQualifiers", "FractionDigits"),
                nonnegative: qualifier("NumberQualifiers", "AllowedSign") == "Nonnegative",
            },
            "xs:dateTime" => ValueType::Date(match qualifier("DateQualifiers", "DateFractions").as_str() {
                "Date" => DateParts::Date,
                "Time" => DateParts::Time,
                _ => DateParts::DateTime,
            }),
            "v8:ValueStorage" => ValueType::Storage,
            "v8:UUID" => ValueType::Uuid,
            _ => return reference(name.split_once(':').map_or(name, |(_, name)| name)),
        })
    });
    TypeSet::new(types.collect())
}

fn reference(name: &str) -> Option<ValueType> {
    let (class, object) = name.split_once('.')?;
    let kind = Kind::from_name(class.strip_suffix("Ref")?)?;
    let full = format!("{}.{object}", kind.name());
    Some(if kind == Kind::Enumeration { ValueType::Enum(full) } else { ValueType::Ref(full) })
}

fn properties<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    elements(node, "Properties")
}

fn elements<'a, 'i>(node: Node<'a, 'i>, group: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    let groups = node.children().filter(move |child| child.tag_name().name() == group);
    groups.flat_map(|group| group.children()).filter(Node::is_element)
}

fn property(node: Node<'_, '_>, name: &str) -> String {
    let found = node
        .children()
        .filter(|child| child.tag_name().name() == "Properties")
        .flat_map(|group| group.children())
        .find(|entry| entry.tag_name().name() == name);
    found.and_then(|entry| entry.text()).unwrap_or_default().trim().to_owned()
}

fn synonym(node: Node<'_, '_>) -> String {
    let group = node
        .children()
        .filter(|child| child.tag_name().name() == "Properties")
        .flat_map(|group| group.children())
        .find(|entry| entry.tag_name().name() == "Synonym");
    let content = group.and_then(|group| group.descendants().find(|child| child.tag_name().name() == "content"));
    content.and_then(|content| content.text()).map_or_else(|| property(node, "Name"), str::to_owned)
}

fn unreadable(path: &Path, message: &str) -> Error {
    Error::Metadata { file: path.display().to_string(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::declared::retail;

    fn shipped() -> Metadata {
        let variant = Variant::retail_22();
        let mut metadata = retail(&variant).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/extension");
        add_extension(&mut metadata, &folder, &variant).unwrap();
        metadata
    }

    #[test]
    fn the_shipped_files_are_read_whole() {
        let metadata = shipped();
        for module in metadata.of_kind(Kind::CommonModule).filter(|module| module.origin == Origin::Extension) {
            assert!(module.flag("Server") || module.flag("ClientManagedApplication"), "{}", module.name);
        }
        let own = |kind: Kind| metadata.of_kind(kind).filter(|object| object.origin == Origin::Extension).count();
        assert!(own(Kind::CommonModule) > 0);
        assert!(own(Kind::InformationRegister) > 0);
        assert!(own(Kind::ScheduledJob) > 0);
        for job in metadata.of_kind(Kind::ScheduledJob) {
            assert!(job.property("MethodName").starts_with("CommonModule."), "{}", job.name);
        }
        for register in metadata.of_kind(Kind::InformationRegister) {
            assert!(!register.key_fields().is_empty(), "{}", register.name);
            for field in &register.table.fields {
                assert!(!field.types.types().is_empty(), "{}.{}", register.name, field.name);
            }
        }
    }

    #[test]
    fn what_is_no_metadata_is_an_error_with_the_file() {
        let mut metadata = Metadata::default();
        let error = add_file(&mut metadata, Path::new("Enums/Плохо.xml"), "<MetaDataObject>").unwrap_err();
        assert!(error.to_string().starts_with("Enums/Плохо.xml: "), "{error}");
        assert_eq!(add_file(&mut metadata, Path::new("Form.xml"), "<Form/>"), Ok(()));
    }
}
