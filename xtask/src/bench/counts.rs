//! What updates over an open connection cost in counts. Neither the machine's speed nor its other work changes them.
//!
//! System calls and bytes are counted by strace. Instructions are counted by valgrind, which needs no counters of the processor:
//! virtual machines often have none. A count is the difference between a process that makes many updates and one that makes few,
//! so that what a process does once cancels out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::service::Service;
use super::{curl, part};

/// The counts are those of this many updates.
pub const UPDATES: usize = 1_000;

/// Updates of the process that is subtracted: enough for whatever settles in the first calls.
const FEW: usize = 100;

/// A limit of a count, and what libcurl's count was when it was set (7.88 with OpenSSL 3.0 and glibc 2.36, x86_64).
#[derive(Clone, Copy)]
pub struct Limit {
    /// The component's limit.
    pub most: f64,
    /// libcurl's count.
    pub curl: f64,
}

/// For each update: a look whether the connection still stands, one write, one wait, one read, and one question for the process's id,
/// which tells a forked child from its parent. A few waits more are left for answers that come in two parts.
pub const SYSTEM_CALLS: Limit = Limit { most: 5_200.0, curl: 6_000.0 };
/// In user mode, those of the host that calls the component and of the program that calls libcurl included.
pub const INSTRUCTIONS: Limit = Limit { most: 68e6, curl: 87e6 };
/// Sent and received, with TLS.
pub const BYTES: Limit = Limit { most: 700e3, curl: 707e3 };

/// A way to make updates of one card one after the other, in a process of its own. With a `store` the service's authority is one of
/// many in it.
pub enum Updater<'a> {
    /// The component, as this library.
    Component { library: &'a Path, card: &'a str, store: Option<&'a Path> },
    /// The program of [`curl::Curl`], which posts this body.
    Curl { program: &'a Path, body: &'a str, store: Option<&'a Path> },
}

impl Updater<'_> {
    /// The system calls of a thousand updates, by their names.
    ///
    /// # Errors
    /// strace is missing; an update fails.
    pub fn trace(&self, service: &Service, folder: &Path) -> Result<Trace> {
        let log = folder.join("strace.log");
        let trace = |updates| {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "-s", "0", "-e", "signal=none", "-o"]).arg(&log);
            self.run_under(strace, service, updates)?;
            Ok::<_, anyhow::Error>(Trace::read(&fs::read_to_string(&log)?))
        };
        Ok(trace(FEW + UPDATES)?.without(&trace(FEW)?))
    }

    /// The instructions of a thousand updates in user mode.
    ///
    /// # Errors
    /// valgrind is missing; an update fails.
    pub fn instructions(&self, service: &Service, folder: &Path) -> Result<f64> {
        let log = folder.join("valgrind.log");
        let count = |updates| {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
            valgrind.arg(option("--log-file=", &log));
            self.run_under(valgrind, service, updates)?;
            instructions(&fs::read_to_string(&log)?).context("valgrind has counted nothing")
        };
        Ok(count(FEW + UPDATES)? - count(FEW)?)
    }

    /// Runs the process: one update over a new connection, and `updates` over the open one.
    ///
    /// # Errors
    /// An update fails.
    pub fn run(&self, service: &Service, updates: usize) -> Result<()> {
        self.finish(self.command(service, updates)?, updates)
    }

    /// The same by a tool, whose command this is.
    fn run_under(&self, mut tool: Command, service: &Service, updates: usize) -> Result<()> {
        let command = self.command(service, updates)?;
        tool.arg(command.get_program()).args(command.get_args());
        self.finish(tool, updates)
    }

    fn command(&self, service: &Service, updates: usize) -> Result<Command> {
        match self {
            Updater::Component { library, card, store } => {
                part::updates_command(library, service, *store, card, updates)
            }
            Updater::Curl { program, body, store } => {
                Ok(curl::command(program, service, store.unwrap_or(service.ca_file()), body))
            }
        }
    }

    fn finish(&self, mut command: Command, updates: usize) -> Result<()> {
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("{command:?} cannot be run"))?;
        // The component's process is told by its arguments, and does not read this.
        if let (Updater::Curl { .. }, Some(input)) = (self, &mut child.stdin) {
            writeln!(input, "kept {}", updates + 1)?;
        }
        drop(child.stdin.take());
        ensure!(child.wait()?.success(), "{command:?} failed");
        Ok(())
    }
}

fn option(name: &str, path: &Path) -> PathBuf {
    let mut option = std::ffi::OsString::from(name);
    option.push(path);
    option.into()
}

/// The number that cachegrind writes as `==123== I   refs:      1,234`.
fn instructions(log: &str) -> Option<f64> {
    let number = log.lines().find_map(|line| line.split_once("refs:"))?.1;
    number.trim().replace(',', "").parse().ok()
}

/// What strace has seen.
#[derive(Debug, Default, PartialEq)]
pub struct Trace {
    /// The number of calls by their names.
    pub calls: BTreeMap<String, i64>,
    /// Bytes that were read and written.
    pub bytes: i64,
}

impl Trace {
    /// Reads a log, one call a line: `123 read(3, …) = 5`. A call that another thread interrupts takes two lines.
    fn read(log: &str) -> Trace {
        let mut trace = Trace::default();
        for line in log.lines() {
            let Some((_, event)) = line.split_once(' ') else { continue };
            let event = event.trim_start();
            let name = match event.strip_prefix("<... ") {
                Some(resumed) => resumed.split(' ').next().unwrap_or_default(),
                None => event.split('(').next().unwrap_or_default(),
            };
            if !event.starts_with("<... ") {
                *trace.calls.entry(name.to_owned()).or_default() += 1;
            }
            if is_transfer(name) {
                let result = event.rsplit_once(" = ").and_then(|(_, result)| result.split(' ').next()?.parse().ok());
                trace.bytes += result.unwrap_or(0).max(0);
            }
        }
        trace
    }

    fn without(mut self, other: &Trace) -> Trace {
        for (name, count) in &other.calls {
            *self.calls.entry(name.clone()).or_default() -= count;
        }
        self.calls.retain(|_, count| *count != 0);
        self.bytes -= other.bytes;
        self
    }

    /// The number of all calls.
    pub fn total(&self) -> i64 {
        self.calls.values().sum()
    }
}

fn is_transfer(name: &str) -> bool {
    matches!(
        name,
        "read" | "readv" | "recv" | "recvfrom" | "recvmsg" | "write" | "writev" | "send" | "sendto" | "sendmsg"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_counts_calls_and_bytes_also_of_calls_in_two_lines() {
        let log = "1 read(3, \"\"..., 100) = 40\n1 recvfrom(3, 0x1, 5, 0, NULL, NULL) = -1 EAGAIN (Resource …)\n\
                   2 sendto(4, \"\"..., 9, MSG_NOSIGNAL, NULL, 0 <unfinished ...>\n1 epoll_wait(5, [], 1024, 0) = 0\n\
                   2 <... sendto resumed>) = 9\n";
        let trace = Trace::read(log);
        assert_eq!((trace.total(), trace.bytes), (4, 49));
        assert_eq!(trace.calls["sendto"], 1);
        let twice = Trace::read(&log.repeat(2));
        assert_eq!(twice.without(&Trace::read(log)), Trace::read(log));
        assert_eq!(Trace::read(log).without(&Trace::read(log)), Trace::default());
    }

    #[test]
    fn valgrinds_number_is_read() {
        assert_eq!(instructions("==7== Cachegrind\n==7== I   refs:      1,234,567\n"), Some(1_234_567.0));
        assert_eq!(instructions("==7== \n"), None);
    }
}
