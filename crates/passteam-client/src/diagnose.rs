//! A diagnosis from its start to its findings, blocking: every step to the service over a connection of its own, and one harmless
//! request, `gettemplates`.

use std::pin::pin;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use tokio::time::{Instant, timeout, timeout_at};

use crate::attempt::Attempt;
use crate::certificate::Certificate;
use crate::diagnosis::{Diagnosis, Stage};
use crate::outcome::{Cause, Failure, Report, Way};
use crate::pace::deadline;
use crate::request::Request;
use crate::settings::{Settings, Token};
use crate::templates;
use crate::transport::{Session, block_on};

/// How often it is looked whether the caller still wants to know.
const CANCEL_INTERVAL: Duration = Duration::from_millis(100);

/// Looks at everything between this computer and the service, for at most [`Settings::timeout`] from now, and sends `request`, which
/// is [`Request::get_templates`]. Nothing is tried twice. It counts towards [`Settings::rate`].
///
/// The account's templates are searched for `template_id` unless that is empty. When `is_cancelled` says so, the diagnosis ends with
/// what it has found so far.
///
/// # Panics
/// When called from within a future that [`block_on`] runs.
pub fn diagnose(
    settings: &Settings,
    request: &Request,
    template_id: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Diagnosis {
    let end = deadline(settings.timeout);
    let mut diagnosis = begun(settings);
    let session = match Session::open_anew(settings) {
        Ok(session) => session,
        Err(failure) => {
            diagnosis.report = Report::not_tried(failure);
            return diagnosis;
        }
    };
    diagnosis.way = session.way();
    let ended = {
        let steps = async { timeout_at(end, steps(settings, &session, request, end, &mut diagnosis)).await };
        let mut steps = pin!(steps);
        loop {
            match block_on(async { timeout(CANCEL_INTERVAL, &mut steps).await }) {
                Ok(Ok(ended)) => break ended.unwrap_or_else(|_| Attempt::failed(Cause::Deadline, false)),
                Ok(Err(_)) if is_cancelled() => break Attempt::failed(Cause::Deadline, false),
                Ok(Err(_)) => {}
                Err(_) => break Attempt::failed(Cause::NoResources, true),
            }
        }
    };
    let Attempt { mut outcome, code, body, server_ahead, .. } = ended;
    if let Err(failure) = &mut outcome {
        failure.way = diagnosis.way.clone();
    }
    diagnosis.server_ahead = diagnosis.server_ahead.or(server_ahead);
    if outcome.is_ok() {
        diagnosis.templates = templates::check(&body, template_id);
    }
    diagnosis.report = Report { outcome, code, body, tries: 1, unknown: false };
    diagnosis
}

fn begun(settings: &Settings) -> Diagnosis {
    Diagnosis {
        stage: Stage::Settings,
        way: Way::Direct,
        own_authorities: None,
        look_up: None,
        addresses: Vec::new(),
        tls: None,
        certificate: None,
        server_ahead: None,
        answered_in: None,
        report: Report::not_tried(Failure::new(Cause::Deadline)),
        templates: None,
        has_token: !settings.token.is_empty(),
    }
}

async fn steps(
    settings: &Settings,
    session: &Session,
    request: &Request,
    end: Instant,
    diagnosis: &mut Diagnosis,
) -> Attempt {
    settings.rate.take(Instant::now());
    let attempt = session.examine(request, None, end, diagnosis).await;
    let is_out_of_time =
        attempt.outcome.as_ref().is_err_and(|failure| matches!(failure.cause, Cause::Expired | Cause::NotYetValid));
    if is_out_of_time && let Some(certificate) = diagnosis.certificate.clone() {
        diagnosis.server_ahead = ask_for_the_time(settings, request, &certificate, end).await;
    }
    attempt
}

/// Asks a server whose certificate is right but for the time what time it is, and tells it no secret. The answer may be a lie; all it
/// does is to tell a wrong clock from an old certificate.
async fn ask_for_the_time(
    settings: &Settings,
    request: &Request,
    certificate: &Certificate,
    end: Instant,
) -> Option<i64> {
    let moment = u64::try_from(certificate.not_after).ok()?;
    let moment = UnixTime::since_unix_epoch(Duration::from_secs(moment));
    let without_token = Settings { token: Token::default(), ..settings.clone() };
    let session = Session::open(&without_token).ok()?;
    // A part of what is left, so that the diagnosis itself is not late.
    let now = Instant::now();
    let limit = now + end.saturating_duration_since(now) / 2;
    let mut unused = begun(&without_token);
    let asked = session.examine(request, Some(moment), limit, &mut unused);
    timeout_at(limit, asked).await.ok()?.server_ahead
}
