//! Reading and writing objects, record sets and constants.
//!
//! A write takes its locks before it changes anything, so that a call which ended with [`Error::WouldWait`] can be
//! repeated. Event handlers are the caller's: it begins the write's transaction with [`Infobase::begin_write`], calls
//! the handlers before and after the write, and commits. Outside a transaction a write is one by itself.

use std::collections::BTreeMap;

use crate::base::Infobase;
use crate::datum::{Datum, Reference};
use crate::error::{Error, Result};
use crate::locks::LockItem;
use crate::metadata::{Field, Kind, Object, Role, Table};
use crate::session::Right;
use crate::session_id::SessionId;
use crate::store::{StoredRow, TableShape};

/// Values by field name.
pub type Record = BTreeMap<String, Datum>;

/// An object as its module sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectData {
    /// Its reference.
    pub reference: Reference,
    /// Values of the fields, standard ones included.
    pub fields: Record,
    /// Rows of the tabular sections.
    pub sections: BTreeMap<String, Vec<Record>>,
    /// Version of the data that were read; `None`: the object is new.
    pub version: Option<String>,
}

const VERSION: &str = "ВерсияДанных";

impl Infobase {
    /// A new object with empty fields. In a folder the fields of items are NULL.
    ///
    /// # Errors
    /// The base has no such object.
    pub fn new_object(&self, reference: &Reference, folder: bool) -> Result<ObjectData> {
        let object = self.metadata.get(&reference.object)?;
        let folder = folder && object.has_folders();
        let mut fields = Record::new();
        for field in &object.table.fields {
            let value = match field.name.as_str() {
                "Ссылка" => Datum::Ref(reference.clone()),
                "ЭтоГруппа" => Datum::Boolean(folder),
                _ if folder && field.items_only => Datum::Null,
                _ => field.types.empty(),
            };
            fields.insert(field.name.clone(), value);
        }
        let sections = object.sections.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
        Ok(ObjectData { reference: reference.clone(), fields, sections, version: None })
    }

