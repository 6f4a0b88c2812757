//! One call from its start to its outcome, blocking. Many at once are a matter of [`crate::batch`].

use tokio::time::Instant;

use crate::outcome::{Cause, Failure, Report};
use crate::pace::{Pace, deadline};
use crate::redact::hide_credentials;
use crate::repeat;
use crate::request::Request;
use crate::settings::Settings;
use crate::transport::Session;

/// Sends one request and blocks until its outcome is known, for at most [`Settings::timeout`] from now. It counts towards
/// [`Settings::rate`] but does not wait for a turn.
///
/// # Panics
/// When called from within a future that [`crate::transport::block_on`] runs.
pub fn call(settings: &Settings, request: &Request) -> Report {
    let deadline = deadline(settings.timeout);
    perform_blocking(settings, request, deadline, &Pace::of_call(&settings.rate, deadline))
}

/// As [`call`], but it waits for the turn that [`Settings::rate`] leaves; a turn that does not come in time ends it with
/// [`Cause::RequestRate`].
///
/// # Panics
/// As [`call`].
pub fn call_in_turn(settings: &Settings, request: &Request) -> Report {
    let deadline = deadline(settings.timeout);
    perform_blocking(settings, request, deadline, &Pace::in_turn(&settings.rate, deadline))
}

/// As [`call`], for a future: many of them may run at once on one thread, by [`crate::transport::block_on`].
pub async fn call_async(settings: &Settings, request: &Request) -> Report {
    let deadline = deadline(settings.timeout);
    match Session::open(settings) {
        Ok(session) => {
            let pace = Pace::of_call(&settings.rate, deadline);
            without_credentials(perform_in_turn(&session, settings, request, deadline, &pace).await, settings)
        }
        Err(failure) => Report::not_tried(failure),
    }
}

fn perform_blocking(settings: &Settings, request: &Request, deadline: Instant, pace: &Pace) -> Report {
    // Outside the runtime: it may read a file.
    match Session::open(settings) {
        Ok(session) => {
            let report = session.block_on(perform_in_turn(&session, settings, request, deadline, pace));
            without_credentials(report, settings)
        }
        Err(failure) => Report::not_tried(failure),
    }
}

async fn perform_in_turn(
    session: &Session,
    settings: &Settings,
    request: &Request,
    deadline: Instant,
    pace: &Pace,
) -> Report {
    match pace.turn(Instant::now(), deadline).await {
        Ok(()) => perform(session, settings, request, deadline, pace).await,
        Err(_) if Instant::now() >= deadline => Report::not_tried(Failure::new(Cause::Deadline)),
        Err(turn) => {
            let retry_after = Some(turn.moment - Instant::now());
            Report::not_tried(Failure { retry_after, ..Failure::new(Cause::RequestRate) })
        }
    }
}

/// Sends a request whose turn has come, with its repeats, until `deadline` at the latest.
pub(crate) async fn perform(
    session: &Session,
    settings: &Settings,
    request: &Request,
    deadline: Instant,
    pace: &Pace,
) -> Report {
    let attempt = |sent| session.attempt(request, sent);
    let mut report = repeat::until_done(request.repeatable(), settings.retries, deadline, pace, attempt).await;
    session.conclude(&mut report);
    report
}

/// The report without the credentials that a service repeats. For a page of megabytes this takes a moment, which other callers should
/// not wait for: it is done outside the runtime.
pub(crate) fn without_credentials(mut report: Report, settings: &Settings) -> Report {
    if let Ok(success) = &mut report.outcome {
        hide_credentials(success, settings);
    }
    report
}
