//! The model itself: kinds, fields, tables, objects and the collection of them.

use std::collections::{BTreeMap, HashMap};

use crate::error::{Error, Result};
use crate::types::{TypeSet, ValueType};

/// A class of metadata objects: name in the singular and plural, in Russian and English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the platform's own, see `Kind::NAMES`")]
pub enum Kind {
    Catalog,
    Document,
    Enumeration,
    Constant,
    InformationRegister,
    AccumulationRegister,
    ExchangePlan,
    CommonModule,
    CommonTemplate,
    CommonForm,
    CommonCommand,
    DataProcessor,
    EventSubscription,
    ScheduledJob,
    Role,
    Subsystem,
    Language,
    SessionParameter,
}

impl Kind {
    /// All kinds with their names: Russian singular and plural, English singular, folder of the Designer's dump.
    pub const NAMES: [(Kind, &str, &str, &str, &str); 18] = [
        (Kind::Catalog, "Справочник", "Справочники", "Catalog", "Catalogs"),
        (Kind::Document, "Документ", "Документы", "Document", "Documents"),
        (Kind::Enumeration, "Перечисление", "Перечисления", "Enum", "Enums"),
        (Kind::Constant, "Константа", "Константы", "Constant", "Constants"),
        (
            Kind::InformationRegister,
            "РегистрСведений",
            "РегистрыСведений",
            "InformationRegister",
            "InformationRegisters",
        ),
        (
            Kind::AccumulationRegister,
            "РегистрНакопления",
            "РегистрыНакопления",
            "AccumulationRegister",
            "AccumulationRegisters",
        ),
        (Kind::ExchangePlan, "ПланОбмена", "ПланыОбмена", "ExchangePlan", "ExchangePlans"),
        (Kind::CommonModule, "ОбщийМодуль", "ОбщиеМодули", "CommonModule", "CommonModules"),
        (Kind::CommonTemplate, "ОбщийМакет", "ОбщиеМакеты", "CommonTemplate", "CommonTemplates"),
        (Kind::CommonForm, "ОбщаяФорма", "ОбщиеФормы", "CommonForm", "CommonForms"),
        (Kind::CommonCommand, "ОбщаяКоманда", "ОбщиеКоманды", "CommonCommand", "CommonCommands"),
        (Kind::DataProcessor, "Обработка", "Обработки", "DataProcessor", "DataProcessors"),
        (Kind::EventSubscription, "ПодпискаНаСобытие", "ПодпискиНаСобытия", "EventSubscription", "EventSubscriptions"),
        (Kind::ScheduledJob, "РегламентноеЗадание", "РегламентныеЗадания", "ScheduledJob", "ScheduledJobs"),
        (Kind::Role, "Роль", "Роли", "Role", "Roles"),
        (Kind::Subsystem, "Подсистема", "Подсистемы", "Subsystem", "Subsystems"),
        (Kind::Language, "Язык", "Языки", "Language", "Languages"),
        (Kind::SessionParameter, "ПараметрСеанса", "ПараметрыСеанса", "SessionParameter", "SessionParameters"),
    ];

    fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        let found = Self::NAMES.iter().find(|row| row.0 == self);
        found.map_or(("", "", "", ""), |row| (row.1, row.2, row.3, row.4))
    }

    /// `Справочник`.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// `Справочники`.
    pub fn plural(self) -> &'static str {
        self.row().1
    }

    /// `Catalogs`, the folder of the Designer's dump.
    pub fn folder(self) -> &'static str {
        self.row().3
    }

    /// Finds a kind by its Russian or English name in the singular, without case.
    pub fn from_name(name: &str) -> Option<Kind> {
        let name = fold(name);
        Self::NAMES.iter().find(|row| is_folded_as(row.1, &name) || is_folded_as(row.3, &name)).map(|row| row.0)
    }

    /// Finds a kind by its Russian or English name in the plural, without case.
    pub fn from_plural(name: &str) -> Option<Kind> {
        let name = fold(name);
        Self::NAMES.iter().find(|row| is_folded_as(row.2, &name) || is_folded_as(row.4, &name)).map(|row| row.0)
    }

    /// Finds a kind by its folder in the Designer's dump.
    pub fn from_folder(name: &str) -> Option<Kind> {
        Self::NAMES.iter().find(|row| row.4 == name).map(|row| row.0)
    }

    /// Whether the kind has references (`СправочникСсылка` and so on).
    pub fn has_references(self) -> bool {
        matches!(self, Kind::Catalog | Kind::Document | Kind::ExchangePlan | Kind::Enumeration)
    }
}

