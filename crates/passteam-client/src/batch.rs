//! Many updates in one call: merging, parallelism, pacing, and what ends a batch early.
//!
//! A batch is concurrent futures on the caller's thread: nothing of it outlives the call.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until, timeout};

use crate::form::{Request, Variables};
use crate::json::{self, JsonError, Value};
use crate::redact::Values;
use crate::reply::{Failure, Kind, Report};
use crate::settings::Settings;
use crate::transport::{Session, block_on, deadline, not_tried};

/// How often at most the progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// What a 429 that names no pause counts as, the first time.
const UNNAMED_PAUSE: Duration = Duration::from_secs(1);
/// So many cards in a row that did not get through to the service end a batch.
const UNREACHED_IN_A_ROW: u32 = 3;

/// One element of the array that a batch is given.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A card to update.
    Card {
        /// Its id, without white space around it.
        card_id: String,
        /// Its variables.
        variables: Variables,
    },
    /// What cannot be sent.
    Invalid {
        /// The card's id, empty where there is none.
        card_id: String,
    },
}

/// Reads an array of `{"cardId": "…", "values": {…}}`; `values` may be absent or `null`.
///
/// # Errors
/// Malformed JSON, and what is not an array.
pub fn entries(text: &str) -> Result<Vec<Entry>, JsonError> {
    let text = json::well_formed(text);
    json::elements(&text)?.into_iter().map(|element| entry(element.get())).collect()
}

fn entry(text: &str) -> Result<Entry, JsonError> {
    let members = match json::members(text) {
        Ok(members) => members,
        Err(JsonError::OtherType) => return Ok(Entry::Invalid { card_id: String::new() }),
        Err(syntax) => return Err(syntax),
    };
    let member = |name| json::member(&members, name).map(Value::of).transpose();
    let card_id = match member("cardId")? {
        Some(Value::String(card_id)) => card_id.trim().to_owned(),
        _ => String::new(),
    };
    let variables = match member("values")? {
        None | Some(Value::Null) => Some(Variables::default()),
        Some(Value::Object(values)) => Variables::from_json(values).ok(),
        Some(_) => None,
    };
    Ok(match variables {
        Some(variables) if !card_id.is_empty() => Entry::Card { card_id, variables },
        _ => Entry::Invalid { card_id },
    })
}

/// How a batch is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many cards at most at a time.
    pub parallelism: usize,
    /// After so long nothing more is sent.
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
    /// The card, empty where the entry names none.
    pub card_id: String,
    /// As [`Report::code`]; 0 where nothing was sent.
    pub code: i64,
    /// Whether the customer has the card in the wallet, as the answer says.
    pub installed: bool,
    /// Nothing on success.
    pub error: Option<EntryError>,
}

/// Why an entry failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// What the caller acts on.
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
    /// Its request failed, with this code. The last are the values of all the batch's cards.
    Sent(&'a Request, &'a Failure, i64, &'a Values<'a>),
    /// The batch ended before its turn.
    NotSent,
    /// It cannot be sent.
    InvalidEntry,
}

/// Who follows a batch. Every call comes on the thread of [`update_cards`].
pub trait Observer {
    /// The text of a failure.
    fn describe(&self, reason: &Reason) -> String;
    /// A card's request has ended, after its repeats; it took `duration`.
    fn ended(&self, request: &Request, report: &Report, duration: Duration);
    /// At most every 500 ms while the batch runs, and only where something has changed.
    fn progress(&self, progress: Progress);
}

