//! `ДеревоЗначений` and its rows.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::table::{Cells, Columns, SortKey, filter_of, plus, read_cell, row_call, write_cell};
use super::{Array, Column, enough_memory, position_of};
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// A tree of values.
pub struct Tree {
    rows: Rc<Rows>,
}

impl Tree {
    /// An empty tree without columns.
    pub fn new() -> Tree {
        let rows = Rows { columns: Rc::new(Columns::for_tree()), list: RefCell::default(), owner: RefCell::default() };
        Tree { rows: Rc::new(rows) }
    }
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

/// The rows of a tree or below a row.
struct Rows {
    columns: Rc<Columns>,
    list: RefCell<Vec<Rc<TreeRow>>>,
    owner: RefCell<Weak<TreeRow>>,
}

struct TreeRow {
    columns: Rc<Columns>,
    cells: Cells,
    rows: Rc<Rows>,
    parent: Weak<TreeRow>,
}

impl Rows {
    fn new_row(&self) -> Rc<TreeRow> {
        let rows = Rc::new(Rows { columns: self.columns.clone(), list: RefCell::default(), owner: RefCell::default() });
        let row = Rc::new(TreeRow {
            columns: self.columns.clone(),
            cells: Cells::default(),
            rows: rows.clone(),
            parent: self.owner.borrow().clone(),
        });
        *rows.owner.borrow_mut() = Rc::downgrade(&row);
        row
    }

    /// The rows here and, if asked for, below; a row stands before what is below it.
    fn all(&self, below: bool) -> Vec<Rc<TreeRow>> {
        let mut found = Vec::new();
        let mut pending: Vec<_> = self.list.borrow().iter().rev().cloned().collect();
        while let Some(row) = pending.pop() {
            if below {
                pending.extend(row.rows.list.borrow().iter().rev().cloned());
            }
            found.push(row);
        }
        found
    }

    fn place(&self, value: &Value) -> Res<usize> {
        match value {
            Value::Object(object) => {
                let found = position_of(&self.list.borrow(), object);
                found.ok_or_else(|| Failure::new("Строка не принадлежит коллекции"))
            }
            _ => Args::new(vec![Some(value.clone())]).index(0, self.list.borrow().len()),
        }
    }

    fn sort(&self, keys: &[SortKey], below: bool) {
        let mut pending: Vec<Rc<TreeRow>> = Vec::new();
        self.list.borrow_mut().sort_by(|one, other| one.cells.order(&other.cells, keys));
        if below {
            pending.extend(self.list.borrow().iter().cloned());
        }
        while let Some(row) = pending.pop() {
            row.rows.list.borrow_mut().sort_by(|one, other| one.cells.order(&other.cells, keys));
            pending.extend(row.rows.list.borrow().iter().cloned());
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // Rows are taken out of one another first, so that a deep tree is not dropped by recursion.
        let mut pending: Vec<Rc<TreeRow>> = std::mem::take(self.list.get_mut());
        while let Some(row) = pending.pop() {
            if Rc::strong_count(&row) == 1 {
                pending.extend(row.rows.list.borrow_mut().drain(..));
            }
        }
    }
}

impl Object for Tree {
    fn type_name(&self) -> Cow<'static, str> {
        "ДеревоЗначений".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "колонки" | "columns" => Ok(Value::Object(self.rows.columns.clone())),
            "строки" | "rows" => Ok(Value::Object(self.rows.clone())),
            _ => Err(error::no_property(name.text())),
        }
    }
}