/// Names compare without case.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// Whether a name folds to this one: without a copy, for most names differ in their first letter.
fn is_folded_as(name: &str, folded: &str) -> bool {
    name == folded || name.chars().flat_map(char::to_lowercase).eq(folded.chars())
}

/// What a field is in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The platform's own field, for example `Ссылка`.
    Standard,
    /// `Реквизит`.
    Attribute,
    /// `Измерение`.
    Dimension,
    /// `Ресурс`.
    Resource,
}

/// A field of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// English name of a standard field.
    pub english: Option<&'static str>,
    /// What people read.
    pub synonym: String,
    /// What it is in its table.
    pub role: Role,
    /// What it may hold.
    pub types: TypeSet,
    /// Whether it is a leading dimension (`Ведущее`).
    pub leading: bool,
    /// Whether there is an index.
    pub indexed: bool,
    /// Whether it belongs to items only: in a folder it is NULL.
    pub items_only: bool,
}

impl Field {
    /// A field without special properties.
    pub fn new(name: &str, role: Role, types: TypeSet) -> Self {
        Field {
            name: name.into(),
            english: None,
            synonym: name.into(),
            role,
            types,
            leading: false,
            indexed: false,
            items_only: false,
        }
    }

    fn standard(name: &str, english: &'static str, types: TypeSet) -> Self {
        Field { english: Some(english), ..Field::new(name, Role::Standard, types) }
    }

    fn is_called(&self, folded: &str) -> bool {
        is_folded_as(&self.name, folded) || self.english.is_some_and(|english| is_folded_as(english, folded))
    }
}

/// A table of fields: an object's main table or a tabular section.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// The fields, standard ones first.
    pub fields: Vec<Field>,
}

impl Table {
    /// Finds a field by its Russian or English name, without case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        // Most names come spelled as here.
        if let Some(field) = self.fields.iter().find(|field| field.name == name) {
            return Some(field);
        }
        let folded = fold(name);
        self.fields.iter().find(|field| field.is_called(&folded))
    }

    /// The fields of one role.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.role == role)
    }
}

/// Where an object comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The main configuration.
    Base,
    /// The extension, its own object.
    Extension,
    /// The main configuration; the extension adopts it and may add modules.
    Adopted,
}

/// A metadata object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its class.
    pub kind: Kind,
    /// Its name without the class.
    pub name: String,
    /// What people read.
    pub synonym: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its main table; empty for objects without data. Of a constant: the field `Значение`.
    pub table: Table,
    /// Tabular sections by name, in the order of the declaration.
    pub sections: Vec<(String, Table)>,
    /// Values of an enumeration: name and synonym.
    pub values: Vec<(String, String)>,
    /// Names of its forms.
    pub forms: Vec<String>,
    /// Names of its commands.
    pub commands: Vec<String>,
    /// Names of its templates.
    pub templates: Vec<String>,
    /// Properties without a field of their own, under the names of the Designer's XML (`Server`, `MethodName`).
    pub properties: BTreeMap<String, String>,
    /// The documents that write a register, by their full names.
    pub sources: Vec<String>,
    /// Id of the object in the Designer's XML; empty for declared objects.
    pub uuid: String,
    /// Of a role: full names of objects, each with the English name of a right that it grants.
    pub grants: Vec<(String, String)>,
}

impl Object {
    /// An object without fields.
    pub fn new(kind: Kind, name: &str) -> Self {
        Object {
            kind,
            name: name.into(),
            synonym: name.into(),
            origin: Origin::Base,
            table: Table::default(),
            sections: Vec::new(),
            values: Vec::new(),
            forms: Vec::new(),
            commands: Vec::new(),
            templates: Vec::new(),
            properties: BTreeMap::new(),
            sources: Vec::new(),
            uuid: String::new(),
            grants: Vec::new(),
        }
    }

