//! What the base's configuration is like, as far as the extension depends on it. It is read from the Designer's dump; the
//! base is not changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};

use crate::decode::decode;
use crate::designer::{self, Command};
use crate::error::SetupError;
use crate::extension::{ADOPTED, Extension, NAME};
use crate::files;
use crate::scan;
use crate::session::Session;
use crate::text;
use crate::version::{Format, Mode, Release, Version};

/// The vendor's attributes in the catalogue of cards: an older integration leaves them, and they are no obstacle.
const VENDOR_ATTRIBUTES: [&str; 3] = ["cardId", "cardUrl", "installed"];
/// The two modules in which a handmade integration calls the service.
const MODULES: [(&str, &str); 2] = [
    ("Справочник.ИнформационныеКарты", "Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl"),
    ("РегистрНакопления.БонусныеБаллы", "AccumulationRegisters/БонусныеБаллы/Ext/RecordSetModule.bsl"),
];
/// The catalogue of БСП whose component is taken before the extension's template.
const CATALOGUE_OF_COMPONENTS: (&str, &str) = ("Catalog", "ВнешниеКомпоненты");

/// The main configuration's properties.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) mode: Mode,
    /// As the dump spells it: `ManagedApplication`.
    pub(crate) run_mode: Option<String>,
    /// As the dump spells it: `Taxi`.
    pub(crate) interface_mode: Option<String>,
    lock_mode: Option<String>,
    pub(crate) format: Format,
    /// The release of the platform that wrote the dump; known even if its folder has another name.
    pub(crate) platform: Release,
    /// The vendor's attributes that the catalogue of cards has.
    pub(crate) vendor_attributes: Vec<&'static str>,
    /// Kind and name of every object: (`Catalog`, `ИнформационныеКарты`).
    objects: BTreeSet<(String, String)>,
}

impl Configuration {
    /// Whether БСП's catalogue of components is there.
    pub(crate) fn has_catalogue_of_components(&self) -> bool {
        self.has(CATALOGUE_OF_COMPONENTS.0, CATALOGUE_OF_COMPONENTS.1)
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        self.objects.iter().any(|(of_kind, named)| of_kind == kind && named.to_lowercase() == name.to_lowercase())
    }

    /// The names of the exchange plans, for Russian object lists.
    pub(crate) fn exchange_plans(&self) -> Vec<&str> {
        self.objects.iter().filter(|(kind, _)| kind == "ExchangePlan").map(|(_, name)| name.as_str()).collect()
    }
}

/// Reads the configuration and stops if the extension cannot work in it.
///
/// # Errors
/// The Designer fails; or the configuration is none of a shop, too old, or has what collides with the extension: the sentence
/// names object and line.
pub(crate) fn survey(session: &Session, extension: &Extension) -> Result<Configuration, SetupError> {
    let root = dump(session, &["Configuration".to_owned()])?;
    let mut configuration = read_root(&files::read(&root.join("Configuration.xml"))?)?;
    fits(&configuration, session)?;
    adopted_objects_exist(&configuration)?;
    names_are_free(&configuration, extension)?;

    let objects = dump(session, &MODULES.map(|(object, _)| object.to_owned()))?;
    let card = files::read(&objects.join("Catalogs").join("ИнформационныеКарты.xml"))?;
    configuration.vendor_attributes = vendor_attributes(&decode(&card));
    nothing_calls_the_service(&objects)?;
    describe(&configuration, session);
    for (object, module) in MODULES.iter().filter(|(_, module)| file(&objects, &without_text(module)).exists()) {
        let module = module.rsplit('/').next().unwrap_or(module);
        session.console.say(&text!(
            "Модуль {object}, {module} поставлен без текста: есть ли в нём обращения к сервису, не видно. Спросите поставщика: \
             иначе карты могут создаваться дважды.",
            "The module {object}, {module} came without its text: whether it calls the service cannot be seen. Ask its vendor: \
             cards might be created twice.",
        ));
    }
    Ok(configuration)
}

