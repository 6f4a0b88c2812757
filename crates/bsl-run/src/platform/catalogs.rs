//! Objects of catalogues, documents and exchange plans, and their managers.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use infobase::metadata::{Kind, Object as MetaObject, Table as MetaTable};
use infobase::{Datum, ObjectData, Record, Reference};

use super::events::{BEFORE_DELETE, BEFORE_WRITE, DataExchange, ON_COPY, ON_WRITE, POSTING, Source, UNDO_POSTING};
use super::refs::{from_value, to_value};
use super::rows::{Layout, RowSet, Section};
use super::session::Session;
use super::{locks, metadata, registers};
use crate::collections::Structure;
use crate::error::{self, Failure, Res};
use crate::misc::UniqueId;
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::{Instance, Vm};

/// The manager of a catalogue, a document or an exchange plan.
pub(in crate::platform) fn object_manager(session: &Session, full: &str) -> Value {
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

    fn create(&self, vm: &mut Vm, folder: bool) -> Res<Value> {
        let reference = Reference { object: self.full.as_str().into(), id: vm.surroundings().new_uuid() };
        let data = self.session.ask(|base, _| base.new_object(&reference, folder))?;
        DataObject::value(vm, &self.session, data)
    }

    fn find(&self, field: &str, value: &Value) -> Res<Value> {
        let datum = from_value(value)?;
        let meta = self.meta()?;
        let field = meta.table.field(field).ok_or_else(|| error::no_property(field))?.name.clone();
        let text = format!("ВЫБРАТЬ ПЕРВЫЕ 1 Т.Ссылка КАК Ссылка ИЗ {} КАК Т ГДЕ Т.{field} = &Значение", self.full);
        let parameters: BTreeMap<_, _> = [("Значение".to_owned(), infobase::Parameter::Value(datum))].into();
        let rows = self.session.call("Поиск ссылки", |base, id| base.query_last(id, &text, &parameters))?;
        let found = rows.rows.into_iter().next().and_then(|mut row| row.pop());
        let found = found.unwrap_or_else(|| Datum::Ref(Reference::empty(&self.full)));
        Ok(to_value(&self.session, found))
    }
}

impl Object for Manager {
    fn type_name(&self) -> Cow<'static, str> {
        self.full.replacen('.', "Менеджер.", 1).into()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "создатьэлемент" | "createitem" | "создатьдокумент" | "createdocument" | "создатьузел" | "createnode" =>
            {
                arguments.count(0, 0)?;
                self.create(vm, false)
            }
            "создатьгруппу" | "createfolder" if self.meta()?.has_folders() => {
                arguments.count(0, 0)?;
                self.create(vm, true)
            }
            "пустаяссылка" | "emptyref" => {
                arguments.count(0, 0)?;
                Ok(to_value(&self.session, Datum::Ref(Reference::empty(&self.full))))
            }
            "получитьссылку" | "getref" => {
                arguments.count(0, 1)?;
                let id = match arguments.get(0) {
                    None => vm.surroundings().new_uuid(),
                    Some(value) => value.as_object::<UniqueId>().ok_or_else(|| error::bad_argument(1))?.0,
                };
                Ok(to_value(&self.session, Datum::Ref(Reference { object: self.full.as_str().into(), id })))
            }
            "этотузел" | "thisnode" if self.meta()?.kind == Kind::ExchangePlan => {
                arguments.count(0, 0)?;
                let own = self.session.call("ЭтотУзел", |base, _| Ok(base.own_node(&self.full)))?;
                Ok(to_value(&self.session, Datum::Ref(own)))
            }
            "выбрать" | "select" => super::selections::select(&self.session, &self.meta()?, arguments),
            "найтипокоду" | "findbycode" => {
                arguments.count(1, 4)?;
                self.find("Код", &arguments.value(0))
            }
            "найтипонаименованию" | "findbydescription" => {
                arguments.count(1, 4)?;
                self.find("Наименование", &arguments.value(0))
            }
            "найтипореквизиту" | "findbyattribute" => {
                arguments.count(2, 4)?;
                self.find(&arguments.string(0)?, &arguments.value(1))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn module(&self, _: &mut Vm) -> Res<Option<Rc<Instance>>> {
        Ok(self.session.module(&format!("{}.менеджер", self.full.to_lowercase())))
    }
}

/// Methods that an object's module may call without naming the object.
pub(in crate::platform) fn is_method(key: &str) -> bool {
    matches!(
        key,
        "записать"
            | "write"
            | "удалить"
            | "delete"
            | "прочитать"
            | "read"
            | "скопировать"
            | "copy"
            | "этоновый"
            | "isnew"
            | "заблокировать"
            | "lock"
            | "разблокировать"
            | "unlock"
            | "моментвремени"
            | "pointintime"
            | "метаданные"
            | "metadata"
            | "установитьпометкуудаления"
            | "setdeletionmark"
            | "установитьссылкунового"
            | "setnewobjectref"
            | "получитьссылкунового"
            | "getnewobjectref"
    )
}

/// Field of a document.
const POSTED: &str = "Проведен";

/// `РежимЗаписиДокумента`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteMode {
    Write,
    Posting,
    UndoPosting,
}