    /// `Справочник.ИнформационныеКарты`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.kind.name(), self.name)
    }

    /// A property's text, empty if the object has none of that name.
    pub fn property(&self, name: &str) -> &str {
        self.properties.get(name).map_or("", String::as_str)
    }

    /// Whether a property says `true`.
    pub fn flag(&self, name: &str) -> bool {
        self.property(name) == "true"
    }

    /// Whether a catalogue has folders.
    pub fn has_folders(&self) -> bool {
        self.flag("Hierarchical") && self.property("HierarchyType") != "HierarchyOfItems"
    }

    /// Whether a register keeps records by recorder.
    pub fn has_recorder(&self) -> bool {
        self.kind == Kind::AccumulationRegister || self.property("WriteMode") == "RecorderSubordinate"
    }

    /// Whether an information register has a period.
    pub fn is_periodic(&self) -> bool {
        !matches!(self.property("InformationRegisterPeriodicity"), "" | "Nonperiodical")
    }

    /// Whether an accumulation register keeps balances (the other kind keeps turnovers only).
    pub fn has_balances(&self) -> bool {
        self.kind == Kind::AccumulationRegister && self.property("RegisterType") != "Turnovers"
    }

    /// A tabular section by name, without case.
    pub fn section(&self, name: &str) -> Option<(&str, &Table)> {
        let folded = fold(name);
        self.sections.iter().find(|(name, _)| is_folded_as(name, &folded)).map(|(name, table)| (name.as_str(), table))
    }

    /// The fields that make up the key of a record: of an information register period and dimensions, of a
    /// subordinate register recorder and line.
    pub fn key_fields(&self) -> Vec<&Field> {
        match self.kind {
            Kind::InformationRegister => {
                let period = self.table.field("Период").into_iter();
                let recorder = self.table.field("Регистратор").filter(|_| self.property("InRecorderKey") == "true");
                period.chain(recorder).chain(self.table.of_role(Role::Dimension)).collect()
            }
            Kind::AccumulationRegister => {
                ["Регистратор", "НомерСтроки"].iter().filter_map(|name| self.table.field(name)).collect()
            }
            _ => self.table.field("Ссылка").into_iter().collect(),
        }
    }

    /// Puts the platform's own fields in front of those that were declared.
    pub(crate) fn add_standard_fields(&mut self) {
        let own = self.full_name();
        let fields = match self.kind {
            Kind::Catalog => self.catalog_fields(&own),
            Kind::Document => document_fields(&own),
            Kind::ExchangePlan => exchange_fields(&own),
            Kind::Enumeration => vec![
                Field::standard("Ссылка", "Ref", TypeSet::one(ValueType::Enum(own.clone()))),
                Field::standard("Порядок", "Order", TypeSet::number()),
            ],
            Kind::InformationRegister | Kind::AccumulationRegister => self.register_fields(),
            _ => return,
        };
        self.table.fields.splice(0..0, fields);
        for (_, section) in &mut self.sections {
            let own_fields = [
                Field::standard("Ссылка", "Ref", TypeSet::reference(&own)),
                Field::standard("НомерСтроки", "LineNumber", line_number()),
            ];
            section.fields.splice(0..0, own_fields);
        }
    }

    fn catalog_fields(&mut self, own: &str) -> Vec<Field> {
        let length = |value: &str, default: u32| value.parse::<u32>().unwrap_or(default);
        let mut fields = vec![
            Field::standard("Ссылка", "Ref", TypeSet::reference(own)),
            Field::standard("ВерсияДанных", "DataVersion", TypeSet::string(12)),
            Field::standard("ПометкаУдаления", "DeletionMark", TypeSet::boolean()),
            Field::standard("Предопределенный", "Predefined", TypeSet::boolean()),
            Field::standard("Код", "Code", TypeSet::string(length(self.property("CodeLength"), 9))),
            Field::standard(
                "Наименование",
                "Description",
                TypeSet::string(length(self.property("DescriptionLength"), 100)),
            ),
        ];
        if self.property("CodeLength") == "0" {
            fields.retain(|field| field.name != "Код");
        }
        if self.flag("Hierarchical") {
            fields.push(Field::standard("Родитель", "Parent", TypeSet::reference(own)));
        }
        if self.has_folders() {
            fields.push(Field::standard("ЭтоГруппа", "IsFolder", TypeSet::boolean()));
            self.table.fields.iter_mut().for_each(|field| field.items_only = true);
        }
        fields
    }

    fn register_fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        if self.is_periodic() || self.kind == Kind::AccumulationRegister {
            fields.push(Field::standard("Период", "Period", TypeSet::date()));
        }
        if self.has_recorder() {
            let recorders = self.sources.iter().map(|name| ValueType::Ref(name.clone())).collect();
            fields.push(Field::standard("Регистратор", "Recorder", TypeSet::new(recorders)));
            fields.push(Field::standard("НомерСтроки", "LineNumber", line_number()));
            fields.push(Field::standard("Активность", "Active", TypeSet::boolean()));
        }
        if self.has_balances() {
            let movement = TypeSet::one(ValueType::Enum(MOVEMENT_KIND.into()));
            fields.push(Field::standard("ВидДвижения", "RecordType", movement));
        }
        fields
    }
}

