//! `Запрос`, its results and selections, temporary tables and boundaries.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use infobase::{Column, Datum, Parameter, Rows, TempTables, TypeSet, ValueType};

use super::refs::{from_value, to_value};
use super::session::Session;
use crate::collections::{Array, Structure, Table, ValueList};
use crate::date::Date;
use crate::enums;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::types::TypeDescription;
use crate::value::{Name, Value};
use crate::vm::Vm;

/// `Новый Запрос(Текст)`.
pub(super) fn new_query(session: &Session, arguments: &Args) -> Res<Value> {
    arguments.count(0, 1)?;
    Ok(Value::object(Query {
        session: session.clone(),
        text: RefCell::new(arguments.text(0)),
        parameters: Value::object(Structure::new()),
        tables: RefCell::default(),
    }))
}

/// `Новый МенеджерВременныхТаблиц`.
pub(super) fn new_tables(session: &Session, arguments: &Args) -> Res<Value> {
    arguments.count(0, 0)?;
    Ok(Value::object(Tables { session: session.clone(), tables: RefCell::new(Some(TempTables::new())) }))
}

/// `Новый Граница(Значение, Вид)`.
pub(super) fn new_boundary(arguments: &Args) -> Res<Value> {
    arguments.count(1, 2)?;
    let including = match arguments.get(1) {
        None => true,
        Some(kind) => match kind.enum_name() {
            Some("Включая") => true,
            Some("Исключая") => false,
            _ => return Err(error::bad_argument(2)),
        },
    };
    Ok(Value::object(Boundary { date: arguments.date(0)?, including }))
}

/// `Граница`.
struct Boundary {
    date: Date,
    including: bool,
}

impl Object for Boundary {
    fn type_name(&self) -> Cow<'static, str> {
        "Граница".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "значение" | "value" => Ok(self.date.into()),
            "видграницы" | "boundarytype" => {
                Ok(enums::item("ВидГраницы", if self.including { "Включая" } else { "Исключая" }))
            }
            _ => Err(error::no_property(name.text())),
        }
    }
}

/// `МенеджерВременныхТаблиц`.
struct Tables {
    session: Session,
    tables: RefCell<Option<TempTables>>,
}

impl Tables {
    fn close(&self) -> Res<()> {
        match self.tables.borrow_mut().take() {
            Some(tables) => self.session.ask(|base, _| base.close_tables(tables)),
            None => Ok(()),
        }
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        // A session that was ended has no tables any more.
        let _ = self.close();
    }
}

