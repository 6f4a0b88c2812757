//! What is measured in fresh processes, and the service.

use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use addin_host::Library;
use anyhow::{Context, Result, ensure};

use super::service::{self, Service};
use super::shop;

/// One process of the benchmark.
#[derive(clap::Subcommand)]
pub enum Part {
    /// The service.
    Service { latency_ms: u64, ca_file: PathBuf },
    /// The time from `dlopen` to the first object.
    FirstObject { library: PathBuf },
    /// The most memory that a batch of the cards on standard input takes.
    BatchMemory { library: PathBuf, url: String, ca_file: PathBuf },
}

impl Part {
    /// Runs in this process; the figure goes to standard output.
    pub fn run(&self) -> Result<()> {
        match self {
            Part::Service { latency_ms, ca_file } => service::serve(Duration::from_millis(*latency_ms), ca_file),
            Part::FirstObject { library } => first_object(library),
            Part::BatchMemory { library, url, ca_file } => batch_memory(library, url, ca_file),
        }
    }
}

fn first_object(library: &Path) -> Result<()> {
    let began = Instant::now();
    let object = Library::open(library)?.create("Passteam")?;
    let time = began.elapsed();
    println!("{}", time.as_secs_f64());
    drop(object);
    Ok(())
}

fn batch_memory(library: &Path, url: &str, ca_file: &Path) -> Result<()> {
    let cards = std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>()?;
    let object = shop::component(&Library::open(library)?, url, ca_file)?;
    let batch = shop::batch(&cards);
    shop::update_all(&object, &shop::batch(&cards[..cards.len().min(16)]), 4)?;
    forget_peak()?;
    shop::update_all(&object, &batch, 4)?;
    println!("{}", peak_bytes()?);
    Ok(())
}

/// Makes the most memory so far that of now.
fn forget_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be reset")
}

/// The most memory that this process has had resident.
fn peak_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    Ok(kilobytes.context("the system does not tell the peak of memory")?.trim().parse::<u64>()? * 1024)
}

/// Seconds from `dlopen` to the first object, in a process of its own.
pub fn measure_first_object(library: &Path) -> Result<f64> {
    figure(Command::new(std::env::current_exe()?).args(["bench-part", "first-object"]).arg(library), &[])
}

/// The peak of memory of a batch of these cards in bytes, in a process of its own.
pub fn measure_batch_memory(library: &Path, service: &Service, cards: &[String]) -> Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench-part", "batch-memory"]).arg(library).arg(service.url()).arg(service.ca_file());
    figure(&mut command, cards)
}

/// Runs a part with these lines as its input; the number that it prints.
fn figure(command: &mut Command, lines: &[String]) -> Result<f64> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("the process has no input")?;
    input.write_all(lines.iter().map(|line| format!("{line}\n")).collect::<String>().as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
