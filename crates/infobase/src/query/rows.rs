//! What goes into a query and comes out of it.

use std::collections::HashMap;

use chrono::NaiveDateTime;

use crate::datum::{Datum, Reference};
use crate::metadata::fold;
use crate::types::TypeSet;

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// One value.
    Value(Datum),
    /// An array or list, for `В (&Имя)`.
    List(Vec<Datum>),
    /// A table of values, for `ИЗ &Имя`.
    Rows(Rows),
    /// `Граница`: a moment with or without what happened in it.
    Boundary {
        /// The moment.
        date: NaiveDateTime,
        /// `ВидГраницы.Включая`.
        including: bool,
    },
    /// `МоментВремени`: what happened before a document.
    PointInTime {
        /// The document's date.
        date: NaiveDateTime,
        /// The document.
        document: Reference,
    },
}

/// A column of a table of values or of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its types.
    pub types: TypeSet,
}

/// Rows with named, typed columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Datum>>,
    /// Which of the rows are totals; nothing if the query has none.
    pub levels: Option<Levels>,
}

/// How deep the rows of a result with totals lie: a total stands above what it sums up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// The level of each row, from 0. The deepest rows are those of the query itself.
    pub of_row: Vec<u32>,
    /// Whether the first row sums up everything.
    pub overall: bool,
}

impl Levels {
    /// The rows that lie directly below one; of the whole result without one.
    pub fn below(&self, row: Option<usize>) -> Vec<usize> {
        let inside = self.inside(row);
        let nearest = inside.iter().filter_map(|row| self.of_row.get(*row)).min().copied();
        inside.into_iter().filter(|row| self.of_row.get(*row).copied() == nearest).collect()
    }

    /// All rows below one.
    pub fn inside(&self, row: Option<usize>) -> Vec<usize> {
        let Some(row) = row else { return (0..self.of_row.len()).collect() };
        let Some(level) = self.of_row.get(row) else { return Vec::new() };
        let deeper = self.of_row.iter().enumerate().skip(row + 1).take_while(|(_, below)| *below > level);
        deeper.map(|(at, _)| at).collect()
    }

    /// Whether a row is one of the query itself.
    pub fn is_detail(&self, row: usize) -> bool {
        self.of_row.get(row) == self.of_row.iter().max()
    }
}

impl Rows {
    /// Position of a column, by name without case.
    pub fn column(&self, name: &str) -> Option<usize> {
        let name = fold(name);
        self.columns.iter().position(|column| fold(&column.name) == name)
    }
}

/// A table of SQLite that stands for a temporary table.
#[derive(Debug, Clone)]
pub(super) struct Temporary {
    pub(super) table: String,
    pub(super) columns: Vec<Column>,
}

/// `МенеджерВременныхТаблиц`. Give it back by [`crate::Infobase::close_tables`].
#[derive(Debug, Default)]
pub struct TempTables {
    pub(super) tables: HashMap<String, Temporary>,
}

impl TempTables {
    /// A manager without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names of its tables, in lower case.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tables.keys().cloned().collect();
        names.sort();
        names
    }
}
