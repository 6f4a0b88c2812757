//! `ТаблицаЗначений`, its columns and rows. A tree of values has the same columns and rows.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use rust_decimal::Decimal;

use super::structure::checked_name;
use super::{Array, Structure, enough_memory, position_of};
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object, drop_flat};
use crate::types::{self, TypeDescription};
use crate::value::{Key, Name, Value};
use crate::vm::{Vm, overflow};

/// A column.
pub struct Column {
    id: u32,
    name: RefCell<Name>,
    types: Option<Rc<TypeDescription>>,
    title: RefCell<Arc<str>>,
    width: Cell<i64>,
    default: Value,
}

impl Column {
    /// Its name.
    pub fn name(&self) -> Name {
        self.name.borrow().clone()
    }

    /// The types that its values have; nothing if it takes every value.
    pub fn types(&self) -> Option<&TypeDescription> {
        self.types.as_deref()
    }
}

/// The columns of a table or a tree.
#[derive(Default)]
pub struct Columns {
    list: RefCell<Vec<Rc<Column>>>,
    next: Cell<u32>,
    of_tree: bool,
}

/// What a column name in a sort order asks for.
pub(crate) struct SortKey {
    column: Rc<Column>,
    descending: bool,
}

impl Columns {
    pub(crate) fn for_tree() -> Columns {
        Columns { of_tree: true, ..Columns::default() }
    }

    /// Adds a column.
    pub fn add(&self, vm: &mut Vm, name: &str, types: Option<Rc<TypeDescription>>) -> Res<Rc<Column>> {
        let at = self.list.borrow().len();
        self.insert(vm, at, name, types)
    }

    fn insert(&self, vm: &mut Vm, at: usize, name: &str, types: Option<Rc<TypeDescription>>) -> Res<Rc<Column>> {
        let name = if name.is_empty() {
            (1..).map(|n| Name::new(&format!("Колонка{n}"))).find(|name| self.find(name.key()).is_none())
        } else {
            Some(checked_name(name).map_err(|_| Failure::new(format!("Неправильное имя колонки ({name})")))?)
        };
        let name = name.unwrap_or_else(|| Name::new("Колонка"));
        if self.find(name.key()).is_some() {
            return Err(Failure::new(format!("Колонка с таким именем уже есть ({name})")));
        }
        let default = match types.as_deref().map(TypeDescription::types) {
            Some([only]) => types::default_of(vm, only)?,
            _ => Value::Undefined,
        };
        let id = self.next.replace(self.next.get() + 1);
        let column = Rc::new(Column {
            id,
            title: RefCell::new(name.text().into()),
            name: RefCell::new(name),
            types,
            width: Cell::new(0),
            default,
        });
        self.list.borrow_mut().insert(at, column.clone());
        Ok(column)
    }

    /// The column of this name in lower case.
    pub fn find(&self, key: &str) -> Option<Rc<Column>> {
        self.list.borrow().iter().find(|column| column.name.borrow().key() == key).cloned()
    }

    /// All columns.
    pub fn all(&self) -> Vec<Rc<Column>> {
        self.list.borrow().clone()
    }

    pub(crate) fn named(&self, name: &str) -> Res<Rc<Column>> {
        self.find(&name.trim().to_lowercase())
            .ok_or_else(|| Failure::new(format!("Неправильное имя колонки ({})", name.trim())))
    }

    /// The columns that a list of names has, or all of them.
    pub(crate) fn listed(&self, names: Option<&Value>) -> Res<Vec<Rc<Column>>> {
        match names {
            None | Some(Value::Undefined) => Ok(self.all()),
            Some(Value::Str(names)) if names.trim().is_empty() => Ok(self.all()),
            Some(Value::Str(names)) => names.split(',').map(|name| self.named(name)).collect(),
            Some(_) => Err(error::bad_argument(2)),
        }
    }

    pub(crate) fn sort_keys(&self, names: &str) -> Res<Vec<SortKey>> {
        let key = |text: &str| {
            let mut words = text.split_whitespace();
            let column = self.named(words.next().unwrap_or_default())?;
            let descending = match words.next().map(str::to_lowercase).as_deref() {
                None | Some("возр" | "asc") => false,
                Some("убыв" | "desc") => true,
                Some(other) => return Err(Failure::new(format!("Неправильный порядок сортировки ({other})"))),
            };
            Ok(SortKey { column, descending })
        };
        names.split(',').map(key).collect()
    }

