//! From the tree of a query to SQL over values as [`Datum::store`] writes them.
//!
//! A value is a text with a type letter; a condition is SQL's own truth value. A [`Piece`] says which of both it is
//! and is turned into the other where the other is needed. A field of a reference becomes a scalar subquery, so that
//! it may stand wherever an expression may. Types are followed as far as they decide something: which tables a
//! reference may lead to, what a column of the result holds, and what may be compared.

use std::collections::{BTreeSet, HashMap};

use super::ast::{Aggregate, CastType, Expr, InList, Item, Join, Node, Operation, Select, Source, Union};
use super::lexer::error_at;
use super::rows::{Column, Parameter, Rows, Temporary};
use crate::datum::{Datum, EnumValue, Reference};
use crate::error::{Error, Result};
use crate::metadata::{Field, Kind, MOVEMENT_KIND, Metadata, Object, Role, Table, fold};
use crate::store::{COLLATION, TEMPORARY, quoted};
use crate::types::{TypeSet, ValueType};

/// A query ready to run.
pub(super) struct Translation {
    pub(super) sql: String,
    pub(super) bindings: Vec<Option<String>>,
    pub(super) columns: Vec<Column>,
    /// Full names of the objects that are read.
    pub(super) objects: BTreeSet<String>,
    /// Tables of values, to be created under these names before the query runs.
    pub(super) external: Vec<(String, Rows)>,
}

/// A translated expression.
#[derive(Debug, Clone)]
struct Piece {
    sql: String,
    types: TypeSet,
    /// SQL's truth value instead of a stored one.
    condition: bool,
    /// A parameter: its type is checked by nobody.
    loose: bool,
}

impl Piece {
    fn value(sql: String, types: TypeSet) -> Self {
        Piece { sql, types, condition: false, loose: false }
    }

    fn condition(sql: String) -> Self {
        Piece { sql, types: TypeSet::boolean(), condition: true, loose: false }
    }

    fn into_value(self) -> String {
        if !self.condition {
            return self.sql;
        }
        format!("(CASE WHEN {0} THEN 'b1' WHEN NOT ({0}) THEN 'b0' END)", self.sql)
    }

    fn into_condition(self) -> String {
        if self.condition { self.sql } else { format!("({} = 'b1')", self.sql) }
    }
}

/// A column that expressions can name.
#[derive(Debug, Clone)]
struct Visible {
    name: String,
    english: Option<&'static str>,
    /// Name in SQL.
    column: String,
    types: TypeSet,
}

impl Visible {
    fn of(field: &Field) -> Self {
        Visible {
            name: field.name.clone(),
            english: field.english,
            column: field.name.clone(),
            types: field.types.clone(),
        }
    }

    fn is_called(&self, folded: &str) -> bool {
        fold(&self.name) == folded || self.english.is_some_and(|english| fold(english) == folded)
    }
}

struct VisibleTable {
    alias: String,
    sql: String,
    columns: Vec<Visible>,
}

impl VisibleTable {
    fn column(&self, name: &str) -> Option<&Visible> {
        let folded = fold(name);
        self.columns.iter().find(|column| column.is_called(&folded))
    }
}

#[derive(Default)]
struct Scope {
    tables: Vec<VisibleTable>,
    groups: Option<Groups>,
}

/// What may stand outside aggregate functions in a grouped select.
struct Groups {
    exprs: Vec<Expr>,
    sql: Vec<String>,
}

/// The fields that a select names: which dimensions a virtual table keeps apart.
struct Used {
    all: bool,
    paths: Vec<Vec<String>>,
}

impl Used {
    fn of(select: &Select, order: &[(Expr, bool)]) -> Self {
        let mut paths = Vec::new();
        let mut note = |path: &[String]| paths.push(path.iter().map(|name| fold(name)).collect());
        select.visit_fields(&mut note);
        order.iter().for_each(|(expr, _)| expr.visit_fields(&mut note));
        Used { all: select.items.iter().any(|item| matches!(item, Item::All(..))), paths }
    }

    fn names(&self, alias: &str, field: &Field) -> bool {
        let column = Visible::of(field);
        self.all
            || self.paths.iter().any(|path| match path.as_slice() {
                [first, second, ..] if *first == fold(alias) => column.is_called(second),
                [first, ..] => column.is_called(first),
                [] => false,
            })
    }
}

pub(super) struct Translator<'a> {
    text: &'a str,
    metadata: &'a Metadata,
    temporary: &'a HashMap<String, Temporary>,
    parameters: &'a HashMap<String, &'a Parameter>,
    scopes: Vec<Scope>,
    in_aggregate: bool,
    next_alias: u32,
    first_external: u64,
    external_allowed: bool,
    result: Translation,
}

impl<'a> Translator<'a> {
    pub(super) fn new(
        text: &'a str,
        metadata: &'a Metadata,
        temporary: &'a HashMap<String, Temporary>,
        parameters: &'a HashMap<String, &'a Parameter>,
        first_external: u64,
    ) -> Self {
        Translator {
            text,
            metadata,
            temporary,
            parameters,
            scopes: Vec::new(),
            in_aggregate: false,
            next_alias: 1,
            first_external,
            external_allowed: false,
            result: Translation {
                sql: String::new(),
                bindings: Vec::new(),
                columns: Vec::new(),
                objects: BTreeSet::new(),
                external: Vec::new(),
            },
        }
    }

    pub(super) fn translate(mut self, query: &Union) -> Result<Translation> {
        self.external_allowed = query.into.is_some();
        let (sql, columns) = self.union(query)?;
        self.result.sql = sql;
        self.result.columns = columns;
        Ok(self.result)
    }

    fn error(&self, at: usize, message: impl Into<String>) -> Error {
        error_at(self.text, at, message)
    }

    fn alias(&mut self) -> String {
        let alias = format!("s{}", self.next_alias);
        self.next_alias += 1;
        alias
    }

    fn bind(&mut self, value: Option<String>) -> String {
        self.result.bindings.push(value);
        format!("?{}", self.result.bindings.len())
    }

