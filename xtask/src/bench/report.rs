//! The rows of the result, as a table for the terminal.
//!
//! The table is English like the command. Texts and figures also know their Russian form, for the chart of the README.

use addin_host::Language;

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// For the chart.
    pub russian: &'static str,
    /// For the table.
    pub english: &'static str,
}

impl Text {
    /// A text in Russian and in English.
    pub const fn new(russian: &'static str, english: &'static str) -> Text {
        Text { russian, english }
    }

    /// The same in both languages.
    pub const fn same(text: &'static str) -> Text {
        Text { russian: text, english: text }
    }

    /// The text in a language.
    pub fn show(self, language: Language) -> &'static str {
        language.pick(self.russian, self.english)
    }
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// A time.
    Seconds(f64),
    /// A size.
    Bytes(f64),
    /// Updates in a second.
    Rate(f64),
    /// A number of things.
    Count(f64),
}

impl Quantity {
    /// The number in the basic unit (a second, a byte, an update in a second, one), for the length of a bar.
    pub fn number(self) -> f64 {
        match self {
            Quantity::Seconds(number) | Quantity::Bytes(number) | Quantity::Rate(number) | Quantity::Count(number) => {
                number
            }
        }
    }

    /// Three digits and a unit that fits.
    pub fn show(self, language: Language) -> String {
        let (number, unit) = match self {
            Quantity::Seconds(seconds) if seconds < 1e-6 => (seconds * 1e9, Text::new("нс", "ns")),
            Quantity::Seconds(seconds) if seconds < 1e-3 => (seconds * 1e6, Text::new("мкс", "µs")),
            Quantity::Seconds(seconds) if seconds < 1.0 => (seconds * 1e3, Text::new("мс", "ms")),
            Quantity::Seconds(seconds) => (seconds, Text::new("с", "s")),
            Quantity::Bytes(bytes) if bytes < 1e6 => (bytes / 1e3, Text::new("КБ", "kB")),
            Quantity::Bytes(bytes) => (bytes / 1e6, Text::new("МБ", "MB")),
            Quantity::Rate(rate) => (rate, Text::new("карт/с", "cards/s")),
            Quantity::Count(count) if count < 1e6 => (count / 1e3, Text::new("тыс.", "thousand")),
            Quantity::Count(count) => (count / 1e6, Text::new("млн", "million")),
        };
        format!("{} {}", significant(number, language), unit.show(language))
    }
}

/// Three significant digits, with the decimal mark of the language.
pub fn significant(number: f64, language: Language) -> String {
    let decimals = match number.abs() {
        number if number >= 99.95 => 0,
        number if number >= 9.995 => 1,
        _ => 2,
    };
    with_mark(format!("{number:.decimals$}"), language)
}

fn with_mark(number: String, language: Language) -> String {
    number.replace('.', language.pick(",", "."))
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

    /// As `≤ 1.1`.
    pub fn show(self, language: Language) -> String {
        let (sign, bound) = match self {
            Goal::AtMost(bound) => ("≤", bound),
            Goal::AtLeast(bound) => ("≥", bound),
        };
        format!("{sign} {}", with_mark(bound.to_string(), language))
    }
}

/// One figure of a row, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Whose.
    pub name: Text,
    /// The figure.
    pub figure: Quantity,
}

/// What is measured, what it is compared with, and the outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is measured.
    pub what: Text,
    /// The component's figure, then the one that it is compared with, then others for information.
    pub bars: Vec<Bar>,
    /// How the first two bars compare.
    pub ratio: f64,
    /// The same for processor time, if that is of interest.
    pub cpu_ratio: Option<f64>,
    /// Whether the figures are counts, which do not depend on the machine's speed.
    pub is_count: bool,
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
        if self.is_met() { "met" } else { "MISSED" }
    }
}

/// The rows as a Markdown table whose columns are aligned in a terminal too.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![["What", "Component", "Compared with", "Ratio", "CPU", "Goal", "Verdict"].map(str::to_owned)];
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
    let language = Language::English;
    let (own, others) = match row.bars.split_first() {
        Some((own, others)) => (own.figure.show(language), others),
        None => (String::new(), &[][..]),
    };
    let others: Vec<_> =
        others.iter().map(|bar| format!("{} {}", bar.name.show(language), bar.figure.show(language))).collect();
    [
        row.what.show(language).to_owned(),
        own,
        others.join("; "),
        significant(row.ratio, language),
        row.cpu_ratio.map_or("—".to_owned(), |ratio| significant(ratio, language)),
        row.goal.show(language),
        row.verdict().to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ratio: f64) -> Row {
        let bar = |name, seconds| Bar { name: Text::same(name), figure: Quantity::Seconds(seconds) };
        let bars = vec![bar("component", 95e-6), bar("libcurl", 91.44e-6), bar("other", 0.002)];
        Row {
            what: Text::new("Один вызов", "One call"),
            bars,
            ratio,
            cpu_ratio: None,
            is_count: false,
            goal: Goal::AtMost(1.1),
        }
    }

    #[test]
    fn a_figure_has_three_digits_and_a_fitting_unit() {
        let shown = |quantity: Quantity| quantity.show(Language::Russian);
        assert_eq!(shown(Quantity::Seconds(1.234e-7)), "123 нс");
        assert_eq!(shown(Quantity::Seconds(95.26e-6)), "95,3 мкс");
        assert_eq!(shown(Quantity::Seconds(0.0012)), "1,20 мс");
        assert_eq!(shown(Quantity::Seconds(5.0)), "5,00 с");
        assert_eq!(shown(Quantity::Bytes(2_950_000.0)), "2,95 МБ");
        assert_eq!(shown(Quantity::Rate(399.6)), "400 карт/с");
        assert_eq!(Quantity::Seconds(95.26e-6).show(Language::English), "95.3 µs");
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
        assert!(table.contains("| 95.0 µs   | libcurl 91.4 µs; other 2.00 ms | 1.04 "), "{table}");
        assert!(table.contains("| ≤ 1.1 | MISSED  |"), "{table}");
        let mut widths = table.lines().map(|line| line.chars().count());
        let first = widths.next();
        assert!(widths.all(|width| Some(width) == first), "{table}");
    }
}
