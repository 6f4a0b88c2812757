//! Tries, pauses and the deadline of a request: the one place that decides whether a request is sent again.
//!
//! When a repeat may go is a matter of [`crate::pace`], how a request is sent one of [`crate::transport`].

use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::attempt::{Attempt, Sent};
use crate::outcome::{Cause, Failure, Kind, Report};
use crate::pace::Pace;
use crate::request::Repeatable;

/// The pause before the first repeat; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What a 429 that names no pause counts as in a batch, the first time; each further one is twice as long.
const UNNAMED_PAUSE: Duration = Duration::from_secs(1);

/// Tries until a try succeeds, a repeat would not be safe or would not help, `retries` repeats are used up, or `deadline`
/// passes. A pause that does not end before the deadline is not begun. The outcome is the last try's.
///
/// The first try has its turn already; each repeat takes one from `pace`.
pub(crate) async fn until_done<Try: Future<Output = Attempt>>(
    repeatable: Repeatable,
    retries: u32,
    deadline: Instant,
    pace: &Pace,
    mut attempt: impl FnMut(Sent) -> Try,
) -> Report {
    if Instant::now() >= deadline {
        return report(Attempt::failed(Cause::Deadline, true), repeatable, 0);
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let sent = Sent::default();
        let given_up = || Attempt::failed(Cause::Deadline, !sent.is_noted());
        // Pinned here: what waits for it would move it otherwise.
        let result = pace.within(deadline, pin!(attempt(sent.clone()))).await.unwrap_or_else(given_up);
        let pause = if tries > retries { None } else { pause_before_repeat(repeatable, &result, backoff(tries)) };
        let Some(next) = pause.and_then(|pause| Instant::now().checked_add(pause)) else {
            return report(result, repeatable, tries);
        };
        if pace.turn(next, deadline).await.is_err() {
            return report(result, repeatable, tries);
        }
    }
}

fn report(attempt: Attempt, repeatable: Repeatable, tries: u32) -> Report {
    let unknown = repeatable == Repeatable::OnlyIfUnsent && attempt.is_unknown();
    let Attempt { outcome, code, body, .. } = attempt;
    Report { outcome, code, body, tries, unknown }
}

/// How long a batch pauses after an answer that says there were too many requests, `earlier` of which this request has had before;
/// `None` for any other outcome. Nothing was carried out, so that the request may be sent again afterwards, whatever it does.
pub(crate) fn pause_of_batch(report: &Report, earlier: u32) -> Option<Duration> {
    match &report.outcome {
        Err(Failure { cause: Cause::RateLimited, retry_after, .. }) => {
            Some(retry_after.unwrap_or(UNNAMED_PAUSE.saturating_mul(2_u32.saturating_pow(earlier))))
        }
        _ => None,
    }
}

/// How long to wait before this request is sent again; `None` if it must not be, or if that would not help.
fn pause_before_repeat(repeatable: Repeatable, attempt: &Attempt, backoff: Duration) -> Option<Duration> {
    let failure = attempt.outcome.as_ref().err()?;
    let idempotent = repeatable != Repeatable::OnlyIfUnsent;
    match failure.cause.kind() {
        Kind::Connection => (idempotent || attempt.unsent).then_some(backoff),
        Kind::ServerError => (idempotent && matches!(attempt.code, 502..=504)).then_some(backoff),
        Kind::BadResponse => {
            let lasting = matches!(failure.cause, Cause::Redirect | Cause::TooLarge);
            (idempotent && !lasting).then_some(backoff)
        }
        Kind::RateLimited if repeatable == Repeatable::Idempotent => {
            failure.retry_after.map(|asked| asked.max(backoff))
        }
        Kind::RateLimited
        | Kind::Duplicate
        | Kind::FieldRequired
        | Kind::Unauthorized
        | Kind::NotFound
        | Kind::Rejected
        | Kind::Timeout
        | Kind::Certificate => None,
    }
}