    /// A query with its parts and order. Its columns are called `c1`, `c2` in SQL.
    fn union(&mut self, query: &Union) -> Result<(String, Vec<Column>)> {
        if query.others.is_empty() {
            return self.select(&query.first, &query.order);
        }
        let (first, mut columns) = self.select(&query.first, &[])?;
        let mut sql = format!("SELECT * FROM ({first})");
        for (all, select) in &query.others {
            let (next, others) = self.select(select, &[])?;
            if others.len() != columns.len() {
                return Err(self.error(select.at, "Разное число полей в объединяемых запросах"));
            }
            if !all && columns.iter().chain(&others).any(|column| column.types.has_unlimited_string()) {
                return Err(self.error(select.at, UNLIMITED));
            }
            for (column, other) in columns.iter_mut().zip(others) {
                column.types = std::mem::take(&mut column.types).union(&other.types);
            }
            let word = if *all { "UNION ALL" } else { "UNION" };
            sql = format!("{sql} {word} SELECT * FROM ({next})");
        }
        let mut order = Vec::new();
        for (expr, down) in &query.order {
            let Node::Field(path) = &expr.node else {
                return Err(self.error(expr.at, "В объединении упорядочивают по псевдонимам полей"));
            };
            let name = path.last().map(|name| fold(name)).unwrap_or_default();
            let found = columns.iter().position(|column| fold(&column.name) == name);
            let index = found.ok_or_else(|| self.error(expr.at, format!("Поле не найдено \"{}\"", path.join("."))))?;
            if columns.get(index).is_some_and(|column| column.types.has_unlimited_string()) {
                return Err(self.error(expr.at, UNLIMITED));
            }
            order.push(format!("c{} COLLATE {COLLATION}{}", index + 1, if *down { " DESC" } else { "" }));
        }
        if !order.is_empty() {
            sql = format!("SELECT * FROM ({sql}) ORDER BY {}", order.join(", "));
        }
        Ok((sql, columns))
    }

    fn select(&mut self, select: &Select, order: &[(Expr, bool)]) -> Result<(String, Vec<Column>)> {
        self.scopes.push(Scope::default());
        let outer_aggregate = std::mem::replace(&mut self.in_aggregate, false);
        let result = self.select_in_scope(select, order);
        self.in_aggregate = outer_aggregate;
        self.scopes.pop();
        result
    }

    fn select_in_scope(&mut self, select: &Select, order: &[(Expr, bool)]) -> Result<(String, Vec<Column>)> {
        let used = Used::of(select, order);
        let mut from = Vec::new();
        for source in &select.from {
            from.push(self.source(source, &used)?);
        }
        let filter = match &select.filter {
            Some(expr) if expr.has_aggregate() => {
                return Err(self.error(expr.at, "Агрегатные функции недопустимы в ГДЕ"));
            }
            Some(expr) => Some(self.expr(expr)?.into_condition()),
            None => None,
        };
        let groups = self.groups(select)?;
        let outputs = self.items(select)?;
        let having = match &select.having {
            Some(expr) => Some(self.expr(expr)?.into_condition()),
            None => None,
        };
        let order = self.order(order, &outputs)?;

        if select.distinct && outputs.iter().any(|(column, _)| column.types.has_unlimited_string()) {
            return Err(self.error(select.at, UNLIMITED));
        }
        let list: Vec<String> = outputs
            .iter()
            .enumerate()
            .map(|(index, (_, sql))| format!("{sql} COLLATE {COLLATION} AS c{}", index + 1))
            .collect();
        let mut sql = format!("SELECT {}{}", if select.distinct { "DISTINCT " } else { "" }, list.join(", "));
        let mut clause = |word: &str, parts: Vec<String>, separator: &str| {
            if !parts.is_empty() {
                sql.push_str(&format!(" {word} {}", parts.join(separator)));
            }
        };
        clause("FROM", from, ", ");
        clause("WHERE", filter.into_iter().collect(), "");
        clause("GROUP BY", groups, ", ");
        clause("HAVING", having.into_iter().collect(), "");
        clause("ORDER BY", order, ", ");
        clause("LIMIT", select.top.map(|count| count.to_string()).into_iter().collect(), "");
        Ok((sql, outputs.into_iter().map(|(column, _)| column).collect()))
    }

    fn groups(&mut self, select: &Select) -> Result<Vec<String>> {
        let aggregated = select.items.iter().any(|item| matches!(item, Item::Expr(expr, _) if expr.has_aggregate()))
            || select.having.is_some();
        let mut sql = Vec::new();
        for expr in &select.groups {
            let piece = self.expr(expr)?;
            if piece.types.has_unlimited_string() {
                return Err(self.error(expr.at, UNLIMITED));
            }
            sql.push(piece.into_value());
        }
        if aggregated || !sql.is_empty() {
            let groups = Groups { exprs: select.groups.clone(), sql: sql.clone() };
            if let Some(scope) = self.scopes.last_mut() {
                scope.groups = Some(groups);
            }
        }
        Ok(sql.into_iter().map(|sql| format!("{sql} COLLATE {COLLATION}")).collect())
    }

    fn items(&mut self, select: &Select) -> Result<Vec<(Column, String)>> {
        let mut outputs: Vec<(Column, String)> = Vec::new();
        for item in &select.items {
            match item {
                Item::All(alias, at) => outputs.extend(self.all_columns(alias.as_deref(), *at)?),
                Item::Expr(expr, alias) => {
                    let piece = self.expr(expr)?;
                    let types = piece.types.clone();
                    let name = match alias {
                        Some(alias) => alias.clone(),
                        None => self.automatic_name(expr, outputs.len()),
                    };
                    if outputs.iter().any(|(column, _)| fold(&column.name) == fold(&name)) {
                        return Err(self.error(expr.at, format!("Повторяющийся псевдоним \"{name}\"")));
                    }
                    outputs.push((Column { name, types }, piece.into_value()));
                }
            }
        }
        Ok(outputs)
    }

    fn automatic_name(&self, expr: &Expr, count: usize) -> String {
        let Node::Field(path) = &expr.node else { return format!("Поле{}", count + 1) };
        let first = path.first().map(|name| fold(name)).unwrap_or_default();
        let is_alias = self.scopes.last().is_some_and(|scope| scope.tables.iter().any(|table| table.alias == first));
        path.iter().skip(usize::from(is_alias && path.len() > 1)).map(String::as_str).collect()
    }

    fn all_columns(&self, alias: Option<&str>, at: usize) -> Result<Vec<(Column, String)>> {
        let Some(scope) = self.scopes.last() else { return Ok(Vec::new()) };
        if scope.groups.is_some() {
            return Err(self.error(at, "Поле не входит в группу \"*\""));
        }
        let wanted = alias.map(fold);
        let tables = scope.tables.iter().filter(|table| wanted.as_ref().is_none_or(|alias| table.alias == *alias));
        let columns: Vec<_> = tables
            .flat_map(|table| {
                table.columns.iter().map(|column| {
                    let sql = format!("{}.{}", table.sql, quoted(&column.column));
                    (Column { name: column.name.clone(), types: column.types.clone() }, sql)
                })
            })
            .collect();
        if columns.is_empty() {
            return Err(self.error(at, "Нет таблицы для \"*\""));
        }
        Ok(columns)
    }

    fn order(&mut self, order: &[(Expr, bool)], outputs: &[(Column, String)]) -> Result<Vec<String>> {
        let mut parts = Vec::new();
        for (expr, down) in order {
            let alias = match &expr.node {
                Node::Field(path) if path.len() == 1 => path.first().map(|name| fold(name)),
                _ => None,
            };
            let output = outputs.iter().find(|(column, _)| Some(fold(&column.name)) == alias);
            let (sql, types) = match output {
                Some((column, sql)) => (sql.clone(), column.types.clone()),
                None => {
                    let piece = self.expr(expr)?;
                    let types = piece.types.clone();
                    (piece.into_value(), types)
                }
            };
            if types.has_unlimited_string() {
                return Err(self.error(expr.at, UNLIMITED));
            }
            parts.push(format!("{sql} COLLATE {COLLATION}{}", if *down { " DESC" } else { "" }));
        }
        Ok(parts)
    }

