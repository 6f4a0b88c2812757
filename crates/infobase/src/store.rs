//! The rows in SQLite, and the log that undoes them.
//!
//! SQLite has one connection here, so isolation is ours. The tables hold what is committed plus what *one* session
//! has written: before another session reads or writes, the changes of the first are taken out ([`Store::undo`]) and
//! those of the second are put in ([`Store::redo`]). So every session sees what is committed and what it wrote itself
//! (read committed, by versions, as 1C works on today's databases). This is correct because a written row stays
//! locked to the end of its transaction: no row has changes of two sessions.

use std::cell::Cell;
use std::cmp::Ordering;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, StatementStatus, params_from_iter};

use crate::datum::{Datum, compare_stored};
use crate::error::{Error, Result};
use crate::metadata::{Field, Kind, Metadata, Object, Role, Table};

/// Name of the collation that all columns have.
pub(crate) const COLLATION: &str = "ONEC";
/// The column that identifies a row.
pub(crate) const ROW: &str = "_row";

/// A table of SQLite: its name and columns in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableShape {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
}

impl TableShape {
    pub(crate) fn new(name: String, table: &Table) -> Self {
        TableShape { name, columns: table.fields.iter().map(|field| field.name.clone()).collect() }
    }
}

/// One written row. `None` before: it was added; `None` after: it was deleted.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    table: TableShape,
    row: i64,
    before: Option<Vec<Datum>>,
    after: Option<Vec<Datum>>,
}

impl Change {
    /// Name of the table that was written.
    pub(crate) fn table(&self) -> &str {
        &self.table.name
    }
}

/// A row with its id.
#[derive(Debug, Clone)]
pub(crate) struct StoredRow {
    pub(crate) id: i64,
    pub(crate) values: Vec<Datum>,
}

/// How much the database has worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Statements that were run on the base's tables.
    pub statements: u64,
    /// Instructions of SQLite's machine that they took: a walk through a whole table shows here.
    pub steps: u64,
}

/// The connection.
pub(crate) struct Store {
    pub(crate) db: Connection,
    pub(crate) work: Cell<Work>,
    next_row: i64,
}

/// The database of temporary tables. It is not SQLite's own one: a new table there makes all statements be prepared anew.
pub(crate) const TEMPORARY: &str = "temporary";

