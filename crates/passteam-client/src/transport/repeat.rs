//! Tries, pauses and the deadline: the one place that decides whether a request is sent again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::form::Repeats;
use crate::reply::{Cause, Failure, Kind, Report, Success};

/// The pause before the first repeat; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What one try came to.
pub(super) struct Attempt {
    pub(super) outcome: Result<Success, Failure>,
    pub(super) code: i64,
    pub(super) body: String,
    /// Whether not one byte of the request can have left.
    pub(super) unsent: bool,
}

impl Attempt {
    /// A try without a whole answer.
    pub(super) fn failed(kind: Kind, cause: Cause, unsent: bool) -> Attempt {
        Attempt { outcome: Err(Failure::new(kind, cause)), code: 0, body: String::new(), unsent }
    }

    fn into_report(self, tries: u32) -> Report {
        let Attempt { outcome, code, body, .. } = self;
        Report { outcome, code, body, tries }
    }
}

/// Tries until a try succeeds, a repeat would not be safe or would not help, `retries` repeats are used up, or `deadline`
/// passes. A pause that does not end before the deadline is not begun. The outcome is the last try's.
///
/// `pace` gets the moment of the next repeat and gives the one at which it may go, or none where nothing may go any more.
pub(super) async fn until_done<Try: Future<Output = Attempt>>(
    repeats: Repeats,
    retries: u32,
    deadline: Instant,
    pace: impl Fn(Instant) -> Option<Instant>,
    mut attempt: impl FnMut() -> Try,
) -> Report {
    let too_late = || Attempt::failed(Kind::Timeout, Cause::Deadline, false);
    let mut tries = 0;
    loop {
        if Instant::now() >= deadline {
            return too_late().into_report(tries);
        }
        tries += 1;
        let result = timeout_at(deadline, attempt()).await.unwrap_or_else(|_| too_late());
        let pause = if tries > retries { None } else { pause_before_repeat(repeats, &result, backoff(tries)) };
        let next = pause.and_then(|pause| Instant::now().checked_add(pause));
        if !wait(next, deadline, &pace).await {
            return result.into_report(tries);
        }
    }
}

/// Waits for the moment of a repeat, which `pace` may still move while the wait goes on; whether the repeat may go.
async fn wait(next: Option<Instant>, deadline: Instant, pace: impl Fn(Instant) -> Option<Instant>) -> bool {
    let Some(mut next) = next else { return false };
    loop {
        match pace(next) {
            Some(moment) if moment < deadline && moment <= Instant::now() => return true,
            Some(moment) if moment < deadline => sleep_until(moment).await,
            _ => return false,
        }
        next = Instant::now();
    }
}