    // Tables.

    fn source(&mut self, source: &Source, used: &Used) -> Result<String> {
        match source {
            Source::Join { kind, left, right, on } => {
                let left = self.source(left, used)?;
                let nested = matches!(**right, Source::Join { .. });
                let right = self.source(right, used)?;
                let right = if nested { format!("({right})") } else { right };
                let on = self.expr(on)?.into_condition();
                let word = match kind {
                    Join::Inner => "INNER",
                    Join::Left => "LEFT",
                    Join::Right => "RIGHT",
                    Join::Full => "FULL",
                };
                Ok(format!("{left} {word} JOIN {right} ON {on}"))
            }
            Source::Query { query, alias } => {
                let (sql, columns) = self.union(query)?;
                let columns = columns.into_iter().enumerate().map(|(index, column)| Visible {
                    name: column.name,
                    english: None,
                    column: format!("c{}", index + 1),
                    types: column.types,
                });
                let columns = columns.collect();
                Ok(self.show(format!("({sql})"), alias, columns))
            }
            Source::Parameter { at, name, alias } => self.external(*at, name, alias.as_deref().unwrap_or(name)),
            Source::Table { at, name, arguments, alias } => {
                self.table(*at, name, arguments.as_deref(), alias.as_deref(), used)
            }
        }
    }

    /// Adds a table to what expressions can name.
    fn show(&mut self, sql: String, alias: &str, columns: Vec<Visible>) -> String {
        let name = self.alias();
        if let Some(scope) = self.scopes.last_mut() {
            scope.tables.push(VisibleTable { alias: fold(alias), sql: name.clone(), columns });
        }
        format!("{sql} AS {name}")
    }

    fn external(&mut self, at: usize, name: &str, alias: &str) -> Result<String> {
        let parameter = self.parameters.get(&fold(name)).ok_or_else(|| Error::Parameter(name.into()))?;
        let Parameter::Rows(rows) = parameter else {
            return Err(self.error(at, format!("Параметр \"{name}\" не является таблицей")));
        };
        if !self.external_allowed {
            return Err(self.error(at, "Внешняя таблица возможна только в запросе с ПОМЕСТИТЬ"));
        }
        let table = format!("external {}", self.first_external + self.result.external.len() as u64);
        self.result.external.push((table.clone(), rows.clone()));
        let columns = rows.columns.iter().map(|column| Visible {
            name: column.name.clone(),
            english: None,
            column: column.name.clone(),
            types: column.types.clone(),
        });
        let columns = columns.collect();
        Ok(self.show(format!("{TEMPORARY}.{}", quoted(&table)), alias, columns))
    }

    fn table(
        &mut self,
        at: usize,
        name: &[String],
        arguments: Option<&[Option<Expr>]>,
        alias: Option<&str>,
        used: &Used,
    ) -> Result<String> {
        let full = name.join(".");
        let missing = |this: &Self| this.error(at, format!("Таблица не найдена \"{full}\""));
        let default_alias: String = name.iter().skip(usize::from(name.len() > 1)).map(String::as_str).collect();
        let alias = alias.unwrap_or(&default_alias);
        if let [only] = name {
            let temporary = self.temporary.get(&fold(only)).filter(|_| arguments.is_none());
            let temporary = temporary.ok_or_else(|| missing(self))?;
            let columns = temporary.columns.iter().map(|column| Visible {
                name: column.name.clone(),
                english: None,
                column: column.name.clone(),
                types: column.types.clone(),
            });
            let (columns, table) = (columns.collect(), format!("{TEMPORARY}.{}", quoted(&temporary.table)));
            return Ok(self.show(table, alias, columns));
        }
        let [kind, object, rest @ ..] = name else { return Err(missing(self)) };
        let metadata = self.metadata;
        let object = metadata.find(&format!("{kind}.{object}")).ok_or_else(|| missing(self))?;
        self.result.objects.insert(object.full_name());
        match (rest, arguments) {
            ([], None) => {
                let sql = self.object_table(object).ok_or_else(|| missing(self))?;
                let columns = object.table.fields.iter().map(Visible::of).collect();
                Ok(self.show(sql, alias, columns))
            }
            ([part], None) if object.section(part).is_some() => {
                let (section, table) = object.section(part).ok_or_else(|| missing(self))?;
                let sql = quoted(&format!("{}.{section}", object.full_name()));
                let columns = table.fields.iter().map(Visible::of).collect();
                Ok(self.show(sql, alias, columns))
            }
            ([part], _) => {
                let arguments = arguments.unwrap_or(&[]);
                let virtual_table = match fold(part).as_str() {
                    "остатки" | "balance" if object.has_balances() => {
                        self.balances(object, arguments, alias, used)?
                    }
                    "обороты" | "turnovers" if object.kind == Kind::AccumulationRegister => {
                        self.turnovers(at, object, arguments, alias, used)?
                    }
                    "срезпоследних" | "slicelast" if object.is_periodic() => {
                        self.slice(object, arguments, true)?
                    }
                    "срезпервых" | "slicefirst" if object.is_periodic() => {
                        self.slice(object, arguments, false)?
                    }
                    _ => return Err(missing(self)),
                };
                let (sql, columns) = virtual_table;
                Ok(self.show(sql, alias, columns))
            }
            _ => Err(missing(self)),
        }
    }

    fn object_table(&mut self, object: &Object) -> Option<String> {
        let name = quoted(&object.full_name());
        match object.kind {
            Kind::Enumeration => {
                let values = object.values.iter().enumerate().map(|(index, (value, _))| {
                    let reference = Datum::enumeration(&object.full_name(), value).store().unwrap_or_default();
                    let order = Datum::int(index as i64).store().unwrap_or_default();
                    format!("SELECT '{reference}' AS \"Ссылка\", '{order}' AS \"Порядок\"")
                });
                Some(format!("({})", values.collect::<Vec<_>>().join(" UNION ALL ")))
            }
            // A constant that was never set has its empty value.
            Kind::Constant => {
                let field = object.table.fields.first()?;
                let (column, empty) = (quoted(&field.name), self.bind(field.types.empty().store()));
                Some(format!("(SELECT COALESCE((SELECT {column} FROM {name}), {empty}) AS {column})"))
            }
            _ if object.table.fields.is_empty() => None,
            _ => Some(name),
        }
    }