/// The platform's enumeration of a movement's direction: `Приход` or `Расход`.
pub const MOVEMENT_KIND: &str = "ВидДвиженияНакопления";

fn line_number() -> TypeSet {
    TypeSet::one(ValueType::Number { digits: 9, scale: 0, nonnegative: true })
}

fn document_fields(own: &str) -> Vec<Field> {
    vec![
        Field::standard("Ссылка", "Ref", TypeSet::reference(own)),
        Field::standard("ВерсияДанных", "DataVersion", TypeSet::string(12)),
        Field::standard("ПометкаУдаления", "DeletionMark", TypeSet::boolean()),
        Field::standard("Номер", "Number", TypeSet::string(11)),
        Field::standard("Дата", "Date", TypeSet::date()),
        Field::standard("Проведен", "Posted", TypeSet::boolean()),
    ]
}

fn exchange_fields(own: &str) -> Vec<Field> {
    vec![
        Field::standard("Ссылка", "Ref", TypeSet::reference(own)),
        Field::standard("ВерсияДанных", "DataVersion", TypeSet::string(12)),
        Field::standard("ПометкаУдаления", "DeletionMark", TypeSet::boolean()),
        Field::standard("Код", "Code", TypeSet::string(9)),
        Field::standard("Наименование", "Description", TypeSet::string(100)),
        Field::standard("ЭтотУзел", "ThisNode", TypeSet::boolean()),
    ]
}

/// What the root of an extension says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// What the Designer puts in front of the names of procedures in adopted modules.
    pub prefix: String,
    /// Compatibility mode, for example `Version8_3_16`.
    pub mode: String,
}

/// Everything that a base consists of.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    objects: Vec<Object>,
    by_name: HashMap<String, usize>,
    /// The extension that is switched on, if there is one.
    pub extension: Option<Extension>,
}

impl Metadata {
    /// Adds an object whose standard fields are complete. An adopted object only marks the one that it adopts.
    ///
    /// # Errors
    /// The base does not have the adopted object, or has another one of the same name.
    pub fn add(&mut self, object: Object) -> Result<()> {
        let name = object.full_name();
        let known = self.by_name.get(&fold(&name)).and_then(|index| self.objects.get_mut(*index));
        match (known, object.origin) {
            (Some(known), Origin::Adopted) => {
                known.origin = Origin::Adopted;
                Ok(())
            }
            (Some(_), _) => Err(Error::Value(format!("объект {name} объявлен дважды"))),
            (None, Origin::Adopted) => Err(Error::Unknown(format!("заимствованный объект {name}"))),
            (None, _) => {
                self.by_name.insert(fold(&name), self.objects.len());
                self.objects.push(object);
                Ok(())
            }
        }
    }

