//! The declared part of 1С:Розница, in the variants in which shops have it.
//!
//! `data/retail.toml` lists the objects; a [`Variant`] says which of their features a base has. What the variant
//! lacks is missing from the metadata altogether, so that text which names it fails as it does on such a base.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::{Field, Kind, Metadata, Object, Role, Table};
use crate::error::{Error, Result};
use crate::types::{DateParts, TypeSet, ValueType};

const RETAIL: &str = include_str!("../../data/retail.toml");

/// Release of 1С:Розница.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 2.2.12 of 2019.
    R22,
    /// 2.3.
    R23,
}

/// Version of the standard library БСП in the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ssl {
    /// No БСП at all.
    Absent,
    /// 3.0.2, which 1С:Розница 2.2 and 2.3 have.
    V3_0_2,
    /// 3.1.12.
    V3_1_12,
}

/// Which base is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Release of the configuration.
    pub release: Release,
    /// БСП.
    pub ssl: Ssl,
    /// Whether cards have the attributes of the vendor's example: cardId, cardUrl, installed.
    pub vendor_attributes: bool,
    /// Whether the register of replaced cards exists.
    pub replacements: bool,
    /// Whether a card may accumulate on another one (КартаДляНакоплений).
    pub accumulating: bool,
    /// Whether the constant ИспользоватьДисконтныйСервер exists.
    pub discount_server: bool,
    /// Whether the platform takes scheduled jobs of an extension (from 8.3.23 on).
    pub own_jobs: bool,
    /// Whether the base is a file, not a database behind the cluster.
    pub file_base: bool,
    /// Whether the configuration's lock mode is "automatic and managed": a transaction is then automatic unless it
    /// is begun as a managed one.
    pub mixed_lock_mode: bool,
}

impl Variant {
    /// 2.2.12 on a server, with everything that this release has.
    pub fn retail_22() -> Self {
        Variant {
            release: Release::R22,
            ssl: Ssl::V3_0_2,
            vendor_attributes: true,
            replacements: true,
            accumulating: true,
            discount_server: true,
            own_jobs: true,
            file_base: false,
            mixed_lock_mode: true,
        }
    }

    /// 2.3 on a server, with everything that this release has.
    pub fn retail_23() -> Self {
        Variant { release: Release::R23, ..Self::retail_22() }
    }