impl WriteMode {
    fn name(self) -> &'static str {
        match self {
            WriteMode::Write => "Запись",
            WriteMode::Posting => "Проведение",
            WriteMode::UndoPosting => "ОтменаПроведения",
        }
    }

    /// What the document is afterwards; nothing if that does not change.
    fn posted(self) -> Option<bool> {
        match self {
            WriteMode::Write => None,
            WriteMode::Posting => Some(true),
            WriteMode::UndoPosting => Some(false),
        }
    }
}

/// A tabular section with these records.
pub(super) fn section(
    session: &Session,
    meta: &MetaObject,
    name: &str,
    table: &MetaTable,
    records: Vec<Record>,
) -> Section {
    let type_name = format!("{}ТабличнаяЧасть.{}.{name}", meta.kind.name(), meta.name);
    let row_type = format!("{}ТабличнаяЧастьСтрока.{}.{name}", meta.kind.name(), meta.name);
    let layout = Layout { session: session.clone(), table: table.clone(), row_type };
    Section(RowSet::new(layout, records), type_name)
}

/// `СправочникОбъект.Х` and the like.
pub(super) struct DataObject {
    session: Session,
    meta: MetaObject,
    fields: RefCell<Record>,
    reference: RefCell<Reference>,
    version: RefCell<Option<String>>,
    sections: Vec<(String, Rc<Section>)>,
    properties: Value,
    exchange: Rc<DataExchange>,
    modules: Vec<Rc<Instance>>,
    /// The record sets of a document's movements, once they were asked for.
    movements: RefCell<BTreeMap<String, Value>>,
    layout: Layout,
}

impl DataObject {
    /// The object of data that were read or are new.
    pub fn value(vm: &mut Vm, session: &Session, data: ObjectData) -> Res<Value> {
        let found = session.metadata().find(&data.reference.object).cloned();
        let meta = found.ok_or_else(|| Failure::new("Объект метаданных не найден"))?;
        let full = meta.full_name();
        let sections = meta.sections.iter().map(|(name, table)| {
            let records = data.sections.get(name).cloned().unwrap_or_default();
            (name.clone(), Rc::new(section(session, &meta, name, table, records)))
        });
        let modules = session.object_modules(&format!("{}.объект", full.to_lowercase()));
        let layout = Layout {
            session: session.clone(),
            table: meta.table.clone(),
            row_type: format!("{}Объект", meta.kind.name()),
        };
        let object = DataObject {
            session: session.clone(),
            fields: RefCell::new(data.fields),
            reference: RefCell::new(data.reference),
            version: RefCell::new(data.version),
            sections: sections.collect(),
            properties: Value::object(Structure::new()),
            exchange: Rc::default(),
            modules: modules.clone(),
            movements: RefCell::default(),
            layout,
            meta,
        };
        let value = Value::object(object);
        for module in &modules {
            vm.initialize(module, Some(&value))?;
        }
        Ok(value)
    }

