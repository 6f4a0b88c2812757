//! What becomes of the platform's programs if this one is ended half-way: by Ctrl+C, a closed window, a kill.
//!
//! They have process groups and consoles of their own, so nothing ends them by itself: a Designer that only reads would hold
//! the base on, an agent for ever. Therefore the program starts itself once more as a guard, and tells it through a pipe what
//! runs. The pipe ends with the program, whatever ended that; the guard then ends what must not go on and removes the folder of
//! temporary files. A program that changes the base is left alone: it finishes its step.
//!
//! A job object of Windows and the death signal of Linux do the same, but only by calls that need `unsafe`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::process::{self, Background, Patience};

/// Names the folder of temporary files to this program when it is started as a guard.
pub(crate) const GUARDED: &str = "PASSTEAM_SETUP_GUARDED_FOLDER";
/// How the names of such folders begin; a guard removes no other.
pub(crate) const PREFIX: &str = "passteam-setup-";
/// How long a guard may take to end once the pipe is closed; it has nothing to do then.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often, and with what pause, the folder is tried to be removed: files of a process that was ended stay open for a moment.
const TRIES: (u32, Duration) = (50, Duration::from_millis(100));

/// The words of the pipe; a number of a process follows each.
const ENDS: &str = "ends";
const LEAVES: &str = "leaves";
const GONE: &str = "gone";
/// The number of a process that has not started yet.
const NOBODY: u32 = 0;

/// What becomes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is ended: it only reads, or it waits for orders.
    Ended,
    /// It goes on to its end: it changes the base.
    Left,
}

/// The guard of one run.
pub(crate) struct Guard {
    process: RefCell<Option<Background>>,
}

/// A process that the guard knows of, until this value ends.
pub(crate) struct Watched<'a> {
    guard: &'a Guard,
    id: u32,
}

impl Guard {
    /// Starts it. If that fails there is none: no reason to do nothing at all.
    pub(crate) fn start(folder: &Path) -> Guard {
        let environment = [(GUARDED, folder.as_os_str().to_owned())];
        // Not in the folder that it removes.
        let start = |program: &Path| Background::converse(program, &[], &environment, &env::temp_dir()).ok();
        Guard { process: RefCell::new(env::current_exe().ok().and_then(|program| start(&program))) }
    }

    /// Tells it of a process that is to end with this program. What has only just started may go on if this program is ended
    /// before it could tell.
    pub(crate) fn ends(&self, id: u32) -> Watched<'_> {
        self.say(ENDS, id);
        Watched { guard: self, id }
    }

    /// Tells it, before the process starts, of one that goes on to its end and needs its files: it changes the base.
    pub(crate) fn leaves(&self) -> Watched<'_> {
        self.say(LEAVES, NOBODY);
        Watched { guard: self, id: NOBODY }
    }

    fn say(&self, word: &str, id: u32) {
        if let Some(process) = self.process.borrow_mut().as_mut() {
            let _ = process.say(&format!("{word} {id}"));
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.guard.say(GONE, self.id);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.finish(Patience::Until(FAREWELL));
        }
    }
}

/// What the guard does: it listens until the program is gone, and clears up behind it.
pub(crate) fn run(folder: &Path) -> ExitCode {
    let running = listen(io::stdin().lines().map_while(Result::ok));
    for (id, _) in running.iter().filter(|(_, fate)| **fate == Fate::Ended) {
        process::end(*id);
    }
    let is_ours = folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
    if is_ours && !running.values().any(|fate| *fate == Fate::Left) {
        let (tries, pause) = TRIES;
        for _ in 0..tries {
            if !folder.exists() || fs::remove_dir_all(folder).is_ok() {
                break;
            }
            thread::sleep(pause);
        }
    }
    ExitCode::SUCCESS
}

/// What still runs after the last line.
fn listen(lines: impl Iterator<Item = String>) -> BTreeMap<u32, Fate> {
    let mut running = BTreeMap::new();
    for line in lines {
        let Some((word, id)) = line.split_once(' ') else { continue };
        let Ok(id) = id.parse() else { continue };
        match word {
            ENDS => running.insert(id, Fate::Ended),
            LEAVES => running.insert(id, Fate::Left),
            _ => running.remove(&id),
        };
    }
    running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_forgotten() {
        let lines = ["ends 1", "gone 1", "leaves 0", "gone 0", "leaves 0", "ends 4", "nonsense", "ends x"];
        let running = listen(lines.into_iter().map(str::to_owned));
        assert_eq!(running, BTreeMap::from([(NOBODY, Fate::Left), (4, Fate::Ended)]));
    }
}