    /// A column that is given itself, by its name or by its index.
    fn given(&self, value: &Value, number: usize) -> Res<Rc<Column>> {
        match value {
            Value::Str(name) => self.named(name),
            Value::Number(_) => {
                let index = usize::try_from(value.integer()?).ok();
                let list = self.list.borrow();
                index.and_then(|index| list.get(index)).cloned().ok_or_else(error::out_of_bounds)
            }
            Value::Object(object) => {
                let list = self.list.borrow();
                let found = position_of(&list, object).map(|at| list[at].clone());
                found.ok_or_else(|| error::bad_argument_value(number))
            }
            _ => Err(error::bad_argument(number)),
        }
    }

    fn copy_of(&self, wanted: &[Rc<Column>]) -> Columns {
        let list = wanted
            .iter()
            .map(|column| {
                Rc::new(Column {
                    id: column.id,
                    name: RefCell::new(column.name()),
                    types: column.types.clone(),
                    title: column.title.clone(),
                    width: column.width.clone(),
                    default: column.default.clone(),
                })
            })
            .collect();
        Columns { list: RefCell::new(list), next: self.next.clone(), of_tree: self.of_tree }
    }
}

/// The values of a row, by their column.
#[derive(Default)]
pub(crate) struct Cells(RefCell<HashMap<u32, Value>>);

impl Cells {
    pub fn get(&self, column: &Column) -> Value {
        self.0.borrow().get(&column.id).cloned().unwrap_or_else(|| column.default.clone())
    }

    pub fn set(&self, vm: &mut Vm, column: &Column, value: Value) -> Res<()> {
        let value = match &column.types {
            Some(types) => types.adjust(vm, value)?,
            None => value,
        };
        let old = self.0.borrow_mut().insert(column.id, value);
        drop(old);
        Ok(())
    }

    pub fn copy(&self) -> Cells {
        Cells(RefCell::new(self.0.borrow().clone()))
    }

    pub fn order(&self, other: &Cells, keys: &[SortKey]) -> std::cmp::Ordering {
        let by = |key: &SortKey| {
            let order = self.get(&key.column).sort_order(&other.get(&key.column));
            if key.descending { order.reverse() } else { order }
        };
        keys.iter().map(by).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    }

    /// Whether the row has these values.
    pub fn fits(&self, filter: &[(Rc<Column>, Value)]) -> bool {
        filter.iter().all(|(column, value)| self.get(column).same(value))
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        drop_flat(std::mem::take(self.0.get_mut()).into_values());
    }
}

/// What `НайтиСтроки` looks for.
pub(crate) fn filter_of(columns: &Columns, filter: Option<&Value>) -> Res<Vec<(Rc<Column>, Value)>> {
    let filter = filter.and_then(Value::as_object::<Structure>).ok_or_else(|| error::bad_argument(1))?;
    filter.fields().into_iter().map(|(name, value)| Ok((columns.named(&name)?, value))).collect()
}

/// A row of a table.
pub struct Row {
    columns: Rc<Columns>,
    cells: Cells,
}

impl Row {
    /// The value of a column of this name.
    pub fn field(&self, name: &str) -> Option<Value> {
        self.columns.find(&name.to_lowercase()).map(|column| self.cells.get(&column))
    }
}

/// A table of values.
pub struct Table {
    columns: Rc<Columns>,
    rows: RefCell<Vec<Rc<Row>>>,
    indexes: Rc<Indexes>,
}

impl Default for Table {
    fn default() -> Table {
        Table::with(Columns::default())
    }
}

impl Table {
    /// An empty table without columns.
    pub fn new() -> Table {
        Table::default()
    }

    fn with(columns: Columns) -> Table {
        Table { columns: Rc::new(columns), rows: RefCell::default(), indexes: Rc::default() }
    }

