//! Many cards in one call: merging, parallelism, pauses, and what ends a batch early.
//!
//! A batch is concurrent futures on the caller's thread: nothing of it outlives the call. Whatever may block (the caller's
//! journal, events, texts) is done between two runs of the runtime, so that the connections of other callers do not wait for it.
//! Which failures a single request may be repeated after is a matter of `repeat`.

mod entries;

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use indexmap::IndexMap;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::call::{perform, without_credentials};
use crate::form::Variables;
use crate::outcome::{Failure, Kind, Report, Success};
use crate::pace::{Pace, deadline};
use crate::redact::Values;
use crate::repeat::pause_of_batch;
use crate::request::Request;
use crate::settings::Settings;
use crate::transport::{Session, block_on};

pub use entries::{Entry, creations, updates};

/// The shortest time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// How often a batch looks whether it is cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(200);
/// A batch ends after this many consecutive cards with failed connections.
const MOST_UNREACHED: u32 = 3;

/// How a batch is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of concurrent cards.
    pub parallelism: usize,
    /// After this time nothing more is sent.
    pub time: Duration,
}

/// How far a batch is, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries whose outcome is known.
    pub done: usize,
    /// All entries.
    pub total: usize,
    /// Entries whose outcome is a failure.
    pub failed: usize,
}

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The card's id or the creation's key, empty if the entry has none.
    pub name: String,
    /// As [`Report::code`]; 0 if nothing was sent.
    pub code: i64,
    /// As [`Report::unknown`].
    pub unknown: bool,
    /// As [`Failure::retry_after`].
    pub retry_after: Option<Duration>,
    /// What the service did, or why the entry failed.
    pub result: Result<Success, EntryError>,
}

/// Why an entry failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// What a program acts on.
    pub kind: EntryErrorKind,
    /// What [`Observer::describe`] said of it.
    pub description: String,
}

/// The kinds of failure of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryErrorKind {
    /// It was sent.
    Sent(Kind),
    /// The batch ended before its turn.
    NotSent,
    /// It cannot be sent.
    InvalidEntry,
}

impl EntryErrorKind {
    /// The kind's name, the same in every language.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryErrorKind::Sent(kind) => kind.as_str(),
            EntryErrorKind::NotSent => "NotSent",
            EntryErrorKind::InvalidEntry => "InvalidEntry",
        }
    }
}

/// What an entry's failure is described from.
pub enum Reason<'a> {
    /// Its request failed.
    Sent {
        /// What was sent.
        request: &'a Request,
        /// Why it failed.
        failure: &'a Failure,
        /// As [`Report::code`].
        code: i64,
        /// As [`Report::unknown`].
        unknown: bool,
        /// The values of all the batch's cards, which a text must not show.
        values: &'a Values<'a>,
    },
    /// The batch ended before its turn.
    NotSent,
    /// It cannot be sent.
    InvalidEntry,
}