/// Quotes a name for SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Store {
    /// Opens a file, or memory if there is none, and creates the tables and columns that are missing.
    pub(crate) fn open(path: Option<&Path>, metadata: &Metadata) -> Result<Self> {
        let db = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        db.create_collation(COLLATION, |left: &str, right: &str| -> Ordering { compare_stored(left, right) })?;
        crate::query::functions::register(&db, metadata)?;
        // Durability is not what is tested; a crash of the tests' process may lose the file.
        db.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;")?;
        db.execute_batch(&format!("ATTACH ':memory:' AS {TEMPORARY}"))?;
        // A statement is prepared once and not again for other values: that took a third of the time.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        db.set_prepared_statement_cache_capacity(256);
        let mut store = Store { db, work: Cell::default(), next_row: 1 };
        for object in metadata.objects() {
            store.create_tables(object)?;
        }
        Ok(store)
    }

    fn create_tables(&mut self, object: &Object) -> Result<()> {
        if object.table.fields.is_empty() || object.kind == Kind::Enumeration {
            return Ok(());
        }
        let name = object.full_name();
        self.create(&TableShape::new(name.clone(), &object.table), &object.table)?;
        let key: Vec<String> = match object.kind {
            Kind::Constant => Vec::new(),
            _ => object.key_fields().iter().map(|field| quoted(&field.name)).collect(),
        };
        if !key.is_empty() {
            let index = quoted(&format!("{name}.key"));
            let sql = format!("CREATE INDEX IF NOT EXISTS {index} ON {} ({})", quoted(&name), key.join(", "));
            self.db.execute_batch(&sql)?;
        }
        if object.has_recorder() {
            self.index(&name, "Регистратор")?;
        }
        // The platform finds objects by code and name through indexes of its own.
        let found_by = |field: &Field| {
            field.role == Role::Standard && matches!(field.name.as_str(), "Код" | "Наименование" | "Номер")
        };
        for field in object.table.fields.iter().filter(|field| field.indexed || field.leading || found_by(field)) {
            self.index(&name, &field.name)?;
        }
        for (section, table) in &object.sections {
            let section = format!("{name}.{section}");
            self.create(&TableShape::new(section.clone(), table), table)?;
            self.index(&section, "Ссылка")?;
        }
        Ok(())
    }

    fn index(&self, table: &str, field: &str) -> Result<()> {
        let index = quoted(&format!("{table}.by.{field}"));
        let sql = format!("CREATE INDEX IF NOT EXISTS {index} ON {} ({})", quoted(table), quoted(field));
        Ok(self.db.execute_batch(&sql)?)
    }

    fn create(&mut self, shape: &TableShape, table: &Table) -> Result<()> {
        let column = |name: &str| format!("{} TEXT COLLATE {COLLATION}", quoted(name));
        let columns: Vec<String> = shape.columns.iter().map(|name| column(name)).collect();
        self.db.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {} ({ROW} INTEGER PRIMARY KEY, {})",
            quoted(&shape.name),
            columns.join(", ")
        ))?;
        self.add_missing_columns(shape, table)?;
        let sql = format!("SELECT COALESCE(MAX({ROW}), 0) FROM {}", quoted(&shape.name));
        let last: i64 = self.db.query_row(&sql, [], |row| row.get(0))?;
        self.next_row = self.next_row.max(last + 1);
        Ok(())
    }

    /// A base of an older configuration gets the columns that a newer one adds, with their empty values.
    fn add_missing_columns(&self, shape: &TableShape, table: &Table) -> Result<()> {
        let mut query = self.db.prepare("SELECT name FROM pragma_table_info(?1)")?;
        let known: Vec<String> = query.query_map([&shape.name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for field in table.fields.iter().filter(|field| !known.contains(&field.name)) {
            let (table, name) = (quoted(&shape.name), quoted(&field.name));
            self.db.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {name} TEXT COLLATE {COLLATION}"))?;
            self.db.execute(&format!("UPDATE {table} SET {name} = ?1"), [field.types.empty().store()])?;
        }
        Ok(())
    }

    /// The rows of a table whose columns have these values, in the order of their ids.
    pub(crate) fn rows(&self, table: &TableShape, conditions: &[(String, Datum)]) -> Result<Vec<StoredRow>> {
        let columns: Vec<String> = table.columns.iter().map(|name| quoted(name)).collect();
        let mut sql = format!("SELECT {ROW}, {} FROM {}", columns.join(", "), quoted(&table.name));
        for (index, (name, _)) in conditions.iter().enumerate() {
            let word = if index == 0 { "WHERE" } else { "AND" };
            sql.push_str(&format!(" {word} {} = ?{}", quoted(name), index + 1));
        }
        sql.push_str(&format!(" ORDER BY {ROW}"));
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query(params_from_iter(conditions.iter().map(|(_, value)| value.store())))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (1..=table.columns.len()).map(|index| read_value(row, index)).collect::<Result<_>>()?;
            found.push(StoredRow { id: row.get(0)?, values });
        }
        drop(rows);
        self.note_work(&query);
        Ok(found)
    }

    /// Counts a statement that has just run.
    pub(crate) fn note_work(&self, statement: &Statement<'_>) {
        let Work { statements, steps } = self.work.get();
        let taken = u64::try_from(statement.reset_status(StatementStatus::VmStep)).unwrap_or(0);
        self.work.set(Work { statements: statements + 1, steps: steps + taken });
    }

    /// Adds a row and returns what undoes it.
    pub(crate) fn insert(&mut self, table: &TableShape, values: Vec<Datum>) -> Result<Change> {
        let row = self.next_row;
        self.next_row += 1;
        let change = Change { table: table.clone(), row, before: None, after: Some(values) };
        self.put(table, row, None, change.after.as_deref())?;
        Ok(change)
    }

    /// Replaces a row's values and returns what undoes it.
    pub(crate) fn update(&mut self, table: &TableShape, row: StoredRow, values: Vec<Datum>) -> Result<Change> {
        let change = Change { table: table.clone(), row: row.id, before: Some(row.values), after: Some(values) };
        self.put(table, row.id, change.before.as_deref(), change.after.as_deref())?;
        Ok(change)
    }

    /// Deletes a row and returns what undoes it.
    pub(crate) fn delete(&mut self, table: &TableShape, row: StoredRow) -> Result<Change> {
        let change = Change { table: table.clone(), row: row.id, before: Some(row.values), after: None };
        self.put(table, row.id, change.before.as_deref(), None)?;
        Ok(change)
    }

    /// Takes the changes of a session out of the tables.
    pub(crate) fn undo(&mut self, changes: &[Change]) -> Result<()> {
        for change in changes.iter().rev() {
            self.put(&change.table, change.row, change.after.as_deref(), change.before.as_deref())?;
        }
        Ok(())
    }

    /// Puts the changes of a session back into the tables.
    pub(crate) fn redo(&mut self, changes: &[Change]) -> Result<()> {
        for change in changes {
            self.put(&change.table, change.row, change.before.as_deref(), change.after.as_deref())?;
        }
        Ok(())
    }

    fn put(&mut self, table: &TableShape, row: i64, from: Option<&[Datum]>, to: Option<&[Datum]>) -> Result<()> {
        let name = quoted(&table.name);
        let Some(values) = to else {
            let mut delete = self.db.prepare_cached(&format!("DELETE FROM {name} WHERE {ROW} = ?1"))?;
            delete.execute([row])?;
            self.note_work(&delete);
            return Ok(());
        };
        let columns: Vec<String> = table.columns.iter().map(|name| quoted(name)).collect();
        let sql = if from.is_none() {
            let places: Vec<String> = (2..=columns.len() + 1).map(|index| format!("?{index}")).collect();
            format!("INSERT INTO {name} ({ROW}, {}) VALUES (?1, {})", columns.join(", "), places.join(", "))
        } else {
            let pairs: Vec<String> =
                columns.iter().enumerate().map(|(index, column)| format!("{column} = ?{}", index + 2)).collect();
            format!("UPDATE {name} SET {} WHERE {ROW} = ?1", pairs.join(", "))
        };
        let stored = values.iter().map(|value| value.store().map_or(Value::Null, Value::Text));
        let parameters = std::iter::once(Value::Integer(row)).chain(stored);
        let mut write = self.db.prepare_cached(&sql)?;
        write.execute(params_from_iter(parameters))?;
        self.note_work(&write);
        Ok(())
    }

    /// Copies everything, as a backup does.
    pub(crate) fn copy_to(&self, target: &mut Store) -> Result<()> {
        rusqlite::backup::Backup::new(&self.db, &mut target.db)?.run_to_completion(
            1000,
            std::time::Duration::ZERO,
            None,
        )?;
        target.next_row = self.next_row;
        Ok(())
    }
}

/// Reads a value of a result.
pub(crate) fn read_value(row: &rusqlite::Row<'_>, index: usize) -> Result<Datum> {
    let stored: Option<String> = match row.get_ref(index)? {
        rusqlite::types::ValueRef::Null => None,
        rusqlite::types::ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        other => return Err(Error::Database(format!("столбец {index}: значение типа {}", other.data_type()))),
    };
    match stored {
        None => Ok(Datum::Null),
        Some(text) => Datum::load(&text).ok_or_else(|| Error::Database(format!("столбец {index}: {text}"))),
    }
}