    /// Its columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Adds a row of these values, one for each column.
    pub fn add_row(&self, vm: &mut Vm, values: impl IntoIterator<Item = Value>) -> Res<()> {
        let row = self.new_row();
        for (column, value) in self.columns.all().iter().zip(values) {
            row.cells.set(vm, column, value)?;
        }
        self.rows.borrow_mut().push(row);
        Ok(())
    }

    /// The values of all rows, in the columns' order.
    pub fn values(&self) -> Vec<Vec<Value>> {
        let columns = self.columns.all();
        self.rows.borrow().iter().map(|row| columns.iter().map(|column| row.cells.get(column)).collect()).collect()
    }

    fn new_row(&self) -> Rc<Row> {
        Rc::new(Row { columns: self.columns.clone(), cells: Cells::default() })
    }

    /// The place of a row that is given itself or by its index.
    fn place(&self, value: &Value, number: usize) -> Res<usize> {
        match value {
            Value::Object(object) => {
                let found = position_of(&self.rows.borrow(), object);
                found.ok_or_else(|| Failure::new("Строка не принадлежит таблице значений"))
            }
            Value::Number(_) => {
                let length = self.rows.borrow().len();
                let index = usize::try_from(value.integer()?).ok();
                index.filter(|index| *index < length).ok_or_else(error::out_of_bounds)
            }
            _ => Err(error::bad_argument(number)),
        }
    }

    fn found(&self, filter: &[(Rc<Column>, Value)]) -> Vec<Rc<Row>> {
        self.rows.borrow().iter().filter(|row| row.cells.fits(filter)).cloned().collect()
    }

    fn fold(&self, groups: &[Rc<Column>], sums: &[Rc<Column>]) -> Res<()> {
        let mut folded: IndexMap<Vec<Key>, (Rc<Row>, Vec<Value>)> = IndexMap::new();
        for row in self.rows.borrow().iter() {
            let key = groups.iter().map(|column| row.cells.get(column).key()).collect();
            let (_, totals) =
                folded.entry(key).or_insert_with(|| (row.clone(), sums.iter().map(|_| Value::Undefined).collect()));
            for (total, column) in totals.iter_mut().zip(sums) {
                *total = plus(total, &row.cells.get(column))?;
            }
        }
        let kept: Vec<_> = groups.iter().chain(sums).cloned().collect();
        let rows = folded.into_values().map(|(first, totals)| {
            let made = self.new_row();
            let mut cells = made.cells.0.borrow_mut();
            for column in groups {
                cells.insert(column.id, first.cells.get(column));
            }
            for (column, total) in sums.iter().zip(totals) {
                cells.insert(column.id, total);
            }
            drop(cells);
            made
        });
        let rows: Vec<_> = rows.collect();
        *self.rows.borrow_mut() = rows;
        *self.columns.list.borrow_mut() = kept;
        Ok(())
    }

    fn copy(&self, vm: &mut Vm, rows: &[Rc<Row>], columns: &[Rc<Column>]) -> Res<Value> {
        let _ = vm;
        let made = Table::with(self.columns.copy_of(columns));
        for row in rows {
            let copied = Rc::new(Row { columns: made.columns.clone(), cells: row.cells.copy() });
            made.rows.borrow_mut().push(copied);
        }
        Ok(Value::object(made))
    }
}

/// The sum as `Свернуть` and `Итог` count it: what is no number counts nothing.
pub(crate) fn plus(total: &Value, value: &Value) -> Res<Value> {
    match (total, value) {
        (Value::Number(total), Value::Number(value)) => {
            total.checked_add(*value).map(Value::Number).ok_or_else(overflow)
        }
        (_, Value::Number(value)) => Ok(Value::Number(*value)),
        _ => Ok(total.clone()),
    }
}