/// The names of the exchange plans that are distributed infobases (РИБ).
pub(crate) fn distributed_plans(session: &Session, configuration: &Configuration) -> Result<Vec<String>, SetupError> {
    let plans = configuration.exchange_plans();
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = plans.iter().map(|name| format!("ПланОбмена.{name}")).collect();
    let folder = dump(session, &names)?.join("ExchangePlans");
    let mut distributed = Vec::new();
    for name in plans {
        let xml = decode(&files::read(&folder.join(format!("{name}.xml")))?);
        if property(&xml, "DistributedInfoBase").as_deref() == Some("true") {
            distributed.push(name.to_owned());
        }
    }
    Ok(distributed)
}

fn dump(session: &Session, objects: &[String]) -> Result<PathBuf, SetupError> {
    let folder = session.new_folder()?;
    let (list, dump) = (folder.join("objects.txt"), folder.join("dump"));
    files::write(&list, format!("\u{FEFF}{}\r\n", objects.join("\r\n")).as_bytes())?;
    fs::create_dir(&dump).map_err(SetupError::file(&dump))?;
    designer::run(session, &Command::DumpObjects(&dump, &list))?;
    Ok(dump)
}

/// The text of a property of the object in a dump.
pub(crate) fn property(xml: &str, name: &str) -> Option<String> {
    let document = Document::parse(xml.trim_start_matches('\u{FEFF}')).ok()?;
    let object = document.root_element().children().find(Node::is_element)?;
    text_of(&child(object, "Properties")?, name)
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text_of(properties: &Node, name: &str) -> Option<String> {
    child(*properties, name).and_then(|node| node.text()).map(|text| text.trim().to_owned())
}

fn read_root(bytes: &[u8]) -> Result<Configuration, SetupError> {
    let text = decode(bytes);
    let unreadable = |what: &str| {
        SetupError::Refused(text!(
            "выгрузка конфигурации не читается: {what}. База не тронута",
            "the configuration's dump cannot be read: {what}. The base was not touched",
        ))
    };
    let document = Document::parse(&text).map_err(|error| unreadable(&error.to_string()))?;
    let version: Version = document
        .root_element()
        .attribute("version")
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| unreadable("version"))?;
    let format = Format::not_newer_than(&version).ok_or_else(|| too_old_format(&version))?;
    let configuration = child(document.root_element(), "Configuration").ok_or_else(|| unreadable("Configuration"))?;
    let properties = child(configuration, "Properties").ok_or_else(|| unreadable("Properties"))?;
    let mode = text_of(&properties, "CompatibilityMode").ok_or_else(|| unreadable("CompatibilityMode"))?;
    let mode = match Mode::from_dump(&mode) {
        Some(mode) if mode.is_known() => mode,
        _ => return Err(wrong_mode(&mode)),
    };
    let objects = child(configuration, "ChildObjects").into_iter().flat_map(|node| node.children());
    let objects = objects.filter(Node::is_element);
    let objects = objects.map(|node| (node.tag_name().name().to_owned(), node.text().unwrap_or_default().to_owned()));
    Ok(Configuration {
        name: text_of(&properties, "Name").unwrap_or_default(),
        version: text_of(&properties, "Version").unwrap_or_default(),
        mode,
        run_mode: text_of(&properties, "DefaultRunMode"),
        interface_mode: text_of(&properties, "InterfaceCompatibilityMode"),
        lock_mode: text_of(&properties, "DataLockControlMode"),
        format,
        platform: format.oldest_platform(),
        vendor_attributes: Vec::new(),
        objects: objects.collect(),
    })
}

fn too_old_format(version: &Version) -> SetupError {
    let oldest = Release::OLDEST;
    SetupError::Refused(text!(
        "платформа слишком старая: она выгружает конфигурацию в формате {version}, расширению нужна {oldest} или новее. База не \
         тронута",
        "the platform is too old: it dumps the configuration in the format {version}, the extension needs {oldest} or later. \
         The base was not touched",
    ))
}

fn wrong_mode(mode: &str) -> SetupError {
    let (oldest, newest) = (Mode::OLDEST, Mode::NEWEST);
    SetupError::Refused(text!(
        "режим совместимости конфигурации {mode}, а расширение бывает в режимах от {oldest} до {newest}: режимы должны \
         совпадать. База не тронута",
        "the configuration's compatibility mode is {mode}; the extension exists for {oldest} to {newest}, and the modes must be \
         equal. The base was not touched",
    ))
}