/// Sends `updatecard` for every card, entries of one card merged and in the place of its first; the outcomes in the order of
/// `entries`. It blocks for at most [`Limits::time`] and [`Settings::timeout`] together.
///
/// # Panics
/// When called from within a future that [`block_on`] runs.
pub fn update_cards(
    settings: &Settings,
    entries: Vec<Entry>,
    limits: Limits,
    observer: &impl Observer,
) -> Vec<Outcome> {
    let session = Session::open(settings);
    let send = async |request: &Request, pace: &Pace| match &session {
        Ok(session) => session.perform_paced(request, deadline(settings.timeout), &|moment| pace.next(moment)).await,
        Err(failure) => not_tried(failure.clone()),
    };
    let entries = Merged::new(entries);
    let batch = Batch::new(&entries, limits, settings, observer);
    {
        let workers: FuturesUnordered<_> = (0..limits.parallelism).map(|_| batch.work(&send)).collect();
        let mut workers = pin!(workers.collect::<()>());
        let mut told = Progress::default();
        // The observer is called between two runs of the runtime, so that whatever it does may run the runtime itself.
        while let Ok(Err(_)) = block_on(async { timeout(PROGRESS_INTERVAL, workers.as_mut()).await }) {
            let progress = batch.progress();
            if progress != told {
                told = progress;
                observer.progress(progress);
            }
        }
    }
    batch.into_outcomes()
}

/// A card and the entries that are about it.
struct Card {
    card_id: String,
    variables: Variables,
    entries: Vec<usize>,
}

/// The entries of a batch.
#[derive(Default)]
struct Merged {
    /// In the order in which they are sent.
    cards: Vec<Card>,
    /// What cannot be sent: its place, and the card's id.
    invalid: Vec<(usize, String)>,
    /// How many entries there are.
    total: usize,
}

impl Merged {
    fn new(entries: Vec<Entry>) -> Merged {
        let mut merged = Merged { total: entries.len(), ..Merged::default() };
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, entry) in entries.into_iter().enumerate() {
            match entry {
                Entry::Card { card_id, variables } => match places.get(&card_id) {
                    Some(&known) => {
                        let card = &mut merged.cards[known];
                        card.variables.merge(variables);
                        card.entries.push(place);
                    }
                    None => {
                        places.insert(card_id.clone(), merged.cards.len());
                        merged.cards.push(Card { card_id, variables, entries: vec![place] });
                    }
                },
                Entry::Invalid { card_id } => merged.invalid.push((place, card_id)),
            }
        }
        merged
    }
}

struct Batch<'a, O> {
    cards: &'a [Card],
    /// The place of the card whose turn is next.
    next: Cell<usize>,
    /// Of all cards; nobody needs them before something fails.
    values: OnceCell<Values<'a>>,
    outcomes: RefCell<Vec<Option<Outcome>>>,
    progress: Cell<Progress>,
    unreached: Cell<u32>,
    pace: Pace,
    timeout: Duration,
    retries: u32,
    observer: &'a O,
}