    /// The condition on a virtual table's rows, written in the register's own fields.
    fn own_condition(&mut self, table: &Table, sql: &str, condition: Option<&Expr>) -> Result<String> {
        let Some(condition) = condition else { return Ok("1".into()) };
        let columns = table.fields.iter().map(Visible::of).collect();
        let shown = VisibleTable { alias: String::new(), sql: sql.into(), columns };
        let outer = std::mem::replace(&mut self.scopes, vec![Scope { tables: vec![shown], groups: None }]);
        let piece = self.expr(condition);
        self.scopes = outer;
        Ok(piece?.into_condition())
    }

    /// Which periods come before a moment. A bare date counts as the moment's beginning for balances and as the whole
    /// moment for slices and turnovers.
    fn until(&mut self, period: &str, argument: Option<&Expr>, whole: bool) -> Result<String> {
        let Some(argument) = argument else { return Ok("1".into()) };
        if let Node::Parameter(name) = &argument.node {
            match self.parameters.get(&fold(name)) {
                Some(Parameter::Boundary { date, including }) => {
                    let date = self.bind(Datum::Date(*date).store());
                    return Ok(format!("{period} {} {date}", if *including { "<=" } else { "<" }));
                }
                Some(Parameter::PointInTime { date, document }) => {
                    let date = self.bind(Datum::Date(*date).store());
                    let document = self.bind(Datum::Ref(document.clone()).store());
                    let recorder = period.replace(&quoted("Период"), &quoted("Регистратор"));
                    return Ok(format!("({period} < {date} OR {period} = {date} AND {recorder} < {document})"));
                }
                Some(Parameter::Value(Datum::Undefined | Datum::Null)) => return Ok("1".into()),
                _ => {}
            }
        }
        let date = self.expr(argument)?.into_value();
        Ok(format!("{period} {} {date}", if whole { "<=" } else { "<" }))
    }

    fn balances(
        &mut self,
        object: &Object,
        arguments: &[Option<Expr>],
        alias: &str,
        used: &Used,
    ) -> Result<(String, Vec<Visible>)> {
        let inner = self.alias();
        let argument = |index: usize| arguments.get(index).and_then(Option::as_ref);
        let until = self.until(&format!("{inner}.{}", quoted("Период")), argument(0), false)?;
        let condition = self.own_condition(&object.table, &inner, argument(1))?;
        let receipt = movement("Приход");
        let resources = object.table.of_role(Role::Resource).map(|field| {
            let value = format!("{inner}.{}", quoted(&field.name));
            let kind = format!("{inner}.{}", quoted("ВидДвижения"));
            let sum = format!("n_sum(CASE WHEN {kind} = '{receipt}' THEN {value} ELSE n_neg({value}) END)");
            (format!("{}Остаток", field.name), sum, field.types.clone())
        });
        let resources: Vec<_> = resources.collect();
        let zero = resources.iter().map(|(_, sum, _)| format!("{sum} = 'n1'")).collect::<Vec<_>>().join(" AND ");
        let condition = format!("{until} AND {condition}");
        Ok(collapsed(object, &inner, alias, used, resources, &condition, &format!(" HAVING NOT ({zero})")))
    }

    fn turnovers(
        &mut self,
        at: usize,
        object: &Object,
        arguments: &[Option<Expr>],
        alias: &str,
        used: &Used,
    ) -> Result<(String, Vec<Visible>)> {
        let inner = self.alias();
        let argument = |index: usize| arguments.get(index).and_then(Option::as_ref);
        if argument(2).is_some() {
            return Err(self.error(at, "Обороты с периодичностью: не поддерживается"));
        }
        let period = format!("{inner}.{}", quoted("Период"));
        let from = match argument(0) {
            Some(expr) => format!("{period} >= {}", self.expr(expr)?.into_value()),
            None => "1".into(),
        };
        let until = self.until(&period, argument(1), true)?;
        let condition = self.own_condition(&object.table, &inner, argument(3))?;
        let mut resources = Vec::new();
        for field in object.table.of_role(Role::Resource) {
            let value = format!("{inner}.{}", quoted(&field.name));
            let kind = format!("{inner}.{}", quoted("ВидДвижения"));
            let only =
                |name: &str| format!("n_sum(CASE WHEN {kind} = '{}' THEN {value} ELSE 'n1' END)", movement(name));
            if object.has_balances() {
                let signed =
                    format!("CASE WHEN {kind} = '{}' THEN {value} ELSE n_neg({value}) END", movement("Приход"));
                resources.push((format!("{}Приход", field.name), only("Приход"), field.types.clone()));
                resources.push((format!("{}Расход", field.name), only("Расход"), field.types.clone()));
                resources.push((format!("{}Оборот", field.name), format!("n_sum({signed})"), field.types.clone()));
            } else {
                resources.push((format!("{}Оборот", field.name), format!("n_sum({value})"), field.types.clone()));
            }
        }
        let condition = format!("{from} AND {until} AND {condition}");
        Ok(collapsed(object, &inner, alias, used, resources, &condition, ""))
    }

    fn slice(&mut self, object: &Object, arguments: &[Option<Expr>], last: bool) -> Result<(String, Vec<Visible>)> {
        let inner = self.alias();
        let argument = |index: usize| arguments.get(index).and_then(Option::as_ref);
        let period = format!("{inner}.{}", quoted("Период"));
        let until = match (last, argument(0)) {
            (false, Some(expr)) => format!("{period} >= {}", self.expr(expr)?.into_value()),
            (_, argument) => self.until(&period, argument, true)?,
        };
        let condition = self.own_condition(&object.table, &inner, argument(1))?;
        let dimensions: Vec<String> = object
            .table
            .of_role(Role::Dimension)
            .map(|field| format!("{inner}.{} COLLATE {COLLATION}", quoted(&field.name)))
            .collect();
        let partition =
            if dimensions.is_empty() { String::new() } else { format!("PARTITION BY {}", dimensions.join(", ")) };
        let down = if last { " DESC" } else { "" };
        let mut order = format!("{period}{down}");
        let mut active = String::new();
        if object.has_recorder() {
            let line = ["Регистратор", "НомерСтроки"].map(|name| format!(", {inner}.{}{down}", quoted(name)));
            order.push_str(&line.concat());
            active = format!("{inner}.{} = 'b1' AND ", quoted("Активность"));
        }
        let sql = format!(
            "(SELECT * FROM (SELECT {inner}.*, ROW_NUMBER() OVER ({partition} ORDER BY {order}) AS \"_number\" FROM \
             {} AS {inner} WHERE {active}{until} AND {condition}) WHERE \"_number\" = 1)",
            quoted(&object.full_name())
        );
        Ok((sql, object.table.fields.iter().map(Visible::of).collect()))
    }

    // Expressions.

