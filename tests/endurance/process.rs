//! What Linux tells about this process.

use std::fs;

/// The smallest page size (`getconf PAGESIZE`). Some ARM machines have larger pages, which makes a test less strict there.
const PAGE: usize = 4096;

/// Resident memory in bytes.
pub fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * PAGE
}

/// The names of the threads.
pub fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between the two reads.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.map(|name| name.trim_end().to_owned()).collect()
}

/// The number of threads that the component has started.
pub fn threads_of_the_component() -> usize {
    threads().iter().filter(|name| name.starts_with("passteam")).count()
}

/// The memory mappings, each by its name: a file, a name that Linux gives, or nothing. Without addresses and sizes, because heap
/// and stacks may grow.
pub fn mappings() -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut mapped: Vec<_> = maps.lines().map(|line| line.split_whitespace().nth(5).unwrap_or("").to_owned()).collect();
    mapped.sort();
    mapped
}