/// Follows a batch. Every call comes on the batch's thread and outside [`block_on`], which cannot nest: an observer may itself
/// make a call, and may block, but the batch waits for it.
pub trait Observer {
    /// The text of a failure.
    fn describe(&self, reason: &Reason) -> String;
    /// A card's request has ended, after its repeats; it took `duration`.
    fn ended(&self, request: &Request, report: &Report, duration: Duration);
    /// At most every 500 ms while the batch runs, and only if something has changed.
    fn progress(&self, progress: Progress);
    /// Whether the batch is to end now: requests under way are given up, and nothing more is sent. Asked every 200 ms.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Sends `updatecard` for every card; entries of one card are merged, and sent in the place of its first. The outcomes come in the
/// order of `entries`. It blocks for at most [`Limits::time`] and [`Settings::timeout`] together.
///
/// # Panics
/// When called from within a future that [`block_on`] runs.
pub fn update_cards(
    settings: &Settings,
    entries: Vec<Entry>,
    limits: Limits,
    observer: &impl Observer,
) -> Vec<Outcome> {
    send(settings, entries, limits, observer, |card| Request::update_card(&card.name, &card.variables).caller_waits())
}

/// Sends `createcard` for every entry, as [`update_cards`] does. An entry is sent again only if the service has certainly not
/// carried it out, and after the first one whose outcome is unknown no further one is begun.
///
/// # Panics
/// As [`update_cards`].
pub fn create_cards(
    settings: &Settings,
    template_id: &str,
    entries: Vec<Entry>,
    limits: Limits,
    observer: &impl Observer,
) -> Vec<Outcome> {
    send(settings, entries, limits, observer, |card| Request::create_card(template_id, &card.variables))
}

fn send(
    settings: &Settings,
    entries: Vec<Entry>,
    limits: Limits,
    observer: &impl Observer,
    request: impl Fn(&Card) -> Request,
) -> Vec<Outcome> {
    let session = Session::open(settings);
    let plan = Plan::new(entries);
    let batch = Batch::new(&plan, limits, settings);
    let mut ledger = Ledger::new(&plan, observer);
    let perform = async |request: &Request| match &session {
        Ok(session) => {
            let report = perform(session, settings, request, deadline(settings.timeout), &batch.pace).await;
            // An id and a link: no more than that is searched.
            without_credentials(report, settings)
        }
        Err(failure) => Report::not_tried(failure.clone()),
    };
    let workers: FuturesUnordered<_> = (0..limits.parallelism).map(|_| batch.work(&request, &perform)).collect();
    let mut workers = pin!(workers.collect::<()>());
    let mut is_running = true;
    while is_running {
        // Runs until all workers are done or something has ended.
        let step = poll_fn(|context| match workers.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(false),
            Poll::Pending if batch.has_ended() => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        });
        is_running = match block_on(async { timeout(CANCEL_INTERVAL, step).await }) {
            Ok(step) => step.unwrap_or(true),
            Err(_) => false,
        };
        batch.take_ended().into_iter().for_each(|ended| ledger.note(ended));
        ledger.tell_progress();
        if observer.is_cancelled() {
            batch.pace.abort();
        }
    }
    ledger.into_outcomes()
}

/// A card and the entries that are about it.
struct Card {
    name: String,
    variables: Variables,
    entries: Vec<usize>,
}

/// The entries of a batch.
struct Plan {
    /// In the order in which they are sent.
    cards: Vec<Card>,
    /// Entries that cannot be sent: their places and names.
    invalid: Vec<(usize, String)>,
}

impl Plan {
    fn new(entries: Vec<Entry>) -> Plan {
        let mut cards: IndexMap<String, (Variables, Vec<usize>)> = IndexMap::new();
        let mut invalid = Vec::new();
        for (place, entry) in entries.into_iter().enumerate() {
            match entry {
                Entry::Sendable { name, variables } => {
                    let (of_card, entries) =
                        cards.entry(name).or_insert_with(|| (Variables::default(), Vec::with_capacity(1)));
                    of_card.merge(variables);
                    entries.push(place);
                }
                Entry::Invalid { name } => invalid.push((place, name)),
            }
        }
        let card = |(name, (variables, entries))| Card { name, variables, entries };
        Plan { cards: cards.into_iter().map(card).collect(), invalid }
    }

    fn total(&self) -> usize {
        self.invalid.len() + self.cards.iter().map(|card| card.entries.len()).sum::<usize>()
    }
}

/// Something of a card has ended: one request with its repeats, and then, if the card is not sent again, the card itself.
struct Ended<'a> {
    card: &'a Card,
    request: Rc<Request>,
    report: Rc<Report>,
    what: Stage,
}

enum Stage {
    /// A request that took this long.
    Request(Duration),
    Card,
}

/// What is under way.
struct Batch<'a> {
    cards: &'a [Card],
    /// The place of the next card.
    next: Mutex<usize>,
    pace: Pace,
    unreached: Cell<u32>,
    timeout: Duration,
    retries: u32,
    /// Waits to be noted outside the runtime.
    ended: RefCell<Vec<Ended<'a>>>,
}