    fn expr(&mut self, expr: &Expr) -> Result<Piece> {
        if !self.in_aggregate
            && let Some(index) = self.group_index(expr)
            && let Some(Some(groups)) = self.scopes.last().map(|scope| &scope.groups)
            && !matches!(expr.node, Node::Field(_))
            && let Some(sql) = groups.sql.get(index).cloned()
        {
            let outer = self.scopes.last_mut().and_then(|scope| scope.groups.take());
            let types = self.expr(expr).map(|piece| piece.types);
            if let Some(scope) = self.scopes.last_mut() {
                scope.groups = outer;
            }
            return Ok(Piece::value(sql, types?));
        }
        match &expr.node {
            Node::Null => Ok(Piece::value("NULL".into(), TypeSet::one(ValueType::Null))),
            Node::Undefined => Ok(Piece::value("'!'".into(), TypeSet::one(ValueType::Undefined))),
            Node::Boolean(flag) => Ok(Piece::value(format!("'b{}'", u8::from(*flag)), TypeSet::boolean())),
            Node::Number(text) => self.number(expr.at, text),
            Node::Text(text) => {
                let value = Datum::text(text);
                let types = TypeSet::of(&value);
                Ok(Piece::value(self.bind(value.store()), types))
            }
            Node::Parameter(name) => self.parameter(expr.at, name),
            Node::Field(path) => self.field(expr.at, path),
            Node::Not(inner) => Ok(Piece::condition(format!("(NOT {})", self.expr(inner)?.into_condition()))),
            Node::Negate(inner) => {
                Ok(Piece::value(format!("n_neg({})", self.expr(inner)?.into_value()), TypeSet::number()))
            }
            Node::Binary(operation, left, right) => self.binary(expr.at, *operation, left, right),
            Node::IsNull(inner, not) => {
                let value = self.expr(inner)?.into_value();
                Ok(Piece::condition(format!("({value} IS {}NULL)", if *not { "NOT " } else { "" })))
            }
            Node::In { value, negated, hierarchy, list } => self.in_list(expr.at, value, *negated, *hierarchy, list),
            Node::Between(value, from, to) => {
                let (value, from, to) = (self.expr(value)?, self.expr(from)?, self.expr(to)?);
                self.check_comparable(expr.at, &value, &from)?;
                self.check_comparable(expr.at, &value, &to)?;
                let (value, from, to) = (value.into_value(), from.into_value(), to.into_value());
                Ok(Piece::condition(format!("({value} COLLATE {COLLATION} BETWEEN {from} AND {to})")))
            }
            Node::Like { value, pattern, escape } => {
                let (value, pattern) = (self.expr(value)?.into_value(), self.expr(pattern)?.into_value());
                let escape = self.bind(escape.as_ref().and_then(|text| Datum::text(text).store()));
                Ok(Piece::condition(format!("v_like({value}, {pattern}, {escape})")))
            }
            Node::IsType(value, path) => {
                let object = self.object_of_type(expr.at, path)?;
                let value = self.expr(value)?.into_value();
                let object = self.bind(Some(object));
                Ok(Piece::condition(format!("v_is({value}, {object})")))
            }
            Node::Case { branches, otherwise } => self.case(branches, otherwise.as_deref()),
            Node::Cast(value, kind) => self.cast(expr.at, value, kind),
            Node::Member(value, path) => {
                let mut piece = self.expr(value)?;
                for name in path {
                    let missing = || error_at(self.text, expr.at, format!("Поле не найдено \"{}\"", path.join(".")));
                    piece = self.member(&piece, name).ok_or_else(missing)?;
                }
                Ok(piece)
            }
            Node::Value(path) => self.predefined(expr.at, path),
            Node::Type(path) => {
                let name = match path.as_slice() {
                    [_, _] => crate::datum::reference_type(&self.object_of_type(expr.at, path)?),
                    _ => {
                        let found = self.metadata.type_by_name(&path.join("."));
                        found.ok_or_else(|| self.error(expr.at, "Неизвестный тип"))?.name()
                    }
                };
                Ok(Piece::value(self.bind(Datum::Type(name).store()), TypeSet::one(ValueType::Type)))
            }
            Node::Call(function, arguments) => self.call(expr.at, function, arguments),
            Node::Aggregate { function, distinct, argument } => {
                self.aggregate(expr.at, *function, *distinct, argument.as_deref())
            }
            Node::Tuple(_) => Err(self.error(expr.at, "Список возможен только слева от В")),
        }
    }

    fn group_index(&self, expr: &Expr) -> Option<usize> {
        let groups = self.scopes.last()?.groups.as_ref()?;
        groups.exprs.iter().position(|group| group == expr)
    }

    fn number(&mut self, at: usize, text: &str) -> Result<Piece> {
        let number = text.parse().map_err(|_| self.error(at, format!("Неправильное число \"{text}\"")))?;
        Ok(Piece::value(self.bind(Datum::Number(number).store()), TypeSet::number()))
    }

    fn parameter(&mut self, at: usize, name: &str) -> Result<Piece> {
        let parameter = *self.parameters.get(&fold(name)).ok_or_else(|| Error::Parameter(name.into()))?;
        let value = match parameter {
            Parameter::Value(value) => value.clone(),
            Parameter::Boundary { date, .. } | Parameter::PointInTime { date, .. } => Datum::Date(*date),
            Parameter::List(_) | Parameter::Rows(_) => {
                return Err(self.error(at, format!("Неверный тип параметра \"{name}\"")));
            }
        };
        let types = TypeSet::of(&value);
        Ok(Piece { loose: true, ..Piece::value(self.bind(value.store()), types) })
    }

    fn field(&mut self, at: usize, path: &[String]) -> Result<Piece> {
        let missing = || error_at(self.text, at, format!("Поле не найдено \"{}\"", path.join(".")));
        let (depth, used, sql, types) = self.resolve(path).ok_or_else(missing)?;
        let mut piece = Piece::value(sql, types);
        let mut prefixes = vec![piece.sql.clone()];
        for name in path.iter().skip(used) {
            piece = self
                .member(&piece, name)
                .ok_or_else(|| error_at(self.text, at, format!("Поле не найдено \"{}\"", path.join("."))))?;
            prefixes.push(piece.sql.clone());
        }
        let scope = self.scopes.get(depth);
        if let Some(Some(groups)) = scope.map(|scope| &scope.groups)
            && !(self.in_aggregate && depth + 1 == self.scopes.len())
            && !groups.sql.iter().any(|sql| prefixes.contains(sql))
        {
            return Err(self.error(at, format!("Поле не входит в группу \"{}\"", path.join("."))));
        }
        Ok(piece)
    }

    /// Finds the column that a path begins with: the number of its scope, how many names it takes, SQL and types.
    fn resolve(&self, path: &[String]) -> Option<(usize, usize, String, TypeSet)> {
        let first = path.first()?;
        let folded = fold(first);
        for (depth, scope) in self.scopes.iter().enumerate().rev() {
            let by_alias = scope.tables.iter().find(|table| table.alias == folded);
            if let (Some(table), Some(second)) = (by_alias, path.get(1))
                && let Some(column) = table.column(second)
            {
                return Some((depth, 2, format!("{}.{}", table.sql, quoted(&column.column)), column.types.clone()));
            }
            let mut columns = scope.tables.iter().filter_map(|table| table.column(first).map(|column| (table, column)));
            if let (Some((table, column)), None) = (columns.next(), columns.next()) {
                return Some((depth, 1, format!("{}.{}", table.sql, quoted(&column.column)), column.types.clone()));
            }
        }
        None
    }

