//! The processors: who runs on which, and what they are called.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Who takes a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// All that is measured, on the first processor.
    Client,
    /// The service, on the last one.
    Server,
}

/// Keeps this thread, and threads and processes that it starts, on the role's processor. Best effort: where the system
/// refuses, the figures are only noisier.
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

/// The processor and how many of them, for the reader of the figures.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<_> = info
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim())
        .collect();
    match models.first() {
        Some(model) => format!("{model}, процессоров: {}", models.len()),
        None => format!("{}, {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}