    /// Reads an object; `None` if the reference is empty or leads nowhere.
    ///
    /// # Errors
    /// The user may not read it, or the transaction had an error.
    pub fn read_object(&mut self, session: SessionId, reference: &Reference) -> Result<Option<ObjectData>> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let object = metadata.get(&reference.object)?;
        self.check_right(session, &object.full_name(), Right::Read)?;
        let read = || vec![LockItem::shared(&object.full_name()).with("Ссылка", Datum::Ref(reference.clone()))];
        self.guard_reading(session, read)?;
        self.enter(session)?;
        let shape = TableShape::new(object.full_name(), &object.table);
        let key = [("Ссылка".to_owned(), Datum::Ref(reference.clone()))];
        let Some(row) = self.store.rows(&shape, &key)?.pop() else { return Ok(None) };
        let fields = named(&shape, row.values);
        let mut sections = BTreeMap::new();
        for (name, table) in &object.sections {
            let shape = TableShape::new(format!("{}.{name}", object.full_name()), table);
            let mut rows: Vec<Record> =
                self.store.rows(&shape, &key)?.into_iter().map(|row| named(&shape, row.values)).collect();
            rows.sort_by_key(|row| row.get("НомерСтроки").and_then(Datum::store));
            sections.insert(name.clone(), rows);
        }
        let version = fields.get(VERSION).map(ToString::to_string);
        Ok(Some(ObjectData { reference: reference.clone(), fields, sections, version }))
    }

    /// Writes an object and gives it its new version.
    ///
    /// # Errors
    /// [`Error::Changed`] if it was written since it was read; locks as in [`Infobase::lock`]; rights.
    pub fn write_object(&mut self, session: SessionId, data: &mut ObjectData) -> Result<()> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let object = metadata.get(&data.reference.object)?;
        self.check_right(session, &object.full_name(), Right::Update)?;
        self.prepare_object(session, &data.reference)?;
        self.atomically(session, |base| base.put_object(session, object, data))
    }

    fn prepare_object(&mut self, session: SessionId, reference: &Reference) -> Result<()> {
        self.enter(session)?;
        self.claim_writer(session)?;
        let lock = LockItem::exclusive(&reference.object).with("Ссылка", Datum::Ref(reference.clone()));
        self.acquire(session, &[lock])
    }

    fn put_object(&mut self, session: SessionId, object: &Object, data: &mut ObjectData) -> Result<()> {
        let shape = TableShape::new(object.full_name(), &object.table);
        let key = [("Ссылка".to_owned(), Datum::Ref(data.reference.clone()))];
        let stored = self.store.rows(&shape, &key)?.pop();
        let known = stored.as_ref().map(|row| named(&shape, row.values.clone()));
        let stored_version = known.as_ref().and_then(|fields| fields.get(VERSION)).map(ToString::to_string);
        if stored_version != data.version {
            return Err(if data.version.is_none() { Error::NotUnique(shape.name) } else { Error::Changed });
        }
        let folder = data.fields.get("ЭтоГруппа") == Some(&Datum::Boolean(true));
        let version = format!("{:012}", self.next_version);
        self.next_version += 1;
        let mut values = Vec::new();
        for field in &object.table.fields {
            let value = match field.name.as_str() {
                "Ссылка" => Datum::Ref(data.reference.clone()),
                VERSION => Datum::text(&version),
                _ if folder && field.items_only => Datum::Null,
                _ => adjusted(field, &data.fields),
            };
            data.fields.insert(field.name.clone(), value.clone());
            values.push(value);
        }
        let change = match stored {
            Some(row) => self.store.update(&shape, row, values)?,
            None => self.store.insert(&shape, values)?,
        };
        self.note_change(session, change)?;
        for (name, table) in &object.sections {
            self.put_section(session, object, name, table, data)?;
        }
        data.version = Some(version);
        Ok(())
    }

    fn put_section(
        &mut self,
        session: SessionId,
        object: &Object,
        name: &str,
        table: &Table,
        data: &mut ObjectData,
    ) -> Result<()> {
        let shape = TableShape::new(format!("{}.{name}", object.full_name()), table);
        let key = [("Ссылка".to_owned(), Datum::Ref(data.reference.clone()))];
        for row in self.store.rows(&shape, &key)? {
            let change = self.store.delete(&shape, row)?;
            self.note_change(session, change)?;
        }
        for (index, row) in data.sections.get_mut(name).into_iter().flatten().enumerate() {
            row.insert("Ссылка".into(), Datum::Ref(data.reference.clone()));
            row.insert("НомерСтроки".into(), Datum::int(index as i64 + 1));
            let values = table.fields.iter().map(|field| adjusted(field, row)).collect();
            let change = self.store.insert(&shape, values)?;
            self.note_change(session, change)?;
        }
        Ok(())
    }

    /// Deletes an object without asking who refers to it, and with it the records whose leading dimension it is.
    ///
    /// # Errors
    /// As [`Infobase::write_object`]; [`Error::Changed`] if there is no such object.
    pub fn delete_object(&mut self, session: SessionId, reference: &Reference) -> Result<()> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let object = metadata.get(&reference.object)?;
        self.check_right(session, &object.full_name(), Right::Update)?;
        self.prepare_object(session, reference)?;
        self.atomically(session, |base| {
            let key = [("Ссылка".to_owned(), Datum::Ref(reference.clone()))];
            let main = TableShape::new(object.full_name(), &object.table);
            if base.store.rows(&main, &key)?.is_empty() {
                return Err(Error::Changed);
            }
            let sections = object.sections.iter();
            let sections = sections.map(|(name, table)| TableShape::new(format!("{}.{name}", main.name), table));
            for shape in std::iter::once(main.clone()).chain(sections.collect::<Vec<_>>()) {
                for row in base.store.rows(&shape, &key)? {
                    let change = base.store.delete(&shape, row)?;
                    base.note_change(session, change)?;
                }
            }
            base.delete_led(session, reference)
        })
    }

    fn delete_led(&mut self, session: SessionId, reference: &Reference) -> Result<()> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let value = Datum::Ref(reference.clone());
        for register in metadata.of_kind(Kind::InformationRegister).filter(|register| !register.has_recorder()) {
            let shape = TableShape::new(register.full_name(), &register.table);
            for field in register.table.fields.iter().filter(|field| field.leading && field.types.admits(&value)) {
                for row in self.store.rows(&shape, &[(field.name.clone(), value.clone())])? {
                    let change = self.store.delete(&shape, row)?;
                    self.note_change(session, change)?;
                }
            }
        }
        Ok(())
    }

    /// What keeps «Удаление помеченных» from deleting an object: the fields that refer to it, as full names, without
    /// leading dimensions.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn references_to(&mut self, session: SessionId, reference: &Reference) -> Result<Vec<String>> {
        self.enter(session)?;
        let metadata = std::sync::Arc::clone(&self.metadata);
        let value = Datum::Ref(reference.clone());
        let mut found = Vec::new();
        for object in metadata.objects() {
            let full = object.full_name();
            let sections = object.sections.iter().map(|(name, table)| (format!("{full}.{name}"), table));
            for (name, table) in std::iter::once((full.clone(), &object.table)).chain(sections) {
                let shape = TableShape::new(name.clone(), table);
                let refers = |field: &&Field| field.name != "Ссылка" && !field.leading && field.types.admits(&value);
                for field in table.fields.iter().filter(refers).filter(|_| object.kind != Kind::Enumeration) {
                    if !self.store.rows(&shape, &[(field.name.clone(), value.clone())])?.is_empty() {
                        found.push(format!("{name}.{}", field.name));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Reads the records of a register that match a filter: of an information register in the order of their keys,
    /// of others by line.
    ///
    /// # Errors
    /// The base has no such register or field; rights; the transaction had an error.
    pub fn read_records(&mut self, session: SessionId, register: &str, filter: &Record) -> Result<Vec<Record>> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let object = register_of(&metadata, register)?;
        let filter = checked(&object.table, filter)?;
        self.check_right(session, &object.full_name(), Right::Read)?;
        self.guard_reading(session, || {
            let whole = LockItem::shared(&object.full_name());
            vec![filter.iter().fold(whole, |lock, (field, value)| lock.with(field, value.clone()))]
        })?;
        self.enter(session)?;
        let shape = TableShape::new(object.full_name(), &object.table);
        let conditions: Vec<_> = filter.into_iter().collect();
        let mut rows: Vec<Record> =
            self.store.rows(&shape, &conditions)?.into_iter().map(|row| named(&shape, row.values)).collect();
        if object.has_recorder() {
            rows.sort_by_key(|row| row.get("НомерСтроки").and_then(Datum::store));
        } else {
            let key: Vec<String> = object.key_fields().iter().map(|field| field.name.clone()).collect();
            rows.sort_by_key(|row| key.iter().map(|name| row.get(name).and_then(Datum::store)).collect::<Vec<_>>());
        }
        Ok(rows)
    }

    /// Writes a record set: with `replace` it takes the place of all records that match the filter.
    ///
    /// # Errors
    /// A record contradicts the filter; [`Error::NotUnique`]; locks as in [`Infobase::lock`]; rights.
    pub fn write_records(
        &mut self,
        session: SessionId,
        register: &str,
        filter: &Record,
        records: &[Record],
        replace: bool,
    ) -> Result<()> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let object = register_of(&metadata, register)?;
        let filter = checked(&object.table, filter)?;
        let rows = records.iter().map(|record| complete(object, &filter, record)).collect::<Result<Vec<_>>>()?;
        if object.has_recorder() && !filter.contains_key("Регистратор") {
            return Err(Error::Value(format!("{}: не задан отбор по регистратору", object.full_name())));
        }
        self.check_right(session, &object.full_name(), Right::Update)?;
        self.enter(session)?;
        self.claim_writer(session)?;
        self.acquire(session, &write_locks(object, &filter, &rows, replace))?;
        self.atomically(session, |base| base.put_records(session, object, filter, rows, replace))
    }

    fn put_records(
        &mut self,
        session: SessionId,
        object: &Object,
        filter: Record,
        rows: Vec<Record>,
        replace: bool,
    ) -> Result<()> {
        let shape = TableShape::new(object.full_name(), &object.table);
        let conditions: Vec<_> = filter.into_iter().collect();
        let mut line = 0;
        if replace {
            for row in self.store.rows(&shape, &conditions)? {
                let change = self.store.delete(&shape, row)?;
                self.note_change(session, change)?;
            }
        } else if object.has_recorder() {
            line = self.store.rows(&shape, &conditions)?.len() as i64;
        }
        let key: Vec<String> = object.key_fields().iter().map(|field| field.name.clone()).collect();
        for mut row in rows {
            if object.has_recorder() {
                line += 1;
                row.insert("НомерСтроки".into(), Datum::int(line));
            }
            let values: Vec<Datum> = object.table.fields.iter().map(|field| adjusted(field, &row)).collect();
            let of_key = |name: &String| (name.clone(), row.get(name).cloned().unwrap_or(Datum::Null));
            let existing = self.store.rows(&shape, &key.iter().map(of_key).collect::<Vec<_>>())?;
            if !existing.is_empty() {
                return Err(Error::NotUnique(shape.name));
            }
            let change = self.store.insert(&shape, values)?;
            self.note_change(session, change)?;
        }
        Ok(())
    }

    /// Reads one record of an information register by its key.
    ///
    /// # Errors
    /// As [`Infobase::read_records`].
    pub fn read_record(&mut self, session: SessionId, register: &str, key: &Record) -> Result<Option<Record>> {
        Ok(self.read_records(session, register, key)?.into_iter().next())
    }

    /// The key of a record: the values of the register's key fields.
    ///
    /// # Errors
    /// The base has no such register.
    pub fn record_key(&self, register: &str, record: &Record) -> Result<Record> {
        let object = register_of(&self.metadata, register)?;
        Ok(object.key_fields().into_iter().map(|field| (field.name.clone(), adjusted(field, record))).collect())
    }

    /// Reads a constant.
    ///
    /// # Errors
    /// The base has no such constant; rights; the transaction had an error.
    pub fn constant(&mut self, session: SessionId, name: &str) -> Result<Datum> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let (object, shape, field) = constant_of(&metadata, name)?;
        self.check_right(session, &object.full_name(), Right::Read)?;
        self.guard_reading(session, || vec![LockItem::shared(&object.full_name())])?;
        self.enter(session)?;
        let stored = self.store.rows(&shape, &[])?.pop().and_then(|mut row| row.values.pop());
        Ok(stored.unwrap_or_else(|| field.types.empty()))
    }

    /// Sets a constant.
    ///
    /// # Errors
    /// As [`Infobase::constant`]; locks as in [`Infobase::lock`].
    pub fn set_constant(&mut self, session: SessionId, name: &str, value: Datum) -> Result<()> {
        let metadata = std::sync::Arc::clone(&self.metadata);
        let (object, shape, field) = constant_of(&metadata, name)?;
        self.check_right(session, &object.full_name(), Right::Update)?;
        self.enter(session)?;
        self.claim_writer(session)?;
        self.acquire(session, &[LockItem::exclusive(&object.full_name())])?;
        let values = vec![field.types.adjust(value)];
        self.atomically(session, |base| {
            let change = match base.store.rows(&shape, &[])?.pop() {
                Some(row) => base.store.update(&shape, row, values)?,
                None => base.store.insert(&shape, values)?,
            };
            base.note_change(session, change)
        })
    }

    /// Runs a write that has its locks: as a transaction of its own if there is none. An error inside a transaction
    /// forbids its commit.
    fn atomically(&mut self, session: SessionId, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let own = !self.in_transaction(session)?;
        if own {
            self.begin(session, None)?;
        }
        let result = write(self);
        match result {
            Ok(()) if own => self.commit(session),
            Ok(()) => Ok(()),
            Err(error) if own => {
                self.rollback(session)?;
                Err(error)
            }
            Err(error) => self.fail(session, error),
        }
    }

    /// The newest version of any object, to go on from in a base that is opened again.
    pub(crate) fn last_version(&self) -> Result<u64> {
        let mut last = 0;
        let metadata = std::sync::Arc::clone(&self.metadata);
        for object in metadata.objects().iter().filter(|object| object.table.field(VERSION).is_some()) {
            let shape = TableShape { name: object.full_name(), columns: vec![VERSION.into()] };
            for StoredRow { values, .. } in self.store.rows(&shape, &[])? {
                let version = values.first().and_then(|value| value.to_string().parse().ok());
                last = last.max(version.unwrap_or(0));
            }
        }
        Ok(last)
    }
}