impl Object for Table {
    fn type_name(&self) -> Cow<'static, str> {
        "ТаблицаЗначений".into()
    }

    fn text(&self) -> String {
        "ТаблицаЗначений".to_owned()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "колонки" | "columns" => Ok(Value::Object(self.columns.clone())),
            "индексы" | "indexes" => Ok(Value::Object(self.indexes.clone())),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let length = self.rows.borrow().len();
        let row_value = |row: &Rc<Row>| Value::Object(row.clone());
        match name.key() {
            "добавить" | "add" => {
                arguments.count(0, 0)?;
                enough_memory(i64::try_from(length + 1).unwrap_or(i64::MAX))?;
                let row = self.new_row();
                self.rows.borrow_mut().push(row.clone());
                Ok(Value::Object(row))
            }
            "вставить" | "insert" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length + 1)?;
                let row = self.new_row();
                self.rows.borrow_mut().insert(at, row.clone());
                Ok(Value::Object(row))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(length))
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length)?;
                Ok(row_value(&self.rows.borrow()[at]))
            }
            "индекс" | "indexof" => {
                arguments.count(1, 1)?;
                let row = arguments.value(0);
                let Value::Object(_) = row else { return Err(error::bad_argument(1)) };
                Ok(self.place(&row, 1).map_or(Value::int(-1), Value::count))
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let at = self.place(&arguments.value(0), 1)?;
                self.rows.borrow_mut().remove(at);
                Ok(Value::Undefined)
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.rows.take();
                drop(old);
                Ok(Value::Undefined)
            }
            "сдвинуть" | "move" => {
                arguments.count(2, 2)?;
                let at = self.place(&arguments.value(0), 1)?;
                let to = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(arguments.integer(1)?);
                let to = usize::try_from(to).ok().filter(|to| *to < length).ok_or_else(error::out_of_bounds)?;
                let row = self.rows.borrow_mut().remove(at);
                self.rows.borrow_mut().insert(to, row);
                Ok(Value::Undefined)
            }
            "найти" | "find" => {
                arguments.count(1, 2)?;
                let columns = self.columns.listed(arguments.get(1))?;
                let wanted = arguments.value(0);
                let rows = self.rows.borrow();
                let found = rows.iter().find(|row| columns.iter().any(|column| row.cells.get(column).same(&wanted)));
                Ok(found.map_or(Value::Undefined, row_value))
            }
            "найтистроки" | "findrows" => {
                arguments.count(1, 1)?;
                let filter = filter_of(&self.columns, arguments.get(0))?;
                Ok(Array::value(self.found(&filter).iter().map(row_value).collect()))
            }
            "сортировать" | "sort" => {
                arguments.count(1, 2)?;
                let keys = self.columns.sort_keys(&arguments.string(0)?)?;
                self.rows.borrow_mut().sort_by(|one, other| one.cells.order(&other.cells, &keys));
                Ok(Value::Undefined)
            }
            "свернуть" | "groupby" => {
                arguments.count(1, 2)?;
                let named = |at: usize| -> Res<Vec<Rc<Column>>> {
                    let names = arguments.text(at);
                    let names = names.split(',').filter(|name| !name.trim().is_empty());
                    names.map(|name| self.columns.named(name)).collect()
                };
                self.fold(&named(0)?, &named(1)?)?;
                Ok(Value::Undefined)
            }
            "скопировать" | "copy" => {
                arguments.count(0, 2)?;
                let rows = match arguments.get(0) {
                    None | Some(Value::Undefined) => self.rows.borrow().clone(),
                    Some(value) => match value.as_object::<Array>() {
                        Some(array) => {
                            let places = array.values();
                            let places: Res<Vec<_>> = places.iter().map(|row| self.place(row, 1)).collect();
                            places?.into_iter().map(|at| self.rows.borrow()[at].clone()).collect()
                        }
                        None => self.found(&filter_of(&self.columns, Some(value))?),
                    },
                };
                let columns = self.columns.listed(arguments.get(1))?;
                self.copy(vm, &rows, &columns)
            }
            "скопироватьколонки" | "copycolumns" => {
                arguments.count(0, 1)?;
                let columns = self.columns.listed(arguments.get(0))?;
                self.copy(vm, &[], &columns)
            }
            "выгрузитьколонку" | "unloadcolumn" => {
                arguments.count(1, 1)?;
                let column = self.columns.given(&arguments.value(0), 1)?;
                Ok(Array::value(self.rows.borrow().iter().map(|row| row.cells.get(&column)).collect()))
            }
            "загрузитьколонку" | "loadcolumn" => {
                arguments.count(2, 2)?;
                let column = self.columns.given(&arguments.value(1), 2)?;
                let values = arguments.value(0);
                let array = values.as_object::<Array>().ok_or_else(|| error::bad_argument(1))?;
                let rows = self.rows.borrow().clone();
                for (row, value) in rows.iter().zip(array.values()) {
                    row.cells.set(vm, &column, value)?;
                }
                Ok(Value::Undefined)
            }
            "заполнитьзначения" | "fillvalues" => {
                arguments.count(1, 2)?;
                let columns = self.columns.listed(arguments.get(1))?;
                let rows = self.rows.borrow().clone();
                for row in &rows {
                    for column in &columns {
                        row.cells.set(vm, column, arguments.value(0))?;
                    }
                }
                Ok(Value::Undefined)
            }
            "итог" | "total" => {
                arguments.count(1, 1)?;
                let column = self.columns.given(&arguments.value(0), 1)?;
                let mut total = match column.types.as_deref().map(TypeDescription::types) {
                    Some([only]) if &**only == "Число" => Value::Number(Decimal::ZERO),
                    _ => Value::Undefined,
                };
                for row in self.rows.borrow().iter() {
                    total = plus(&total, &row.cells.get(&column))?;
                }
                Ok(total)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        let Value::Number(_) = key else { return Err(error::bad_argument(1)) };
        let at = self.place(key, 1)?;
        Ok(Value::Object(self.rows.borrow()[at].clone()))
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.rows.borrow().get(at).map(|row| Value::Object(row.clone())))
    }

    fn filled(&self) -> Res<bool> {
        Ok(!self.rows.borrow().is_empty())
    }
}