    /// A field of a reference: NULL if the reference is empty, leads nowhere or to an object without the field.
    fn member(&mut self, piece: &Piece, name: &str) -> Option<Piece> {
        let mut parts = Vec::new();
        let mut types = TypeSet::default();
        for object in piece.types.objects().map(str::to_owned).collect::<Vec<_>>() {
            let metadata = self.metadata;
            let Some(object) = metadata.find(&object) else { continue };
            let Some(field) = object.table.field(name) else { continue };
            let Some(table) = self.object_table(object) else { continue };
            self.result.objects.insert(object.full_name());
            let key = quoted("Ссылка");
            let column = quoted(&field.name);
            let value = &piece.sql;
            // Always the same alias, so that the same field has the same text: `СГРУППИРОВАТЬ ПО` is checked by it.
            parts.push(format!("(SELECT d.{column} FROM {table} AS d WHERE d.{key} = {value})"));
            types = types.union(&field.types);
        }
        match parts.as_slice() {
            [] => None,
            [only] => Some(Piece::value(only.clone(), types)),
            _ => Some(Piece::value(format!("COALESCE({})", parts.join(", ")), types)),
        }
    }

    fn binary(&mut self, at: usize, operation: Operation, left: &Expr, right: &Expr) -> Result<Piece> {
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let function = |name: &str, types: TypeSet, left: Piece, right: Piece| {
            Ok(Piece::value(format!("{name}({}, {})", left.into_value(), right.into_value()), types))
        };
        let sign = match operation {
            Operation::And | Operation::Or => {
                let word = if operation == Operation::And { "AND" } else { "OR" };
                let (left, right) = (left.into_condition(), right.into_condition());
                return Ok(Piece::condition(format!("({left} {word} {right})")));
            }
            Operation::Add => {
                let types = sum_types(&left.types, &right.types);
                return function("v_add", types, left, right);
            }
            Operation::Subtract => return function("n_sub", TypeSet::number(), left, right),
            Operation::Multiply => return function("n_mul", TypeSet::number(), left, right),
            Operation::Divide => return function("n_div", TypeSet::number(), left, right),
            Operation::Equal => "=",
            Operation::NotEqual => "<>",
            Operation::Less => "<",
            Operation::LessOrEqual => "<=",
            Operation::Greater => ">",
            Operation::GreaterOrEqual => ">=",
        };
        self.check_comparable(at, &left, &right)?;
        let (left, right) = (left.into_value(), right.into_value());
        Ok(Piece::condition(format!("({left} COLLATE {COLLATION} {sign} {right})")))
    }

    fn check_comparable(&self, at: usize, left: &Piece, right: &Piece) -> Result<()> {
        if left.types.has_unlimited_string() || right.types.has_unlimited_string() {
            return Err(self.error(at, UNLIMITED));
        }
        let classes = |types: &TypeSet| types.types().iter().map(class).collect::<BTreeSet<u8>>();
        let (known, other) = (classes(&left.types), classes(&right.types));
        let untyped = left.loose || right.loose || known.contains(&0) || other.contains(&0);
        if !untyped && !known.is_empty() && !other.is_empty() && known.is_disjoint(&other) {
            return Err(self.error(at, UNLIMITED));
        }
        Ok(())
    }

    fn in_list(&mut self, at: usize, value: &Expr, negated: bool, hierarchy: bool, list: &InList) -> Result<Piece> {
        let values = match &value.node {
            Node::Tuple(items) => items.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>>>()?,
            _ => vec![self.expr(value)?],
        };
        let inside = match list {
            InList::Query(query) => {
                let (sql, columns) = self.union(query)?;
                if columns.len() != values.len() {
                    return Err(self.error(at, "Разное число полей слева и справа от В"));
                }
                for (left, column) in values.iter().zip(columns) {
                    self.check_comparable(at, left, &Piece::value(String::new(), column.types))?;
                }
                sql
            }
            InList::Values(items) => {
                let [left] = values.as_slice() else {
                    return Err(self.error(at, "Слева от В со списком значений возможно одно поле"));
                };
                self.list_values(at, &left.clone(), items)?
            }
        };
        let types = values.iter().fold(TypeSet::default(), |types, piece| types.union(&piece.types));
        let left: Vec<String> =
            values.into_iter().map(|piece| format!("{} COLLATE {COLLATION}", piece.into_value())).collect();
        let left = if left.len() == 1 { left.concat() } else { format!("({})", left.join(", ")) };
        let inside = if hierarchy { self.hierarchy(at, &types, &inside)? } else { inside };
        Ok(Piece::condition(format!("({left} {}IN ({inside}))", if negated { "NOT " } else { "" })))
    }

    fn list_values(&mut self, at: usize, left: &Piece, items: &[Expr]) -> Result<String> {
        let mut parts = Vec::new();
        for item in items {
            if let Node::Parameter(name) = &item.node
                && let Some(Parameter::List(values)) = self.parameters.get(&fold(name))
            {
                let values: Vec<String> = values.iter().filter_map(Datum::store).collect();
                let json = json_array(&values);
                let place = self.bind(Some(json));
                parts.push(format!("SELECT value FROM json_each({place})"));
                continue;
            }
            let piece = self.expr(item)?;
            self.check_comparable(at, left, &piece)?;
            parts.push(format!("SELECT {}", piece.into_value()));
        }
        if left.types.has_unlimited_string() {
            return Err(self.error(at, UNLIMITED));
        }
        Ok(parts.join(" UNION ALL "))
    }

    /// The values of a list with everything below them.
    fn hierarchy(&mut self, at: usize, types: &TypeSet, inside: &str) -> Result<String> {
        let metadata = self.metadata;
        let mut objects = types.objects().filter_map(|name| metadata.find(name));
        let object = objects.find(|object| object.table.field("Родитель").is_some());
        let table = object.ok_or_else(|| self.error(at, "В ИЕРАРХИИ: справочник не иерархический"))?.full_name();
        let (table, key, parent) = (quoted(&table), quoted("Ссылка"), quoted("Родитель"));
        let alias = self.alias();
        Ok(format!(
            "WITH RECURSIVE below(item) AS (SELECT * FROM ({inside}) UNION SELECT {alias}.{key} FROM {table} AS \
             {alias} JOIN below ON {alias}.{parent} = below.item) SELECT item FROM below"
        ))
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: Option<&Expr>) -> Result<Piece> {
        let mut sql = String::from("(CASE");
        let mut types = TypeSet::default();
        for (condition, result) in branches {
            let condition = self.expr(condition)?.into_condition();
            let result = self.expr(result)?;
            types = types.union(&result.types);
            sql.push_str(&format!(" WHEN {condition} THEN {}", result.into_value()));
        }
        if let Some(otherwise) = otherwise {
            let result = self.expr(otherwise)?;
            types = types.union(&result.types);
            sql.push_str(&format!(" ELSE {}", result.into_value()));
        }
        Ok(Piece::value(format!("{sql} END)"), types))
    }

