//! Rows with typed fields: tabular sections of objects and record sets of registers.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use infobase::metadata::Table as MetaTable;
use infobase::{Datum, Record};

use super::refs::{from_value, to_value};
use super::session::Session;
use crate::collections::{Array, Structure, Table, position_of};
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// What the fields of a row are, and what it is called.
pub(super) struct Layout {
    pub session: Session,
    pub table: MetaTable,
    pub row_type: String,
}

impl Layout {
    /// The field of this name as the metadata spell it.
    fn field(&self, name: &str) -> Res<&infobase::metadata::Field> {
        self.table.field(name).ok_or_else(|| error::no_property(name))
    }

    /// The fields that BSL sees: a tabular section's owner is none of them.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.table.fields.iter().map(|field| field.name.as_str().into()).collect()
    }

    pub fn read(&self, record: &Record, name: &str) -> Res<Value> {
        let field = self.field(name)?;
        let datum = record.get(&field.name).cloned().unwrap_or_else(|| match field.name.as_str() {
            // A new movement counts unless it is told otherwise.
            "Активность" => Datum::Boolean(true),
            _ => field.types.empty(),
        });
        Ok(to_value(&self.session, datum))
    }

    pub fn write(&self, record: &mut Record, name: &str, value: &Value) -> Res<()> {
        let field = self.field(name)?;
        let datum = field.types.adjust(from_value(value)?);
        record.insert(field.name.clone(), datum);
        Ok(())
    }
}

/// A row.
pub(super) struct DataRow {
    layout: Rc<Layout>,
    record: RefCell<Record>,
}

impl Object for DataRow {
    fn type_name(&self) -> Cow<'static, str> {
        self.layout.row_type.clone().into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.layout.read(&self.record.borrow(), name.text())
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        self.layout.write(&mut self.record.borrow_mut(), name.text(), &value)
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.layout.names())
    }
}

/// The rows of a section or a set.
pub(super) struct RowSet {
    pub layout: Rc<Layout>,
    rows: RefCell<Vec<Rc<DataRow>>>,
}

impl RowSet {
    pub fn new(layout: Layout, records: Vec<Record>) -> RowSet {
        let set = RowSet { layout: Rc::new(layout), rows: RefCell::default() };
        set.load(records);
        set
    }

    /// Replaces the rows.
    pub fn load(&self, records: Vec<Record>) {
        let row = |record| Rc::new(DataRow { layout: self.layout.clone(), record: RefCell::new(record) });
        *self.rows.borrow_mut() = records.into_iter().map(row).collect();
    }

    /// The rows as the infobase takes them.
    pub fn records(&self) -> Vec<Record> {
        self.rows.borrow().iter().map(|row| row.record.borrow().clone()).collect()
    }

    fn place(&self, value: &Value) -> Res<usize> {
        if let Value::Object(object) = value {
            return position_of(&self.rows.borrow(), object)
                .ok_or_else(|| Failure::new("Строка не принадлежит коллекции"));
        }
        Args::new(vec![Some(value.clone())]).index(0, self.rows.borrow().len())
    }

    fn column(&self, name: &str) -> Res<Vec<Value>> {
        let rows = self.rows.borrow();
        self.layout.field(name)?;
        rows.iter().map(|row| self.layout.read(&row.record.borrow(), name)).collect()
    }

    fn unload(&self, vm: &mut Vm) -> Res<Value> {
        let table = Table::new();
        for name in self.layout.names() {
            table.columns().add(vm, &name, None)?;
        }
        for row in self.rows.borrow().iter() {
            let record = row.record.borrow();
            let values: Res<Vec<_>> = self.layout.names().iter().map(|name| self.layout.read(&record, name)).collect();
            table.add_row(vm, values?)?;
        }
        Ok(Value::object(table))
    }