fn register_of<'a>(metadata: &'a crate::metadata::Metadata, name: &str) -> Result<&'a Object> {
    let object = metadata.get(name)?;
    if !matches!(object.kind, Kind::InformationRegister | Kind::AccumulationRegister) {
        return Err(Error::Value(format!("{} не является регистром", object.full_name())));
    }
    Ok(object)
}

fn constant_of<'a>(metadata: &'a crate::metadata::Metadata, name: &str) -> Result<(&'a Object, TableShape, &'a Field)> {
    let missing = || Error::Unknown(format!("Константа.{name}"));
    let object = metadata.object(Kind::Constant, name).ok_or_else(missing)?;
    let field = object.table.fields.first().ok_or_else(missing)?;
    Ok((object, TableShape::new(object.full_name(), &object.table), field))
}

fn named(shape: &TableShape, values: Vec<Datum>) -> Record {
    shape.columns.iter().cloned().zip(values).collect()
}

fn adjusted(field: &Field, record: &Record) -> Datum {
    match record.get(&field.name) {
        Some(value) => field.types.adjust(value.clone()),
        None => field.types.empty(),
    }
}

/// Gives the names of a filter their spelling and adjusts its values.
fn checked(table: &Table, filter: &Record) -> Result<Record> {
    let mut found = Record::new();
    for (name, value) in filter {
        let field = table.field(name).ok_or_else(|| Error::Unknown(format!("поле {name}")))?;
        found.insert(field.name.clone(), field.types.adjust(value.clone()));
    }
    Ok(found)
}

