//! `cargo xtask bench`: the time, memory and size of the component, next to other ways to do the same work.
//!
//! The contenders of a row take turns on one processor; the service runs in a process of its own on another. A ratio is
//! the median of the ratios of the rounds, so that other work of the machine slows both sides down alike.

mod authorities;
mod bare;
mod chart;
mod counts;
mod cpu;
mod curl;
mod native;
mod part;
mod report;
mod rounds;
mod rows;
mod service;
mod shop;
mod tool;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use addin_host::Language;
use anyhow::{Context, Result, ensure};
use chrono::Utc;

pub use part::Part;

use crate::{files, library};

/// Measure the add-in next to libcurl, reqwest::blocking and an add-in in C++.
#[derive(clap::Args)]
pub struct Options {
    /// A short run, for example for CI.
    #[arg(long)]
    quick: bool,
    /// Fail if a goal is missed.
    #[arg(long)]
    strict: bool,
    /// Leave out the rows that need libcurl, strace or valgrind where it is not installed.
    #[arg(long)]
    allow_missing: bool,
    /// Write a chart of the figures to this file.
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    /// Measure this library instead of building one.
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Measure only the rows that have this word in their name.
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
}

/// Measures, prints the table and writes the chart if there is to be one.
///
/// # Errors
/// There is no row to measure; a tool is missing and that is not allowed; something cannot be built or fails while it is
/// measured; a count is above its limit; another goal is missed and that is not allowed.
pub fn run(options: &Options) -> Result<()> {
    // What is wrong with the request must come out before minutes of building.
    let rows = selection(options)?;
    if cfg!(debug_assertions) {
        return run_optimised();
    }
    let library = options.library.clone().map_or_else(|| library::build("release"), Ok)?;
    cpu::pin(cpu::Role::Client);
    let rows = rows.measure(&library, options.quick)?;

    println!("\n{}", report::table(&rows));
    println!("{}\n{}", cpu::machine(Language::English), rows::CONDITIONS.english);
    if let Some(file) = &options.chart {
        let date = Utc::now().format("%Y-%m-%d").to_string();
        let timed: Vec<_> = rows.iter().filter(|row| !row.is_count).cloned().collect();
        files::replace(file, chart::svg(&timed, rows::CONDITIONS.russian, &date).as_bytes())?;
    }
    let (counts, others): (Vec<_>, Vec<_>) = rows.iter().filter(|row| !row.is_met()).partition(|row| row.is_count);
    ensure!(counts.is_empty(), "{} counts are above their limits", counts.len());
    ensure!(others.is_empty() || !options.strict, "{} goals are missed", others.len());
    Ok(())
}

/// The rows to measure, which depend on what is installed.
fn selection(options: &Options) -> Result<rows::Selection> {
    let rows = rows::Selection::of(options.only.as_deref())?;
    let missing = rows.missing()?;
    if missing.is_empty() {
        return Ok(rows);
    }
    let names = missing.iter().map(|tool| format!(" {tool}")).collect::<String>();
    ensure!(
        options.allow_missing,
        "some rows need what is not installed; install it (Debian, Ubuntu: apt-get install{names}) or leave the rows out \
         with --allow-missing"
    );
    // The debug build hands over to an optimised one, which says it again.
    if !cfg!(debug_assertions) {
        eprintln!("rows that need these packages are left out:{names}");
    }
    Ok(rows.without(&missing))
}

/// Replaces this process by an optimised build of itself: in a debug build the host would take longer than the add-in.
fn run_optimised() -> Result<()> {
    let mut cargo = addin_testkit::cargo();
    cargo.args(["run", "--quiet", "--profile", "bench", "--package", env!("CARGO_PKG_NAME"), "--"]);
    cargo.args(std::env::args_os().skip(1));
    Err(cargo.exec()).context("cargo cannot be run")
}