impl<'a> Batch<'a> {
    fn new(plan: &'a Plan, limits: Limits, settings: &Settings) -> Batch<'a> {
        Batch {
            cards: &plan.cards,
            next: Mutex::new(0),
            pace: Pace::in_turn(&settings.rate, deadline(limits.time)),
            unreached: Cell::new(0),
            timeout: settings.timeout,
            retries: settings.retries,
            ended: RefCell::default(),
        }
    }

    /// Takes card after card until there are none or nothing may be sent any more.
    async fn work(&self, request: &impl Fn(&Card) -> Request, perform: &impl AsyncFn(&Request) -> Report) {
        while let Some(card) = self.next_card().await {
            self.send(card, Rc::new(request(card)), perform).await;
        }
    }

    /// The next card, as soon as it may be sent. One worker at a time waits for that, so that no turn is taken for nothing.
    async fn next_card(&self) -> Option<&'a Card> {
        let mut next = self.next.lock().await;
        let card = self.cards.get(*next)?;
        if !self.turn().await {
            return None;
        }
        *next += 1;
        Some(card)
    }

    async fn turn(&self) -> bool {
        let now = Instant::now();
        self.pace.turn(now, deadline(Duration::MAX)).await.is_ok()
    }

    /// Sends one card, and again after every pause that the service asks for, as long as that is worth it.
    async fn send(&self, card: &'a Card, request: Rc<Request>, perform: &impl AsyncFn(&Request) -> Report) {
        let mut limited = 0;
        loop {
            let began = Instant::now();
            let report = Rc::new(perform(&request).await);
            let end = |what| Ended { card, request: Rc::clone(&request), report: Rc::clone(&report), what };
            self.ended.borrow_mut().push(end(Stage::Request(began.elapsed())));
            let pause = pause_of_batch(&report, limited);
            if let Some(pause) = pause {
                self.keep(pause);
            }
            if pause.is_none() || limited == self.retries || !self.turn().await {
                self.apply_rules(&report);
                self.ended.borrow_mut().push(end(Stage::Card));
                return;
            }
            limited += 1;
        }
    }

    /// The whole batch keeps a pause that the service asks for; one that is too long ends it.
    fn keep(&self, pause: Duration) {
        if pause > self.timeout {
            self.pace.stop();
        } else {
            self.pace.pause(pause);
        }
    }

    /// What a card's outcome means for the cards after it.
    fn apply_rules(&self, report: &Report) {
        let kind = report.outcome.as_ref().err().map(Failure::kind);
        let is_unreached = matches!(kind, Some(Kind::Connection | Kind::Timeout | Kind::Certificate));
        self.unreached.set(if is_unreached { self.unreached.get() + 1 } else { 0 });
        if report.unknown || kind == Some(Kind::Unauthorized) || self.unreached.get() == MOST_UNREACHED {
            self.pace.stop();
        }
    }

    fn has_ended(&self) -> bool {
        !self.ended.borrow().is_empty()
    }

    fn take_ended(&self) -> Vec<Ended<'a>> {
        self.ended.take()
    }
}

/// What has ended, and its texts.
struct Ledger<'a, O> {
    plan: &'a Plan,
    /// Of all cards; needed only if something fails.
    values: OnceCell<Values<'a>>,
    outcomes: Vec<Option<Outcome>>,
    progress: Progress,
    told: Progress,
    told_at: Instant,
    observer: &'a O,
}