    fn cast(&mut self, at: usize, value: &Expr, kind: &CastType) -> Result<Piece> {
        let value = self.expr(value)?.into_value();
        let (name, first, second, types) = match kind {
            CastType::Boolean => ("Булево".to_owned(), 0, 0, TypeSet::boolean()),
            CastType::Date => ("Дата".to_owned(), 0, 0, TypeSet::date()),
            CastType::String(length) => ("Строка".to_owned(), *length, 0, TypeSet::string(*length)),
            CastType::Number(digits, scale) => ("Число".to_owned(), *digits, *scale, TypeSet::number()),
            CastType::Object(path) => {
                let object = self.object_of_type(at, path)?;
                let types = match self.metadata.find(&object).map(|object| object.kind) {
                    Some(Kind::Enumeration) => TypeSet::one(ValueType::Enum(object.clone())),
                    _ => TypeSet::reference(&object),
                };
                (object, 0, 0, types)
            }
        };
        let name = self.bind(Some(name));
        Ok(Piece::value(format!("v_cast({value}, {name}, {first}, {second})"), types))
    }

    /// Full name of the object whose references a path such as `Справочник.Контрагенты` means.
    fn object_of_type(&self, at: usize, path: &[String]) -> Result<String> {
        let name = path.join(".");
        let object = self.metadata.find(&name).filter(|object| object.kind.has_references());
        let object = object.ok_or_else(|| self.error(at, format!("Таблица не найдена \"{name}\"")))?;
        Ok(object.full_name())
    }

    fn predefined(&mut self, at: usize, path: &[String]) -> Result<Piece> {
        let unknown = |this: &Self| this.error(at, format!("Неизвестное значение \"{}\"", path.join(".")));
        let value = match path {
            [kind, value] if fold(kind) == fold(MOVEMENT_KIND) || fold(kind) == "accumulationrecordtype" => {
                let name = match fold(value).as_str() {
                    "приход" | "receipt" => "Приход",
                    "расход" | "expense" => "Расход",
                    _ => return Err(unknown(self)),
                };
                Datum::enumeration(MOVEMENT_KIND, name)
            }
            [kind, object, value] => {
                let object = self.metadata.find(&format!("{kind}.{object}"));
                let object = object.filter(|object| object.kind.has_references()).ok_or_else(|| unknown(self))?;
                let empty = matches!(fold(value).as_str(), "пустаяссылка" | "emptyref");
                match object.kind {
                    Kind::Enumeration => {
                        let known = object.values.iter().find(|(name, _)| fold(name) == fold(value));
                        let name = known.map(|(name, _)| name.as_str()).or(empty.then_some(""));
                        let value = name.ok_or_else(|| unknown(self))?.into();
                        Datum::Enum(EnumValue { enumeration: object.full_name().into(), value })
                    }
                    _ if empty => Datum::Ref(Reference::empty(&object.full_name())),
                    _ => return Err(unknown(self)),
                }
            }
            _ => return Err(unknown(self)),
        };
        let types = TypeSet::of(&value);
        Ok(Piece::value(self.bind(value.store()), types))
    }

    fn call(&mut self, at: usize, function: &str, arguments: &[Expr]) -> Result<Piece> {
        let count = match function {
            "ДАТАВРЕМЯ" => arguments.len().clamp(3, 6),
            "ПОДСТРОКА" | "ДОБАВИТЬКДАТЕ" | "РАЗНОСТЬДАТ" => 3,
            "ЕСТЬNULL" | "НАЧАЛОПЕРИОДА" | "КОНЕЦПЕРИОДА" => 2,
            _ => 1,
        };
        if arguments.len() != count {
            return Err(self.error(at, format!("{function}: неверное число параметров")));
        }
        let call = |name: &str, values: Vec<String>, types: TypeSet| {
            Ok(Piece::value(format!("{name}({})", values.join(", ")), types))
        };
        match function {
            "ЕСТЬNULL" => {
                let pieces = self.pieces(arguments)?;
                let types = pieces.iter().fold(TypeSet::default(), |types, piece| types.union(&piece.types));
                let types =
                    TypeSet::new(types.types().iter().filter(|one| !matches!(one, ValueType::Null)).cloned().collect());
                call("COALESCE", pieces.into_iter().map(Piece::into_value).collect(), types)
            }
            "ПОДСТРОКА" => {
                let mut pieces = self.pieces(arguments)?;
                let length = match arguments.get(2).map(|length| &length.node) {
                    Some(Node::Number(text)) => text.parse().unwrap_or(0),
                    _ => 0,
                };
                let values = pieces.drain(..).map(Piece::into_value).collect();
                call("v_substr", values, TypeSet::string(length))
            }
            "ДАТАВРЕМЯ" => {
                let mut values: Vec<String> = self.pieces(arguments)?.into_iter().map(Piece::into_value).collect();
                values.resize(6, "'n1'".into());
                call("d_make", values, TypeSet::date())
            }
            "НАЧАЛОПЕРИОДА" | "КОНЕЦПЕРИОДА" => {
                let name = if function == "НАЧАЛОПЕРИОДА" { "d_start" } else { "d_end" };
                let values = vec![self.argument(arguments, 0)?, self.period(at, arguments.get(1))?];
                call(name, values, TypeSet::date())
            }
            "ДОБАВИТЬКДАТЕ" => {
                let period = self.period(at, arguments.get(1))?;
                let values = vec![self.argument(arguments, 0)?, period, self.argument(arguments, 2)?];
                call("d_add", values, TypeSet::date())
            }
            "РАЗНОСТЬДАТ" => {
                let period = self.period(at, arguments.get(2))?;
                let values = vec![self.argument(arguments, 0)?, self.argument(arguments, 1)?, period];
                call("d_diff", values, TypeSet::number())
            }
            "ТИПЗНАЧЕНИЯ" => {
                call("v_type", vec![self.argument(arguments, 0)?], TypeSet::one(ValueType::Type))
            }
            "ПРЕДСТАВЛЕНИЕ" => self.presentation(arguments),
            part => {
                let value = self.argument(arguments, 0)?;
                let part = self.bind(Datum::text(fold(part)).store());
                call("d_part", vec![value, part], TypeSet::number())
            }
        }
    }

    fn pieces(&mut self, arguments: &[Expr]) -> Result<Vec<Piece>> {
        arguments.iter().map(|argument| self.expr(argument)).collect()
    }