fn backoff(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;

    use super::*;
    use crate::outcome::Success;
    use crate::pace::RequestRate;

    const SECOND: Duration = Duration::from_secs(1);

    fn succeeded() -> Attempt {
        let outcome = Ok(Success::default());
        Attempt { outcome, code: 200, body: "OK".to_owned(), ..Attempt::failed(Cause::Reset, false) }
    }

    fn answered(code: i64) -> Attempt {
        Attempt { code, ..Attempt::failed(Cause::of_code(code), false) }
    }

    fn broken(cause: Cause) -> Attempt {
        Attempt::failed(cause, false)
    }

    fn unsent(cause: Cause) -> Attempt {
        Attempt::failed(cause, true)
    }

    fn limited(pause: Option<Duration>) -> Attempt {
        let failure = Failure { retry_after: pause, ..Failure::new(Cause::RateLimited) };
        Attempt { outcome: Err(failure), ..answered(429) }
    }

    /// Plays tries that come to `script` one after another; tells the report and when each try began.
    async fn play(
        repeatable: Repeatable,
        retries: u32,
        timeout: Duration,
        script: impl IntoIterator<Item = Attempt>,
    ) -> (Report, Vec<Duration>) {
        let began = Instant::now();
        let script = RefCell::new(script.into_iter());
        let times = RefCell::new(Vec::new());
        let pace = Pace::of_call(&RequestRate::default(), began + timeout);
        let report = until_done(repeatable, retries, began + timeout, &pace, |_| async {
            times.borrow_mut().push(began.elapsed());
            let next = script.borrow_mut().next();
            next.expect("no more tries than the script has")
        })
        .await;
        assert_eq!(report.tries as usize, times.borrow().len());
        (report, times.into_inner())
    }

    fn milliseconds(times: &[u64]) -> Vec<Duration> {
        times.iter().copied().map(Duration::from_millis).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_is_not_tried_again() {
        let (report, times) = play(Repeatable::Idempotent, 2, SECOND, [succeeded()]).await;
        let expected =
            Report { outcome: Ok(Success::default()), code: 200, body: "OK".to_owned(), tries: 1, unknown: false };
        assert_eq!((report, times), (expected, milliseconds(&[0])));
    }

    #[tokio::test(start_paused = true)]
    async fn the_pauses_double() {
        let script = (0..6).map(|_| broken(Cause::Reset));
        let (report, times) = play(Repeatable::Idempotent, 5, 60 * SECOND, script).await;
        assert_eq!(report.outcome, Err(Failure::new(Cause::Reset)));
        assert_eq!(times, milliseconds(&[0, 100, 300, 700, 1500, 3100]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_outcome_is_the_last_trys() {
        let script = [broken(Cause::Reset), answered(503), answered(404)];
        let (report, _) = play(Repeatable::Idempotent, 5, SECOND, script).await;
        assert_eq!(report.outcome, Err(Failure::new(Cause::NotFound)));
        assert_eq!((report.code, report.tries), (404, 3));
    }

    /// Whether a repeat follows this failure.
    async fn repeated(repeatable: Repeatable, first: Attempt) -> bool {
        let (report, _) = play(repeatable, 1, 10 * SECOND, [first, succeeded()]).await;
        assert_eq!(report.outcome.is_ok(), report.tries == 2);
        report.tries == 2
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_is_repeated_where_another_try_may_help() {
        for (helps, first) in [
            (true, unsent(Cause::Refused)),
            (true, unsent(Cause::NameNotResolved)),
            (true, unsent(Cause::Tls)),
            (true, unsent(Cause::Proxy)),
            (true, broken(Cause::Reset)),
            (true, answered(502)),
            (true, answered(503)),
            (true, answered(504)),
            (true, broken(Cause::BrokenOff)),
            (true, broken(Cause::NotHttp)),
            (true, broken(Cause::NotJson)),
            (true, broken(Cause::NoCode)),
            (true, limited(Some(SECOND))),
            (false, answered(500)),
            (false, answered(501)),
            (false, answered(505)),
            (false, broken(Cause::Redirect)),
            (false, broken(Cause::TooLarge)),
            (false, limited(None)),
            (false, answered(409)),
            (false, Attempt { code: 500, ..broken(Cause::FieldRequired { field: "PHONE".to_owned() }) }),
            (false, answered(401)),
            (false, answered(404)),
            (false, answered(400)),
            (false, unsent(Cause::UnknownIssuer)),
            (false, unsent(Cause::CertificateFileGone)),
        ] {
            let failure = first.outcome.clone();
            assert_eq!(repeated(Repeatable::Idempotent, first).await, helps, "{failure:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_done_twice_is_repeated_only_while_nothing_was_sent() {
        for (safe, first) in [
            (true, unsent(Cause::Refused)),
            (true, unsent(Cause::NameNotResolved)),
            (true, unsent(Cause::Tls)),
            (true, unsent(Cause::Reset)),
            (false, broken(Cause::Reset)),
            (false, unsent(Cause::WrongHost)),
            (false, unsent(Cause::NotHttp)),
            (false, broken(Cause::BrokenOff)),
            (false, broken(Cause::NotJson)),
            (false, broken(Cause::NoCardId)),
            (false, answered(500)),
            (false, answered(502)),
            (false, answered(503)),
            (false, limited(Some(Duration::ZERO))),
            (false, answered(409)),
        ] {
            let failure = first.outcome.clone();
            assert_eq!(repeated(Repeatable::OnlyIfUnsent, first).await, safe, "{failure:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_create_stops_as_soon_as_a_try_may_have_left() {
        let script = [unsent(Cause::Refused), broken(Cause::Reset)];
        let (report, _) = play(Repeatable::OnlyIfUnsent, 10, SECOND, script).await;
        assert_eq!((report.outcome, report.tries), (Err(Failure::new(Cause::Reset)), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_repeats_follow_than_are_allowed() {
        for retries in [0, 1, 10] {
            let script = (0..=retries).map(|_| broken(Cause::Reset));
            let (report, _) = play(Repeatable::Idempotent, retries, 1000 * SECOND, script).await;
            assert_eq!(report.tries, retries + 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_the_service_asks_for_is_kept_but_never_shortens_the_ordinary_one() {
        let script = [limited(Some(3 * SECOND)), limited(Some(Duration::ZERO)), succeeded()];
        let (report, times) = play(Repeatable::Idempotent, 2, 10 * SECOND, script).await;
        assert!(report.outcome.is_ok());
        assert_eq!(times, milliseconds(&[0, 3000, 3200]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_does_not_fit_ends_the_call_at_once() {
        for pause in [SECOND, 2 * SECOND, Duration::from_secs(u64::MAX)] {
            let began = Instant::now();
            let (report, _) = play(Repeatable::Idempotent, 2, SECOND, [limited(Some(pause))]).await;
            assert_eq!((report.outcome.expect_err("limited").retry_after, report.code), (Some(pause), 429));
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_ordinary_pause_that_does_not_fit_ends_the_call_with_the_outcome_at_hand() {
        let script = [broken(Cause::Reset), broken(Cause::Refused)];
        let (report, times) = play(Repeatable::Idempotent, 5, Duration::from_millis(300), script).await;
        assert_eq!(report.outcome, Err(Failure::new(Cause::Refused)));
        assert_eq!(times, milliseconds(&[0, 100]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_keeps_the_pauses_itself_is_told_at_once() {
        assert!(!repeated(Repeatable::IdempotentCallerWaits, limited(Some(SECOND))).await);
        assert!(repeated(Repeatable::IdempotentCallerWaits, answered(503)).await);
        assert!(repeated(Repeatable::IdempotentCallerWaits, broken(Cause::Reset)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_never_ends_is_given_up_at_the_deadline_and_not_before() {
        let began = Instant::now();
        let pace = Pace::of_call(&RequestRate::default(), began + 7 * SECOND);
        let report = until_done(Repeatable::Idempotent, 5, began + 7 * SECOND, &pace, |_| pending::<Attempt>()).await;
        assert_eq!(report, too_late(1));
        assert_eq!(began.elapsed(), 7 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_after_the_deadline() {
        let (report, _) = play(Repeatable::Idempotent, 5, Duration::ZERO, []).await;
        assert_eq!(report, too_late(0));
    }

    fn too_late(tries: u32) -> Report {
        let failure = Failure::new(Cause::Deadline);
        Report { outcome: Err(failure), code: 0, body: String::new(), tries, unknown: false }
    }
}