    fn has(&self, feature: &str) -> bool {
        match feature {
            "2.3" => self.release == Release::R23,
            "ssl" => self.ssl != Ssl::Absent,
            "ssl-3.1" => self.ssl >= Ssl::V3_1_12,
            "vendor" => self.vendor_attributes,
            "replacements" => self.replacements,
            "accumulating" => self.accumulating,
            "discount-server" => self.discount_server,
            _ => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    object: Vec<Declared>,
    sections: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    name: String,
    only: Option<String>,
    #[serde(default)]
    properties: BTreeMap<String, String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    dimensions: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    recorders: Vec<String>,
    #[serde(default)]
    forms: Vec<String>,
    #[serde(default)]
    sections: BTreeMap<String, String>,
}

/// The metadata of 1С:Розница in a variant. References to objects outside the declared part are dropped from the
/// types of fields.
///
/// # Errors
/// `data/retail.toml` is malformed.
pub fn retail(variant: &Variant) -> Result<Metadata> {
    let file: File = toml::from_str(RETAIL).map_err(|error| malformed(&error.to_string()))?;
    let mut metadata = Metadata::default();
    for declared in &file.object {
        if declared.only.as_deref().is_none_or(|feature| variant.has(feature)) {
            metadata.add(object(declared, &file.sections, variant)?)?;
        }
    }
    Ok(metadata)
}

fn object(declared: &Declared, sections: &BTreeMap<String, Vec<String>>, variant: &Variant) -> Result<Object> {
    let (kind, name) = declared.name.split_once('.').ok_or_else(|| malformed(&declared.name))?;
    let kind = Kind::from_name(kind).ok_or_else(|| malformed(&declared.name))?;
    let mut object = Object::new(kind, name);
    object.properties = declared.properties.clone();
    object.sources = declared.recorders.clone();
    object.forms = declared.forms.clone();
    object.values = declared.values.iter().map(|value| (value.clone(), words(value))).collect();
    object.synonym = words(name);
    let lists = [
        (Role::Dimension, &declared.dimensions),
        (Role::Resource, &declared.resources),
        (Role::Attribute, &declared.fields),
    ];
    for (role, list) in lists {
        for text in list {
            object.table.fields.extend(field(text, role, variant)?.map(|parsed| parsed.0));
        }
    }
    for (section, shape) in &declared.sections {
        let mut table = Table::default();
        for text in sections.get(shape).ok_or_else(|| malformed(shape))? {
            table.fields.extend(field(text, Role::Attribute, variant)?.map(|parsed| parsed.0));
        }
        object.sections.push((section.clone(), table));
    }
    object.add_standard_fields();
    for text in &declared.fields {
        if let Some((parsed, true)) = field(text, Role::Attribute, variant)?
            && let Some(known) = object.table.fields.iter_mut().find(|known| known.name == parsed.name)
        {
            known.items_only = false;
        }
    }
    Ok(object)
}

/// Reads `"+Имя: Тип | Тип @feature"`; `None` if the variant lacks the feature. The flag: folders have the field too.
fn field(text: &str, role: Role, variant: &Variant) -> Result<Option<(Field, bool)>> {
    let (text, feature) = text.split_once('@').map_or((text, None), |(text, feature)| (text, Some(feature.trim())));
    if feature.is_some_and(|feature| !variant.has(feature)) {
        return Ok(None);
    }
    let (name, types) = text.split_once(':').ok_or_else(|| malformed(text))?;
    let bare = name.trim_start_matches(['+', '!', '^']);
    let marks = name.strip_suffix(bare).unwrap_or_default();
    let types = types.split('|').map(|one| one_type(one.trim())).collect::<Result<_>>()?;
    let mut field = Field::new(bare, role, TypeSet::new(types));
    field.synonym = words(bare);
    field.indexed = marks.contains('+');
    field.leading = marks.contains('!');
    Ok(Some((field, marks.contains('^'))))
}

fn one_type(text: &str) -> Result<ValueType> {
    let (name, arguments) = text.split_once('(').map_or((text, ""), |(name, rest)| (name, rest.trim_end_matches(')')));
    let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let number = |index: usize| arguments.get(index).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    Ok(match name {
        "Булево" => ValueType::Boolean,
        "Строка" => ValueType::String { length: number(0), fixed: false },
        "Число" => {
            ValueType::Number { digits: number(0), scale: number(1), nonnegative: arguments.get(2) == Some(&"+") }
        }
        "Дата" if arguments.first() == Some(&"Д") => ValueType::Date(DateParts::Date),
        "Дата" => ValueType::Date(DateParts::DateTime),
        "ХранилищеЗначения" => ValueType::Storage,
        "УникальныйИдентификатор" => ValueType::Uuid,
        _ => {
            let (kind, object) = name.split_once('.').ok_or_else(|| malformed(text))?;
            let kind = kind.strip_suffix("Ссылка").ok_or_else(|| malformed(text))?;
            match kind {
                "Перечисление" => ValueType::Enum(format!("{kind}.{object}")),
                _ => ValueType::Ref(format!("{kind}.{object}")),
            }
        }
    })
}

/// A synonym as the Designer proposes it: `ТипыИнформационныхКарт` → `Типы информационных карт`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() && !text.ends_with(char::is_uppercase) {
            text.push(' ');
            text.extend(letter.to_lowercase());
        } else {
            text.push(letter);
        }
    }
    text
}

fn malformed(text: &str) -> Error {
    Error::Metadata { file: "data/retail.toml".into(), message: text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_lacks_what_it_lacks() {
        let old = retail(&Variant::retail_22()).unwrap();
        let new = retail(&Variant::retail_23()).unwrap();
        let partner = |metadata: &Metadata| metadata.get("Справочник.Контрагенты").unwrap().table.clone();
        assert!(partner(&old).field("ФизЛицо").is_none());
        assert!(partner(&new).field("физлицо").is_some());
        assert!(partner(&new).field("Комментарий").is_some_and(|field| !field.items_only));
        assert!(partner(&new).field("ИНН").is_some_and(|field| field.items_only && field.indexed));

        let bare = Variant { ssl: Ssl::Absent, replacements: false, ..Variant::retail_22() };
        let bare = retail(&bare).unwrap();
        assert!(bare.find("ОбщийМодуль.ОбщегоНазначения").is_none());
        assert!(bare.find("РегистрСведений.РегистрацияЗаменыКартПокупателей").is_none());
        assert!(old.find("CommonModule.ОбщегоНазначения").is_some());
    }

    #[test]
    fn a_register_knows_its_recorders_and_key() {
        let metadata = retail(&Variant::retail_22()).unwrap();
        let points = metadata.get("РегистрНакопления.БонусныеБаллы").unwrap();
        assert_eq!(points.table.field("Recorder").unwrap().types.objects().count(), 6);
        assert!(points.table.field("ВидДвижения").is_some());
        let codes = metadata.get("РегистрСведений.Штрихкоды").unwrap();
        let key: Vec<_> = codes.key_fields().iter().map(|field| field.name.clone()).collect();
        assert_eq!(key, ["Штрихкод", "Владелец"]);
        assert!(codes.table.field("Владелец").unwrap().leading);
    }

    #[test]
    fn synonyms_are_split_into_words() {
        assert_eq!(words("ТипыИнформационныхКарт"), "Типы информационных карт");
    }
}
