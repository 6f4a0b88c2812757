//! `cargo xtask bench`: what the component costs, next to what else could do its work, in one run.
//!
//! The contenders of a row take turns on one processor, the service runs in a process of its own on another, and a
//! ratio is the median of the rounds' ratios: whatever else the machine does meets both sides.

mod chart;
mod cpu;
mod curl;
mod native;
mod part;
mod report;
mod rounds;
mod rows;
mod service;
mod shop;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

pub use part::Part;

use crate::dist;

/// Измерить компоненту рядом с libcurl, reqwest::blocking и компонентой на C++.
#[derive(clap::Args)]
pub struct Options {
    /// Короткий прогон, например для CI; диаграмма не переписывается.
    #[arg(long)]
    quick: bool,
    /// Завершиться с ошибкой, если цель не достигнута.
    #[arg(long)]
    strict: bool,
    /// Без libcurl пропустить её строки и не считать это ошибкой.
    #[arg(long)]
    allow_missing: bool,
    /// Куда записать диаграмму [по умолчанию docs/bench.svg; с --quick — никуда].
    #[arg(long, value_name = "ФАЙЛ")]
    chart: Option<PathBuf>,
    /// Измерить готовую библиотеку, а не собрать её.
    #[arg(long, value_name = "ФАЙЛ")]
    library: Option<PathBuf>,
    /// Только строки, в названии которых есть это слово.
    #[arg(long, value_name = "СЛОВО")]
    only: Option<String>,
}

impl Options {
    /// A chart of some rows, or of a hasty run, is not for the README.
    fn chart_file(&self) -> Option<PathBuf> {
        let whole = !self.quick && self.only.is_none();
        self.chart.clone().or_else(|| whole.then(|| dist::root().join("docs/bench.svg")))
    }
}

/// Measures, prints the table and writes the chart.
///
/// # Errors
/// Something cannot be built or fails while it is measured; libcurl is missing and that is not allowed; a goal is missed
/// and that is not allowed either.
pub fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) {
        return run_optimised();
    }
    let library = options.library.clone().unwrap_or_else(|| testkit::build("passteam", "release"));
    cpu::pin(cpu::Role::Client);
    let (rows, missing) = rows::measure(&library, options.quick, options.only.as_deref())?;

    println!("\n{}", report::table(&rows));
    println!("{}\n{}", cpu::machine(), rows::CONDITIONS);
    if let Some(file) = options.chart_file() {
        std::fs::write(&file, chart::svg(&rows)).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    if missing {
        eprintln!("{}", native::CURL_MISSING);
    }
    let missed = rows.iter().filter(|row| !row.is_met()).count();
    ensure!(!missing || options.allow_missing, "rows were left out");
    ensure!(missed == 0 || !options.strict, "{missed} goals are missed");
    Ok(())
}

/// Becomes the same command of an optimised build: in a debug build the host would cost more than what it calls.
fn run_optimised() -> Result<()> {
    let mut cargo = testkit::cargo();
    cargo.args(["run", "--quiet", "--profile", "bench", "--package", env!("CARGO_PKG_NAME"), "--"]);
    cargo.args(std::env::args_os().skip(1));
    Err(cargo.exec()).context("cargo cannot be run")
}