    /// The first row that has the value in one of the columns, of all if none are named.
    fn find(&self, value: &Value, columns: Option<&str>) -> Res<Value> {
        let names: Vec<Arc<str>> = match columns {
            Some(columns) => columns.split(',').map(|name| name.trim().into()).collect(),
            None => self.layout.names(),
        };
        for row in self.rows.borrow().iter() {
            for name in &names {
                if self.layout.read(&row.record.borrow(), name)?.same(value) {
                    return Ok(Value::Object(row.clone()));
                }
            }
        }
        Ok(Value::Undefined)
    }

    fn fits(&self, row: &DataRow, filter: &[(Arc<str>, Value)]) -> Res<bool> {
        for (name, value) in filter {
            if !self.layout.read(&row.record.borrow(), name)?.same(value) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The methods that sections and sets have in common; nothing for another name.
    pub fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Option<Value>> {
        let length = self.rows.borrow().len();
        let row_value = |row: &Rc<DataRow>| Value::Object(row.clone());
        Ok(Some(match name.key() {
            "добавить" | "add" => {
                arguments.count(0, 0)?;
                let row = Rc::new(DataRow { layout: self.layout.clone(), record: RefCell::default() });
                self.rows.borrow_mut().push(row.clone());
                Value::Object(row)
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Value::count(length)
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                self.rows.borrow_mut().clear();
                Value::Undefined
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length)?;
                row_value(&self.rows.borrow()[at])
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let at = self.place(&arguments.value(0))?;
                self.rows.borrow_mut().remove(at);
                Value::Undefined
            }
            "найтистроки" | "findrows" => {
                arguments.count(1, 1)?;
                let filter = arguments.value(0);
                let filter = filter.as_object::<Structure>().ok_or_else(|| error::bad_argument(1))?.fields();
                let mut found = Vec::new();
                for row in self.rows.borrow().iter() {
                    if self.fits(row, &filter)? {
                        found.push(row_value(row));
                    }
                }
                Array::value(found)
            }
            "найти" | "find" => {
                arguments.count(1, 2)?;
                self.find(&arguments.value(0), arguments.get(1).map(Value::text).as_deref())?
            }
            "выгрузить" | "unload" => {
                arguments.count(0, 0)?;
                self.unload(vm)?
            }
            "выгрузитьколонку" | "unloadcolumn" => {
                arguments.count(1, 1)?;
                Array::value(self.column(&arguments.string(0)?)?)
            }
            "загрузить" | "load" => {
                arguments.count(1, 1)?;
                let table = arguments.value(0);
                let table = table.as_object::<Table>().ok_or_else(|| error::bad_argument(1))?;
                let columns = table.columns().all();
                let mut records = Vec::new();
                for values in table.values() {
                    let mut record = Record::new();
                    for (column, value) in columns.iter().zip(&values) {
                        if self.layout.table.field(column.name().text()).is_some() {
                            self.layout.write(&mut record, column.name().text(), value)?;
                        }
                    }
                    records.push(record);
                }
                self.load(records);
                Value::Undefined
            }
            _ => return Ok(None),
        }))
    }

    pub fn row(&self, at: usize) -> Option<Value> {
        self.rows.borrow().get(at).map(|row| Value::Object(row.clone()))
    }

    pub fn index(&self, key: &Value) -> Res<Value> {
        let at = self.place(key)?;
        self.row(at).ok_or_else(error::out_of_bounds)
    }
}

/// The methods of a section that a reference leads to: it can only be read.
pub(super) fn is_reading(key: &str) -> bool {
    matches!(
        key,
        "количество"
            | "count"
            | "получить"
            | "get"
            | "найти"
            | "find"
            | "найтистроки"
            | "findrows"
            | "выгрузить"
            | "unload"
            | "выгрузитьколонку"
            | "unloadcolumn"
    )
}

/// A tabular section.
pub(super) struct Section(pub RowSet, pub String);

impl Object for Section {
    fn type_name(&self) -> Cow<'static, str> {
        self.1.clone().into()
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        self.0.call(vm, name, arguments)?.ok_or_else(|| error::no_method(name.text()))
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        self.0.index(key)
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.0.row(at))
    }
}