    fn data(&self) -> ObjectData {
        ObjectData {
            reference: self.reference.borrow().clone(),
            fields: self.fields.borrow().clone(),
            sections: self.sections.iter().map(|(name, section)| (name.clone(), section.0.records())).collect(),
            version: self.version.borrow().clone(),
        }
    }

    fn take(&self, data: ObjectData) {
        *self.fields.borrow_mut() = data.fields;
        *self.version.borrow_mut() = data.version;
        for (name, section) in &self.sections {
            section.0.load(data.sections.get(name).cloned().unwrap_or_default());
        }
    }

    fn source<'a>(&'a self, this: &'a Value) -> Source<'a> {
        Source { session: &self.session, value: this, modules: &self.modules }
    }

    /// Runs a change with its handlers in a transaction of its own, as the platform does.
    fn in_transaction(&self, vm: &mut Vm, work: impl FnOnce(&mut Vm) -> Res<()>) -> Res<()> {
        let full = self.meta.full_name();
        in_transaction(&self.session, vm, &full, work)
    }

    fn write(&self, vm: &mut Vm, this: &Value, mode: WriteMode) -> Res<()> {
        self.session.point("Записать")?;
        let before = (self.version.borrow().clone(), self.fields.borrow().get(POSTED).cloned());
        let written = self.in_transaction(vm, |vm| {
            let source = self.source(this);
            source.fire_or_refuse(vm, BEFORE_WRITE, &self.write_parameters(mode))?;
            if let Some(posted) = mode.posted() {
                self.fields.borrow_mut().insert(POSTED.into(), Datum::Boolean(posted));
            }
            let mut data = self.data();
            self.session.call("Запись объекта", |base, id| base.write_object(id, &mut data))?;
            self.take(data);
            source.fire_or_refuse(vm, ON_WRITE, &[])?;
            match mode {
                WriteMode::Write => Ok(()),
                WriteMode::Posting => {
                    self.movements.borrow_mut().clear();
                    let mode = crate::enums::item("РежимПроведенияДокумента", "Неоперативный");
                    source.fire_or_refuse(vm, POSTING, &[mode])?;
                    let sets: Vec<_> = self.movements.borrow().values().cloned().collect();
                    sets.iter().try_for_each(|set| registers::write_if_wanted(vm, set))
                }
                WriteMode::UndoPosting => {
                    self.movements.borrow_mut().clear();
                    source.fire_or_refuse(vm, UNDO_POSTING, &[])
                }
            }
        });
        // What was rolled back is not the object's version: a new object stays a new one.
        written.inspect_err(|_| {
            let (version, posted) = before;
            *self.version.borrow_mut() = version;
            self.fields.borrow_mut().extend(posted.map(|posted| (POSTED.to_owned(), posted)));
        })
    }

    /// The parameters that only a document's `ПередЗаписью` has.
    fn write_parameters(&self, mode: WriteMode) -> Vec<Value> {
        match self.meta.kind {
            Kind::Document => vec![
                crate::enums::item("РежимЗаписиДокумента", mode.name()),
                crate::enums::item("РежимПроведенияДокумента", "Неоперативный"),
            ],
            _ => Vec::new(),
        }
    }

    /// The mode that the first parameter of `Записать` names.
    fn write_mode(&self, arguments: &Args) -> Res<WriteMode> {
        match arguments.get(0) {
            None => Ok(WriteMode::Write),
            Some(mode) if self.meta.kind == Kind::Document => match mode.enum_name() {
                Some("Запись") => Ok(WriteMode::Write),
                Some("Проведение") => Ok(WriteMode::Posting),
                Some("ОтменаПроведения") => Ok(WriteMode::UndoPosting),
                _ => Err(error::bad_argument(1)),
            },
            Some(_) => Err(error::too_many()),
        }
    }

