//! The query language of 1C, as far as it is used here: translated to SQL and run.
//!
//! Read: lists with `РАЗЛИЧНЫЕ`, `ПЕРВЫЕ`, `РАЗРЕШЕННЫЕ`; joins; nested queries; `ГДЕ`, `СГРУППИРОВАТЬ ПО`,
//! `ИМЕЮЩИЕ`, `УПОРЯДОЧИТЬ ПО`, `ОБЪЕДИНИТЬ`; temporary tables and batches; fields of references by dots; tabular
//! sections; the virtual tables `Остатки`, `Обороты`, `СрезПоследних`, `СрезПервых`; the functions of the parser's
//! tables. Not read, and an error: `ИТОГИ`, `АВТОУПОРЯДОЧИВАНИЕ`, ordering by hierarchy, nested tabular sections in
//! a list, `ОстаткиИОбороты`, functions that the compatibility mode 8.3.16 lacks.

mod ast;
pub(crate) mod functions;
mod lexer;
mod parser;
mod rows;
mod totals;
mod translate;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::params_from_iter;

use crate::base::Infobase;
use crate::datum::Datum;
use crate::error::{Error, Result};
use crate::locks::LockItem;
use crate::metadata::fold;
use crate::session::Right;
use crate::session_id::SessionId;
use crate::store::{COLLATION, TEMPORARY, quoted, read_value};
use crate::types::TypeSet;
use ast::Statement;
use lexer::error_at;
use rows::Temporary;
use translate::{Translation, Translator};

pub use rows::{Column, Levels, Parameter, Rows, TempTables};

impl Infobase {
    /// Runs a batch and returns a result for each of its queries; for one that fills a temporary table the column
    /// `Количество` with the number of rows, for `УНИЧТОЖИТЬ` no column at all. Parameters are found without case.
    ///
    /// # Errors
    /// [`Error::Query`] with the place in the text; a parameter that was not set; a table that the user may not read;
    /// the transaction had an error.
    pub fn query(
        &mut self,
        session: SessionId,
        text: &str,
        parameters: &BTreeMap<String, Parameter>,
        tables: &mut TempTables,
    ) -> Result<Vec<Rows>> {
        let statements = parser::parse(text)?;
        let parameters: HashMap<String, &Parameter> =
            parameters.iter().map(|(name, value)| (fold(name), value)).collect();
        self.enter(session)?;
        let known: Vec<String> = tables.tables.keys().cloned().collect();
        let mut results = Vec::new();
        for statement in &statements {
            match self.run_statement(session, text, statement, &parameters, tables) {
                Ok(rows) => results.push(rows),
                Err(error) => {
                    // Whoever had to wait runs the whole batch again.
                    let added: Vec<_> = tables.tables.extract_if(|name, _| !known.contains(name)).collect();
                    for (_, temporary) in added {
                        self.drop_temporary(&temporary.table)?;
                    }
                    return Err(error);
                }
            }
        }
        Ok(results)
    }

    /// Runs a batch with a manager of its own and returns the last result.
    ///
    /// # Errors
    /// As [`Infobase::query`].
    pub fn query_last(
        &mut self,
        session: SessionId,
        text: &str,
        parameters: &BTreeMap<String, Parameter>,
    ) -> Result<Rows> {
        let mut tables = TempTables::new();
        let results = self.query(session, text, parameters, &mut tables);
        self.close_tables(tables)?;
        Ok(results?.pop().unwrap_or_default())
    }

    /// How SQLite goes about a single query: a line for each step, `SEARCH` by an index or `SCAN` of a whole table.
    ///
    /// # Errors
    /// As [`Infobase::query`].
    pub fn explain(
        &mut self,
        session: SessionId,
        text: &str,
        parameters: &BTreeMap<String, Parameter>,
    ) -> Result<String> {
        self.enter(session)?;
        let parameters: HashMap<String, &Parameter> =
            parameters.iter().map(|(name, value)| (fold(name), value)).collect();
        let metadata = Arc::clone(&self.metadata);
        let none = HashMap::new();
        let mut plan = Vec::new();
        for statement in &parser::parse(text)? {
            let Statement::Select(query) = statement else { continue };
            let translator = Translator::new(text, &metadata, &none, &parameters, self.next_temporary);
            let translation = translator.translate(query)?;
            let mut explained = self.store.db.prepare(&format!("EXPLAIN QUERY PLAN {}", translation.sql))?;
            let mut rows = explained.query(params_from_iter(&translation.bindings))?;
            while let Some(row) = rows.next()? {
                plan.push(row.get::<_, String>("detail")?);
            }
        }
        Ok(plan.join("\n"))
    }

    /// Drops the tables of a manager.
    ///
    /// # Errors
    /// SQLite refuses.
    pub fn close_tables(&mut self, tables: TempTables) -> Result<()> {
        for temporary in tables.tables.into_values() {
            self.drop_temporary(&temporary.table)?;
        }
        Ok(())
    }