impl Object for Tables {
    fn type_name(&self) -> Cow<'static, str> {
        "МенеджерВременныхТаблиц".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "закрыть" | "close" => {
                arguments.count(0, 0)?;
                self.close()?;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// `Запрос`.
struct Query {
    session: Session,
    text: RefCell<Arc<str>>,
    parameters: Value,
    tables: RefCell<Value>,
}

impl Query {
    fn run(&self, name: &str) -> Res<Vec<Rows>> {
        let mut parameters = BTreeMap::new();
        if let Some(given) = self.parameters.as_object::<Structure>() {
            for (name, value) in given.fields() {
                parameters.insert(name.to_string(), self.parameter(&value)?);
            }
        }
        let text = self.text.borrow().clone();
        let own = self.tables.borrow().clone();
        if let Some(manager) = own.as_object::<Tables>() {
            let mut tables = manager.tables.borrow_mut();
            let tables = tables.as_mut().ok_or_else(|| Failure::new("Менеджер временных таблиц закрыт"))?;
            return self.session.call(name, |base, id| base.query(id, &text, &parameters, tables));
        }
        let mut tables = TempTables::new();
        let results = self.session.call(name, |base, id| base.query(id, &text, &parameters, &mut tables));
        self.session.ask(|base, _| base.close_tables(tables))?;
        results
    }

    fn parameter(&self, value: &Value) -> Res<Parameter> {
        if let Some(moment) = super::moments::parameter(value) {
            return Ok(moment);
        }
        if let Some(boundary) = value.as_object::<Boundary>() {
            return Ok(Parameter::Boundary { date: boundary.date.chrono(), including: boundary.including });
        }
        if let Some(array) = value.as_object::<Array>() {
            return array.values().iter().map(from_value).collect::<Res<_>>().map(Parameter::List);
        }
        if let Some(list) = value.as_object::<ValueList>() {
            let values = list.items().into_iter().map(|(value, _)| from_value(&value));
            return values.collect::<Res<_>>().map(Parameter::List);
        }
        if let Some(table) = value.as_object::<Table>() {
            return self.rows(table).map(Parameter::Rows);
        }
        from_value(value).map(Parameter::Value)
    }

    /// A table of values as a source of a query: its columns must have types.
    fn rows(&self, table: &Table) -> Res<Rows> {
        let mut columns = Vec::new();
        for column in table.columns().all() {
            let name = column.name();
            let described = column.types().filter(|types| !types.types().is_empty());
            let described = described
                .ok_or_else(|| Failure::new(format!("Тип не может быть выбран в запросе: колонка {name} без типа")))?;
            let length = described.string_length();
            let types: Option<Vec<ValueType>> = described
                .types()
                .iter()
                .map(|one| match self.session.metadata().type_by_name(one)? {
                    // Without the length a query could not compare the column.
                    ValueType::String { fixed, .. } => Some(ValueType::String { length, fixed }),
                    other => Some(other),
                })
                .collect();
            let types = types.ok_or_else(|| Failure::new(format!("Тип не может быть выбран в запросе ({name})")))?;
            columns.push(Column { name: name.text().to_owned(), types: TypeSet::new(types) });
        }
        let rows = table.values().iter().map(|row| row.iter().map(from_value).collect()).collect::<Res<_>>()?;
        Ok(Rows { columns, rows, levels: None })
    }

    fn result(&self, rows: Rows) -> Value {
        Value::object(QueryResult { session: self.session.clone(), rows: Rc::new(rows) })
    }
}

impl Object for Query {
    fn type_name(&self) -> Cow<'static, str> {
        "Запрос".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "текст" | "text" => Ok(Value::Str(self.text.borrow().clone())),
            "параметры" | "parameters" => Ok(self.parameters.clone()),
            "менеджервременныхтаблиц" | "temptablesmanager" => Ok(self.tables.borrow().clone()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "текст" | "text" => *self.text.borrow_mut() = value.text(),
            "менеджервременныхтаблиц" | "temptablesmanager" => {
                if value.as_object::<Tables>().is_none() && !matches!(value, Value::Undefined) {
                    return Err(error::bad_argument(1));
                }
                *self.tables.borrow_mut() = value;
            }
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "установитьпараметр" | "setparameter" => {
                arguments.count(1, 2)?;
                if let Some(given) = self.parameters.as_object::<Structure>() {
                    given.put(&Name::new(&arguments.string(0)?), arguments.value(1));
                }
                Ok(Value::Undefined)
            }
            "выполнить" | "execute" => {
                arguments.count(0, 0)?;
                let rows = self.run("Запрос.Выполнить")?.pop().unwrap_or_default();
                Ok(self.result(rows))
            }
            "выполнитьпакет" | "executebatch" => {
                arguments.count(0, 0)?;
                let results = self.run("Запрос.ВыполнитьПакет")?;
                Ok(Array::value(results.into_iter().map(|rows| self.result(rows)).collect()))
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// The types of a result's column, so that the unloaded table can be a source of another query. A column without
/// NULL stays as narrow as the field.
fn describe(column: &Column, has_null: bool) -> TypeDescription {
    let types = column.types.types();
    let mut names: Vec<Arc<str>> = Vec::new();
    for name in types.iter().map(ValueType::name).chain(has_null.then(|| "Null".to_owned())) {
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into());
        }
    }
    let lengths = types.iter().filter_map(|one| match one {
        ValueType::String { length, .. } => Some(*length),
        _ => None,
    });
    let lengths: Vec<u32> = lengths.collect();
    let longest = if lengths.contains(&0) { 0 } else { lengths.into_iter().max().unwrap_or(0) };
    TypeDescription::of(names).with_string_length(longest)
}

/// `РезультатЗапроса`.
pub(super) struct QueryResult {
    session: Session,
    rows: Rc<Rows>,
}

impl QueryResult {
    fn unload(&self, vm: &mut Vm) -> Res<Value> {
        let table = Table::new();
        for (index, column) in self.rows.columns.iter().enumerate() {
            let described = describe(column, self.rows.rows.iter().any(|row| row.get(index) == Some(&Datum::Null)));
            table.columns().add(vm, &column.name, Some(Rc::new(described)))?;
        }
        for row in &self.rows.rows {
            table.add_row(vm, row.iter().map(|datum| to_value(&self.session, datum.clone())))?;
        }
        Ok(Value::object(table))
    }
}

/// A column of a result.
struct ResultColumn(Column);

impl Object for ResultColumn {
    fn type_name(&self) -> Cow<'static, str> {
        "КолонкаРезультатаЗапроса".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "имя" | "name" => Ok(Value::str(&self.0.name)),
            "типзначения" | "valuetype" => Ok(Value::object(describe(&self.0, false))),
            _ => Err(error::no_property(name.text())),
        }
    }
}

impl Object for QueryResult {
    fn type_name(&self) -> Cow<'static, str> {
        "РезультатЗапроса".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "колонки" | "columns" => {
                let columns = self.rows.columns.iter().map(|column| Value::object(ResultColumn(column.clone())));
                Ok(Array::value(columns.collect()))
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "пустой" | "isempty" => {
                arguments.count(0, 0)?;
                Ok(self.rows.rows.is_empty().into())
            }
            "выгрузить" | "unload" => {
                arguments.count(0, 1)?;
                if walk(arguments)? == Walk::Groups && self.rows.levels.is_some() {
                    return Err(Failure::new("Выгрузка по группировкам не поддерживается"));
                }
                self.unload(vm)
            }
            "выбрать" | "select" => Selection::below(&self.session, &self.rows, None, arguments),
            _ => Err(error::no_method(name.text())),
        }
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        let (session, rows) = (self.session.clone(), self.rows.clone());
        let within = at < self.rows.rows.len();
        Ok(within.then(|| Value::object(Selection { session, rows, order: None, next: Cell::new(at + 1) })))
    }
}