    fn delete(&self, vm: &mut Vm, this: &Value) -> Res<()> {
        self.session.point("Удалить")?;
        let reference = self.reference.borrow().clone();
        self.in_transaction(vm, |vm| {
            self.source(this).fire_or_refuse(vm, BEFORE_DELETE, &[])?;
            self.session.call("Удаление объекта", |base, id| base.delete_object(id, &reference))
        })?;
        *self.version.borrow_mut() = None;
        Ok(())
    }

    /// A document's place in time.
    fn moment(&self, vm: &mut Vm) -> Res<Value> {
        let date = self.get(vm, &Name::new("Дата"))?.date()?;
        Ok(super::moments::moment(&self.session, date, self.reference.borrow().clone()))
    }

    fn copy(&self, vm: &mut Vm, this: &Value) -> Res<Value> {
        let mut data = self.data();
        let id = vm.surroundings().new_uuid();
        data.reference = Reference { object: data.reference.object, id };
        data.version = None;
        data.fields.insert("Ссылка".into(), Datum::Ref(data.reference.clone()));
        data.fields.insert("ПометкаУдаления".into(), Datum::Boolean(false));
        let copy = DataObject::value(vm, &self.session, data)?;
        if let Some(made) = copy.as_object::<DataObject>() {
            made.source(&copy).fire(vm, ON_COPY, &mut [this.clone()])?;
        }
        Ok(copy)
    }

    fn method(&self, vm: &mut Vm, this: &Value, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "записать" | "write" => {
                arguments.count(0, 2)?;
                let mode = self.write_mode(arguments)?;
                self.write(vm, this, mode)?;
            }
            "удалить" | "delete" => {
                arguments.count(0, 0)?;
                self.delete(vm, this)?;
            }
            "прочитать" | "read" => {
                arguments.count(0, 0)?;
                let reference = self.reference.borrow().clone();
                let data = self.session.call("Прочитать", |base, id| base.read_object(id, &reference))?;
                self.take(data.ok_or_else(|| Failure::new("Объект не найден"))?);
            }
            "скопировать" | "copy" => {
                arguments.count(0, 0)?;
                return self.copy(vm, this);
            }
            "этоновый" | "isnew" => {
                arguments.count(0, 0)?;
                return Ok(self.version.borrow().is_none().into());
            }
            "установитьпометкуудаления" | "setdeletionmark" => {
                arguments.count(1, 2)?;
                let marked = arguments.truth_or(0, false)?;
                self.fields.borrow_mut().insert("ПометкаУдаления".into(), Datum::Boolean(marked));
                // A mark on a posted document takes its movements back.
                let posted = self.fields.borrow().get(POSTED) == Some(&Datum::Boolean(true));
                let mode = if marked && posted { WriteMode::UndoPosting } else { WriteMode::Write };
                self.write(vm, this, mode)?;
            }
            "заблокировать" | "lock" => {
                arguments.count(0, 1)?;
                locks::lock_reference(&self.session, &self.reference.borrow(), None)?;
            }
            "разблокировать" | "unlock" => {
                arguments.count(0, 1)?;
                locks::unlock_reference(&self.session, &self.reference.borrow(), None)?;
            }
            "установитьссылкунового" | "setnewobjectref" => {
                arguments.count(1, 1)?;
                let Datum::Ref(reference) = from_value(&arguments.value(0))? else {
                    return Err(error::bad_argument(1));
                };
                if self.version.borrow().is_some() || reference.object != self.reference.borrow().object {
                    return Err(error::bad_argument_value(1));
                }
                *self.reference.borrow_mut() = reference;
            }
            "получитьссылкунового" | "getnewobjectref" => {
                arguments.count(0, 0)?;
                return Ok(to_value(&self.session, Datum::Ref(self.reference.borrow().clone())));
            }
            "моментвремени" | "pointintime" if self.meta.kind == Kind::Document => {
                arguments.count(0, 0)?;
                return self.moment(vm);
            }
            "метаданные" | "metadata" => {
                arguments.count(0, 0)?;
                return metadata::object(&self.session, &self.meta.full_name());
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }
}

/// Runs a write with its handlers in a transaction, which an exception rolls back.
pub(super) fn in_transaction(
    session: &Session,
    vm: &mut Vm,
    object: &str,
    work: impl FnOnce(&mut Vm) -> Res<()>,
) -> Res<()> {
    session.ask(|base, id| base.begin_write(id, object))?;
    match work(vm) {
        Ok(()) => session.call("Фиксация записи", |base, id| base.commit(id)).inspect_err(|failure| {
            if matches!(failure, Failure::Raised(_)) {
                let _ = session.ask(|base, id| base.rollback(id));
            }
        }),
        Err(Failure::Killed) => Err(Failure::Killed),
        Err(failure) => {
            session.ask(|base, id| base.rollback(id))?;
            Err(failure)
        }
    }
}

impl DataObject {
    /// `Движения`: a record set of each register that this document may be the recorder of.
    fn movement_sets(&self, vm: &mut Vm) -> Res<Value> {
        let own = self.meta.full_name();
        let metadata = self.session.metadata().clone();
        let recorders = metadata.objects().iter().filter(|object| object.has_recorder());
        for register in recorders.filter(|register| register.sources.contains(&own)) {
            if !self.movements.borrow().contains_key(&register.name) {
                let recorder = Datum::Ref(self.reference.borrow().clone());
                let set = registers::set_of_recorder(vm, &self.session, register, recorder)?;
                self.movements.borrow_mut().insert(register.name.clone(), set);
            }
        }
        Ok(Value::object(Movements(self.movements.borrow().clone())))
    }
}

/// `Движения` of a document.
struct Movements(BTreeMap<String, Value>);

impl Object for Movements {
    fn type_name(&self) -> Cow<'static, str> {
        "КоллекцияДвижений".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let found = self.0.iter().find(|(register, _)| register.to_lowercase() == name.key());
        found.map(|(_, set)| set.clone()).ok_or_else(|| error::no_property(name.text()))
    }
}

