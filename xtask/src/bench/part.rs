//! The processes of the benchmark: the service, and measurements that need a process in which nothing has run yet.

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
    /// A first update, which opens the connection, and then `calls` more of the same card. Without a file of its own the service's
    /// authority is in the system's store.
    Updates { library: PathBuf, url: String, card: String, calls: usize, ca_file: Option<PathBuf> },
    /// The peak of memory during a batch of the cards that standard input names.
    BatchMemory { library: PathBuf, url: String, ca_file: PathBuf },
}

impl Part {
    /// Runs in this process; the figure goes to standard output.
    pub fn run(&self) -> Result<()> {
        match self {
            Part::Service { latency_ms, ca_file } => service::serve(Duration::from_millis(*latency_ms), ca_file),
            Part::FirstObject { library } => first_object(library),
            Part::Updates { library, url, card, calls, ca_file } => {
                updates(library, url, ca_file.as_deref(), card, *calls)
            }
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

fn updates(library: &Path, url: &str, ca_file: Option<&Path>, card: &str, calls: usize) -> Result<()> {
    let library = Library::open(library)?;
    let object = match ca_file {
        Some(ca_file) => shop::component(&library, url, ca_file)?,
        None => shop::component_by_store(&library, url)?,
    };
    for _ in 0..=calls {
        shop::update(&object, card)?;
    }
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

/// Resets the peak of memory to what is resident at this moment.
fn forget_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("the peak of memory cannot be reset")
}

/// The peak of this process's resident memory.
fn peak_bytes() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    Ok(kilobytes.context("the system does not tell the peak of memory")?.trim().parse::<u64>()? * 1024)
}

/// Seconds from `dlopen` to the first object, in a process of its own.
pub fn measure_first_object(library: &Path) -> Result<f64> {
    figure(Command::new(std::env::current_exe()?).args(["bench-part", "first-object"]).arg(library), &[])
}

/// The command of a process that makes one update of a card over a new connection and `calls` more over the open one. `store`
/// comes on top of the system's store, and has the service's authority; without it the component has that in a file of its own.
pub fn updates_command(
    library: &Path,
    service: &Service,
    store: Option<&Path>,
    card: &str,
    calls: usize,
) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench-part", "updates"]).arg(library).args([service.url(), card, &calls.to_string()]);
    match store {
        Some(store) => command.env("SSL_CERT_FILE", store),
        None => command.arg(service.ca_file()),
    };
    Ok(command)
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