/// How long to wait before this request is sent again; `None` where it must not be.
fn pause_before_repeat(repeats: Repeats, attempt: &Attempt, backoff: Duration) -> Option<Duration> {
    let failure = attempt.outcome.as_ref().err()?;
    let harmless = repeats != Repeats::WhileUnsent;
    match failure.kind {
        Kind::Connection => (harmless || attempt.unsent).then_some(backoff),
        Kind::ServerError => (harmless && matches!(attempt.code, 502..=504)).then_some(backoff),
        Kind::BadResponse => {
            let lasting = matches!(failure.cause, Cause::Redirect | Cause::TooLarge);
            (harmless && !lasting).then_some(backoff)
        }
        Kind::RateLimited if repeats == Repeats::Harmless => failure.retry_after.map(|asked| asked.max(backoff)),
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

    const SECOND: Duration = Duration::from_secs(1);

    fn succeeded() -> Attempt {
        Attempt { outcome: Ok(Success::default()), code: 200, body: "OK".to_owned(), unsent: false }
    }

    fn answered(kind: Kind, code: i64) -> Attempt {
        Attempt { code, ..Attempt::failed(kind, Cause::Service, false) }
    }

    fn broken(kind: Kind, cause: Cause) -> Attempt {
        Attempt::failed(kind, cause, false)
    }

    fn unsent(kind: Kind, cause: Cause) -> Attempt {
        Attempt::failed(kind, cause, true)
    }

    fn limited(pause: Option<Duration>) -> Attempt {
        let failure = Failure { retry_after: pause, ..Failure::new(Kind::RateLimited, Cause::Service) };
        Attempt { outcome: Err(failure), ..answered(Kind::RateLimited, 429) }
    }

    /// Plays tries that come to `script` one after another; tells the report and when each try began.
    async fn play(
        repeats: Repeats,
        retries: u32,
        timeout: Duration,
        script: impl IntoIterator<Item = Attempt>,
    ) -> (Report, Vec<Duration>) {
        let began = Instant::now();
        let script = RefCell::new(script.into_iter());
        let times = RefCell::new(Vec::new());
        let report = until_done(repeats, retries, began + timeout, Some, || async {
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
        let (report, times) = play(Repeats::Harmless, 2, SECOND, [succeeded()]).await;
        let expected = Report { outcome: Ok(Success::default()), code: 200, body: "OK".to_owned(), tries: 1 };
        assert_eq!((report, times), (expected, milliseconds(&[0])));
    }

    #[tokio::test(start_paused = true)]
    async fn the_pauses_double() {
        let script = (0..6).map(|_| broken(Kind::Connection, Cause::Reset));
        let (report, times) = play(Repeats::Harmless, 5, 60 * SECOND, script).await;
        assert_eq!(report.outcome, Err(Failure::new(Kind::Connection, Cause::Reset)));
        assert_eq!(times, milliseconds(&[0, 100, 300, 700, 1500, 3100]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_outcome_is_the_last_trys() {
        let script =
            [broken(Kind::Connection, Cause::Reset), answered(Kind::ServerError, 503), answered(Kind::NotFound, 404)];
        let (report, _) = play(Repeats::Harmless, 5, SECOND, script).await;
        assert_eq!(report.outcome, Err(Failure::new(Kind::NotFound, Cause::Service)));
        assert_eq!((report.code, report.tries), (404, 3));
    }

    /// Whether a repeat follows this failure.
    async fn repeated(repeats: Repeats, first: Attempt) -> bool {
        let (report, _) = play(repeats, 1, 10 * SECOND, [first, succeeded()]).await;
        assert_eq!(report.outcome.is_ok(), report.tries == 2);
        report.tries == 2
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_is_repeated_where_another_try_may_help() {
        for (helps, first) in [
            (true, unsent(Kind::Connection, Cause::Refused)),
            (true, unsent(Kind::Connection, Cause::NameNotResolved)),
            (true, unsent(Kind::Connection, Cause::Tls)),
            (true, unsent(Kind::Connection, Cause::Proxy)),
            (true, broken(Kind::Connection, Cause::Reset)),
            (true, answered(Kind::ServerError, 502)),
            (true, answered(Kind::ServerError, 503)),
            (true, answered(Kind::ServerError, 504)),
            (true, broken(Kind::BadResponse, Cause::BrokenOff)),
            (true, broken(Kind::BadResponse, Cause::NotHttp)),
            (true, broken(Kind::BadResponse, Cause::NotJson)),
            (true, broken(Kind::BadResponse, Cause::NoCode)),
            (true, limited(Some(SECOND))),
            (false, answered(Kind::ServerError, 500)),
            (false, answered(Kind::ServerError, 501)),
            (false, answered(Kind::ServerError, 505)),
            (false, broken(Kind::BadResponse, Cause::Redirect)),
            (false, broken(Kind::BadResponse, Cause::TooLarge)),
            (false, limited(None)),
            (false, answered(Kind::Duplicate, 409)),
            (false, answered(Kind::FieldRequired, 500)),
            (false, answered(Kind::Unauthorized, 401)),
            (false, answered(Kind::NotFound, 404)),
            (false, answered(Kind::Rejected, 400)),
            (false, unsent(Kind::Certificate, Cause::UnknownIssuer)),
            (false, unsent(Kind::Certificate, Cause::CertificateFileGone)),
        ] {
            let failure = first.outcome.clone();
            assert_eq!(repeated(Repeats::Harmless, first).await, helps, "{failure:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_must_not_be_done_twice_is_repeated_only_while_nothing_was_sent() {
        for (safe, first) in [
            (true, unsent(Kind::Connection, Cause::Refused)),
            (true, unsent(Kind::Connection, Cause::NameNotResolved)),
            (true, unsent(Kind::Connection, Cause::Tls)),
            (true, unsent(Kind::Connection, Cause::Reset)),
            (false, broken(Kind::Connection, Cause::Reset)),
            (false, unsent(Kind::Certificate, Cause::WrongHost)),
            (false, unsent(Kind::BadResponse, Cause::NotHttp)),
            (false, broken(Kind::BadResponse, Cause::BrokenOff)),
            (false, broken(Kind::BadResponse, Cause::NotJson)),
            (false, broken(Kind::BadResponse, Cause::NoCardId)),
            (false, answered(Kind::ServerError, 500)),
            (false, answered(Kind::ServerError, 502)),
            (false, answered(Kind::ServerError, 503)),
            (false, limited(Some(Duration::ZERO))),
            (false, answered(Kind::Duplicate, 409)),
        ] {
            let failure = first.outcome.clone();
            assert_eq!(repeated(Repeats::WhileUnsent, first).await, safe, "{failure:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_create_stops_as_soon_as_a_try_may_have_left() {
        let script = [unsent(Kind::Connection, Cause::Refused), broken(Kind::Connection, Cause::Reset)];
        let (report, _) = play(Repeats::WhileUnsent, 10, SECOND, script).await;
        assert_eq!((report.outcome, report.tries), (Err(Failure::new(Kind::Connection, Cause::Reset)), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_repeats_follow_than_are_allowed() {
        for retries in [0, 1, 10] {
            let script = (0..=retries).map(|_| broken(Kind::Connection, Cause::Reset));
            let (report, _) = play(Repeats::Harmless, retries, 1000 * SECOND, script).await;
            assert_eq!(report.tries, retries + 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_that_the_service_asks_for_is_kept_but_never_shortens_the_ordinary_one() {
        let script = [limited(Some(3 * SECOND)), limited(Some(Duration::ZERO)), succeeded()];
        let (report, times) = play(Repeats::Harmless, 2, 10 * SECOND, script).await;
        assert!(report.outcome.is_ok());
        assert_eq!(times, milliseconds(&[0, 3000, 3200]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_does_not_fit_ends_the_call_at_once() {
        for pause in [SECOND, 2 * SECOND, Duration::from_secs(u64::MAX)] {
            let began = Instant::now();
            let (report, _) = play(Repeats::Harmless, 2, SECOND, [limited(Some(pause))]).await;
            assert_eq!((report.outcome.expect_err("limited").retry_after, report.code), (Some(pause), 429));
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_ordinary_pause_that_does_not_fit_ends_the_call_with_the_outcome_at_hand() {
        let script = [broken(Kind::Connection, Cause::Reset), broken(Kind::Connection, Cause::Refused)];
        let (report, times) = play(Repeats::Harmless, 5, Duration::from_millis(300), script).await;
        assert_eq!(report.outcome, Err(Failure::new(Kind::Connection, Cause::Refused)));
        assert_eq!(times, milliseconds(&[0, 100]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_keeps_the_pauses_itself_is_told_at_once() {
        assert!(!repeated(Repeats::HarmlessButNotEarly, limited(Some(SECOND))).await);
        assert!(repeated(Repeats::HarmlessButNotEarly, answered(Kind::ServerError, 503)).await);
        assert!(repeated(Repeats::HarmlessButNotEarly, broken(Kind::Connection, Cause::Reset)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_never_ends_is_given_up_at_the_deadline_and_not_before() {
        let began = Instant::now();
        let report = until_done(Repeats::Harmless, 5, began + 7 * SECOND, Some, pending::<Attempt>).await;
        assert_eq!(report, too_late(1));
        assert_eq!(began.elapsed(), 7 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_after_the_deadline() {
        let (report, _) = play(Repeats::Harmless, 5, Duration::ZERO, []).await;
        assert_eq!(report, too_late(0));
    }

    fn too_late(tries: u32) -> Report {
        let failure = Failure::new(Kind::Timeout, Cause::Deadline);
        Report { outcome: Err(failure), code: 0, body: String::new(), tries }
    }
}
