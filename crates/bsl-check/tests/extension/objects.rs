//! Each object has the properties that the platform writes for its kind, in its order.

use roxmltree::Node;

use crate::tree::{child, children, elements, listed, names, object, parse, property, xml};

/// The properties of own objects in format 2.9.
const PROPERTIES: &[(&str, &[&str])] = &[
    (
        "Configuration",
        &[
            "Name",
            "Synonym",
            "Comment",
            "ConfigurationExtensionPurpose",
            "ObjectBelonging",
            "KeepMappingToExtendedConfigurationObjectsByIDs",
            "NamePrefix",
            "ConfigurationExtensionCompatibilityMode",
            "DefaultRunMode",
            "UsePurposes",
            "ScriptVariant",
            "Vendor",
            "Version",
            "DefaultLanguage",
            "BriefInformation",
            "DetailedInformation",
            "Copyright",
            "VendorInformationAddress",
            "ConfigurationInformationAddress",
            "InterfaceCompatibilityMode",
        ],
    ),
    ("Language", &["Name", "Comment", "ObjectBelonging", "LanguageCode"]),
    (
        "Subsystem",
        &[
            "Name",
            "Synonym",
            "Comment",
            "IncludeHelpInContents",
            "IncludeInCommandInterface",
            "Explanation",
            "Picture",
            "Content",
        ],
    ),
    ("Role", &["Name", "Synonym", "Comment"]),
    ("CommonTemplate", &["Name", "Synonym", "Comment", "TemplateType"]),
    (
        "CommonModule",
        &[
            "Name",
            "Synonym",
            "Comment",
            "Global",
            "ClientManagedApplication",
            "Server",
            "ExternalConnection",
            "ClientOrdinaryApplication",
            "ServerCall",
            "Privileged",
            "ReturnValuesReuse",
        ],
    ),
    (
        "ScheduledJob",
        &[
            "Name",
            "Synonym",
            "Comment",
            "MethodName",
            "Description",
            "Key",
            "Use",
            "Predefined",
            "RestartCountOnFailure",
            "RestartIntervalOnFailure",
        ],
    ),
    (
        "CommonCommand",
        &[
            "Name",
            "Synonym",
            "Comment",
            "Group",
            "Representation",
            "ToolTip",
            "Picture",
            "Shortcut",
            "IncludeHelpInContents",
            "CommandParameterType",
            "ParameterUseMode",
            "ModifiesData",
            "OnMainServerUnavalableBehavior",
        ],
    ),
    (
        "DataProcessor",
        &[
            "Name",
            "Synonym",
            "Comment",
            "UseStandardCommands",
            "DefaultForm",
            "AuxiliaryForm",
            "IncludeHelpInContents",
            "ExtendedPresentation",
            "Explanation",
        ],
    ),
    (
        "Form",
        &["Name", "Synonym", "Comment", "FormType", "IncludeHelpInContents", "UsePurposes", "ExtendedPresentation"],
    ),
    (
        "InformationRegister",
        &[
            "Name",
            "Synonym",
            "Comment",
            "UseStandardCommands",
            "EditType",
            "DefaultRecordForm",
            "DefaultListForm",
            "AuxiliaryRecordForm",
            "AuxiliaryListForm",
            "InformationRegisterPeriodicity",
            "WriteMode",
            "MainFilterOnPeriod",
            "IncludeHelpInContents",
            "DataLockControlMode",
            "FullTextSearch",
            "EnableTotalsSliceFirst",
            "EnableTotalsSliceLast",
            "RecordPresentation",
            "ExtendedRecordPresentation",
            "ListPresentation",
            "ExtendedListPresentation",
            "Explanation",
            "DataHistory",
            "UpdateDataHistoryImmediatelyAfterWrite",
            "ExecuteAfterWriteDataHistoryVersionProcessing",
        ],
    ),
];

/// The properties that dimensions and resources have alike.
const FIELD: &[&str] = &[
    "Name",
    "Synonym",
    "Comment",
    "Type",
    "PasswordMode",
    "Format",
    "EditFormat",
    "ToolTip",
    "MarkNegatives",
    "Mask",
    "MultiLine",
    "ExtendedEdit",
    "MinValue",
    "MaxValue",
    "FillFromFillingValue",
    "FillValue",
    "FillChecking",
    "ChoiceFoldersAndItems",
    "ChoiceParameterLinks",
    "ChoiceParameters",
    "QuickChoice",
    "CreateOnInput",
    "ChoiceForm",
    "LinkByType",
    "ChoiceHistoryOnInput",
];
const OF_DIMENSIONS: &[&str] = &["Master", "MainFilter", "DenyIncompleteValues"];
const FIELD_END: &[&str] = &["Indexing", "FullTextSearch", "DataHistory"];

