//! The extension's files, and how they are written to fit a base: its mode, its run mode, and what its platform reads.
//!
//! The files are those of `bsl-examples/extension`, in the oldest supported format. They are rewritten line by line, as the
//! Designer writes them: one element a line. A file that looks otherwise is refused and not guessed at.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::{EXTENSION, SCHEDULED};
use crate::error::SetupError;
use crate::text;
use crate::version::{Format, Mode, Release, Version};

/// The extension's name; other names would be other extensions with other data.
pub(crate) const NAME: &str = "Passteam";
/// Objects of the base that the extension extends.
pub(crate) const ADOPTED: [(&str, &str); 4] = [
    ("Catalog", "ИнформационныеКарты"),
    ("Catalog", "ФизическиеЛица"),
    ("Catalog", "Контрагенты"),
    ("AccumulationRegister", "БонусныеБаллы"),
];
/// The template that holds the component.
pub(crate) const TEMPLATE: &str = "CommonTemplates/КомпонентаPassteam/Ext/Template.bin";
const ROOT: &str = "Configuration.xml";
/// The class of roles among the root's contained objects.
const ROLES: &str = "fb282519-d103-4dd3-bc12-cb271d631dfc";
const BELONGING: &str = "<ObjectBelonging>Adopted</ObjectBelonging>";
const MARK: &str = "\u{FEFF}";

/// What the extension has to fit.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub(crate) mode: Mode,
    pub(crate) format: Format,
    pub(crate) platform: Release,
    /// Leaves the jobs out although the platform takes them.
    pub(crate) without_jobs: bool,
    /// The base's `DefaultRunMode`: another one passes loading and fails the update.
    pub(crate) run_mode: Option<String>,
    /// The base's `InterfaceCompatibilityMode`.
    pub(crate) interface_mode: Option<String>,
}

impl Fit {
    /// Whether the extension has its jobs: a platform has to take them.
    pub(crate) fn with_jobs(&self) -> bool {
        !self.without_jobs && self.platform >= Release::FIRST_WITH_JOBS
    }
}

/// Files by their path, with `/` between folders.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The extension as the program carries it, without the component.
#[derive(Debug, Clone)]
pub(crate) struct Extension {
    files: Files,
}

impl Extension {
    /// The built-in one.
    ///
    /// # Errors
    /// The program was built without one.
    pub(crate) fn built_in() -> Result<Extension, SetupError> {
        let files: Files = EXTENSION.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect();
        if files.contains_key(ROOT) {
            return Ok(Extension { files });
        }
        Err(SetupError::Refused(text!(
            "эта сборка программы без расширения. Возьмите программу из выпуска",
            "this build of the program has no extension. Take the program of a release",
        )))
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Extension {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
        Extension { files }
    }

    /// The version in its root.
    pub(crate) fn version(&self) -> Option<Version> {
        element(&self.root(), "Version")?.parse().ok()
    }

    /// The id by which the platform knows this extension, whatever its name.
    pub(crate) fn uuid(&self) -> Option<String> {
        uuid(&self.root())
    }

    /// Kind and name of each object that is not adopted.
    pub(crate) fn own_objects(&self) -> BTreeSet<(String, String)> {
        let adopted = |kind: &str, name: &str| kind == "Language" || ADOPTED.contains(&(kind, name));
        children(&self.root()).filter(|(kind, name)| !adopted(kind, name)).collect()
    }

    fn root(&self) -> String {
        self.files.get(ROOT).map(|root| String::from_utf8_lossy(root).into_owned()).unwrap_or_default()
    }

    /// All files as they are to be loaded.
    ///
    /// # Errors
    /// A file does not look as the Designer writes it.
    pub(crate) fn fitted(&self, fit: &Fit, component: &[u8]) -> Result<Files, SetupError> {
        let mut fitted = Files::new();
        for (name, content) in &self.files {
            let is_job = name.starts_with("ScheduledJobs/");
            if is_job && !fit.with_jobs() {
                continue;
            }
            let content = if name.ends_with(".xml") { rewritten(name, content, fit)? } else { content.clone() };
            fitted.insert(name.clone(), content);
        }
        fitted.insert(TEMPLATE.to_owned(), component.to_vec());
        Ok(fitted)
    }
}

/// The external data processor that does the jobs' work, in a format; empty if the program was built without one.
pub(crate) fn scheduled(format: Format) -> Result<Files, SetupError> {
    let rewritten = |name: &str, content: &[u8]| -> Result<Vec<u8>, SetupError> {
        if !name.ends_with(".xml") {
            return Ok(content.to_vec());
        }
        let text = str::from_utf8(content).map_err(|_| odd(name))?;
        Ok(with_format(text, format).into_bytes())
    };
    SCHEDULED.iter().map(|(name, content)| Ok(((*name).to_owned(), rewritten(name, content)?))).collect()
}

/// The text of the first element of this name.
pub(crate) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = &xml[xml.find(&open)? + open.len()..];
    Some(&after[..after.find(&close)?])
}

