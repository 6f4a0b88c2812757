//! Managers, record managers, record sets and record keys of registers.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use infobase::metadata::{Kind, Object as MetaObject, Role};
use infobase::{Datum, Record};

use super::catalogs::in_transaction;
use super::events::{BEFORE_WRITE, DataExchange, ON_WRITE, Source};
use super::refs::{from_value, to_value};
use super::rows::{Layout, RowSet};
use super::session::Session;
use crate::collections::Structure;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// The manager of a register.
pub(in crate::platform) fn register_manager(session: &Session, full: &str) -> Value {
    Value::object(Manager { session: session.clone(), full: full.to_owned() })
}

struct Manager {
    session: Session,
    full: String,
}

impl Manager {
    fn meta(&self) -> Res<MetaObject> {
        let found = self.session.metadata().find(&self.full).cloned();
        found.ok_or_else(|| Failure::new(format!("Объект метаданных не найден ({})", self.full)))
    }

    /// The fields that a structure gives values to.
    fn record_of(&self, meta: &MetaObject, fields: Option<&Value>, number: usize) -> Res<Record> {
        let fields = fields.and_then(Value::as_object::<Structure>).ok_or_else(|| error::bad_argument(number))?;
        let layout = layout_of(&self.session, meta);
        let mut record = Record::new();
        for (name, value) in fields.fields() {
            layout.write(&mut record, &name, &value)?;
        }
        Ok(record)
    }
}

fn layout_of(session: &Session, meta: &MetaObject) -> Layout {
    let row_type = format!("{}Запись.{}", meta.kind.name(), meta.name);
    Layout { session: session.clone(), table: meta.table.clone(), row_type }
}

impl Object for Manager {
    fn type_name(&self) -> Cow<'static, str> {
        self.full.replacen('.', "Менеджер.", 1).into()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let meta = self.meta()?;
        let independent = meta.kind == Kind::InformationRegister && !meta.has_recorder();
        match name.key() {
            "создатьнаборзаписей" | "createrecordset" => {
                arguments.count(0, 0)?;
                RecordSet::value(vm, &self.session, &meta)
            }
            "создатьменеджерзаписи" | "createrecordmanager" if independent => {
                arguments.count(0, 0)?;
                Ok(Value::object(RecordManager {
                    layout: layout_of(&self.session, &meta),
                    session: self.session.clone(),
                    meta,
                    record: RefCell::default(),
                    original: RefCell::default(),
                }))
            }
            "создатьключзаписи" | "createrecordkey" => {
                arguments.count(1, 1)?;
                let record = self.record_of(&meta, arguments.get(0), 1)?;
                let key = self.session.ask(|base, _| base.record_key(&self.full, &record))?;
                Ok(Value::object(RecordKey { session: self.session.clone(), full: self.full.clone(), key }))
            }
            "получить" | "get" if independent => {
                arguments.count(1, 2)?;
                let filter = if meta.is_periodic() { arguments.get(1) } else { arguments.get(0) };
                let record = self.record_of(&meta, filter, 1)?;
                let found =
                    self.session.call("Получить", |base, id| base.read_record(id, &self.full, &record))?;
                let made = Structure::new();
                for field in meta.table.fields.iter().filter(|field| field.role != Role::Dimension) {
                    let datum = found.as_ref().and_then(|row| row.get(&field.name).cloned());
                    let datum = datum.unwrap_or_else(|| field.types.empty());
                    made.put(&Name::new(&field.name), to_value(&self.session, datum));
                }
                Ok(Value::object(made))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn module(&self, _: &mut Vm) -> Res<Option<Rc<Instance>>> {
        Ok(self.session.module(&format!("{}.менеджер", self.full.to_lowercase())))
    }
}

/// The key of a record.
pub(super) struct RecordKey {
    session: Session,
    full: String,
    key: Record,
}

impl RecordKey {
    /// What makes the key the same as another.
    pub fn text_key(&self) -> String {
        let values: Vec<_> = self.key.iter().map(|(name, datum)| (name, datum.store())).collect();
        format!("{} {values:?}", self.full)
    }
}

impl Object for RecordKey {
    fn type_name(&self) -> Cow<'static, str> {
        self.full.replacen('.', "КлючЗаписи.", 1).into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let known = self.key.iter().find(|(field, _)| field.to_lowercase() == name.key());
        let (_, datum) = known.ok_or_else(|| error::no_property(name.text()))?;
        Ok(to_value(&self.session, datum.clone()))
    }

    fn contents_key(&self) -> Option<String> {
        Some(self.text_key())
    }
}

/// `РегистрСведенийМенеджерЗаписи.Х`: one record.
struct RecordManager {
    session: Session,
    meta: MetaObject,
    layout: Layout,
    record: RefCell<Record>,
    /// The key of the record that was read.
    original: RefCell<Option<Record>>,
}

impl RecordManager {
    fn key(&self) -> Res<Record> {
        let full = self.meta.full_name();
        let record = self.record.borrow().clone();
        self.session.ask(|base, _| base.record_key(&full, &record))
    }