    fn run_statement(
        &mut self,
        session: SessionId,
        text: &str,
        statement: &Statement,
        parameters: &HashMap<String, &Parameter>,
        tables: &mut TempTables,
    ) -> Result<Rows> {
        let query = match statement {
            Statement::Select(query) => query,
            Statement::Drop(name, at) => {
                let missing = || error_at(text, *at, format!("Таблица не найдена \"{name}\""));
                let temporary = tables.tables.remove(&fold(name)).ok_or_else(missing)?;
                self.drop_temporary(&temporary.table)?;
                return Ok(Rows::default());
            }
        };
        if let Some((name, at)) = &query.into
            && tables.tables.contains_key(&fold(name))
        {
            return Err(error_at(text, *at, format!("Временная таблица уже существует \"{name}\"")));
        }
        let metadata = Arc::clone(&self.metadata);
        let translator = Translator::new(text, &metadata, &tables.tables, parameters, self.next_temporary);
        let translation = translator.translate(query)?;
        self.next_temporary += translation.external.len() as u64;
        for object in &translation.objects {
            self.check_right(session, object, Right::Read)?;
        }
        self.guard_reading(session, || translation.objects.iter().map(|object| LockItem::shared(object)).collect())?;
        for (table, rows) in &translation.external {
            self.create_temporary(table, &rows.columns)?;
            self.fill_temporary(table, rows)?;
        }
        let result = match &query.into {
            Some((name, _)) => self.select_into(name, &translation, tables),
            None => self.select_rows(&translation),
        };
        for (table, _) in &translation.external {
            self.drop_temporary(table)?;
        }
        match result {
            Ok(rows) => match &query.totals {
                Some(totals) => totals::with_totals(text, totals, rows),
                None => Ok(rows),
            },
            Err(error) => {
                let message = match error {
                    Error::Database(message) => message,
                    other => other.to_string(),
                };
                self.fail(session, error_at(text, query.first.at, message))
            }
        }
    }

    fn select_rows(&self, translation: &Translation) -> Result<Rows> {
        let mut statement = self.store.db.prepare_cached(&translation.sql)?;
        let mut found = statement.query(params_from_iter(&translation.bindings))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values = (0..translation.columns.len()).map(|index| read_value(row, index));
            rows.push(values.collect::<Result<Vec<_>>>()?);
        }
        drop(found);
        self.store.note_work(&statement);
        Ok(Rows { columns: translation.columns.clone(), rows, levels: None })
    }

    fn select_into(&mut self, name: &str, translation: &Translation, tables: &mut TempTables) -> Result<Rows> {
        let table = format!("temporary {}", self.next_temporary);
        self.next_temporary += 1;
        self.create_temporary(&table, &translation.columns)?;
        let sql = format!("INSERT INTO {TEMPORARY}.{} {}", quoted(&table), translation.sql);
        let mut statement = self.store.db.prepare(&sql)?;
        let count = statement.execute(params_from_iter(&translation.bindings))?;
        self.store.note_work(&statement);
        drop(statement);
        if let Some(first) = translation.columns.first() {
            let (table, column) = (quoted(&table), quoted(&first.name));
            let index = quoted(&format!("by {}", self.next_temporary));
            self.store.db.execute_batch(&format!("CREATE INDEX {TEMPORARY}.{index} ON {table} ({column})"))?;
        }
        tables.tables.insert(fold(name), Temporary { table, columns: translation.columns.clone() });
        let columns = vec![Column { name: "Количество".into(), types: TypeSet::number() }];
        Ok(Rows { columns, rows: vec![vec![Datum::int(count as i64)]], levels: None })
    }

    fn create_temporary(&self, table: &str, columns: &[Column]) -> Result<()> {
        let columns: Vec<String> =
            columns.iter().map(|column| format!("{} TEXT COLLATE {COLLATION}", quoted(&column.name))).collect();
        let sql = format!("CREATE TABLE {TEMPORARY}.{} ({})", quoted(table), columns.join(", "));
        Ok(self.store.db.execute_batch(&sql)?)
    }

    fn fill_temporary(&self, table: &str, rows: &Rows) -> Result<()> {
        let places: Vec<String> = (1..=rows.columns.len()).map(|index| format!("?{index}")).collect();
        let sql = format!("INSERT INTO {TEMPORARY}.{} VALUES ({})", quoted(table), places.join(", "));
        let mut statement = self.store.db.prepare(&sql)?;
        for row in &rows.rows {
            let values = rows.columns.iter().zip(row).map(|(column, value)| match value {
                Datum::Null => None,
                value => column.types.adjust(value.clone()).store(),
            });
            statement.execute(params_from_iter(values))?;
        }
        Ok(())
    }

    fn drop_temporary(&self, table: &str) -> Result<()> {
        Ok(self.store.db.execute_batch(&format!("DROP TABLE IF EXISTS {TEMPORARY}.{}", quoted(table)))?)
    }
}