/// Fills in what the filter and the platform set in each record.
fn complete(object: &Object, filter: &Record, record: &Record) -> Result<Record> {
    let mut row = checked(&object.table, record)?;
    for (name, value) in filter {
        let own = object.table.field(name).map(|field| field.types.empty());
        match row.get(name) {
            Some(given) if Some(given) != own.as_ref() && !given.same(value) => {
                return Err(Error::Value(format!("{}: {name} записи не соответствует отбору", object.full_name())));
            }
            _ => {
                row.insert(name.clone(), value.clone());
            }
        }
    }
    if object.has_recorder() {
        row.entry("Активность".into()).or_insert(Datum::Boolean(true));
    }
    for field in object.table.of_role(Role::Dimension) {
        row.entry(field.name.clone()).or_insert_with(|| field.types.empty());
    }
    Ok(row)
}

/// The locks that the platform takes for a write: the recorder, or the filter and the key of each record.
fn write_locks(object: &Object, filter: &Record, rows: &[Record], replace: bool) -> Vec<LockItem> {
    let name = object.full_name();
    if object.has_recorder() {
        let recorder = filter.get("Регистратор").cloned().unwrap_or(Datum::Undefined);
        return vec![LockItem::exclusive(&format!("{name}.НаборЗаписей")).with("Регистратор", recorder)];
    }
    let key = object.key_fields();
    let by = |record: &Record| {
        key.iter().fold(LockItem::exclusive(&name), |lock, field| match record.get(&field.name) {
            Some(value) => lock.with(&field.name, value.clone()),
            None => lock,
        })
    };
    let mut locks = if replace { vec![by(filter)] } else { Vec::new() };
    for row in rows {
        let lock = by(row);
        if !locks.contains(&lock) {
            locks.push(lock);
        }
    }
    locks
}