    /// Writes through a record set, so that the register's handlers and subscriptions see it.
    fn write(&self, vm: &mut Vm, replace: bool) -> Res<()> {
        let key = self.key()?;
        let full = self.meta.full_name();
        if !replace {
            let known = self.session.call("Чтение записи", |base, id| base.read_record(id, &full, &key))?;
            if known.is_some() && self.original.borrow().as_ref() != Some(&key) {
                return Err(Failure::of_kind("NotUnique", "Запись с такими ключевыми полями существует!"));
            }
        }
        let moved = self.original.borrow().clone().filter(|original| *original != key);
        let record = self.record.borrow().clone();
        // A record whose key was changed moves as a whole or not at all.
        in_transaction(&self.session, vm, &full, |vm| {
            if let Some(original) = moved {
                self.write_set(vm, original, Vec::new())?;
            }
            self.write_set(vm, key.clone(), vec![record])
        })?;
        *self.original.borrow_mut() = Some(key);
        Ok(())
    }

    fn write_set(&self, vm: &mut Vm, key: Record, records: Vec<Record>) -> Res<()> {
        let value = RecordSet::value(vm, &self.session, &self.meta)?;
        let set = value.as_object::<RecordSet>().ok_or_else(|| Failure::new("Набор записей не создан"))?;
        set.filter.replace_with(key);
        set.rows.load(records);
        set.write(vm, &value, true)
    }
}

impl Object for RecordManager {
    fn type_name(&self) -> Cow<'static, str> {
        format!("{}МенеджерЗаписи.{}", self.meta.kind.name(), self.meta.name).into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.layout.read(&self.record.borrow(), name.text())
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        self.layout.write(&mut self.record.borrow_mut(), name.text(), &value)
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let full = self.meta.full_name();
        match name.key() {
            "прочитать" | "read" => {
                arguments.count(0, 0)?;
                let key = self.key()?;
                let found = self.session.call("Прочитать", |base, id| base.read_record(id, &full, &key))?;
                *self.original.borrow_mut() = found.is_some().then_some(key);
                if let Some(found) = found {
                    *self.record.borrow_mut() = found;
                }
            }
            "выбран" | "selected" => {
                arguments.count(0, 0)?;
                return Ok(self.original.borrow().is_some().into());
            }
            "записать" | "write" => {
                arguments.count(0, 1)?;
                let replace = arguments.truth_or(0, true)?;
                self.write(vm, replace)?;
            }
            "удалить" | "delete" => {
                arguments.count(0, 0)?;
                let original = self.original.borrow().clone();
                let key = match original {
                    Some(key) => key,
                    None => self.key()?,
                };
                self.write_set(vm, key, Vec::new())?;
                *self.original.borrow_mut() = None;
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.layout.names())
    }
}

/// Methods that a record set's module may call without naming the set.
pub(in crate::platform) fn is_set_method(key: &str) -> bool {
    matches!(
        key,
        "записать"
            | "write"
            | "прочитать"
            | "read"
            | "добавить"
            | "add"
            | "количество"
            | "count"
            | "очистить"
            | "clear"
            | "выгрузить"
            | "unload"
            | "выгрузитьколонку"
            | "unloadcolumn"
            | "загрузить"
            | "load"
            | "модифицированность"
            | "modified"
    )
}

/// `РегистрНакопленияНаборЗаписей.Х` and `РегистрСведенийНаборЗаписей.Х`.
struct RecordSet {
    session: Session,
    meta: MetaObject,
    rows: RowSet,
    filter: Rc<Filter>,
    properties: Value,
    exchange: Rc<DataExchange>,
    /// `Записывать`: whether a document's posting writes the set.
    wanted: Cell<bool>,
    modules: Vec<Rc<Instance>>,
}

/// The set of a recorder's records, as a document's `Движения` has it: empty until it is read.
pub(super) fn set_of_recorder(vm: &mut Vm, session: &Session, meta: &MetaObject, recorder: Datum) -> Res<Value> {
    let value = RecordSet::value(vm, session, meta)?;
    if let Some(set) = value.as_object::<RecordSet>() {
        set.filter.replace_with([("Регистратор".to_owned(), recorder)].into());
    }
    Ok(value)
}

/// Writes a set of a document's movements that is marked for it.
pub(super) fn write_if_wanted(vm: &mut Vm, value: &Value) -> Res<()> {
    match value.as_object::<RecordSet>() {
        Some(set) if set.wanted.get() => {
            set.wanted.set(false);
            set.write(vm, value, true)
        }
        _ => Ok(()),
    }
}

impl RecordSet {
    fn value(vm: &mut Vm, session: &Session, meta: &MetaObject) -> Res<Value> {
        let key = format!("{}.набор", meta.full_name().to_lowercase());
        let modules = session.object_modules(&key);
        let fields = match meta.has_recorder() {
            true => vec!["Регистратор".to_owned()],
            false => meta.key_fields().iter().map(|field| field.name.clone()).collect(),
        };
        let elements = fields.into_iter().map(|field| {
            Rc::new(FilterElement {
                layout: layout_of(session, meta),
                field,
                used: Cell::new(false),
                record: RefCell::default(),
            })
        });
        let set = RecordSet {
            session: session.clone(),
            rows: RowSet::new(layout_of(session, meta), Vec::new()),
            filter: Rc::new(Filter(elements.collect())),
            properties: Value::object(Structure::new()),
            exchange: Rc::default(),
            wanted: Cell::new(false),
            modules: modules.clone(),
            meta: meta.clone(),
        };
        let value = Value::object(set);
        for module in &modules {
            vm.initialize(module, Some(&value))?;
        }
        Ok(value)
    }