/// What the platform generates for an object of each kind.
const GENERATED: &[(&str, &[&str])] = &[
    ("Catalog", &["Object", "Ref", "Selection", "List", "Manager"]),
    ("AccumulationRegister", &["Record", "Manager", "Selection", "List", "RecordSet", "RecordKey"]),
    ("InformationRegister", &["Record", "Manager", "Selection", "List", "RecordSet", "RecordKey", "RecordManager"]),
    ("DataProcessor", &["Object", "Manager"]),
];

fn is_adopted(object: Node<'_, '_>) -> bool {
    property(object, "ObjectBelonging") == "Adopted"
}

#[test]
fn own_objects_have_the_properties_of_their_kind_in_order() {
    let mut seen = 0;
    for (path, text) in &xml() {
        let document = parse(text);
        let Some(object) = object(&document) else { continue };
        let kind = object.tag_name().name();
        if is_adopted(object) && !matches!(kind, "Configuration" | "Language") {
            continue;
        }
        let (_, expected) = PROPERTIES.iter().find(|(known, _)| *known == kind).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(names(child(object, "Properties").unwrap()), *expected, "{path}");
        seen += 1;
    }
    assert!(seen > 20, "the objects are gone");
}

#[test]
fn fields_have_their_properties_in_order() {
    let mut seen = 0;
    for (path, text) in &xml() {
        let document = parse(text);
        for field in ["Resource", "Dimension"].iter().flat_map(|kind| elements(document.root_element(), kind)) {
            let of_dimensions = if field.has_tag_name((field.tag_name().namespace().unwrap(), "Dimension")) {
                OF_DIMENSIONS
            } else {
                &[]
            };
            let expected = [FIELD, of_dimensions, FIELD_END].concat();
            assert_eq!(names(child(field, "Properties").unwrap()), expected, "{path}: {}", property(field, "Name"));
            seen += 1;
        }
    }
    assert!(seen > 20, "the fields are gone");
}

/// Resources stand before dimensions in the platform's dumps.
#[test]
fn objects_have_their_parts_in_order() {
    for (path, text) in &xml() {
        let document = parse(text);
        let Some(object) = object(&document) else { continue };
        let parts = names(object);
        let expected = ["InternalInfo", "Properties", "ChildObjects"];
        let order = parts.iter().map(|part| expected.iter().position(|known| known == part));
        assert!(order.clone().all(|at| at.is_some()) && order.is_sorted(), "{path}: {parts:?}");
        if let Some(list) = child(object, "ChildObjects").filter(|_| object.tag_name().name() == "InformationRegister")
        {
            let fields: Vec<_> = names(list).iter().map(|name| *name == "Dimension").collect();
            assert!(fields.is_sorted() && fields.contains(&true) && fields.contains(&false), "{path}");
        }
        let generated: Vec<_> = elements(object, "GeneratedType").collect();
        let kind = object.tag_name().name();
        let (_, expected) = GENERATED.iter().find(|(known, _)| *known == kind).copied().unwrap_or_default();
        let categories: Vec<_> = generated.iter().filter_map(|node| node.attribute("category")).collect();
        assert_eq!(categories, expected, "{path}");
        for (node, category) in generated.iter().zip(expected) {
            let name = format!("{kind}{category}.{}", property(object, "Name"));
            assert_eq!(node.attribute("name"), Some(name.as_str()), "{path}");
            assert_eq!(names(*node), ["TypeId", "ValueId"], "{path}");
        }
    }
}

/// By name and with nothing controlled: whatever else were adopted, another release could refuse.
#[test]
fn four_objects_are_adopted_by_name_and_with_modules_only() {
    let mut adopted = Vec::new();
    for (path, text) in &xml() {
        let document = parse(text);
        let Some(object) = object(&document) else { continue };
        assert_eq!(
            elements(object, "ExtendedConfigurationObject").count(),
            0,
            "{path} knows an id of the base's object"
        );
        let kind = object.tag_name().name();
        if is_adopted(object) && !matches!(kind, "Configuration" | "Language") {
            assert_eq!(names(child(object, "Properties").unwrap()), ["Name", "Comment", "ObjectBelonging"], "{path}");
            assert_eq!(names(child(object, "ChildObjects").unwrap()), Vec::<&str>::new(), "{path}");
            adopted.push(format!("{kind}.{}", property(object, "Name")));
        }
    }
    adopted.sort();
    assert_eq!(
        adopted,
        [
            "AccumulationRegister.БонусныеБаллы",
            "Catalog.ИнформационныеКарты",
            "Catalog.Контрагенты",
            "Catalog.ФизическиеЛица"
        ]
    );
}