pub(crate) fn read_cell(columns: &Columns, cells: &Cells, name: &Name) -> Res<Value> {
    let column = columns.find(name.key()).ok_or_else(|| error::no_property(name.text()))?;
    Ok(cells.get(&column))
}

pub(crate) fn write_cell(vm: &mut Vm, columns: &Columns, cells: &Cells, name: &Name, value: Value) -> Res<()> {
    let column = columns.find(name.key()).ok_or_else(|| error::no_property(name.text()))?;
    cells.set(vm, &column, value)
}

/// `Получить` and `Установить` of a row, which take a column or its index.
pub(crate) fn row_call(vm: &mut Vm, columns: &Columns, cells: &Cells, name: &Name, arguments: &Args) -> Res<Value> {
    match name.key() {
        "получить" | "get" => {
            arguments.count(1, 1)?;
            let column = columns.given(&arguments.value(0), 1)?;
            Ok(cells.get(&column))
        }
        "установить" | "set" => {
            arguments.count(2, 2)?;
            let column = columns.given(&arguments.value(0), 1)?;
            cells.set(vm, &column, arguments.value(1))?;
            Ok(Value::Undefined)
        }
        _ => Err(error::no_method(name.text())),
    }
}

impl Object for Row {
    fn type_name(&self) -> Cow<'static, str> {
        "СтрокаТаблицыЗначений".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        read_cell(&self.columns, &self.cells, name)
    }

    fn set(&self, vm: &mut Vm, name: &Name, value: Value) -> Res<()> {
        write_cell(vm, &self.columns, &self.cells, name, value)
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        row_call(vm, &self.columns, &self.cells, name, arguments)
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        let column = self.columns.given(key, 1)?;
        Ok(self.cells.get(&column))
    }

    fn set_index(&self, vm: &mut Vm, key: &Value, value: Value) -> Res<()> {
        let column = self.columns.given(key, 1)?;
        self.cells.set(vm, &column, value)
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.columns.list.borrow().get(at).map(|column| self.cells.get(column)))
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.columns.all().iter().map(|column| column.name().text().into()).collect())
    }
}

