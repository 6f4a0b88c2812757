//! Searches a text that must keep its promises, and texts from which a precaution is taken out: these must break one.

use std::ops::Range;
use std::panic::Location;

use bsl_run::platform::ModuleTexts;

use crate::ledger::Broken;
use crate::themes::Theme;
use crate::world::{Failure, World, shipped};

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Searches these seeds, or the one that is to be repeated.
fn search(texts: ModuleTexts, seeds: Range<u64>, theme: Option<Theme>) -> Result<(), Failure> {
    let seeds = number("PASSTEAM_PROMISE_SEED").map_or(seeds, |seed| seed..seed + 1);
    World::new(texts).search(seeds, theme)
}

/// The text keeps its promises in this number of runs, or as many as the environment asks for.
#[track_caller]
pub fn assert_holds(texts: ModuleTexts, runs: u64, theme: Option<Theme>) {
    let runs = number("PASSTEAM_PROMISE_RUNS").unwrap_or(runs);
    if let Err(failure) = search(texts, 0..runs, theme) {
        panic!("{failure}");
    }
}

/// A text that is replaced wherever it stands in a module. A module that was rewritten makes its changes fail until somebody looks.
pub struct Change {
    pub module: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    /// How often it stands there.
    pub times: usize,
}

/// The text that ships, with these changes.
pub fn mutated(changes: &[Change]) -> ModuleTexts {
    let mut texts = shipped();
    for Change { module, from, to, times } in changes {
        let text = texts.get_mut(*module).unwrap_or_else(|| panic!("{module} is gone"));
        assert_eq!(text.matches(from).count(), *times, "the text that this mutation changes is another now: {from}");
        *text = text.replace(from, to);
    }
    texts
}

/// The search finds, in runs of this theme, one that breaks one of these promises.
#[track_caller]
pub fn assert_caught(theme: Theme, seeds: Range<u64>, changes: &[Change], expected: &[fn(String) -> Broken]) {
    let failure = search(mutated(changes), seeds, Some(theme)).expect_err("the flaw goes unnoticed");
    println!("{}: seed {}: {}", Location::caller(), failure.seed, failure.broken);
    let expected: Vec<_> = expected.iter().map(|broken| std::mem::discriminant(&broken(String::new()))).collect();
    assert!(expected.contains(&std::mem::discriminant(&failure.broken)), "{failure}");
}
