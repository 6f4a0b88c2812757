//! What the kernel knows of this process.

use std::fs;
use std::time::{Duration, Instant};

/// What the kernel gives a process at least (`getconf PAGESIZE`); more on some ARM machines, where a test is stricter then.
const PAGE: usize = 4096;

/// Resident memory in bytes.
pub fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * PAGE
}

/// The names of the threads.
pub fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end while it is being looked at.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// How many threads the component has of its own.
pub fn threads_of_the_component() -> usize {
    threads().iter().filter(|name| name.starts_with("passteam")).count()
}

/// The mappings by what they map: a file, a name of the kernel's, or nothing. Addresses and sizes are left out, as heap and stacks may
/// grow where they are.
pub fn mappings() -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut mapped: Vec<_> = maps.lines().map(|line| line.split_whitespace().nth(5).unwrap_or("").to_owned()).collect();
    mapped.sort();
    mapped
}

/// Waits for what comes with time. The limit is only there so that a failure is one.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not in a minute; threads: {:?}", threads());
        std::thread::sleep(Duration::from_millis(20));
    }
}