fn fits(configuration: &Configuration, session: &Session) -> Result<(), SetupError> {
    if configuration.lock_mode.as_deref() == Some("Automatic") {
        return Err(SetupError::Refused(text!(
            "режим управления блокировками конфигурации «Автоматический», а расширению нужен управляемый: иначе одну карту могут \
             создать дважды. База не тронута",
            "the configuration's lock control mode is Automatic, and the extension needs managed locks, or a card might be \
             created twice. The base was not touched",
        )));
    }
    // A platform cannot dump a mode that it does not know; this names the reason if only the folder's name is wrong.
    if let (Some(platform), Mode::Of(mode)) = (session.platform.release(), configuration.mode)
        && mode > platform
    {
        return Err(SetupError::Refused(text!(
            "режим совместимости {mode} новее платформы {platform}. Укажите платформу, которой открывают базу: --platform",
            "the compatibility mode {mode} is newer than the platform {platform}. Name the one that opens the base: --platform",
        )));
    }
    Ok(())
}

fn adopted_objects_exist(configuration: &Configuration) -> Result<(), SetupError> {
    let missing: Vec<_> = ADOPTED.iter().filter(|(kind, name)| !configuration.has(kind, name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list: String = missing.iter().fold(String::new(), |mut list, (kind, name)| {
        let _ = write!(list, "\n  {kind}.{name}");
        list
    });
    let (name, version) = (&configuration.name, &configuration.version);
    Err(SetupError::Refused(text!(
        "это не 1С:Розница 2: в конфигурации {name} {version} нет объектов, которые расширяются:{list}\nБаза не тронута",
        "this is not 1С:Розница 2: the configuration {name} {version} lacks objects that are extended:{list}\nThe base was not \
         touched",
    )))
}

/// Stops if the configuration has an object with a name of the extension.
fn names_are_free(configuration: &Configuration, extension: &Extension) -> Result<(), SetupError> {
    let taken = extension.own_objects().into_iter().any(|(kind, name)| configuration.has(&kind, &name));
    if taken { Err(handmade(configuration)) } else { Ok(()) }
}

/// Stops if the configuration has an object that looks like one of ours. A handmade integration has more objects than the
/// extension, and its jobs would go on beside it. Only who installs is asked: later a shop may name its own objects so.
pub(crate) fn nothing_is_left_of_a_handmade_integration(configuration: &Configuration) -> Result<(), SetupError> {
    if configuration.objects.iter().any(is_like_ours) { Err(handmade(configuration)) } else { Ok(()) }
}

fn is_like_ours((_, name): &(String, String)) -> bool {
    name.to_lowercase().contains(&NAME.to_lowercase())
}

fn handmade(configuration: &Configuration) -> SetupError {
    let objects = configuration.objects.iter().filter(|object| is_like_ours(object));
    let list = objects.fold(String::new(), |mut list, (kind, name)| {
        let _ = write!(list, "\n  {kind}.{name}");
        list
    });
    SetupError::Refused(text!(
        "в конфигурации уже есть объекты со словом {NAME} в имени, вероятно, от интеграции, сделанной вручную. Дайте её очереди \
         опустеть и удалите их (реквизиты cardId, cardUrl и installed оставьте: в них идентификаторы карт):{list}\nБаза не тронута",
        "the configuration already has objects with {NAME} in their names, probably of a handmade integration. Let its queue run \
         empty and remove them (but keep the attributes cardId, cardUrl and installed: they hold the cards' ids):{list}\nThe base \
         was not touched",
    ))
}

/// A file of a dump by its name with `/`.
fn file(dump: &Path, name: &str) -> PathBuf {
    name.split('/').fold(dump.to_owned(), |path, part| path.join(part))
}

/// The file that stands in the place of a module whose text its vendor does not give away.
fn without_text(module: &str) -> String {
    module.replace(".bsl", ".bin")
}

fn nothing_calls_the_service(dump: &Path) -> Result<(), SetupError> {
    let mut list = String::new();
    for (object, module) in MODULES {
        let path = file(dump, module);
        // An object without a module has no file.
        if !path.exists() {
            continue;
        }
        for finding in scan::calls_of_the_service(&decode(&files::read(&path)?)) {
            let _ = write!(
                list,
                "\n  {object}, {} {}: {}",
                module.rsplit('/').next().unwrap_or(module),
                finding.line,
                finding.text
            );
        }
    }
    if list.is_empty() {
        return Ok(());
    }
    Err(SetupError::Refused(text!(
        "конфигурация уже сама обращается к сервису: карты создавались бы дважды. Удалите эти строки (модуль, номер строки):{list}\n\
         База не тронута",
        "the configuration calls the service itself already: cards would be created twice. Remove these lines (module, line):{list}\n\
         The base was not touched",
    )))
}

fn vendor_attributes(catalogue: &str) -> Vec<&'static str> {
    let Ok(document) = Document::parse(catalogue) else { return Vec::new() };
    let attributes = document.descendants().filter(|node| node.tag_name().name() == "Attribute");
    let names: BTreeSet<_> = attributes
        .filter_map(|node| text_of(&child(node, "Properties")?, "Name"))
        .map(|name| name.to_lowercase())
        .collect();
    VENDOR_ATTRIBUTES.into_iter().filter(|name| names.contains(&name.to_lowercase())).collect()
}

fn describe(configuration: &Configuration, session: &Session) {
    let Configuration { name, version, mode, format, .. } = configuration;
    session.console.say(&text!(
        "\nКонфигурация {name} {version}: режим совместимости {mode}, формат выгрузки {format}.",
        "\nConfiguration {name} {version}: compatibility mode {mode}, format of the dump {format}.",
    ));
    if !configuration.vendor_attributes.is_empty() {
        let list = configuration.vendor_attributes.join(", ");
        session.console.say(&text!(
            "В справочнике карт есть реквизиты {list}: идентификаторы из них расширение перенесёт к себе.",
            "The catalogue of cards has the attributes {list}: the extension takes the ids over from them.",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(mode: &str, format: &str, locks: &str) -> String {
        format!(
            "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <MetaDataObject xmlns=\"http://v8.1c.ru/8.3/MDClasses\" version=\"{format}\"><Configuration uuid=\"1\"><Properties>\
             <Name>Розница</Name><Version>2.3.1.40</Version><CompatibilityMode>{mode}</CompatibilityMode>\
             <DefaultRunMode>ManagedApplication</DefaultRunMode><DataLockControlMode>{locks}</DataLockControlMode></Properties>\
             <ChildObjects><Language>Русский</Language><Catalog>ИнформационныеКарты</Catalog><ExchangePlan>РИБ</ExchangePlan>\
             </ChildObjects></Configuration></MetaDataObject>"
        )
    }

    #[test]
    fn the_root_tells_mode_format_and_objects() {
        let configuration = read_root(root("Version8_3_16", "2.17", "Managed").as_bytes()).expect("a configuration");
        assert_eq!((configuration.mode, configuration.format.to_string().as_str()), (Mode::RETAIL, "2.17"));
        assert_eq!(configuration.platform.to_string(), "8.3.24");
        assert!(
            configuration.has("Catalog", "информационныекарты")
                && !configuration.has("CommonModule", "ИнформационныеКарты")
        );
        assert_eq!(configuration.exchange_plans(), ["РИБ"]);
        assert_eq!(configuration.run_mode.as_deref(), Some("ManagedApplication"));
    }

    #[test]
    fn a_mode_or_a_platform_that_is_too_old_is_named() {
        for (mode, format, part) in [("Version8_3_10", "2.17", "Version8_3_10"), ("Version8_3_16", "2.7", "2.7")] {
            let refused = read_root(root(mode, format, "Managed").as_bytes()).expect_err("too old").to_string();
            assert!(refused.contains(part) && refused.contains("not touched"), "{refused}");
        }
    }

    #[test]
    fn the_vendors_attributes_are_found_by_name() {
        let catalogue = "<M><Catalog><Properties><Name>ИнформационныеКарты</Name></Properties><ChildObjects>\
                         <Attribute><Properties><Name>CardID</Name></Properties></Attribute>\
                         <Attribute><Properties><Name>КодКарты</Name></Properties></Attribute></ChildObjects></Catalog></M>";
        assert_eq!(vendor_attributes(catalogue), ["cardId"]);
    }
}
