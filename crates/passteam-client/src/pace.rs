//! When a request may go: pauses that the service asks for, the caller's limit of requests per minute, deadlines, and an early
//! end. Single calls and batches use the same clock, a [`Pace`].
//!
//! Whether a request may be sent again at all is a matter of [`crate::repeat`].

use std::cell::Cell;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// What a limit counts in. Calls that do not wait hold up those that do for no longer, however many they were.
const MINUTE: Duration = Duration::from_secs(60);

/// The instant at which something that may take `timeout` from now is over.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or_else(|| now + FOR_EVER)
}

/// A limit of requests per minute, and the requests that count towards it. Clones share both.
///
/// Requests are spread evenly: between two of them lies at least a minute divided by the limit. Batches and
/// [`crate::call_in_turn`] wait for their turn, [`crate::call()`] takes one without waiting.
#[derive(Clone, Debug, Default)]
pub struct RequestRate(Arc<Mutex<Schedule>>);

#[derive(Debug, Default)]
struct Schedule {
    per_minute: u32,
    /// The turn that was taken last: in the future if calls that do not wait are ahead of the limit.
    last: Option<Instant>,
}

impl RequestRate {
    /// Sets the limit; 0 means none. What has been sent counts towards the new limit, too, but not by how much it was ahead of the old
    /// one.
    pub fn set_per_minute(&self, per_minute: u32) {
        let now = Instant::now();
        self.with(|schedule| {
            if schedule.per_minute != per_minute {
                schedule.per_minute = per_minute;
                schedule.last = schedule.last.map(|last| last.min(now));
            }
        });
    }

    /// The limit; 0 means none.
    pub fn per_minute(&self) -> u32 {
        self.with(|schedule| schedule.per_minute)
    }

    /// The earliest turn from `now` on.
    fn next(&self, now: Instant) -> Instant {
        self.with(|schedule| schedule.next(now))
    }

    /// Counts a request that goes now.
    pub(crate) fn take(&self, now: Instant) {
        self.with(|schedule| schedule.last = Some(schedule.next(now).min(now + MINUTE - schedule.interval())));
    }