    /// Adds to a catalogue what the shipped XML says of an object that the base has already: forms and templates.
    pub(crate) fn extend_children(&mut self, kind: Kind, name: &str, form: &str) {
        let full = fold(&format!("{}.{name}", kind.name()));
        if let Some(object) = self.by_name.get(&full).and_then(|index| self.objects.get_mut(*index))
            && !object.forms.iter().any(|known| known == form)
        {
            object.forms.push(form.into());
        }
    }

    /// Gives a role its rights. Full names may be Russian or English; those of objects that the base lacks stay as they are.
    pub(crate) fn set_grants(&mut self, role: &str, grants: Vec<(String, String)>) {
        let full_name = |name: String| self.find(&name).map_or(name, Object::full_name);
        let grants = grants.into_iter().map(|(object, right)| (full_name(object), right)).collect();
        let index = self.by_name.get(&fold(&format!("{}.{role}", Kind::Role.name())));
        if let Some(object) = index.copied().and_then(|index| self.objects.get_mut(index)) {
            object.grants = grants;
        }
    }

    /// All objects.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The objects of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| object.kind == kind)
    }

    /// Finds an object by its kind and name, without case.
    pub fn object(&self, kind: Kind, name: &str) -> Option<&Object> {
        self.find(&format!("{}.{name}", kind.name()))
    }

    /// Finds an object by its full name, Russian or English, without case.
    pub fn find(&self, full_name: &str) -> Option<&Object> {
        let index = self.by_name.get(&fold(full_name)).or_else(|| {
            let (kind, name) = full_name.split_once('.')?;
            self.by_name.get(&fold(&format!("{}.{name}", Kind::from_name(kind)?.name())))
        })?;
        self.objects.get(*index)
    }

    /// Like [`Metadata::find`].
    ///
    /// # Errors
    /// The base has no such object.
    pub fn get(&self, full_name: &str) -> Result<&Object> {
        self.find(full_name).ok_or_else(|| Error::Unknown(full_name.into()))
    }

    /// Reads a type by the name that `Тип()` takes, for example `СправочникСсылка.Контрагенты`.
    pub fn type_by_name(&self, name: &str) -> Option<ValueType> {
        Some(match fold(name).as_str() {
            "булево" | "boolean" => ValueType::Boolean,
            "число" | "number" => ValueType::Number { digits: 0, scale: 0, nonnegative: false },
            "строка" | "string" => ValueType::String { length: 0, fixed: false },
            "дата" | "date" => ValueType::Date(crate::types::DateParts::DateTime),
            "уникальныйидентификатор" | "uuid" => ValueType::Uuid,
            "хранилищезначения" | "valuestorage" => ValueType::Storage,
            "тип" | "type" => ValueType::Type,
            "неопределено" | "undefined" => ValueType::Undefined,
            "null" => ValueType::Null,
            _ => {
                let (class, object) = name.split_once('.')?;
                let class = fold(class);
                let kind = class.strip_suffix("ссылка").or_else(|| class.strip_suffix("ref"))?;
                let object = self.object(Kind::from_name(kind)?, object)?;
                match object.kind {
                    Kind::Enumeration => ValueType::Enum(object.full_name()),
                    kind if kind.has_references() => ValueType::Ref(object.full_name()),
                    _ => return None,
                }
            }
        })
    }

    /// Removes from all fields the references to objects that this base lacks. Call it when all objects are there.
    pub(crate) fn drop_missing_types(&mut self) {
        let known = self.by_name.clone();
        let exists = |one: &ValueType| match one {
            ValueType::Ref(name) | ValueType::Enum(name) => name == MOVEMENT_KIND || known.contains_key(&fold(name)),
            _ => true,
        };
        for object in &mut self.objects {
            let sections = object.sections.iter_mut().map(|(_, table)| table);
            for table in std::iter::once(&mut object.table).chain(sections) {
                for field in &mut table.fields {
                    let kept = field.types.types().iter().filter(|one| exists(one)).cloned().collect();
                    field.types = TypeSet::new(kept);
                }
            }
        }
    }
}
