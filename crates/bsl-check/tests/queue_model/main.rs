//! A model of the algorithm in `bsl-examples/CommonModules/ОчередьPassteam`, run under random interleavings of sales, two jobs,
//! crashes and a service that fails, answers late or carries a request out late. `world::Step` names the BSL procedure of each
//! step.
//!
//! What always holds: a card whose committed balance the service has not got stands in the queue; the service never gets
//! an older balance after a newer one; no card is created twice. And once the world calms down, the queue is empty and
//! the service shows every balance.

mod world;

use std::path::Path;

use bsl_check::{Kind, Script, syntax};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use world::{Action, Algorithm, Answer, Broken, CARDS, CREATED_CARD, PROCEDURES, WORKERS, World};

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Success),
        1 => Just(Answer::Refused),
        1 => Just(Answer::RateLimited),
        1 => Just(Answer::NoConnection),
        1 => Just(Answer::NoReply),
        2 => Just(Answer::LateRequest),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => (0..WORKERS, 1_u32..6, answer())
            .prop_map(|(worker, steps, answer)| Action::Work { worker, steps, answer }),
        3 => (0..CARDS).prop_map(Action::BeginSale),
        3 => (0..CARDS).prop_map(Action::CommitSale),
        1 => (0..CARDS).prop_map(Action::RollBackSale),
        1 => (0..CARDS).prop_map(Action::EditCard),
        1 => (0..WORKERS).prop_map(Action::Crash),
        1 => Just(Action::CarryOutLateRequest),
        2 => (1_u32..50).prop_map(Action::Wait),
    ]
}

/// Looks for a run that breaks a promise; the shortest one found, told step by step.
fn counterexample(algorithm: Algorithm, cases: u32) -> Option<String> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRunner::deterministic().new_rng());
    let found = runner.run(&prop::collection::vec(action(), 1..60), |actions| {
        World::run(algorithm, &actions).map_err(|broken| TestCaseError::fail(broken.to_string()))
    });
    match found {
        Ok(()) => None,
        Err(TestError::Fail(reason, actions)) => Some(format!("{reason}\n{actions:#?}")),
        Err(error) => panic!("{error}"),
    }
}

/// Quick by default; `QUEUE_MODEL_CASES` asks for a longer search.
fn cases() -> u32 {
    std::env::var("QUEUE_MODEL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3_000)
}

#[track_caller]
fn assert_holds(algorithm: Algorithm) {
    if let Some(counterexample) = counterexample(algorithm, cases()) {
        panic!("{counterexample}");
    }
}

#[track_caller]
fn assert_caught(algorithm: Algorithm, promise: &str) {
    let counterexample = counterexample(algorithm, 10_000).expect("the flaw goes unnoticed");
    assert!(counterexample.contains(promise), "{counterexample}");
}

/// The whole algorithm survives the actions, the flawed one does not.
#[track_caller]
fn assert_tells_apart(flawed: Algorithm, actions: &[Action]) {
    World::run(Algorithm::default(), actions).unwrap();
    let broken = World::run(flawed, actions).expect_err("the flaw goes unnoticed");
    assert!(matches!(broken, Broken::Reordered(_)), "{broken}");
}

#[test]
fn nothing_is_lost_reordered_or_created_twice_and_everything_ends() {
    assert_holds(Algorithm::default());
}

#[test]
fn two_jobs_at_once_are_safe_even_where_the_queues_lock_does_not_hold() {
    assert_holds(Algorithm { queue_lock: false, ..Algorithm::default() });
}

#[test]
fn a_deletion_without_the_version_check_loses_a_sale() {
    assert_caught(Algorithm { checks_version: false, ..Algorithm::default() }, "не стоит в очереди");
}

#[test]
fn balances_read_before_the_versions_lose_a_sale() {
    assert_caught(Algorithm { reads_data_after_versions: false, ..Algorithm::default() }, "не стоит в очереди");
}

#[test]
fn a_mark_outside_the_sales_transaction_loses_the_sale() {
    assert_caught(Algorithm { queues_in_transaction: false, ..Algorithm::default() }, "не стоит в очереди");
}

/// Too rare for a random search: a request is carried out late, its job has died, and the next one is quick.
#[test]
fn records_that_are_not_put_off_when_taken_let_an_older_balance_overwrite_a_newer_one() {
    let dying = |worker, steps, answer| Action::Work { worker, steps, answer };
    let until_sent = 6;
    let actions = [
        Action::BeginSale(CREATED_CARD),
        Action::CommitSale(CREATED_CARD),
        dying(0, until_sent, Answer::LateRequest),
        Action::Crash(0),
        Action::BeginSale(CREATED_CARD),
        Action::CommitSale(CREATED_CARD),
        dying(1, until_sent, Answer::Success),
        Action::CarryOutLateRequest,
    ];
    assert_tells_apart(Algorithm { puts_off_when_taken: false, ..Algorithm::default() }, &actions);
}

/// Just as rare: the job was frozen between reading and sending.
#[test]
fn a_portion_sent_after_its_time_lets_an_older_balance_overwrite_a_newer_one() {
    let (until_read, until_sent) = (5, 6);
    let actions = [
        Action::BeginSale(CREATED_CARD),
        Action::CommitSale(CREATED_CARD),
        Action::Work { worker: 0, steps: until_read, answer: Answer::Success },
        Action::Wait(45),
        Action::Work { worker: 0, steps: until_sent - until_read, answer: Answer::LateRequest },
        Action::Crash(0),
        Action::BeginSale(CREATED_CARD),
        Action::CommitSale(CREATED_CARD),
        Action::Work { worker: 1, steps: until_sent, answer: Answer::Success },
        Action::CarryOutLateRequest,
    ];
    assert_tells_apart(Algorithm { drops_late_portions: false, ..Algorithm::default() }, &actions);
}

#[test]
fn a_creation_without_a_mark_creates_a_card_twice() {
    assert_caught(Algorithm { marks_creation: false, ..Algorithm::default() }, "создана дважды");
}

#[test]
fn a_creation_of_unknown_outcome_that_is_repeated_creates_a_card_twice() {
    assert_caught(Algorithm { unknown_goes_to_person: false, ..Algorithm::default() }, "создана дважды");
}

#[test]
fn an_unfinished_creation_that_nobody_looks_for_never_ends() {
    assert_caught(Algorithm { hands_over_unfinished: false, ..Algorithm::default() }, "не пустеет");
}

#[test]
fn two_jobs_that_touch_each_others_records_create_a_card_twice() {
    let algorithm = Algorithm { queue_lock: false, checks_ownership: false, ..Algorithm::default() };
    assert_caught(algorithm, "создана дважды");
}

#[test]
fn every_step_of_the_model_is_a_procedure_of_the_module() {
    let file = "bsl-examples/CommonModules/ОчередьPassteam/Ext/Module.bsl";
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)).unwrap();
    let script = Script::parse(file, 1, Kind::Common, &text).unwrap();
    let methods = script.methods();
    for name in PROCEDURES {
        assert!(methods.iter().any(|method| syntax::same_name(method.name, name)), "{name} is gone from {file}");
    }
}