impl Object for Rows {
    fn type_name(&self) -> Cow<'static, str> {
        "КоллекцияСтрокДереваЗначений".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "родитель" | "parent" => {
                Ok(self.owner.borrow().upgrade().map_or(Value::Undefined, |row| Value::Object(row)))
            }
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        let length = self.list.borrow().len();
        let row_value = |row: &Rc<TreeRow>| Value::Object(row.clone());
        match name.key() {
            "добавить" | "add" | "вставить" | "insert" => {
                let inserts = matches!(name.key(), "вставить" | "insert");
                arguments.count(usize::from(inserts), usize::from(inserts))?;
                enough_memory(i64::try_from(length + 1).unwrap_or(i64::MAX))?;
                let at = if inserts { arguments.index(0, length + 1)? } else { length };
                let row = self.new_row();
                self.list.borrow_mut().insert(at, row.clone());
                Ok(Value::Object(row))
            }
            "количество" | "count" => {
                arguments.count(0, 0)?;
                Ok(Value::count(length))
            }
            "получить" | "get" => {
                arguments.count(1, 1)?;
                let at = arguments.index(0, length)?;
                Ok(row_value(&self.list.borrow()[at]))
            }
            "индекс" | "indexof" => {
                arguments.count(1, 1)?;
                Ok(self.place(&arguments.value(0)).map_or(Value::int(-1), Value::count))
            }
            "удалить" | "delete" => {
                arguments.count(1, 1)?;
                let at = self.place(&arguments.value(0))?;
                self.list.borrow_mut().remove(at);
                Ok(Value::Undefined)
            }
            "очистить" | "clear" => {
                arguments.count(0, 0)?;
                let old = self.list.take();
                drop(old);
                Ok(Value::Undefined)
            }
            "найти" | "find" => {
                arguments.count(1, 3)?;
                let columns: Vec<Rc<Column>> = self.columns.listed(arguments.get(1))?;
                let wanted = arguments.value(0);
                let below = arguments.truth_or(2, false)?;
                let found = self
                    .all(below)
                    .into_iter()
                    .find(|row| columns.iter().any(|column| row.cells.get(column).same(&wanted)));
                Ok(found.as_ref().map_or(Value::Undefined, row_value))
            }
            "найтистроки" | "findrows" => {
                arguments.count(1, 2)?;
                let filter = filter_of(&self.columns, arguments.get(0))?;
                let rows = self.all(arguments.truth_or(1, false)?);
                Ok(Array::value(rows.iter().filter(|row| row.cells.fits(&filter)).map(row_value).collect()))
            }
            "сортировать" | "sort" => {
                arguments.count(1, 3)?;
                let keys = self.columns.sort_keys(&arguments.string(0)?)?;
                self.sort(&keys, arguments.truth_or(1, false)?);
                Ok(Value::Undefined)
            }
            "выгрузитьколонку" | "unloadcolumn" => {
                arguments.count(1, 1)?;
                let column = self.columns.named(&arguments.string(0)?)?;
                Ok(Array::value(self.list.borrow().iter().map(|row| row.cells.get(&column)).collect()))
            }
            "загрузитьколонку" | "loadcolumn" => {
                arguments.count(2, 2)?;
                let column = self.columns.named(&arguments.string(1)?)?;
                let values = arguments.value(0);
                let array = values.as_object::<Array>().ok_or_else(|| error::bad_argument(1))?;
                let rows = self.list.borrow().clone();
                for (row, value) in rows.iter().zip(array.values()) {
                    row.cells.set(vm, &column, value)?;
                }
                Ok(Value::Undefined)
            }
            "итог" | "total" => {
                arguments.count(1, 2)?;
                let column = self.columns.named(&arguments.string(0)?)?;
                let mut total = Value::Undefined;
                for row in self.all(arguments.truth_or(1, false)?) {
                    total = plus(&total, &row.cells.get(&column))?;
                }
                Ok(total)
            }
            _ => Err(error::no_method(name.text())),
        }
    }

    fn index(&self, _: &mut Vm, key: &Value) -> Res<Value> {
        let at = self.place(key)?;
        Ok(Value::Object(self.list.borrow()[at].clone()))
    }

    fn item(&self, _: &mut Vm, at: usize) -> Res<Option<Value>> {
        Ok(self.list.borrow().get(at).map(|row| Value::Object(row.clone())))
    }
}

impl Object for TreeRow {
    fn type_name(&self) -> Cow<'static, str> {
        "СтрокаДереваЗначений".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "строки" | "rows" => Ok(Value::Object(self.rows.clone())),
            "родитель" | "parent" => {
                Ok(self.parent.upgrade().map_or(Value::Undefined, |row| Value::Object(row)))
            }
            _ => read_cell(&self.columns, &self.cells, name),
        }
    }

    fn set(&self, vm: &mut Vm, name: &Name, value: Value) -> Res<()> {
        write_cell(vm, &self.columns, &self.cells, name, value)
    }

    fn call(&self, vm: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "уровень" | "level" => {
                arguments.count(0, 0)?;
                let above = std::iter::successors(self.parent.upgrade(), |row| row.parent.upgrade()).count();
                Ok(Value::count(above))
            }
            _ => row_call(vm, &self.columns, &self.cells, name, arguments),
        }
    }

    fn property_names(&self) -> Option<Vec<Arc<str>>> {
        Some(self.columns.all().iter().map(|column| column.name().text().into()).collect())
    }
}
