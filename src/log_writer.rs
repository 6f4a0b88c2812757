//! Writes lines to log files without holding the caller longer than a disk should need.
//!
//! A helper thread does the writing, at most one per process. It ends when it has had nothing to do for a while, so that an idle
//! process has no thread of ours. A line is lost only if the process ends, the file cannot be written or the queue is full.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A file of this size, in bytes, is renamed to `.old`, and a new one begins.
const LARGEST: u64 = 5 * 1024 * 1024;
/// On Windows a process that renames the file keeps it locked for a moment, so a failed write is tried again.
const WRITE_TRIES: usize = 3;
/// How long a caller waits for the disk.
const PATIENCE: Duration = Duration::from_millis(300);
/// How many lines may wait for the disk; further ones are lost.
const LONGEST_QUEUE: usize = 10_000;
/// Given explicitly, because the standard library would read an environment variable for it.
const STACK_BYTES: usize = 256 * 1024;
/// How long the helper waits for more lines before it ends.
const LINGER: Duration = Duration::from_secs(1);

/// Queues `line`, which ends with a line feed, for the file `path`.
pub fn write(path: &Path, line: String) {
    writer().queue(path, line);
}

/// Waits until all lines that were queued before have been written, for at most 0.3 s in all since the disk began to stall.
pub fn flush() {
    writer().flush();
}

/// The lines of one process.
#[derive(Default)]
struct Writer {
    process: u32,
    state: Mutex<State>,
    changed: Condvar,
    /// The writer of a process that was forked from this one.
    forked: OnceLock<Box<Writer>>,
}

#[derive(Default)]
struct State {
    lines: VecDeque<(PathBuf, String)>,
    /// How many lines have been queued so far.
    queued: u64,
    /// How many of them have been written or given up.
    done: u64,
    /// When the line that the helper is writing was begun.
    writing_since: Option<Instant>,
    has_helper: bool,
}

/// This process's writer. A forked process must not use its parent's: the parent's helper thread does not exist there, and its
/// locks may be held for ever.
fn writer() -> &'static Writer {
    static FIRST: OnceLock<Writer> = OnceLock::new();
    let process = process::id();
    let own = || Writer { process, ..Writer::default() };
    let mut writer = FIRST.get_or_init(own);
    while writer.process != process {
        writer = writer.forked.get_or_init(|| Box::new(own()));
    }
    writer
}

impl Writer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&'static self, path: &Path, line: String) {
        let mut state = self.state();
        if state.lines.len() >= LONGEST_QUEUE {
            return;
        }
        state.lines.push_back((path.to_owned(), line));
        state.queued += 1;
        if state.has_helper {
            self.changed.notify_all();
        } else {
            let helper = thread::Builder::new().name("passteam-log".to_owned()).stack_size(STACK_BYTES);
            let helper = helper.spawn(|| self.work());
            state.has_helper = helper.is_ok();
        }
    }

    /// Writes line after line, until there is none for a while.
    fn work(&self) {
        let mut state = self.state();
        loop {
            while let Some((path, line)) = state.lines.pop_front() {
                state.writing_since = Some(Instant::now());
                drop(state);
                // A full disk or a missing folder must not change what a call comes to.
                let _ = append(&path, &line, LARGEST);
                state = self.state();
                state.writing_since = None;
                state.done += 1;
                self.changed.notify_all();
            }
            let (woken, waited) = self.changed.wait_timeout(state, LINGER).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if state.lines.is_empty() && waited.timed_out() {
                state.has_helper = false;
                return;
            }
        }
    }

    fn flush(&self) {
        let began = Instant::now();
        let mut state = self.state();
        let queued = state.queued;
        while state.done < queued && state.has_helper {
            // A disk that is known to stall is not waited for again by every call.
            let since = state.writing_since.map_or(began, |since| since.min(began));
            let left = PATIENCE.saturating_sub(since.elapsed());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Appends in one write, so that lines of several processes do not mix, and renames a file that has grown to `largest`.
fn append(path: &Path, line: &str, largest: u64) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        // Opening a named pipe would wait for its reader.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut written = file.write_all(line.as_bytes());
    for _ in 1..WRITE_TRIES {
        if written.is_ok() {
            break;
        }
        written = file.write_all(line.as_bytes());
    }
    written?;
    if file.metadata()?.len() >= largest { rotate(path, &file, largest) } else { Ok(()) }
}

/// Renames the file to `.old`, unless another process has just done so or is doing so.
fn rotate(path: &Path, file: &File, largest: u64) -> io::Result<()> {
    if file.try_lock().is_ok() && fs::metadata(path).is_ok_and(|current| current.len() >= largest) {
        fs::rename(path, old(path))?;
    }
    Ok(())
}

/// `passteam.log` → `passteam.log.old`.
fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_writers_lose_no_line_and_one_old_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("журнал.log");
        let (writers, lines, largest) = (8, 200, 10_000);
        thread::scope(|scope| {
            for writer in 0..writers {
                let path = &path;
                scope.spawn(move || {
                    for number in 0..lines {
                        append(path, &format!("{writer} {number:06}\n"), largest).unwrap();
                    }
                });
            }
        });
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let all = read(&old(&path)) + &read(&path);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(all.lines().all(|line| line.len() == "0 000000".len()), "no line is torn");
        let total = writers * lines * "0 000000\n".len();
        assert!(
            total < 2 * largest as usize && all.len() <= total,
            "all lines are kept if the file is renamed only once"
        );
        assert_eq!(all.len(), total);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(append(folder.path(), "x\n", LARGEST).is_err());
        assert!(append(&folder.path().join("missing/passteam.log"), "x\n", LARGEST).is_err());
    }

    #[test]
    fn queued_lines_are_written_in_order_and_the_helper_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passteam.log");
        let writer: &Writer = Box::leak(Box::default());
        for number in 0..100 {
            writer.queue(&path, format!("{number}\n"));
        }
        while writer.state().has_helper {
            thread::yield_now();
        }
        let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        let state = writer.state();
        assert_eq!((state.done, state.queued), (100, 100));
    }

    /// A line that is being written for longer than a caller waits stands for a disk that stalls.
    #[test]
    fn a_stalled_disk_holds_no_caller_and_the_queue_is_bounded() {
        let writer: &Writer = Box::leak(Box::default());
        {
            let mut state = writer.state();
            (state.has_helper, state.queued) = (true, 1);
            state.writing_since = Instant::now().checked_sub(PATIENCE);
        }
        writer.flush();
        for _ in 0..LONGEST_QUEUE + 5 {
            writer.queue(Path::new("passteam.log"), "x\n".to_owned());
        }
        let state = writer.state();
        assert_eq!((state.lines.len(), state.queued), (LONGEST_QUEUE, 1 + LONGEST_QUEUE as u64));
    }
}
