//! The rows as a chart for the README, in Russian.

use std::fmt::Write as _;

use addin_host::Language;

use super::cpu;
use super::report::{Row, significant};
use crate::project::VERSION;

const LANGUAGE: Language = Language::Russian;

const WIDTH: usize = 860;
const MARGIN: usize = 24;
/// The x coordinate between the names of the bars and the bars.
const AXIS: usize = 290;
/// The length of the longest bar; its figure follows it.
const LONGEST: usize = 420;
const BAR: usize = 18;
/// From the top of a bar to that of the next one.
const STEP: usize = 23;
const HEAD: usize = 62;
const FOOT: usize = 58;
/// The height of the line with the name and ratio of a row, above its bars.
const CAPTION: usize = 24;
const GAP: usize = 16;

const STYLE: &str = "\
    text { font: 13px 'DejaVu Sans', 'Segoe UI', Arial, sans-serif; fill: #24292f } \
    .title { font-size: 17px; font-weight: bold } .what { font-weight: bold } .small { font-size: 11px; fill: #57606a } \
    .end { text-anchor: end } .met { fill: #1a7f37 } .missed { fill: #cf222e } \
    .own { fill: #0969da } .other { fill: #afb8c1 }";

/// Draws the rows one below the other; the bars of each row have their own scale. `conditions` says how the figures were
/// measured, `date` when.
pub fn svg(rows: &[Row], conditions: &str, date: &str) -> String {
    let height = HEAD + rows.iter().map(height).sum::<usize>() + FOOT;
    let mut drawing = Drawing(String::new());
    drawing.text("title", MARGIN, 32, "Компонента Passteam рядом с тем, чем её можно заменить");
    drawing.text("small", MARGIN, 50, "Медианы одного прогона. Короче полоса — лучше; для «карт/с» — длиннее.");
    let mut top = HEAD;
    for row in rows {
        drawing.row(row, top);
        top += self::height(row);
    }
    for (line, text) in conditions.split_inclusive("; ").map(str::trim_end).enumerate() {
        drawing.text("small", MARGIN, top + 12 + 15 * line, text);
    }
    let machine = cpu::machine(LANGUAGE);
    drawing.text("small", MARGIN, top + 42, &format!("{machine}. Версия {VERSION}. Измерено {date}."));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"Результаты cargo xtask bench\">\n<style>{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
        drawing.0
    )
}

fn height(row: &Row) -> usize {
    CAPTION + STEP * row.bars.len() + GAP
}

/// Elements of an SVG, one a line.
struct Drawing(String);

impl Drawing {
    fn row(&mut self, row: &Row, top: usize) {
        self.text("what", MARGIN, top + 14, row.what.show(LANGUAGE));
        let (class, mark) = if row.is_met() { ("end met", "✓") } else { ("end missed", "✗") };
        let ratio = format!("{mark} {} (цель {})", significant(row.ratio, LANGUAGE), row.goal.show(LANGUAGE));
        self.text(class, WIDTH - MARGIN, top + 14, &ratio);
        let scale = row.bars.iter().map(|bar| bar.figure.number()).fold(f64::MIN_POSITIVE, f64::max);
        for (place, bar) in row.bars.iter().enumerate() {
            let top = top + CAPTION + STEP * place;
            let length = (LONGEST as f64 * bar.figure.number() / scale).max(1.0).round() as usize;
            let class = if place == 0 { "own" } else { "other" };
            self.text("end", AXIS - 8, top + 14, bar.name.show(LANGUAGE));
            self.line(format_args!(
                "<rect class=\"{class}\" x=\"{AXIS}\" y=\"{top}\" width=\"{length}\" height=\"{BAR}\" rx=\"2\"/>"
            ));
            self.text("", AXIS + length + 8, top + 14, &bar.figure.show(LANGUAGE));
        }
    }

    fn text(&mut self, class: &str, x: usize, y: usize, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.line(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    fn line(&mut self, element: std::fmt::Arguments) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{element}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::{Bar, Goal, Quantity, Text};
    use super::*;

    fn row(figures: &[f64], ratio: f64) -> Row {
        let bar = |figure: &f64| Bar { name: Text::same("a < b & c"), figure: Quantity::Seconds(*figure) };
        let bars = figures.iter().map(bar).collect();
        Row {
            what: Text::new("Строка", "A row"),
            bars,
            ratio,
            cpu_ratio: None,
            is_count: false,
            goal: Goal::AtMost(1.1),
        }
    }

    #[test]
    fn the_chart_is_well_formed_and_its_bars_are_to_scale() {
        let svg = svg(&[row(&[1e-6, 4e-6], 0.25), row(&[2e-3, 1e-3], 2.0)], "TLS; 20 мс", "2026-05-28");
        let document = roxmltree::Document::parse(&svg).unwrap();
        let bars = |class: &str| -> Vec<usize> {
            let of_class = document.descendants().filter(|node| node.attribute("class") == Some(class));
            of_class.map(|bar| bar.attribute("width").unwrap().parse().unwrap()).collect()
        };
        assert_eq!(bars("own"), [LONGEST / 4, LONGEST]);
        assert_eq!(bars("other"), [LONGEST, LONGEST / 2]);
        assert!(svg.contains("Измерено 2026-05-28.") && svg.contains(&cpu::machine(LANGUAGE)), "{svg}");
        assert!(svg.contains("✓ 0,25 (цель ≤ 1,1)") && svg.contains("✗ 2,00 (цель ≤ 1,1)"));
    }
}
