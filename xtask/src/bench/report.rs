//! The rows of the result, as a table for the terminal.

use std::fmt;

/// A figure with its unit, as a Russian text shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// A time.
    Seconds(f64),
    /// A size.
    Bytes(f64),
    /// Updates in a second.
    Rate(f64),
}

impl Quantity {
    /// The bare number, for the length of a bar.
    pub fn number(self) -> f64 {
        match self {
            Quantity::Seconds(number) | Quantity::Bytes(number) | Quantity::Rate(number) => number,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match *self {
            Quantity::Seconds(seconds) if seconds < 1e-6 => (seconds * 1e9, "нс"),
            Quantity::Seconds(seconds) if seconds < 1e-3 => (seconds * 1e6, "мкс"),
            Quantity::Seconds(seconds) if seconds < 1.0 => (seconds * 1e3, "мс"),
            Quantity::Seconds(seconds) => (seconds, "с"),
            Quantity::Bytes(bytes) if bytes < 1e6 => (bytes / 1e3, "КБ"),
            Quantity::Bytes(bytes) => (bytes / 1e6, "МБ"),
            Quantity::Rate(rate) => (rate, "карт/с"),
        };
        write!(f, "{} {unit}", significant(number))
    }
}

/// Three digits that count, with the Russian decimal comma.
pub fn significant(number: f64) -> String {
    let decimals = match number.abs() {
        number if number >= 99.95 => 0,
        number if number >= 9.995 => 1,
        _ => 2,
    };
    format!("{number:.decimals$}").replace('.', ",")
}

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

impl Goal {
    /// Whether a ratio reaches it. NaN reaches none.
    pub fn is_met(self, ratio: f64) -> bool {
        match self {
            Goal::AtMost(most) => ratio <= most,
            Goal::AtLeast(least) => ratio >= least,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self {
            Goal::AtMost(bound) => ("≤", bound),
            Goal::AtLeast(bound) => ("≥", bound),
        };
        write!(f, "{sign} {}", bound.to_string().replace('.', ","))
    }
}

/// One figure of a row, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Whose.
    pub name: &'static str,
    /// The figure.
    pub figure: Quantity,
}

/// What is measured, against what, and how it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is measured.
    pub what: String,
    /// The component's figure, then that which it is held against, then others for information.
    pub bars: Vec<Bar>,
    /// How the first two bars compare.
    pub ratio: f64,
    /// The same for the processor's time, where it says something.
    pub cpu_ratio: Option<f64>,
    /// What the ratio should be.
    pub goal: Goal,
}

impl Row {
    /// Whether the goal is reached.
    pub fn is_met(&self) -> bool {
        self.goal.is_met(self.ratio)
    }

    /// The outcome in a word.
    pub fn verdict(&self) -> &'static str {
        if self.is_met() { "достигнута" } else { "НЕ ДОСТИГНУТА" }
    }
}

/// The rows as a Markdown table whose columns also line up in a terminal.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![["Что", "Компонента", "Против чего", "Отношение", "ЦП", "Цель", "Итог"].map(str::to_owned)];
    lines.push([const { String::new() }; 7]);
    lines.extend(rows.iter().map(cells));
    let widths: [usize; 7] =
        std::array::from_fn(|column| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0));
    lines[1] = widths.map(|width| "-".repeat(width));
    let line = |cells: &[String; 7]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    lines.iter().map(line).collect()
}

fn cells(row: &Row) -> [String; 7] {
    let (own, others) = match row.bars.split_first() {
        Some((own, others)) => (own.figure.to_string(), others),
        None => (String::new(), &[][..]),
    };
    let others: Vec<_> = others.iter().map(|bar| format!("{} {}", bar.name, bar.figure)).collect();
    [
        row.what.clone(),
        own,
        others.join("; "),
        significant(row.ratio),
        row.cpu_ratio.map_or("—".to_owned(), significant),
        row.goal.to_string(),
        row.verdict().to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ratio: f64) -> Row {
        let bar = |name, seconds| Bar { name, figure: Quantity::Seconds(seconds) };
        let bars = vec![bar("компонента", 95e-6), bar("libcurl", 91.44e-6), bar("другой", 0.002)];
        Row { what: "Один вызов".to_owned(), bars, ratio, cpu_ratio: None, goal: Goal::AtMost(1.1) }
    }

    #[test]
    fn a_figure_has_three_digits_and_a_fitting_unit() {
        let shown = |quantity: Quantity| quantity.to_string();
        assert_eq!(shown(Quantity::Seconds(1.234e-7)), "123 нс");
        assert_eq!(shown(Quantity::Seconds(95.26e-6)), "95,3 мкс");
        assert_eq!(shown(Quantity::Seconds(0.0012)), "1,20 мс");
        assert_eq!(shown(Quantity::Seconds(5.0)), "5,00 с");
        assert_eq!(shown(Quantity::Bytes(2_950_000.0)), "2,95 МБ");
        assert_eq!(shown(Quantity::Rate(399.6)), "400 карт/с");
    }

    #[test]
    fn a_goal_is_met_up_to_its_bound() {
        assert!(row(1.1).is_met() && !row(1.11).is_met());
        assert!(Goal::AtLeast(8.0).is_met(8.0) && !Goal::AtLeast(8.0).is_met(7.9));
        assert!(!Goal::AtLeast(8.0).is_met(f64::NAN) && !Goal::AtMost(8.0).is_met(f64::NAN));
    }

    #[test]
    fn the_tables_columns_line_up() {
        let table = table(&[row(1.04), row(12.0)]);
        assert!(table.contains("| 95,0 мкс   | libcurl 91,4 мкс; другой 2,00 мс | 1,04 "), "{table}");
        assert!(table.contains("| ≤ 1,1 | НЕ ДОСТИГНУТА |"), "{table}");
        let mut widths = table.lines().map(|line| line.chars().count());
        let first = widths.next();
        assert!(widths.all(|width| Some(width) == first), "{table}");
    }
}