    fn write(&self, vm: &mut Vm, this: &Value, replace: bool) -> Res<()> {
        self.session.point("Записать")?;
        let full = self.meta.full_name();
        let source = Source { session: &self.session, value: this, modules: &self.modules };
        in_transaction(&self.session, vm, &full, |vm| {
            source.fire_or_refuse(vm, BEFORE_WRITE, &[Value::Bool(replace)])?;
            let filter = self.filter.record();
            let records = self.rows.records();
            self.session.call("Запись набора", |base, id| {
                base.write_records(id, &full, &filter, &records, replace)
            })?;
            source.fire_or_refuse(vm, ON_WRITE, &[Value::Bool(replace)])
        })
    }
}

impl Object for RecordSet {
    fn type_name(&self) -> Cow<'static, str> {
        format!("{}НаборЗаписей.{}", self.meta.kind.name(), self.meta.name).into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "отбор" | "filter" => Ok(Value::Object(self.filter.clone())),
            "дополнительныесвойства" | "additionalproperties" => Ok(self.properties.clone()),
            "обменданными" | "dataexchange" => Ok(Value::Object(self.exchange.clone())),
            "записывать" | "write" if self.meta.has_recorder() => Ok(self.wanted.get().into()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "записывать" | "write" if self.meta.has_recorder() => {
                self.wanted.set(value.truth()?);
                Ok(())
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call_on(&self, vm: &mut Vm, this: &Value, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "записать" | "write" => {
                arguments.count(0, 1)?;
                let replace = arguments.truth_or(0, true)?;
                self.write(vm, this, replace)?;
                Ok(Value::Undefined)
            }
            "прочитать" | "read" => {
                arguments.count(0, 0)?;
                let (full, filter) = (self.meta.full_name(), self.filter.record());
                let records =
                    self.session.call("Прочитать", |base, id| base.read_records(id, &full, &filter))?;
                self.rows.load(records);
                Ok(Value::Undefined)
            }
            "метаданные" | "metadata" => {
                arguments.count(0, 0)?;
                super::metadata::object(&self.session, &self.meta.full_name())
            }
            "добавитьприход" | "addreceipt" | "добавитьрасход" | "addexpense" if self.meta.has_balances() =>
            {
                arguments.count(0, 0)?;
                let added = self.rows.call(vm, &Name::new("Добавить"), arguments)?.unwrap_or_default();
                let direction = if matches!(name.key(), "добавитьприход" | "addreceipt") {
                    "Приход"
                } else {
                    "Расход"
                };
                let value = crate::enums::item(infobase::metadata::MOVEMENT_KIND, direction);
                vm.set_member(&added, &Name::new("ВидДвижения"), value)?;
                Ok(added)
            }
            _ => self.rows.call(vm, name, arguments)?.ok_or_else(|| error::no_method(name.text())),
        }
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        self.rows.index(key)
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.rows.row(at))
    }