impl Object for DataObject {
    fn type_name(&self) -> Cow<'static, str> {
        format!("{}Объект.{}", self.meta.kind.name(), self.meta.name).into()
    }

    fn text(&self) -> String {
        let fields = self.fields.borrow();
        ["Наименование", "Номер"].iter().find_map(|name| fields.get(*name)).map(ToString::to_string).unwrap_or_default()
    }

    fn get(&self, vm: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "дополнительныесвойства" | "additionalproperties" => {
                return Ok(self.properties.clone());
            }
            "обменданными" | "dataexchange" => return Ok(Value::Object(self.exchange.clone())),
            "движения" | "registerrecords" if self.meta.kind == Kind::Document => {
                return self.movement_sets(vm);
            }
            // A new object has no reference until it is written.
            "ссылка" | "ref" => {
                let known = self.reference.borrow().clone();
                let reference = if self.version.borrow().is_some() { known } else { Reference::empty(&known.object) };
                return Ok(to_value(&self.session, Datum::Ref(reference)));
            }
            _ => {}
        }
        if let Some((_, section)) = self.sections.iter().find(|(section, _)| section.to_lowercase() == name.key()) {
            return Ok(Value::Object(section.clone()));
        }
        self.layout.read(&self.fields.borrow(), name.text())
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "ссылка"
            | "ref"
            | "дополнительныесвойства"
            | "additionalproperties"
            | "обменданными"
            | "dataexchange"
            | "этогруппа"
            | "isfolder"
            | "версияданных"
            | "dataversion" => Err(error::read_only(name.text())),
            _ => self.layout.write(&mut self.fields.borrow_mut(), name.text(), &value),
        }
    }

    fn call_on(&self, vm: &mut Vm, this: &Value, name: &Name, arguments: &mut Args) -> Res<Value> {
        self.method(vm, this, name, arguments)
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.layout.names())
    }

    fn module(&self, _: &mut Vm) -> Res<Option<Rc<Instance>>> {
        Ok(self.modules.first().cloned())
    }

    fn filled(&self) -> Res<bool> {
        Ok(true)
    }
}