    fn with<T>(&self, access: impl FnOnce(&mut Schedule) -> T) -> T {
        access(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Schedule {
    fn next(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| now.max(last + self.interval()))
    }

    /// What lies between two turns.
    fn interval(&self) -> Duration {
        MINUTE.checked_div(self.per_minute).unwrap_or_default()
    }
}

/// When the requests of one call or one batch may go.
pub(crate) struct Pace {
    rate: RequestRate,
    waits_for_rate: bool,
    /// Nothing is sent from here on.
    end: Instant,
    /// The end of the pause that the service has asked for.
    resume: Cell<Instant>,
    state: Cell<State>,
    changed: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing more is sent.
    Stopped,
    /// In addition, what is under way is given up.
    Aborted,
}

/// A request may not go in time.
pub(crate) struct NoTurn {
    /// The moment at which it could go, were there more time.
    pub(crate) moment: Instant,
}

impl Pace {
    /// For a call that waits for nothing but its own pauses.
    pub(crate) fn of_call(rate: &RequestRate, end: Instant) -> Pace {
        Pace {
            rate: rate.clone(),
            waits_for_rate: false,
            end,
            resume: Cell::new(Instant::now()),
            state: Cell::new(State::Open),
            changed: Notify::new(),
        }
    }

    /// For a batch, or a call that waits for its turn.
    pub(crate) fn in_turn(rate: &RequestRate, end: Instant) -> Pace {
        Pace { waits_for_rate: true, ..Pace::of_call(rate, end) }
    }

    /// Waits until a request may go: not before `planned`, after any pause, and when its turn has come, which it takes.
    ///
    /// # Errors
    /// [`NoTurn`], as soon as it is clear that the request cannot go before `limit`.
    pub(crate) async fn turn(&self, planned: Instant, limit: Instant) -> Result<(), NoTurn> {
        loop {
            let changed = self.changed.notified();
            let now = Instant::now();
            let moment = self.next(planned.max(now));
            if self.state.get() != State::Open || moment >= limit.min(self.end) {
                return Err(NoTurn { moment });
            }
            if moment <= now {
                self.rate.take(now);
                return Ok(());
            }
            // Either the moment has come, or something has changed: both are looked at anew.
            let _ = timeout_at(moment, changed).await;
        }
    }

    fn next(&self, planned: Instant) -> Instant {
        let moment = planned.max(self.resume.get());
        if self.waits_for_rate { self.rate.next(moment) } else { moment }
    }

    /// Nothing goes for this time.
    pub(crate) fn pause(&self, pause: Duration) {
        // A pause beyond what the clock can count never ends.
        let resume = Instant::now().checked_add(pause).unwrap_or(self.end);
        self.resume.set(self.resume.get().max(resume));
    }

    /// Nothing goes any more; what is under way goes on.
    pub(crate) fn stop(&self) {
        if self.state.get() == State::Open {
            self.set(State::Stopped);
        }
    }

    /// Nothing goes any more, and what is under way is given up.
    pub(crate) fn abort(&self) {
        self.set(State::Aborted);
    }

    fn set(&self, state: State) {
        self.state.set(state);
        self.changed.notify_waiters();
    }

    /// Waits for `work`; `None` if it is given up, at `deadline` or by [`Pace::abort`].
    pub(crate) async fn within<T>(&self, deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
        match select(pin!(timeout_at(deadline, work)), pin!(self.aborted())).await {
            Either::Left((result, _)) => result.ok(),
            Either::Right(((), _)) => None,
        }
    }

    async fn aborted(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state.get() == State::Aborted {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rate(per_minute: u32) -> RequestRate {
        let rate = RequestRate::default();
        rate.set_per_minute(per_minute);
        rate
    }

    /// When each request went, in milliseconds.
    async fn times(pace: &Pace, requests: usize) -> Vec<u128> {
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..requests {
            assert!(pace.turn(Instant::now(), deadline(1000 * SECOND)).await.is_ok());
            times.push(began.elapsed().as_millis());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_spread_evenly_over_the_minute() {
        let pace = Pace::in_turn(&rate(30), deadline(1000 * SECOND));
        assert_eq!(times(&pace, 4).await, [0, 2000, 4000, 6000]);
        assert_eq!(times(&Pace::in_turn(&rate(0), deadline(SECOND)), 3).await, [0, 0, 0], "no limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_does_not_wait_counts_all_the_same() {
        let rate = rate(60);
        let end = deadline(1000 * SECOND);
        assert_eq!(times(&Pace::of_call(&rate, end), 3).await, [0, 0, 0]);
        assert_eq!(times(&Pace::in_turn(&rate, end), 2).await, [3000, 4000]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_do_not_wait_hold_up_others_for_a_minute_at_most() {
        let rate = rate(60);
        let end = deadline(1000 * SECOND);
        times(&Pace::of_call(&rate, end), 600).await;
        assert_eq!(times(&Pace::in_turn(&rate, end), 2).await, [60_000, 61_000]);

        times(&Pace::of_call(&rate, end), 30).await;
        rate.set_per_minute(60);
        let waiting = Pace::in_turn(&rate, end);
        assert_eq!(times(&waiting, 1).await, [31_000], "the limit has not changed");
        times(&Pace::of_call(&rate, end), 30).await;
        rate.set_per_minute(6000);
        assert_eq!(times(&waiting, 2).await, [10, 20], "it has");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_passes_without_requests_is_not_made_up_for() {
        let pace = Pace::in_turn(&rate(60), deadline(1000 * SECOND));
        assert_eq!(times(&pace, 1).await, [0]);
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(times(&pace, 3).await, [0, 1000, 2000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_limit_counts_what_was_sent_before() {
        let rate = rate(60);
        let pace = Pace::in_turn(&rate, deadline(1000 * SECOND));
        assert_eq!(times(&pace, 1).await, [0]);
        rate.set_per_minute(6);
        assert_eq!((times(&pace, 2).await, rate.per_minute()), (vec![10_000, 20_000], 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_comes_too_late_is_told_at_once_and_not_taken() {
        let began = Instant::now();
        let rate = rate(1);
        let pace = Pace::in_turn(&rate, deadline(1000 * SECOND));
        assert!(pace.turn(began, began + SECOND).await.is_ok());
        for _ in 0..2 {
            let refused = pace.turn(Instant::now(), began + 60 * SECOND).await.expect_err("too late");
            assert_eq!((refused.moment - began, began.elapsed()), (60 * SECOND, Duration::ZERO));
        }
        assert!(pace.turn(Instant::now(), began + 61 * SECOND).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_waiting_but_not_what_is_under_way() {
        let began = Instant::now();
        let pace = Pace::in_turn(&rate(0), deadline(1000 * SECOND));
        pace.pause(100 * SECOND);
        let stop = async {
            tokio::time::sleep(SECOND).await;
            pace.stop();
        };
        let far = deadline(500 * SECOND);
        let under_way = pace.within(far, tokio::time::sleep(5 * SECOND));
        let (turn, done, ()) = tokio::join!(async { (pace.turn(began, far).await, began.elapsed()) }, under_way, stop);
        assert!(turn.0.is_err());
        assert_eq!((turn.1, done, began.elapsed()), (SECOND, Some(()), 5 * SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn an_abort_gives_up_what_is_under_way() {
        let began = Instant::now();
        let pace = Pace::of_call(&rate(0), deadline(1000 * SECOND));
        let abort = async {
            tokio::time::sleep(SECOND).await;
            pace.abort();
        };
        let far = deadline(500 * SECOND);
        let (done, ()) = tokio::join!(pace.within(far, tokio::time::sleep(5 * SECOND)), abort);
        assert_eq!((done, began.elapsed()), (None, SECOND));
        assert_eq!(pace.within(far, std::future::pending::<()>()).await, None, "nor is anything begun");
    }
}