    fn module(&self, _: &mut Vm) -> Res<Option<Rc<Instance>>> {
        Ok(self.modules.first().cloned())
    }
}

/// `Отбор` of a record set.
struct Filter(Vec<Rc<FilterElement>>);

impl Filter {
    fn record(&self) -> Record {
        let used = self.0.iter().filter(|element| element.used.get());
        used.flat_map(|element| element.record.borrow().clone()).collect()
    }

    fn replace_with(&self, record: Record) {
        for element in &self.0 {
            let own = record.get(&element.field).cloned();
            element.used.set(own.is_some());
            *element.record.borrow_mut() = own.map(|datum| (element.field.clone(), datum)).into_iter().collect();
        }
    }
}

impl Object for Filter {
    fn type_name(&self) -> Cow<'static, str> {
        "Отбор".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let element = self.0.iter().find(|element| element.is_called(name));
        element.map(|element| Value::Object(element.clone())).ok_or_else(|| error::no_property(name.text()))
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.0.get(at).map(|element| Value::Object(element.clone())))
    }
}

struct FilterElement {
    layout: Layout,
    field: String,
    used: Cell<bool>,
    record: RefCell<Record>,
}

impl FilterElement {
    fn is_called(&self, name: &Name) -> bool {
        self.layout.table.field(name.text()).is_some_and(|field| field.name == self.field)
    }
}

impl Object for FilterElement {
    fn type_name(&self) -> Cow<'static, str> {
        "ЭлементОтбора".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "имя" | "name" => Ok(Value::str(&self.field)),
            "значение" | "value" => self.layout.read(&self.record.borrow(), &self.field),
            "использование" | "use" => Ok(self.used.get().into()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "значение" | "value" => self.layout.write(&mut self.record.borrow_mut(), &self.field, &value),
            "использование" | "use" => {
                self.used.set(value.truth()?);
                Ok(())
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "установить" | "set" => {
                arguments.count(1, 2)?;
                from_value(&arguments.value(0))?;
                self.layout.write(&mut self.record.borrow_mut(), &self.field, &arguments.value(0))?;
                self.used.set(arguments.truth_or(1, true)?);
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}