impl<'a, O: Observer> Batch<'a, O> {
    fn new(entries: &'a Merged, limits: Limits, settings: &Settings, observer: &'a O) -> Batch<'a, O> {
        let Merged { cards, invalid, total } = entries;
        let batch = Batch {
            cards,
            next: Cell::new(0),
            values: OnceCell::new(),
            outcomes: RefCell::new(vec![None; *total]),
            progress: Cell::new(Progress { total: *total, ..Progress::default() }),
            unreached: Cell::new(0),
            pace: Pace::new(deadline(limits.time)),
            timeout: settings.timeout,
            retries: settings.retries,
            observer,
        };
        for (place, card_id) in invalid {
            batch.settle(card_id, &[*place], 0, false, Some((EntryErrorKind::InvalidEntry, Reason::InvalidEntry)));
        }
        batch
    }

    /// The card whose turn it is.
    fn next_card(&self) -> Option<&'a Card> {
        let place = self.next.get();
        let card = self.cards.get(place)?;
        self.next.set(place + 1);
        Some(card)
    }

    fn values(&self) -> &Values<'a> {
        self.values
            .get_or_init(|| self.cards.iter().flat_map(|card| card.variables.iter()).map(|(_, value)| value).collect())
    }

    /// Takes card after card until there are none or nothing may be sent any more.
    async fn work(&self, send: &impl AsyncFn(&Request, &Pace) -> Report) {
        while self.pace.turn().await {
            let Some(card) = self.next_card() else { return };
            let request = Request::update_card(&card.card_id, &card.variables).leaving_pauses_to_the_caller();
            let report = self.send_within_the_rate(&request, send).await;
            self.end(card, &request, report);
        }
    }

    /// Sends one card, again after every pause that the service asks for, as long as that is worth it.
    async fn send_within_the_rate(&self, request: &Request, send: &impl AsyncFn(&Request, &Pace) -> Report) -> Report {
        let mut limited = 0;
        loop {
            let began = Instant::now();
            let report = send(request, &self.pace).await;
            self.observer.ended(request, &report, began.elapsed());
            let Err(Failure { kind: Kind::RateLimited, retry_after, .. }) = &report.outcome else { return report };
            let pause = retry_after.unwrap_or(UNNAMED_PAUSE.saturating_mul(2_u32.saturating_pow(limited)));
            if pause > self.timeout {
                self.pace.stop();
                return report;
            }
            self.pace.pause(pause);
            limited += 1;
            if limited > self.retries || !self.pace.turn().await {
                return report;
            }
        }
    }

    fn end(&self, card: &Card, request: &Request, report: Report) {
        let Report { outcome, code, .. } = report;
        let kind = outcome.as_ref().err().map(|failure| failure.kind);
        if matches!(kind, Some(Kind::Connection | Kind::Timeout | Kind::Certificate)) {
            self.unreached.set(self.unreached.get() + 1);
        } else {
            self.unreached.set(0);
        }
        if kind == Some(Kind::Unauthorized) || self.unreached.get() >= UNREACHED_IN_A_ROW {
            self.pace.stop();
        }
        match outcome {
            Ok(success) => self.settle(&card.card_id, &card.entries, code, success.installed, None),
            Err(failure) => {
                let error = (EntryErrorKind::Sent(failure.kind), Reason::Sent(request, &failure, code, self.values()));
                self.settle(&card.card_id, &card.entries, code, false, Some(error));
            }
        }
    }

    /// Notes the outcome of all entries of a card.
    fn settle(
        &self,
        card_id: &str,
        entries: &[usize],
        code: i64,
        installed: bool,
        error: Option<(EntryErrorKind, Reason)>,
    ) {
        let error = error.map(|(kind, reason)| EntryError { kind, description: self.observer.describe(&reason) });
        let mut progress = self.progress.get();
        progress.done += entries.len();
        progress.failed += if error.is_some() { entries.len() } else { 0 };
        self.progress.set(progress);
        let outcome = Outcome { card_id: card_id.to_owned(), code, installed, error };
        let mut outcomes = self.outcomes.borrow_mut();
        for &place in entries {
            outcomes[place] = Some(outcome.clone());
        }
    }

    fn progress(&self) -> Progress {
        self.progress.get()
    }

    fn into_outcomes(self) -> Vec<Outcome> {
        while let Some(card) = self.next_card() {
            self.settle(&card.card_id, &card.entries, 0, false, Some((EntryErrorKind::NotSent, Reason::NotSent)));
        }
        self.outcomes.into_inner().into_iter().flatten().collect()
    }
}

/// When a batch may send.
struct Pace {
    /// After this nothing more is sent.
    end: Instant,
    /// The pause that the service has asked for is over then.
    resume: Cell<Instant>,
    stopped: Cell<bool>,
}

impl Pace {
    fn new(end: Instant) -> Pace {
        Pace { end, resume: Cell::new(Instant::now()), stopped: Cell::new(false) }
    }

    /// The moment from `planned` on at which something may be sent; none where that is never.
    fn next(&self, planned: Instant) -> Option<Instant> {
        let moment = planned.max(self.resume.get());
        (!self.stopped.get() && moment < self.end).then_some(moment)
    }

    /// Waits until something may be sent now; false where that is never.
    async fn turn(&self) -> bool {
        loop {
            let now = Instant::now();
            match self.next(now) {
                Some(moment) if moment <= now => return true,
                Some(moment) => sleep_until(moment).await,
                None => return false,
            }
        }
    }

    fn pause(&self, pause: Duration) {
        // A pause beyond what the clock can count never ends.
        let resume = Instant::now().checked_add(pause).unwrap_or(self.end);
        self.resume.set(self.resume.get().max(resume));
    }

