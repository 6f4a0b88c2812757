//! `ИТОГИ`: rows that sum up those below them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;

use super::ast::{Aggregate, Total, Totals};
use super::lexer::error_at;
use super::rows::{Levels, Rows};
use crate::datum::{Datum, compare_stored};
use crate::error::Result;

type Row = Vec<Datum>;

/// Puts the totals above the rows that they sum up. Groups come in the order in which they first appear.
pub(super) fn with_totals(text: &str, totals: &Totals, rows: Rows) -> Result<Rows> {
    let column = |name: &str, at: usize| {
        rows.column(name).ok_or_else(|| error_at(text, at, format!("Поле не найдено \"{name}\"")))
    };
    let groups = totals.groups.iter().map(|(name, at)| column(name, *at)).collect::<Result<Vec<_>>>()?;
    let sums = totals.sums.iter().map(|sum| Ok((sum, column(&sum.column, sum.at)?)));
    let sums = sums.collect::<Result<Vec<_>>>()?;
    let mut summary = Summary { groups, sums, width: rows.columns.len(), rows: Vec::new(), levels: Vec::new() };
    let all: Vec<&Row> = rows.rows.iter().collect();
    if totals.overall {
        summary.total(&all, &[], 0);
    }
    summary.descend(&all, &mut Vec::new(), u32::from(totals.overall));
    let levels = Levels { of_row: summary.levels, overall: totals.overall };
    Ok(Rows { rows: summary.rows, levels: Some(levels), columns: rows.columns })
}

struct Summary<'q> {
    groups: Vec<usize>,
    sums: Vec<(&'q Total, usize)>,
    width: usize,
    rows: Vec<Row>,
    levels: Vec<u32>,
}

impl Summary<'_> {
    /// A row that sums up others. What is neither a sum nor a group has no value in it.
    fn total(&mut self, rows: &[&Row], groups: &[Datum], level: u32) {
        let mut total = vec![Datum::Null; self.width];
        for (column, value) in self.groups.iter().zip(groups) {
            total[*column] = value.clone();
        }
        for (sum, column) in &self.sums {
            total[*column] = aggregate(sum, rows.iter().map(|row| &row[*column]));
        }
        self.rows.push(total);
        self.levels.push(level);
    }

    fn descend(&mut self, rows: &[&Row], groups: &mut Vec<Datum>, level: u32) {
        let Some(column) = self.groups.get(groups.len()).copied() else {
            self.rows.extend(rows.iter().map(|row| (*row).clone()));
            self.levels.extend(rows.iter().map(|_| level));
            return;
        };
        let mut parts: Vec<(Datum, Vec<&Row>)> = Vec::new();
        let mut places: HashMap<Option<String>, usize> = HashMap::new();
        for row in rows {
            let value = &row[column];
            let place = *places.entry(value.store()).or_insert(parts.len());
            if place == parts.len() {
                parts.push((value.clone(), Vec::new()));
            }
            parts[place].1.push(row);
        }
        for (value, part) in parts {
            groups.push(value);
            self.total(&part, groups, level);
            self.descend(&part, groups, level + 1);
            groups.pop();
        }
    }
}

fn aggregate<'d>(sum: &Total, values: impl Iterator<Item = &'d Datum>) -> Datum {
    let mut seen = HashSet::new();
    let values: Vec<&Datum> = values
        .filter(|value| !matches!(value, Datum::Null))
        .filter(|value| !sum.distinct || seen.insert(value.store()))
        .collect();
    let order = |one: &&&Datum, other: &&&Datum| match (one.store(), other.store()) {
        (Some(one), Some(other)) => compare_stored(&one, &other),
        _ => Ordering::Equal,
    };
    let numbers =
        || values.iter().filter_map(|value| if let Datum::Number(number) = value { Some(*number) } else { None });
    let added = || numbers().fold(Decimal::ZERO, |sum, number| sum.saturating_add(number));
    match sum.function {
        Aggregate::Count => Datum::int(values.len() as i64),
        _ if values.is_empty() => Datum::Null,
        Aggregate::Sum => Datum::Number(added()),
        Aggregate::Average => {
            let count = Decimal::from(numbers().count());
            added().checked_div(count).map_or(Datum::Null, Datum::Number)
        }
        Aggregate::Maximum => values.iter().max_by(order).map_or(Datum::Null, |value| (*value).clone()),
        Aggregate::Minimum => values.iter().min_by(order).map_or(Datum::Null, |value| (*value).clone()),
    }
}
