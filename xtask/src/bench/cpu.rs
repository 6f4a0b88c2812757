//! The processors: which part of the benchmark runs on which, and what the machine is called.

use addin_host::Language;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A part of the benchmark that has a processor of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// All that is measured, on the first processor.
    Client,
    /// The service, on the last one.
    Server,
}

/// Keeps this thread, and threads and processes that it starts, on the role's processor. If the system refuses, the
/// figures only become noisier.
pub fn pin(role: Role) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let mut processors = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
    let chosen = match role {
        Role::Client => processors.next(),
        Role::Server => processors.next_back(),
    };
    if let Some(cpu) = chosen {
        let mut set = CpuSet::new();
        set.set(cpu);
        let _ = sched_setaffinity(None, &set);
    }
}

/// The model and the number of the processors, for the reader of the figures.
pub fn machine(language: Language) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<_> = info
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim())
        .collect();
    match models.first() {
        Some(model) => format!("{model}, {}: {}", language.pick("процессоров", "processors"), models.len()),
        None => format!("{}, {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}