    fn stop(&self) {
        self.stopped.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::{Cause, Success};

    const SECOND: Duration = Duration::from_secs(1);

    /// Says nothing and notes the order in which requests ended.
    #[derive(Default)]
    struct Silent;

    impl Observer for Silent {
        fn describe(&self, _: &Reason) -> String {
            String::new()
        }
        fn ended(&self, _: &Request, _: &Report, _: Duration) {}
        fn progress(&self, _: Progress) {}
    }

    fn report(outcome: Result<Success, Failure>, code: i64) -> Report {
        Report { outcome, code, body: String::new(), tries: 1 }
    }

    fn updated() -> Report {
        report(Ok(Success { card_id: None, card_url: None, installed: true }), 200)
    }

    fn failed(kind: Kind) -> Report {
        report(Err(Failure::new(kind, Cause::Service)), 0)
    }

    fn limited(pause: Option<Duration>) -> Report {
        report(Err(Failure { retry_after: pause, ..Failure::new(Kind::RateLimited, Cause::Service) }), 429)
    }

    fn cards(ids: &str) -> Vec<Entry> {
        let card = |id: &str| Entry::Card { card_id: id.to_owned(), variables: Variables::default() };
        ids.split_whitespace().map(card).collect()
    }

    /// serde_json refuses such a number where it looks for an object.
    #[test]
    fn a_number_that_no_double_holds_spoils_its_own_entry_only() {
        let entries = entries(r#"[{"cardId": "a"}, 71e400]"#).expect("an array");
        assert!(matches!(&entries[..], [Entry::Card { .. }, Entry::Invalid { .. }]), "{entries:?}");
    }

    struct Play {
        /// Whose request began when, in milliseconds.
        sent: Vec<(String, u128)>,
        /// The kinds of failure, empty for a success.
        ended: Vec<&'static str>,
        took: Duration,
    }

    /// Plays a batch whose requests take one second each; `answer` gets a card's id and how often it was sent before.
    async fn play(ids: &str, limits: Limits, answer: impl Fn(&str, usize) -> Report) -> Play {
        let began = Instant::now();
        let settings = Settings { timeout: 10 * SECOND, retries: 2, ..Settings::default() };
        let entries = Merged::new(cards(ids));
        let batch = Batch::new(&entries, limits, &settings, &Silent);
        let sent = RefCell::new(Vec::new());
        let send = async |request: &Request, _: &Pace| {
            let id = String::from_utf8_lossy(&request.body()).replace("cardId=", "");
            let before = sent.borrow().iter().filter(|(known, _)| *known == id).count();
            sent.borrow_mut().push((id.clone(), began.elapsed().as_millis()));
            tokio::time::sleep(SECOND).await;
            answer(&id, before)
        };
        (0..limits.parallelism).map(|_| batch.work(&send)).collect::<FuturesUnordered<_>>().collect::<()>().await;
        let ended = batch.into_outcomes();
        let kind = |outcome: Outcome| outcome.error.map_or("", |error| error.kind.as_str());
        Play { sent: sent.take(), ended: ended.into_iter().map(kind).collect(), took: began.elapsed() }
    }

    fn limits(parallelism: usize, seconds: u64) -> Limits {
        Limits { parallelism, time: Duration::from_secs(seconds) }
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_under_way_at_a_time_in_the_order_given() {
        let play = play("a b c d e", limits(2, 100), |_, _| updated()).await;
        let times: Vec<_> = play.sent.iter().map(|(id, time)| (id.as_str(), *time)).collect();
        assert_eq!(times, [("a", 0), ("b", 0), ("c", 1000), ("d", 1000), ("e", 2000)]);
        assert_eq!(play.ended, [""; 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_card_named_twice_is_sent_once_in_its_first_place() {
        let play =
            play("a b a c b", limits(1, 100), |id, _| if id == "b" { failed(Kind::NotFound) } else { updated() }).await;
        assert_eq!(play.sent.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(play.ended, ["", "NotFound", "", "", "NotFound"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_kept_by_all_and_then_the_card_is_tried_again() {
        let answer = |id: &str, before| if id == "a" && before == 0 { limited(Some(5 * SECOND)) } else { updated() };
        let play = play("a b c", limits(2, 100), answer).await;
        let times: Vec<_> = play.sent.iter().map(|(id, time)| (id.as_str(), *time)).collect();
        assert_eq!(times, [("a", 0), ("b", 0), ("a", 6000), ("c", 6000)]);
        assert_eq!(play.ended, [""; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unnamed_pause_is_a_second_and_doubles() {
        let play = play("a b", limits(1, 100), |id, _| if id == "a" { limited(None) } else { updated() }).await;
        let times: Vec<_> = play.sent.iter().map(|(id, time)| (id.as_str(), *time)).collect();
        assert_eq!(times, [("a", 0), ("a", 2000), ("a", 5000), ("b", 10_000)]);
        assert_eq!(play.ended, ["RateLimited", ""]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_the_timeout_ends_the_batch() {
        let play = play("a b", limits(1, 100), |_, _| limited(Some(11 * SECOND))).await;
        assert_eq!((play.sent.len(), play.took), (1, SECOND));
        assert_eq!(play.ended, ["RateLimited", "NotSent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_ends_the_batch() {
        let play =
            play("a b c d", limits(2, 100), |id, _| if id == "a" { failed(Kind::Unauthorized) } else { updated() })
                .await;
        assert_eq!(play.ended, ["Unauthorized", "", "NotSent", "NotSent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn three_unreached_cards_in_a_row_end_the_batch_and_two_do_not() {
        let unreached = [Kind::Connection, Kind::Timeout, Kind::Certificate];
        let number = |id: &str| id.parse::<usize>().unwrap();
        let three = play("0 1 2 3 4", limits(1, 100), |id, _| failed(unreached[number(id) % 3])).await;
        assert_eq!(three.ended, ["Connection", "Timeout", "Certificate", "NotSent", "NotSent"]);
        let answer = |id: &str, _| if number(id) == 2 { failed(Kind::NotFound) } else { failed(Kind::Connection) };
        let interrupted = play("0 1 2 3 4 5 6", limits(1, 100), answer).await;
        let expected = ["Connection", "Connection", "NotFound", "Connection", "Connection", "Connection", "NotSent"];
        assert_eq!(interrupted.ended, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_after_the_time_limit() {
        let play = play("a b c d", limits(1, 3), |_, _| updated()).await;
        assert_eq!(play.ended, ["", "", "", "NotSent"]);
        assert_eq!(play.took, 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_time_limit_cuts_is_not_waited_for() {
        let play = play("a b", limits(1, 5), |_, _| limited(Some(8 * SECOND))).await;
        assert_eq!(play.ended, ["RateLimited", "NotSent"]);
        assert_eq!(play.took, SECOND);
    }

    #[test]
    fn later_values_of_a_card_replace_earlier_ones() {
        let entries =
            entries(r#"[{"cardId":"a","values":{"X":1,"Y":2}},{"cardId":" a ","values":{"Y":3,"Z":4}}]"#).unwrap();
        let cards = Merged::new(entries).cards;
        let values: Vec<_> = cards[0].variables.iter().collect();
        assert_eq!(cards.len(), 1);
        assert_eq!(values, [("X", "1"), ("Y", "3"), ("Z", "4")]);
        assert_eq!(cards[0].entries, [0, 1]);
    }

    #[test]
    fn what_cannot_be_sent_is_told_apart_from_what_is_no_batch() {
        let text = r#"[{"cardId":"a"},{"cardId":"b","values":null},{},{"cardId":""},{"cardId":" "},{"cardId":5},7,"x",null,[],
            {"cardId":"c","values":{"A":{}}},{"cardId":"d","values":[]},{"cardId":"e","values":"x"},{"cardId":"f","values":{"":1}}]"#;
        let ids: Vec<String> = entries(text)
            .unwrap()
            .into_iter()
            .map(|entry| match entry {
                Entry::Card { card_id, .. } => card_id,
                Entry::Invalid { card_id } => format!("!{card_id}"),
            })
            .collect();
        assert_eq!(ids, ["a", "b", "!", "!", "!", "!", "!", "!", "!", "!", "!c", "!d", "!e", "!f"]);
        for text in ["", "{}", "null", "1", "[", "[{]", "[] []"] {
            assert!(entries(text).is_err(), "{text}");
        }
        assert!(entries("[]").unwrap().is_empty());
    }
}