/// The id of a dump's root object.
pub(crate) fn uuid(root: &str) -> Option<String> {
    let after = &root[root.find("<Configuration uuid=\"")? + "<Configuration uuid=\"".len()..];
    Some(after[..after.find('"')?].to_lowercase())
}

/// The objects that a root lists: `<Catalog>Name</Catalog>`.
fn children(root: &str) -> impl Iterator<Item = (String, String)> {
    let list = element(root, "ChildObjects").unwrap_or_default();
    list.lines()
        .filter_map(|line| {
            let (kind, rest) = line.trim().strip_prefix('<')?.split_once('>')?;
            Some((kind.to_owned(), rest.split('<').next()?.to_owned()))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn odd(name: &str) -> SetupError {
    SetupError::Refused(text!(
        "файл расширения {name} записан не так, как пишет Конфигуратор",
        "the extension's file {name} is not written as the Designer writes it",
    ))
}

fn rewritten(name: &str, content: &[u8], fit: &Fit) -> Result<Vec<u8>, SetupError> {
    let text = str::from_utf8(content).map_err(|_| odd(name))?;
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut text = with_format(text, fit.format);
    if text.contains(BELONGING) {
        text = with_belonging(name, &text, fit.format)?;
    }
    if name == ROOT {
        text = fitted_root(&text, fit)?;
    }
    if !fit.with_jobs() {
        // Lists of objects: the root's children and the subsystem's content.
        text = without_lines(&text, |line| line.starts_with("<ScheduledJob>") || line.contains(">ScheduledJob."));
    }
    Ok(format!("{MARK}{text}").into_bytes())
}

/// The format stands in the root element, the first that is no declaration.
fn with_format(text: &str, format: Format) -> String {
    let Some(start) = text.match_indices('<').map(|(at, _)| at).find(|at| !text[*at..].starts_with("<?")) else {
        return text.to_owned();
    };
    let end = text[start..].find('>').map_or(text.len(), |length| start + length);
    let attribute = " version=\"2.";
    let Some(at) = text[start..end].find(attribute).map(|at| start + at) else { return text.to_owned() };
    let value = at + " version=\"".len();
    let Some(after) = text[value..end].find('"').map(|length| value + length) else { return text.to_owned() };
    format!("{}{format}{}", &text[..value], &text[after..])
}

/// Up to format 2.14 the belonging follows the comment, in the root the purpose; from 2.15 on it is the first property.
fn with_belonging(name: &str, text: &str, format: Format) -> Result<String, SetupError> {
    let before = if format >= Format::BELONGING_FIRST {
        |line: &str| line == "<Properties>"
    } else if name == ROOT {
        |line: &str| line.starts_with("<ConfigurationExtensionPurpose>")
    } else {
        |line: &str| line.starts_with("<Comment>") || line == "<Comment/>"
    };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let belongings: Vec<_> = (0..lines.len()).filter(|at| lines[*at].trim() == BELONGING).collect();
    let [at] = belongings[..] else { return Err(odd(name)) };
    let line = lines.remove(at);
    let place = lines.iter().position(|line| before(line.trim())).ok_or_else(|| odd(name))?;
    lines.insert(place + 1, line);
    Ok(lines.concat())
}

fn fitted_root(text: &str, fit: &Fit) -> Result<String, SetupError> {
    let mut text =
        with_value(text, "ConfigurationExtensionCompatibilityMode", &fit.mode.in_dump()).ok_or_else(|| odd(ROOT))?;
    for (property, value) in [("DefaultRunMode", &fit.run_mode), ("InterfaceCompatibilityMode", &fit.interface_mode)] {
        if let Some(value) = value {
            // A root without the property takes it from the base anyway.
            text = with_value(&text, property, value).unwrap_or(text);
        }
    }
    if fit.platform < Release::FIRST_WITH_MAPPING {
        text = without_lines(&text, |line| line.starts_with("<KeepMappingToExtendedConfigurationObjectsByIDs>"));
        text = without_roles_class(&text)?;
    }
    Ok(text)
}

fn with_value(text: &str, element: &str, value: &str) -> Option<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let start = text.find(&open)? + open.len();
    let end = start + text[start..].find(&close)?;
    Some(format!("{}{value}{}", &text[..start], &text[end..]))
}

fn without_lines(text: &str, unwanted: impl Fn(&str) -> bool) -> String {
    text.split_inclusive('\n').filter(|line| !unwanted(line.trim())).collect()
}

/// Leaves out the contained object of the class that platforms before 8.3.15 do not know.
fn without_roles_class(text: &str) -> Result<String, SetupError> {
    let Some(class) = text.find(ROLES) else { return Ok(text.to_owned()) };
    let (open, close) = ("<xr:ContainedObject>", "</xr:ContainedObject>");
    let block = text[..class].rfind(open).ok_or_else(|| odd(ROOT))?;
    let start = text[..block].rfind('\n').map_or(0, |at| at + 1);
    let end = class + text[class..].find(close).ok_or_else(|| odd(ROOT))? + close.len();
    let end = text[end..].find('\n').map_or(text.len(), |length| end + length + 1);
    Ok(format!("{}{}", &text[..start], &text[end..]))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::text::Language;

    pub(crate) const SMALL_ROOT: &str = "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<MetaDataObject xmlns=\"http://v8.1c.ru/8.3/MDClasses\" xmlns:xr=\"http://v8.1c.ru/8.3/xcf/readable\" version=\"2.9\">
\t<Configuration uuid=\"9C41fd5d-d4a5-549f-9174-0f7832581a0f\">
\t\t<InternalInfo>
\t\t\t<xr:ContainedObject>
\t\t\t\t<xr:ClassId>e68182ea-4237-4383-967f-90c1e3370bc7</xr:ClassId>
\t\t\t\t<xr:ObjectId>1</xr:ObjectId>
\t\t\t</xr:ContainedObject>
\t\t\t<xr:ContainedObject>
\t\t\t\t<xr:ClassId>fb282519-d103-4dd3-bc12-cb271d631dfc</xr:ClassId>
\t\t\t\t<xr:ObjectId>2</xr:ObjectId>
\t\t\t</xr:ContainedObject>
\t\t</InternalInfo>
\t\t<Properties>
\t\t\t<Name>Passteam</Name>
\t\t\t<Comment/>
\t\t\t<ConfigurationExtensionPurpose>AddOn</ConfigurationExtensionPurpose>
\t\t\t<ObjectBelonging>Adopted</ObjectBelonging>
\t\t\t<KeepMappingToExtendedConfigurationObjectsByIDs>false</KeepMappingToExtendedConfigurationObjectsByIDs>
\t\t\t<NamePrefix>Passteam_</NamePrefix>
\t\t\t<ConfigurationExtensionCompatibilityMode>Version8_3_16</ConfigurationExtensionCompatibilityMode>
\t\t\t<DefaultRunMode>ManagedApplication</DefaultRunMode>
\t\t\t<Version>0.2.0</Version>
\t\t</Properties>
\t\t<ChildObjects>
\t\t\t<Language>Русский</Language>
\t\t\t<CommonModule>ОчередьPassteam</CommonModule>
\t\t\t<ScheduledJob>ОбработкаОчередиPassteam</ScheduledJob>
\t\t\t<Catalog>ИнформационныеКарты</Catalog>
\t\t</ChildObjects>
\t</Configuration>
</MetaDataObject>";

    pub(crate) const SMALL_CATALOGUE: &str = "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<MetaDataObject xmlns=\"http://v8.1c.ru/8.3/MDClasses\" version=\"2.9\">
\t<Catalog uuid=\"1\">
\t\t<Properties>
\t\t\t<Name>ИнформационныеКарты</Name>
\t\t\t<Comment/>
\t\t\t<ObjectBelonging>Adopted</ObjectBelonging>
\t\t</Properties>
\t\t<ChildObjects/>
\t</Catalog>
</MetaDataObject>";

    fn small() -> Extension {
        Extension::of(&[
            ("Configuration.xml", SMALL_ROOT),
            ("Catalogs/ИнформационныеКарты.xml", SMALL_CATALOGUE),
            ("Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl", "\u{FEFF}// version=\"2.9\"\r\n"),
            ("ScheduledJobs/ОбработкаОчередиPassteam.xml", "\u{FEFF}<MetaDataObject version=\"2.9\"/>"),
            (
                "Subsystems/Passteam.xml",
                "\u{FEFF}<M version=\"2.9\">\n<I>ScheduledJob.ОбработкаОчередиPassteam</I>\n<I>Role.Р</I>\n</M>",
            ),
        ])
    }

    fn fit(format: &str, platform: &str) -> Fit {
        let format = Format::not_newer_than(&format.parse().expect("a version")).expect("a format");
        Fit {
            mode: Mode::RETAIL,
            format,
            platform: platform.parse().expect("a release"),
            without_jobs: false,
            run_mode: None,
            interface_mode: None,
        }
    }

    fn texts(extension: &Extension, fit: &Fit) -> BTreeMap<String, String> {
        let files = extension.fitted(fit, b"PK").expect("files");
        files.into_iter().map(|(name, content)| (name, String::from_utf8(content).expect("text"))).collect()
    }

    fn names(xml: &str) -> Vec<&str> {
        let properties = element(xml, "Properties").expect("properties");
        properties.lines().filter_map(|line| line.trim().strip_prefix('<')?.split(['>', '/']).next()).collect()
    }

    #[test]
    fn in_its_own_mode_and_format_nothing_changes_but_the_component_comes() {
        let files = small().fitted(&fit("2.9", "8.3.24"), b"PK").expect("files");
        assert_eq!(files[TEMPLATE], b"PK");
        for (name, content) in &small().files {
            assert_eq!(&files[name], content, "{name}");
        }
    }

    #[test]
    fn from_2_15_on_the_belonging_comes_first_and_goes_back() {
        let new = texts(&small(), &fit("2.15", "8.3.24"));
        assert_eq!(names(&new["Configuration.xml"])[..2], ["ObjectBelonging", "Name"]);
        assert_eq!(names(&new["Catalogs/ИнформационныеКарты.xml"]), ["ObjectBelonging", "Name", "Comment"]);
        let pairs: Vec<_> = new.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let back = texts(&Extension::of(&pairs), &fit("2.9", "8.3.24"));
        assert_eq!(back["Configuration.xml"], SMALL_ROOT);
        assert_eq!(back["Catalogs/ИнформационныеКарты.xml"], SMALL_CATALOGUE);
    }

    #[test]
    fn the_format_stands_in_every_xml_file_and_in_no_module() {
        let files = texts(&small(), &fit("2.17", "8.3.24"));
        for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".xml")) {
            assert!(
                text.starts_with(MARK) && text.contains(" version=\"2.17\"") && !text.contains("2.9\""),
                "{name}: {text}"
            );
        }
        assert!(files["Configuration.xml"].contains("<?xml version=\"1.0\""));
        assert!(files["Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl"].contains("2.9"));
    }

    #[test]
    fn mode_and_run_mode_are_the_bases() {
        let mode = Mode::from_dump("Version8_3_21").expect("a mode");
        let fit = Fit { mode, run_mode: Some("OrdinaryApplication".into()), ..fit("2.9", "8.3.24") };
        let root = &texts(&small(), &fit)["Configuration.xml"];
        assert_eq!(element(root, "ConfigurationExtensionCompatibilityMode"), Some("Version8_3_21"));
        assert_eq!(element(root, "DefaultRunMode"), Some("OrdinaryApplication"));
    }

    #[test]
    fn before_8_3_23_or_if_asked_no_job_is_left_anywhere() {
        for fit in [fit("2.15", "8.3.22"), Fit { without_jobs: true, ..fit("2.17", "8.3.24") }] {
            let files = texts(&small(), &fit);
            assert!(files.iter().all(|(name, text)| !name.contains("ScheduledJob") && !text.contains("ScheduledJob")));
            assert!(files["Subsystems/Passteam.xml"].contains("Role.Р"));
        }
    }

    #[test]
    fn before_8_3_15_what_the_platform_does_not_know_is_left_out() {
        let root = &texts(&small(), &fit("2.8", "8.3.14"))["Configuration.xml"];
        assert!(!root.contains("KeepMapping") && !root.contains(ROLES));
        assert_eq!(root.matches("<xr:ContainedObject>").count(), 1);
        assert!(roxmltree::Document::parse(root.trim_start_matches(MARK)).is_ok());
        let newer = &texts(&small(), &fit("2.9", "8.3.15"))["Configuration.xml"];
        assert!(newer.contains("KeepMapping") && newer.contains(ROLES));
    }

    #[test]
    fn a_file_of_another_shape_is_refused() {
        let twice = SMALL_CATALOGUE.replace("<Comment/>", "<Comment/>\n<ObjectBelonging>Adopted</ObjectBelonging>");
        for catalogue in [twice.as_str(), "<Properties><ObjectBelonging>Adopted</ObjectBelonging></Properties>"] {
            let extension = Extension::of(&[("Configuration.xml", SMALL_ROOT), ("Catalogs/К.xml", catalogue)]);
            let refused = extension.fitted(&fit("2.9", "8.3.24"), b"").expect_err("another shape").to_string();
            assert!(refused.contains("Catalogs/К.xml"), "{refused}");
        }
    }

    #[test]
    fn what_the_messages_name_stands_on_the_extensions_forms() {
        let extension = Extension::built_in().expect("the extension");
        let forms: Vec<_> = extension.files.values().map(|content| String::from_utf8_lossy(content)).collect();
        for message in [crate::install::next_step(), crate::arguments::data_would_go()] {
            for language in [Language::Russian, Language::English] {
                let names = message.pick(language).split('«').skip(1).filter_map(|rest| rest.split('»').next());
                for name in names {
                    assert!(forms.iter().any(|form| form.contains(&format!(">{name}<"))), "{name}");
                }
            }
        }
        assert!(extension.files.contains_key(&TEMPLATE.replace("/Ext/Template.bin", ".xml")));
    }

    #[test]
    fn the_external_data_processor_has_the_programs_version_and_the_asked_format() {
        let files = scheduled(Format::OF_8_3_14).expect("files");
        let text = |end: &str| {
            let (_, content) = files.iter().find(|(name, _)| name.ends_with(end)).expect(end);
            String::from_utf8(content.clone()).expect("text")
        };
        assert!(text(".xml").starts_with(MARK) && text(".xml").contains(" version=\"2.8\""));
        assert!(text(".bsl").contains(&format!("Версия = \"{}\"", env!("CARGO_PKG_VERSION"))));
    }

    #[test]
    fn the_root_tells_version_id_and_own_objects() {
        let extension = small();
        assert_eq!(extension.version().map(|version| version.to_string()).as_deref(), Some("0.2.0"));
        assert_eq!(extension.uuid().as_deref(), Some("9c41fd5d-d4a5-549f-9174-0f7832581a0f"));
        let own: Vec<_> = extension.own_objects().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(own, ["CommonModule", "ScheduledJob"]);
    }
}
