//! The queue's promises, searched on the text that ships: sales, two jobs, exchange, the nightly job and a person run in
//! sessions that may be interrupted before every call of the platform, crash, wait for locks in vain and talk to a service
//! that fails in every way; copies of the base wake up, and backups are restored. One seed gives one run. A handler that gets
//! no lock raises nothing: its balance is left to the nightly job, and must be there in the end.
//!
//! | file | what |
//! |---|---|
//! | `baton.rs` | sessions on threads of which one runs at a time |
//! | `service.rs` | the service and the add-in's objects, in this process |
//! | `ledger.rs` | what was promised, and whether it was kept |
//! | `themes.rs` | what runs are about |
//! | `world.rs` | who takes part, and what can happen in a run |
//! | `names.rs` | what the search names of the text that ships |
//! | `search.rs` | runs on a text, and on one from which something is taken out |
//! | `mutations.rs` | each precaution, taken out of the text |
//!
//! `PASSTEAM_PROMISE_RUNS` is the number of runs of a text that must hold, `PASSTEAM_PROMISE_SEED` repeats a single run
//! of any of these tests.

mod baton;
mod ledger;
mod mutations;
mod names;
mod search;
mod service;
mod themes;
mod world;

use search::assert_holds;
use world::shipped;

/// How many runs search the text that ships, in all its variants together.
const RUNS: u64 = 160;

#[test]
fn nothing_is_lost_reordered_or_created_twice_and_everything_ends() {
    assert_holds(shipped(), RUNS, None);
}