/// How `Выбрать` and `Выгрузить` go through a result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    All,
    Groups,
}

fn walk(arguments: &Args) -> Res<Walk> {
    match arguments.get(0) {
        None | Some(Value::Undefined) => Ok(Walk::All),
        Some(walk) => match walk.enum_name() {
            Some("Прямой") => Ok(Walk::All),
            Some("ПоГруппировкам") => Ok(Walk::Groups),
            _ => Err(error::bad_argument(1)),
        },
    }
}

/// `ВыборкаИзРезультатаЗапроса`.
struct Selection {
    session: Session,
    rows: Rc<Rows>,
    /// The rows that it goes through; nothing if these are all.
    order: Option<Vec<usize>>,
    /// The number of the row after the current one.
    next: Cell<usize>,
}

impl Selection {
    /// The rows below one of a result with totals, or those of the whole result.
    fn below(session: &Session, rows: &Rc<Rows>, row: Option<usize>, arguments: &Args) -> Res<Value> {
        arguments.count(0, if rows.levels.is_some() { 1 } else { 2 })?;
        let walk = walk(arguments)?;
        let order = match &rows.levels {
            None => row.map(|_| Vec::new()),
            Some(levels) if walk == Walk::Groups => Some(levels.below(row)),
            Some(levels) => row.map(|row| levels.inside(Some(row))),
        };
        Ok(Value::object(Selection { session: session.clone(), rows: rows.clone(), order, next: Cell::new(0) }))
    }

    fn len(&self) -> usize {
        self.order.as_ref().map_or(self.rows.rows.len(), Vec::len)
    }

    /// The number in the result of a row of the selection.
    fn row(&self, at: usize) -> Option<usize> {
        match &self.order {
            None => Some(at).filter(|at| *at < self.rows.rows.len()),
            Some(order) => order.get(at).copied(),
        }
    }

    fn current(&self) -> Res<usize> {
        let row = self.next.get().checked_sub(1).and_then(|at| self.row(at));
        row.ok_or_else(|| Failure::new("Выборка не позиционирована"))
    }

    fn read(&self, row: usize, name: &str) -> Res<Value> {
        let column = self.rows.column(name).ok_or_else(|| error::no_property(name))?;
        let row = self.rows.rows.get(row).ok_or_else(|| Failure::new("Выборка не позиционирована"))?;
        Ok(to_value(&self.session, row.get(column).cloned().unwrap_or(Datum::Undefined)))
    }

    /// `ТипЗаписи()`.
    fn kind(&self, row: usize) -> &'static str {
        match &self.rows.levels {
            Some(levels) if !levels.is_detail(row) => {
                if levels.overall && row == 0 {
                    "ОбщийИтог"
                } else {
                    "ИтогПоГруппировке"
                }
            }
            _ => "ДетальнаяЗапись",
        }
    }
}

impl Object for Selection {
    fn type_name(&self) -> Cow<'static, str> {
        "ВыборкаИзРезультатаЗапроса".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        self.read(self.current()?, name.text())
    }

    fn set(&self, _: &mut Vm, name: &Name, _: Value) -> Res<()> {
        Err(error::read_only(name.text()))
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "следующий" | "next" => {
                arguments.count(0, 0)?;
                let next = self.next.get();
                let more = next < self.len();
                self.next.set(if more { next + 1 } else { self.len() + 1 });
                Ok(more.into())
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.len()))
            }
            "сбросить" | "reset" => {
                arguments.count(0, 0)?;
                self.next.set(0);
                Ok(Value::Undefined)
            }
            "выбрать" | "select" => {
                Selection::below(&self.session, &self.rows, Some(self.current()?), arguments)
            }
            "типзаписи" | "recordtype" => {
                arguments.count(0, 0)?;
                Ok(enums::item("ТипЗаписиЗапроса", self.kind(self.current()?)))
            }
            "найтиследующий" | "findnext" => {
                arguments.count(1, 1)?;
                let filter = arguments.value(0);
                let filter = filter.as_object::<Structure>().ok_or_else(|| error::bad_argument(1))?.fields();
                for at in self.next.get()..self.len() {
                    let row = self.row(at).unwrap_or_default();
                    let mut fits = true;
                    for (name, value) in &filter {
                        fits = fits && self.read(row, name)?.same(value);
                    }
                    if fits {
                        self.next.set(at + 1);
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.rows.columns.iter().map(|column| column.name.as_str().into()).collect())
    }
}