impl Object for Columns {
    fn type_name(&self) -> Cow<'static, str> {
        if self.of_tree {
            "КоллекцияКолонокДереваЗначений".into()
        } else {
            "КоллекцияКолонокТаблицыЗначений".into()
        }
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let column = self.find(name.key()).ok_or_else(|| error::no_property(name.text()))?;
        Ok(Value::Object(column))
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let length = self.list.borrow().len();
        let described = |arguments: &Args, at: usize| -> Res<Option<Rc<TypeDescription>>> {
            match arguments.get(at) {
                None | Some(Value::Undefined) => Ok(None),
                Some(value) => {
                    let types = value.as_object::<TypeDescription>().ok_or_else(|| error::bad_argument(at + 1))?;
                    Ok(Some(Rc::new(types.clone())))
                }
            }
        };
        match name.key() {
            "добавить" | "add" | "вставить" | "insert" => {
                let inserts = matches!(name.key(), "вставить" | "insert");
                let first = usize::from(inserts);
                arguments.count(first, first + 4)?;
                let at = if inserts { arguments.index(0, length + 1)? } else { length };
                let types = described(arguments, first + 1)?;
                let column = self.insert(vm, at, arguments.text(first).trim(), types)?;
                if arguments.get(first + 2).is_some() {
                    *column.title.borrow_mut() = arguments.text(first + 2);
                }
                column.width.set(arguments.integer_or(first + 3, 0)?);
                Ok(Value::Object(column))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(length))
            }
            "найти" | "find" => {
                arguments.count(1, 1)?;
                let found = self.find(&arguments.string(0)?.trim().to_lowercase());
                Ok(found.map_or(Value::Undefined, |column| Value::Object(column)))
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length)?;
                Ok(Value::Object(self.list.borrow()[at].clone()))
            }
            "индекс" | "indexof" => {
                arguments.count(1, 1)?;
                let column = self.given(&arguments.value(0), 1)?;
                let at = self.list.borrow().iter().position(|known| known.id == column.id);
                Ok(at.map_or(Value::int(-1), Value::count))
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let column = self.given(&arguments.value(0), 1)?;
                self.list.borrow_mut().retain(|known| known.id != column.id);
                Ok(Value::Undefined)
            }
            "сдвинуть" | "move" => {
                arguments.count(2, 2)?;
                let column = self.given(&arguments.value(0), 1)?;
                let mut list = self.list.borrow_mut();
                let at = list.iter().position(|known| known.id == column.id).unwrap_or_default();
                let to = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(arguments.integer(1)?);
                let to = usize::try_from(to).ok().filter(|to| *to < length).ok_or_else(error::out_of_bounds)?;
                let column = list.remove(at);
                list.insert(to, column);
                Ok(Value::Undefined)
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                self.list.borrow_mut().clear();
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        Ok(Value::Object(self.given(key, 1)?))
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.list.borrow().get(at).map(|column| Value::Object(column.clone())))
    }
}

impl Object for Column {
    fn type_name(&self) -> Cow<'static, str> {
        "КолонкаТаблицыЗначений".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "имя" | "name" => Ok(Value::str(self.name.borrow().text())),
            "заголовок" | "title" => Ok(Value::Str(self.title.borrow().clone())),
            "ширина" | "width" => Ok(Value::int(self.width.get())),
            "типзначения" | "valuetype" => {
                Ok(Value::object(self.types.as_deref().cloned().unwrap_or_else(|| TypeDescription::of(Vec::new()))))
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "имя" | "name" => *self.name.borrow_mut() = checked_name(&value.text())?,
            "заголовок" | "title" => *self.title.borrow_mut() = value.text(),
            "ширина" | "width" => self.width.set(value.integer()?),
            "типзначения" | "valuetype" => return Err(error::read_only(name.text())),
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }
}

/// `Индексы` of a table: they make nothing faster here, only the names are checked when they are used.
#[derive(Default)]
pub(crate) struct Indexes(RefCell<Vec<Rc<CollectionIndex>>>);

pub(crate) struct CollectionIndex(Arc<str>);

impl Object for CollectionIndex {
    fn type_name(&self) -> Cow<'static, str> {
        "ИндексКоллекции".into()
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

impl Object for Indexes {
    fn type_name(&self) -> Cow<'static, str> {
        "ИндексыКоллекции".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "добавить" | "add" => {
                arguments.count(1, 1)?;
                let index = Rc::new(CollectionIndex(arguments.string(0)?));
                self.0.borrow_mut().push(index.clone());
                Ok(Value::Object(index))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(self.0.borrow().len()))
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                self.0.borrow_mut().clear();
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.0.borrow().get(at).map(|index| Value::Object(index.clone())))
    }
}