#[test]
fn the_root_is_an_add_on_for_the_oldest_mode() {
    let files = xml();
    let document = parse(&files["Configuration.xml"]);
    let root = object(&document).unwrap();
    for (name, value) in [
        ("ConfigurationExtensionPurpose", "AddOn"),
        ("ObjectBelonging", "Adopted"),
        ("KeepMappingToExtendedConfigurationObjectsByIDs", "false"),
        ("NamePrefix", "Passteam_"),
        ("ConfigurationExtensionCompatibilityMode", "Version8_3_16"),
        ("DefaultRunMode", "ManagedApplication"),
        ("ScriptVariant", "Russian"),
        ("Version", env!("CARGO_PKG_VERSION")),
        ("DefaultLanguage", "Language.Русский"),
    ] {
        assert_eq!(property(root, name), value, "{name}");
    }
    let contained: Vec<_> = elements(root, "ClassId").filter_map(|node| node.text()).collect();
    assert_eq!(
        contained,
        [
            "9cd510cd-abfc-11d4-9434-004095e12fc7",
            "9fcd25a0-4822-11d4-9414-008048da11f9",
            "e3687481-0a87-462c-a166-9f34594f9bba",
            "9de14907-ec23-4a07-96f0-85521cb6b53b",
            "51f2d5d8-ea4d-4064-8892-82951750031e",
            "e68182ea-4237-4383-967f-90c1e3370bc7",
            "fb282519-d103-4dd3-bc12-cb271d631dfc",
        ]
    );
}

/// «Удаление помеченных» refuses an object that a record names, unless its dimension is leading.
#[test]
fn dimensions_with_references_are_leading() {
    let mut leading = 0;
    for (path, text) in &xml() {
        let document = parse(text);
        for dimension in elements(document.root_element(), "Dimension") {
            let is_reference = elements(dimension, "Type").any(|node| node.text().is_some_and(|t| t.contains("Ref.")));
            assert_eq!(
                property(dimension, "Master") == "true",
                is_reference,
                "{path}: {}",
                property(dimension, "Name")
            );
            leading += usize::from(is_reference);
        }
        for resource in elements(document.root_element(), "Resource") {
            let types: Vec<_> = elements(resource, "Type").filter_map(|node| node.text()).collect();
            assert!(types.iter().all(|text| !text.contains("Ref.")), "{path}: a resource would hold objects back");
        }
    }
    assert_eq!(leading, 5);
}

#[test]
fn own_registers_are_independent_with_managed_locks() {
    for (kind, name) in listed().iter().filter(|(kind, _)| kind == "InformationRegister") {
        let files = xml();
        let document = parse(&files[&format!("{kind}s/{name}.xml")]);
        let register = object(&document).unwrap();
        assert_eq!(property(register, "InformationRegisterPeriodicity"), "Nonperiodical", "{name}");
        assert_eq!(property(register, "WriteMode"), "Independent", "{name}");
        assert_eq!(property(register, "DataLockControlMode"), "Managed", "{name}");
    }
}

/// Whoever loads the extension for the first time compares the tree with this.
#[test]
fn the_list_for_a_platform_counts_the_registers() {
    let own = listed().iter().filter(|(kind, _)| kind == "InformationRegister").count();
    let list = include_str!("../../../../docs/on-a-platform.md");
    assert!(list.contains(&format!("{own} своих регистров")), "{own}");
}

/// As loaded they are off: the settings' form switches them on in the one base that keeps the cards.
#[test]
fn jobs_are_off_and_have_their_schedule() {
    let files = xml();
    for (_, name) in listed().iter().filter(|(kind, _)| kind == "ScheduledJob") {
        let document = parse(&files[&format!("ScheduledJobs/{name}.xml")]);
        let job = object(&document).unwrap();
        assert_eq!((property(job, "Use").as_str(), property(job, "Predefined").as_str()), ("false", "true"), "{name}");
        let schedule = parse(&files[&format!("ScheduledJobs/{name}/Ext/Schedule.xml")]);
        assert_eq!(schedule.root_element().tag_name().name(), "JobSchedule", "{name}");
        let entry = child(schedule.root_element(), "Schedule").unwrap();
        let is_set =
            entry.attribute("RepeatPeriodInDay") != Some("0") || entry.attribute("BeginTime") != Some("00:00:00");
        assert!(is_set && entry.attribute("DaysRepeatPeriod") == Some("1"), "{name}");
        assert_eq!(names(entry), ["WeekDays", "Months"], "{name}");
    }
}

#[test]
fn every_object_is_named_as_its_file_and_says_what_it_is() {
    for (path, text) in &xml() {
        let document = parse(text);
        let Some(object) = object(&document) else { continue };
        let stem = path.rsplit('/').next().unwrap().trim_end_matches(".xml");
        if path != "Configuration.xml" {
            assert_eq!(property(object, "Name"), stem, "{path}");
        }
        let properties = child(object, "Properties").unwrap();
        if let Some(synonym) = child(properties, "Synonym") {
            assert!(children(synonym).count() == 1, "{path} has no synonym");
        }
    }
}
