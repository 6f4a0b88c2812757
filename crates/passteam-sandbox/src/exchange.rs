//! One request to the service and its answer.

use std::fmt;
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};

use crate::fault::ReadyFault;
use crate::server::{BASE_PATH, Shared};
use crate::service::{self, Answer};
use crate::store::Refusal;
use crate::transport::{CutBody, FlushSignal};

/// A request with a larger body is cut off. Values of several megabytes fit, though percent-encoding makes them up to
/// six times as long.
const MAX_BODY: usize = 64 << 20;

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed without an answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Reads the request, records it, carries it out or what was ordered instead, and answers when it is time.
pub(crate) async fn respond(
    shared: &Shared,
    request: Request<Incoming>,
    connection: u64,
    signal: FlushSignal,
) -> Result<Response<Body>, NoAnswer> {
    let (head, body) = request.into_parts();
    let method = method_name(head.uri.path());
    let recording = shared.log.open(method, &head.headers, connection);
    let received = receive(body).await;
    let arrival = Instant::now();
    recording.update(|entry| {
        entry.body.clone_from(&received.bytes);
        entry.form = form_urlencoded::parse(&received.bytes).into_owned().collect();
        entry.complete = received.complete;
    });
    if !received.complete {
        return Err(NoAnswer);
    }
    let (fault, answer) = act(shared, method, &head, &received.bytes);
    recording.update(|entry| entry.card_id.clone_from(&answer.card_id));
    shared.changed();
    let delay = shared.latency.saturating_add(fault.fault.delay.unwrap_or_default());
    if !delay.is_zero() {
        wait_until(arrival.checked_add(delay)).await;
    }
    if fault.silences() {
        return Err(NoAnswer);
    }
    recording.update(|entry| {
        entry.status = Some(fault.status.as_u16());
        entry.code = answer.code;
    });
    shared.changed();
    Ok(respond_with(answer.body, &fault, signal))
}

/// The whole path where it is not below the base path.
fn method_name(path: &str) -> &str {
    path.strip_prefix(BASE_PATH).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
}

/// The fault that the request takes, and the answer to it.
fn act(shared: &Shared, method: &str, head: &Parts, body: &[u8]) -> (ReadyFault, Answer) {
    let fault = shared.take_fault(method);
    let answer = if fault.prevents() {
        fault.answer()
    } else {
        carry_out(shared, method, head, body).unwrap_or_else(Answer::from)
    };
    (fault, answer)
}

fn carry_out(shared: &Shared, method: &str, head: &Parts, body: &[u8]) -> Result<Answer, Refusal> {
    if head.method != Method::POST {
        return Err(Refusal::NotPost);
    }
    if head.headers.get(AUTHORIZATION).is_none_or(|token| token.as_bytes() != shared.token.as_bytes()) {
        return Err(Refusal::WrongToken);
    }
    service::check_content_type(&head.headers, body)?;
    let form: Vec<_> = form_urlencoded::parse(body).collect();
    service::call(&shared.store, method, &form)
}

/// Waits to within some microseconds, so that a benchmark against a known latency measures its client and not this
/// timer. An instant past the end of time never comes.
async fn wait_until(instant: Option<Instant>) {
    // The timer counts whole milliseconds, and so does the wait for the operating system below it; both round up.
    const TIMER_ERROR: Duration = Duration::from_millis(2);

    let Some(instant) = instant else { return std::future::pending().await };
    if let Some(early) = instant.checked_sub(TIMER_ERROR) {
        tokio::time::sleep_until(early.into()).await;
    }
    while Instant::now() < instant {
        tokio::task::yield_now().await;
    }
}

/// A request's body as far as it came.
struct Received {
    bytes: Vec<u8>,
    complete: bool,
}

async fn receive(mut body: Incoming) -> Received {
    let mut bytes = Vec::new();
    let complete = loop {
        let data = match body.frame().await {
            None => break true,
            Some(Err(_)) => break false,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if bytes.len() + data.len() > MAX_BODY {
            break false;
        }
        bytes.extend_from_slice(&data);
    };
    Received { bytes, complete }
}

fn respond_with(body: Bytes, fault: &ReadyFault, signal: FlushSignal) -> Response<Body> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

    let mut response = match fault.cut() {
        None => Response::new(Body::from(body)),
        Some(cut) => {
            let sent = body.slice(..cut.min(body.len()));
            let announced = body.len().max(sent.len() + 1);
            let mut response = Response::new(Body::new(CutBody::new(sent, signal)));
            response.headers_mut().insert(CONTENT_LENGTH, announced.into());
            response
        }
    };
    *response.status_mut() = fault.status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().extend(fault.headers.clone());
    response
}