impl<'a, O: Observer> Ledger<'a, O> {
    fn new(plan: &'a Plan, observer: &'a O) -> Ledger<'a, O> {
        let total = plan.total();
        let progress = Progress { total, ..Progress::default() };
        let mut ledger = Ledger {
            plan,
            values: OnceCell::new(),
            outcomes: vec![None; total],
            progress,
            told: Progress::default(),
            told_at: Instant::now(),
            observer,
        };
        for (place, name) in &plan.invalid {
            ledger.enter(&[*place], ledger.unsent(name, EntryErrorKind::InvalidEntry, &Reason::InvalidEntry));
        }
        ledger
    }

    fn note(&mut self, ended: Ended<'a>) {
        let Ended { card, request, report, what } = ended;
        match what {
            Stage::Request(duration) => self.observer.ended(&request, &report, duration),
            Stage::Card => self.enter(&card.entries, self.outcome(card, &request, &report)),
        }
    }

    fn outcome(&self, card: &Card, request: &Request, report: &Report) -> Outcome {
        let Report { outcome, code, unknown, .. } = report;
        let result = outcome.clone().map_err(|failure| {
            let values = self.values();
            let reason = Reason::Sent { request, failure: &failure, code: *code, unknown: *unknown, values };
            EntryError { kind: EntryErrorKind::Sent(failure.kind()), description: self.observer.describe(&reason) }
        });
        let retry_after = outcome.as_ref().err().and_then(|failure| failure.retry_after);
        Outcome { name: card.name.clone(), code: *code, unknown: *unknown, retry_after, result }
    }

    fn values(&self) -> &Values<'a> {
        let values = || self.plan.cards.iter().flat_map(|card| card.variables.iter()).map(|(_, value)| value).collect();
        self.values.get_or_init(values)
    }

    fn unsent(&self, name: &str, kind: EntryErrorKind, reason: &Reason) -> Outcome {
        let description = self.observer.describe(reason);
        let result = Err(EntryError { kind, description });
        Outcome { name: name.to_owned(), code: 0, unknown: false, retry_after: None, result }
    }

    /// Notes the outcome of all entries of a card.
    fn enter(&mut self, entries: &[usize], outcome: Outcome) {
        self.progress.done += entries.len();
        self.progress.failed += if outcome.result.is_err() { entries.len() } else { 0 };
        for &place in entries {
            self.outcomes[place] = Some(outcome.clone());
        }
    }

    fn tell_progress(&mut self) {
        if self.progress != self.told && self.told_at.elapsed() >= PROGRESS_INTERVAL {
            self.told = self.progress;
            self.told_at = Instant::now();
            self.observer.progress(self.progress);
        }
    }

    fn into_outcomes(mut self) -> Vec<Outcome> {
        for card in &self.plan.cards {
            if card.entries.iter().any(|&place| self.outcomes[place].is_none()) {
                self.enter(&card.entries, self.unsent(&card.name, EntryErrorKind::NotSent, &Reason::NotSent));
            }
        }
        self.outcomes.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Attempt;
    use crate::outcome::Cause;
    use crate::pace::RequestRate;
    use crate::repeat::until_done;

    const SECOND: Duration = Duration::from_secs(1);

    /// Says nothing.
    struct Silent;

    impl Observer for Silent {
        fn describe(&self, _: &Reason) -> String {
            String::new()
        }
        fn ended(&self, _: &Request, _: &Report, _: Duration) {}
        fn progress(&self, _: Progress) {}
    }

    fn updated() -> Attempt {
        Attempt { outcome: Ok(Success::default()), code: 200, ..Attempt::failed(Cause::Deadline, false) }
    }

    fn failed(cause: Cause) -> Attempt {
        Attempt::failed(cause, false)
    }

    fn unsent(cause: Cause) -> Attempt {
        Attempt::failed(cause, true)
    }

    fn refused(cause: Cause, code: i64) -> Attempt {
        Attempt { code, refused: true, ..failed(cause) }
    }

    fn limited(pause: Option<Duration>) -> Attempt {
        let failure = Failure { retry_after: pause, ..Failure::new(Cause::RateLimited) };
        Attempt { outcome: Err(failure), ..refused(Cause::RateLimited, 429) }
    }

    /// A batch whose tries take one second each.
    struct Game {
        limits: Limits,
        settings: Settings,
        create: bool,
        /// When everything is given up.
        abort_after: Duration,
    }

    struct Play {
        /// Whose request began when, in milliseconds.
        sent: Vec<(String, u128)>,
        outcomes: Vec<Outcome>,
        took: Duration,
    }

    impl Game {
        fn new(parallelism: usize, seconds: u64) -> Game {
            Game {
                limits: Limits { parallelism, time: Duration::from_secs(seconds) },
                settings: Settings { timeout: 10 * SECOND, retries: 2, ..Settings::default() },
                create: false,
                abort_after: 10_000 * SECOND,
            }
        }

        fn of_creations(parallelism: usize, seconds: u64) -> Game {
            Game { create: true, ..Game::new(parallelism, seconds) }
        }

        /// `answer` gets a card's name and how often it was tried before.
        async fn play(&self, names: &str, answer: impl Fn(&str, usize) -> Attempt) -> Play {
            let Game { settings, limits, create, abort_after } = self;
            let began = Instant::now();
            let sendable = |name: &str| Entry::Sendable { name: name.to_owned(), variables: named(name) };
            let plan = Plan::new(names.split_whitespace().map(sendable).collect());
            let batch = Batch::new(&plan, *limits, settings);
            let sent = RefCell::new(Vec::new());
            let perform = async |request: &Request| {
                let name = &request.secrets()[0];
                let attempt = |left: crate::attempt::Sent| {
                    let before = sent.borrow().iter().filter(|(known, _)| known == name).count();
                    sent.borrow_mut().push((name.clone(), began.elapsed().as_millis()));
                    let attempt = answer(name, before);
                    async move {
                        if !attempt.unsent {
                            left.note();
                        }
                        tokio::time::sleep(SECOND).await;
                        attempt
                    }
                };
                until_done(request.repeatable(), settings.retries, deadline(settings.timeout), &batch.pace, attempt)
                    .await
            };
            let request = |card: &Card| match create {
                true => Request::create_card("template", &card.variables),
                false => Request::update_card(&card.name, &card.variables).caller_waits(),
            };
            let workers: FuturesUnordered<_> =
                (0..limits.parallelism).map(|_| batch.work(&request, &perform)).collect();
            let mut workers = pin!(workers.collect::<()>());
            if timeout(*abort_after, workers.as_mut()).await.is_err() {
                batch.pace.abort();
                workers.await;
            }
            let mut ledger = Ledger::new(&plan, &Silent);
            batch.take_ended().into_iter().for_each(|ended| ledger.note(ended));
            Play { sent: sent.take(), outcomes: ledger.into_outcomes(), took: began.elapsed() }
        }
    }

    fn named(name: &str) -> Variables {
        let mut variables = Variables::default();
        variables.set("NAME", name).expect("a variable");
        variables
    }

    impl Play {
        /// The kinds of failure, empty for a success.
        fn ended(&self) -> Vec<&'static str> {
            let kind = |outcome: &Outcome| match &outcome.result {
                Ok(_) => "",
                Err(error) => error.kind.as_str(),
            };
            self.outcomes.iter().map(kind).collect()
        }

        fn times(&self) -> Vec<(&str, u128)> {
            self.sent.iter().map(|(name, time)| (name.as_str(), *time)).collect()
        }

        fn order(&self) -> Vec<&str> {
            self.sent.iter().map(|(name, _)| name.as_str()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_cards_than_allowed_are_under_way_and_in_the_order_given() {
        let play = Game::new(2, 100).play("a b c d e", |_, _| updated()).await;
        assert_eq!(play.times(), [("a", 0), ("b", 0), ("c", 1000), ("d", 1000), ("e", 2000)]);
        assert_eq!(play.ended(), [""; 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_card_named_twice_is_sent_once_in_its_first_place() {
        let answer = |name: &str, _| if name == "b" { refused(Cause::NotFound, 404) } else { updated() };
        let play = Game::new(1, 100).play("a b a c b", answer).await;
        assert_eq!(play.order(), ["a", "b", "c"]);
        assert_eq!(play.ended(), ["", "NotFound", "", "", "NotFound"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_kept_by_all_and_then_the_card_is_tried_again() {
        let answer = |name: &str, before| match (name, before) {
            ("a", 0) => limited(Some(5 * SECOND)),
            _ => updated(),
        };
        for game in [Game::new(2, 100), Game::of_creations(2, 100)] {
            let play = game.play("a b c", answer).await;
            assert_eq!(play.times(), [("a", 0), ("b", 0), ("a", 6000), ("c", 6000)]);
            assert_eq!(play.ended(), [""; 3]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unnamed_pause_is_a_second_and_doubles() {
        let answer = |name: &str, _| if name == "a" { limited(None) } else { updated() };
        let play = Game::new(1, 100).play("a b", answer).await;
        assert_eq!(play.times(), [("a", 0), ("a", 2000), ("a", 5000), ("b", 10_000)]);
        assert_eq!(play.ended(), ["RateLimited", ""]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_the_timeout_ends_the_batch_and_is_handed_on() {
        for game in [Game::new(1, 100), Game::of_creations(1, 100)] {
            let play = game.play("a b", |_, _| limited(Some(11 * SECOND))).await;
            assert_eq!((play.sent.len(), play.took), (1, SECOND));
            assert_eq!(play.ended(), ["RateLimited", "NotSent"]);
            let asked: Vec<_> = play.outcomes.iter().map(|outcome| outcome.retry_after).collect();
            assert_eq!(asked, [Some(11 * SECOND), None]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_ends_the_batch() {
        let answer = |name: &str, _| if name == "a" { refused(Cause::Unauthorized, 401) } else { updated() };
        let play = Game::new(2, 100).play("a b c d", answer).await;
        assert_eq!(play.ended(), ["Unauthorized", "", "NotSent", "NotSent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn three_unreached_cards_in_a_row_end_the_batch_and_two_do_not() {
        let unreached = [Cause::Reset, Cause::Deadline, Cause::Expired];
        let number = |name: &str| name.parse::<usize>().expect("a number");
        let game = Game::new(1, 100);
        let three = game.play("0 1 2 3 4", |name, _| failed(unreached[number(name) % 3].clone())).await;
        assert_eq!(three.ended(), ["Connection", "Timeout", "Certificate", "NotSent", "NotSent"]);
        let answer =
            |name: &str, _| if number(name) == 2 { refused(Cause::NotFound, 404) } else { failed(Cause::Reset) };
        let interrupted = game.play("0 1 2 3 4 5 6", answer).await;
        let expected = ["Connection", "Connection", "NotFound", "Connection", "Connection", "Connection", "NotSent"];
        assert_eq!(interrupted.ended(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_card_that_must_wait_does_not_interrupt_a_row_of_unreached_ones() {
        let answer = |name: &str, before| match (name, before) {
            ("c", 0) => limited(Some(SECOND)),
            _ => unsent(Cause::Deadline),
        };
        let play = Game::new(1, 100).play("a b c d", answer).await;
        assert_eq!(play.ended(), ["Timeout", "Timeout", "Timeout", "NotSent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_after_the_time_limit() {
        let play = Game::new(1, 3).play("a b c d", |_, _| updated()).await;
        assert_eq!(play.ended(), ["", "", "", "NotSent"]);
        assert_eq!(play.took, 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_time_limit_cuts_is_not_waited_for() {
        let play = Game::new(1, 5).play("a b", |_, _| limited(Some(8 * SECOND))).await;
        assert_eq!(play.ended(), ["RateLimited", "NotSent"]);
        assert_eq!(play.took, SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_requests_of_a_minute_are_spread_evenly_repeats_included() {
        let rate = RequestRate::default();
        rate.set_per_minute(20);
        let answer = |name: &str, before| match (name, before) {
            ("b", 0) => refused(Cause::ServerError, 503),
            _ => updated(),
        };
        let mut game = Game::new(4, 100);
        game.settings.rate = rate;
        let play = game.play("a b c d", answer).await;
        let times: Vec<u128> = play.sent.iter().map(|(_, time)| *time).collect();
        assert_eq!(times, [0, 3000, 6000, 9000, 12_000]);
        assert_eq!(play.ended(), [""; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_ends_before_a_turn_that_comes_after_its_time_limit() {
        let rate = RequestRate::default();
        rate.set_per_minute(1);
        let mut game = Game::new(4, 100);
        game.settings.rate = rate;
        let play = game.play("a b c d", |_, _| updated()).await;
        assert_eq!((play.times(), play.took), (vec![("a", 0), ("b", 60_000)], 61 * SECOND));
        assert_eq!(play.ended(), ["", "", "NotSent", "NotSent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_aborted_batch_gives_up_what_is_under_way_and_says_what_may_have_been_done() {
        for (create, unknown) in [(false, [false; 4]), (true, [true, false, false, false])] {
            let mut game = Game { create, abort_after: SECOND / 2, ..Game::new(2, 100) };
            game.settings.retries = 0;
            let answer = |name: &str, _| if name == "a" { updated() } else { unsent(Cause::Refused) };
            let play = game.play("a b c d", answer).await;
            assert_eq!((play.ended(), play.took), (vec!["Timeout", "Timeout", "NotSent", "NotSent"], SECOND / 2));
            assert_eq!(play.outcomes.iter().map(|outcome| outcome.unknown).collect::<Vec<_>>(), unknown);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_unknown_outcome_no_further_creation_is_begun() {
        for lost in
            [failed(Cause::Reset), failed(Cause::Deadline), failed(Cause::BrokenOff), failed(Cause::ServerError)]
        {
            let cause = lost.outcome.as_ref().expect_err("a failure").cause.clone();
            let answer = |name: &str, _| if name == "b" { failed(cause.clone()) } else { updated() };
            let play = Game::of_creations(2, 100).play("a b c d e", answer).await;
            assert_eq!(play.order(), ["a", "b", "c"], "c has begun before b has ended: {cause:?}");
            assert_eq!(play.ended(), ["", cause.kind().as_str(), "", "NotSent", "NotSent"]);
            assert_eq!(
                play.outcomes.iter().map(|outcome| outcome.unknown).collect::<Vec<_>>(),
                [false, true, false, false, false]
            );
            let same_update = Game::new(2, 100).play("a b c d e", answer).await;
            assert!(same_update.outcomes.iter().all(|outcome| !outcome.unknown), "an update may be sent again");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_creation_is_sent_again_only_if_it_was_certainly_not_carried_out() {
        let known = || {
            [
                (true, unsent(Cause::Refused)),
                (true, unsent(Cause::NameNotResolved)),
                (true, unsent(Cause::Tls)),
                (true, limited(Some(SECOND))),
                (true, limited(None)),
                (false, failed(Cause::Reset)),
                (false, failed(Cause::BrokenOff)),
                (false, failed(Cause::Deadline)),
                (false, Attempt { code: 503, ..failed(Cause::ServerError) }),
                (false, refused(Cause::Duplicate, 409)),
                (false, refused(Cause::Rejected, 400)),
                (false, updated()),
            ]
        };
        // Every two outcomes one after another, eight cards at a time.
        let choices = known().len();
        for first in 0..choices {
            for second in 0..choices {
                let answer = |_: &str, before| match before {
                    0 => known().into_iter().nth(first).expect("a choice").1,
                    1 => known().into_iter().nth(second).expect("a choice").1,
                    _ => updated(),
                };
                let play = Game::of_creations(8, 1000).play("a b c d e f g h", answer).await;
                for name in "a b c d e f g h".split(' ') {
                    let tries = play.order().into_iter().filter(|sent| *sent == name).count();
                    let most = match (known()[first].0, known()[second].0) {
                        (false, _) => 1,
                        (true, false) => 2,
                        (true, true) => 3,
                    };
                    assert!(tries <= most, "{name} was sent {tries} times after {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn later_values_of_a_card_replace_earlier_ones() {
        let text = r#"[{"cardId":"a","values":{"X":1,"Y":2}},{"cardId":" a ","values":{"Y":3,"Z":4}}]"#;
        let cards = Plan::new(updates(text).expect("an array")).cards;
        let values: Vec<_> = cards[0].variables.iter().collect();
        assert_eq!(cards.len(), 1);
        assert_eq!(values, [("X", "1"), ("Y", "3"), ("Z", "4")]);
        assert_eq!(cards[0].entries, [0, 1]);
    }
}
