//! Sessions on threads of which one runs at a time, so that one seed gives one run.
//!
//! The controller hands the baton to an actor, which runs until the dice say that it stops before a call of the
//! platform, until it waits for a lock, or until its work is done. Then the baton comes back. Whatever is random comes
//! from the dice here and is drawn by whoever holds the baton.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bsl_run::on_large_stack;
use bsl_run::platform::{Scheduler, SessionError, Turn, Wait};
use infobase::SessionId;
use uuid::Uuid;

/// Number of an actor, from 0. An actor has one session at a time.
pub type Actor = usize;
/// What an actor does in its session.
pub type Work = Box<dyn FnOnce() -> Result<(), SessionError> + Send>;

/// What the controller tells an actor that has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on; who waits for a lock asks for it again.
    Go,
    /// The lock is not granted in time. Who does not wait goes on.
    TimeOut,
    /// Its process dies.
    Crash,
}

/// Why an actor has given the baton back.
#[derive(Debug)]
pub enum Stopped {
    /// Before a call of the platform.
    Before(String),
    /// It waits for a lock.
    Waits,
    /// Its work is done, or its session has failed.
    Ended(Result<(), SessionError>),
}

/// How often actors stop.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// The chance to stop before a call after which another session sees something else: the end of a transaction, a
    /// lock, a request.
    pub at_turning_points: f64,
    /// The chance to stop before any other call.
    pub elsewhere: f64,
}

/// Calls of the platform after or before which another session sees something else.
const TURNING_POINTS: [&str; 10] = [
    "НачатьТранзакцию",
    "ЗафиксироватьТранзакцию",
    "Фиксация записи",
    "БлокировкаДанных.Заблокировать",
    "ЗаблокироватьДанныеДляРедактирования",
    "Константа.Установить",
    "Запрос.Выполнить",
    "Запрос.ВыполнитьПакет",
    REQUEST,
    ANSWER,
];
/// Work with more calls of the platform would never end.
const MOST_CALLS: usize = 20_000;
/// What the service's stand-in calls a request.
pub const REQUEST: &str = "запрос к сервису";
/// The moment after it.
pub const ANSWER: &str = "ответ сервиса";

struct State {
    /// Who runs; nobody: the controller.
    holder: Option<Actor>,
    order: Order,
    stopped: Option<Stopped>,
    work: BTreeMap<Actor, Work>,
    dice: fastrand::Rng,
    pace: Pace,
    /// How many calls of the platform each actor's work has made.
    calls: BTreeMap<Actor, usize>,
    over: bool,
}

/// The baton, and the dice.
pub struct Baton {
    state: Mutex<State>,
    passed: Condvar,
}

impl Baton {
    /// A baton that the controller holds.
    pub fn new() -> Baton {
        let state = State {
            holder: None,
            order: Order::Go,
            stopped: None,
            work: BTreeMap::new(),
            dice: fastrand::Rng::with_seed(0),
            pace: Pace::default(),
            calls: BTreeMap::new(),
            over: false,
        };
        Baton { state: Mutex::new(state), passed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the controller beside so many actors.
    pub fn with_actors<T>(&self, actors: usize, controller: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            for actor in 0..actors {
                scope.spawn(move || on_large_stack(|| self.act(actor)).expect("a thread for an actor"));
            }
            let result = catch_unwind(AssertUnwindSafe(controller));
            self.state().over = true;
            self.passed.notify_all();
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn act(&self, actor: Actor) {
        while let Some(work) = self.next_work(actor) {
            let ended = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                Err(SessionError { text: "паника в сеансе".to_owned(), killed: false })
            });
            let mut state = self.state();
            state.stopped = Some(Stopped::Ended(ended));
            state.holder = None;
            self.passed.notify_all();
        }
    }

    fn next_work(&self, actor: Actor) -> Option<Work> {
        let mut state = self.state();
        while state.holder != Some(actor) {
            if state.over {
                return None;
            }
            state = self.passed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(state.work.remove(&actor).unwrap_or_else(|| Box::new(|| panic!("nothing to do"))))
    }

    /// Gives an idle actor something to do and lets it run until it stops.
    pub fn start(&self, actor: Actor, work: Work) -> Stopped {
        let mut state = self.state();
        state.work.insert(actor, work);
        state.calls.insert(actor, 0);
        drop(state);
        self.resume(actor, Order::Go)
    }

    /// Lets an actor run until it stops again.
    pub fn resume(&self, actor: Actor, order: Order) -> Stopped {
        let mut state = self.state();
        state.order = order;
        state.holder = Some(actor);
        self.passed.notify_all();
        loop {
            if let Some(stopped) = state.stopped.take() {
                return stopped;
            }
            state = self.passed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives the baton back and waits for the next order.
    fn stop<'a>(&'a self, mut state: MutexGuard<'a, State>, actor: Actor, why: Stopped) -> Order {
        state.stopped = Some(why);
        state.holder = None;
        self.passed.notify_all();
        while state.holder != Some(actor) {
            state = self.passed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.order
    }

    /// Who runs; nobody: the controller.
    pub fn holder(&self) -> Option<Actor> {
        self.state().holder
    }

    /// Begins another run: the dice fall as the seed says.
    pub fn reseed(&self, seed: u64) {
        self.state().dice = fastrand::Rng::with_seed(seed);
    }

    /// Sets how often actors stop.
    pub fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    /// Throws the dice.
    pub fn throw<T>(&self, throw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        throw(&mut self.state().dice)
    }
}

impl Scheduler for Baton {
    fn point(&self, _: SessionId, call: &str) -> Turn {
        let mut state = self.state();
        // The controller's own sessions set the stage.
        let Some(actor) = state.holder else { return Turn::Go };
        let calls = state.calls.entry(actor).or_default();
        *calls += 1;
        if *calls > MOST_CALLS {
            return Turn::Crash;
        }
        let pace = state.pace;
        let chance = if TURNING_POINTS.contains(&call) { pace.at_turning_points } else { pace.elsewhere };
        if chance == 0.0 || state.dice.f64() >= chance {
            return Turn::Go;
        }
        match self.stop(state, actor, Stopped::Before(call.to_owned())) {
            Order::Crash => Turn::Crash,
            Order::Go | Order::TimeOut => Turn::Go,
        }
    }

    fn wait(&self, _: SessionId, _: &[SessionId]) -> Wait {
        let state = self.state();
        let Some(actor) = state.holder else { return Wait::TimedOut };
        match self.stop(state, actor, Stopped::Waits) {
            Order::Go => Wait::Retry,
            Order::TimeOut => Wait::TimedOut,
            Order::Crash => Wait::Crash,
        }
    }

    fn new_uuid(&self) -> Uuid {
        let bytes = self.throw(|dice| dice.u128(..)).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