    fn argument(&mut self, arguments: &[Expr], index: usize) -> Result<String> {
        match arguments.get(index) {
            Some(expr) => Ok(self.expr(expr)?.into_value()),
            None => Ok("NULL".into()),
        }
    }

    /// The word of a period, `ДЕНЬ` or `DAY`.
    fn period(&mut self, at: usize, argument: Option<&Expr>) -> Result<String> {
        const PERIODS: [(&str, &str); 8] = [
            ("секунда", "second"),
            ("минута", "minute"),
            ("час", "hour"),
            ("день", "day"),
            ("неделя", "week"),
            ("месяц", "month"),
            ("квартал", "quarter"),
            ("год", "year"),
        ];
        let word = match argument.map(|argument| &argument.node) {
            Some(Node::Field(path)) => path.first().map(|word| fold(word)).unwrap_or_default(),
            _ => String::new(),
        };
        let known = PERIODS.iter().find(|(russian, english)| word == *russian || word == *english);
        let known = known.ok_or_else(|| self.error(at, "Ожидается период: ДЕНЬ, МЕСЯЦ и так далее"))?;
        Ok(self.bind(Datum::text(known.0).store()))
    }

    /// What a reference is shown as: the name of a catalogue's item, a document's kind, number and date.
    fn presentation(&mut self, arguments: &[Expr]) -> Result<Piece> {
        let Some(argument) = arguments.first() else { return Ok(Piece::value("NULL".into(), TypeSet::string(0))) };
        let piece = self.expr(argument)?;
        let mut parts = Vec::new();
        for object in piece.types.objects() {
            let Some(object) = self.metadata.find(object) else { continue };
            let name = match object.kind {
                Kind::Catalog | Kind::ExchangePlan => quoted("Наименование"),
                Kind::Document => ["Ссылка", "Номер", "Дата"].map(quoted).join(", "),
                _ => continue,
            };
            let shown = if object.kind == Kind::Document { format!("d_present({name})") } else { name };
            let (table, key) = (quoted(&object.full_name()), quoted("Ссылка"));
            parts.push(format!("(SELECT {shown} FROM {table} WHERE {key} = {})", piece.sql));
        }
        parts.push(format!("v_present({})", piece.into_value()));
        // A single operand would not be a call of COALESCE.
        parts.push("NULL".into());
        Ok(Piece::value(format!("COALESCE({})", parts.join(", ")), TypeSet::string(150)))
    }

    fn aggregate(&mut self, at: usize, function: Aggregate, distinct: bool, argument: Option<&Expr>) -> Result<Piece> {
        if self.in_aggregate {
            return Err(self.error(at, "Агрегатная функция внутри агрегатной функции"));
        }
        let Some(argument) = argument else { return Ok(Piece::value("n_int(COUNT(*))".into(), TypeSet::number())) };
        self.in_aggregate = true;
        let piece = self.expr(argument);
        self.in_aggregate = false;
        let piece = piece?;
        let compares = distinct || matches!(function, Aggregate::Maximum | Aggregate::Minimum);
        if compares && piece.types.has_unlimited_string() {
            return Err(self.error(at, UNLIMITED));
        }
        let types = piece.types.clone();
        let value = piece.into_value();
        let word = if distinct { "DISTINCT " } else { "" };
        Ok(match function {
            Aggregate::Sum => Piece::value(format!("n_sum({word}{value})"), TypeSet::number()),
            Aggregate::Average => Piece::value(format!("n_avg({word}{value})"), TypeSet::number()),
            Aggregate::Count => {
                Piece::value(format!("n_int(COUNT({word}{value} COLLATE {COLLATION}))"), TypeSet::number())
            }
            Aggregate::Maximum => Piece::value(format!("MAX({value} COLLATE {COLLATION})"), types),
            Aggregate::Minimum => Piece::value(format!("MIN({value} COLLATE {COLLATION})"), types),
        })
    }
}

const UNLIMITED: &str = "Нельзя сравнивать поля неограниченной длины и поля несовместимых типов";

fn movement(name: &str) -> String {
    Datum::enumeration(MOVEMENT_KIND, name).store().unwrap_or_default()
}

/// A register's movements summed by the dimensions that the query names; the others are collapsed.
fn collapsed(
    object: &Object,
    inner: &str,
    alias: &str,
    used: &Used,
    resources: Vec<(String, String, TypeSet)>,
    condition: &str,
    having: &str,
) -> (String, Vec<Visible>) {
    let dimensions: Vec<&Field> =
        object.table.of_role(Role::Dimension).filter(|field| used.names(alias, field)).collect();
    let names = dimensions.iter().map(|field| format!("{inner}.{}", quoted(&field.name)));
    let sums = resources.iter().map(|(name, sum, _)| format!("{sum} AS {}", quoted(name)));
    let list: Vec<String> = names.clone().chain(sums).collect();
    let groups: Vec<String> = names.collect();
    let groups = if groups.is_empty() { "NULL".to_owned() } else { groups.join(", ") };
    let table = quoted(&object.full_name());
    let active = format!("{inner}.{} = 'b1'", quoted("Активность"));
    let sql = format!(
        "(SELECT {} FROM {table} AS {inner} WHERE {active} AND {condition} GROUP BY {groups}{having})",
        list.join(", ")
    );
    let columns = dimensions.into_iter().map(Visible::of);
    let sums =
        resources.into_iter().map(|(name, _, types)| Visible { column: name.clone(), name, english: None, types });
    (sql, columns.chain(sums).collect())
}

fn sum_types(left: &TypeSet, right: &TypeSet) -> TypeSet {
    let strings = |types: &TypeSet| types.types().iter().any(|one| matches!(one, ValueType::String { .. }));
    if !strings(left) && !strings(right) {
        return TypeSet::number();
    }
    let length = |types: &TypeSet| {
        types.types().iter().find_map(|one| match one {
            ValueType::String { length, .. } => Some(*length),
            _ => None,
        })
    };
    match (length(left), length(right)) {
        (Some(0), _) | (_, Some(0)) => TypeSet::string(0),
        (left, right) => TypeSet::string((left.unwrap_or(0) + right.unwrap_or(0)).min(1024)),
    }
}

/// Types of one class may be compared; 0: with everything.
fn class(value_type: &ValueType) -> u8 {
    match value_type {
        ValueType::Undefined | ValueType::Null => 0,
        ValueType::Boolean => 1,
        ValueType::Number { .. } => 2,
        ValueType::String { .. } => 3,
        ValueType::Date(_) => 4,
        ValueType::Ref(_) | ValueType::Enum(_) => 5,
        ValueType::Uuid => 6,
        ValueType::Storage => 7,
        ValueType::Type => 8,
    }
}

fn json_array(values: &[String]) -> String {
    let mut text = String::from("[");
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push('"');
        for letter in value.chars() {
            match letter {
                '"' | '\\' => text.extend(['\\', letter]),
                control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
                letter => text.push(letter),
            }
        }
        text.push('"');
    }
    text.push(']');
    text
}
