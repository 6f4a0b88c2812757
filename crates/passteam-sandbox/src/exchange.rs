//! One request to the service from its headers to its answer: receive, record, take a fault, carry out, delay, answer.
//!
//! What the methods do is in `service`; what a fault means is in `fault`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::fault::ReadyFault;
use crate::mutex::lock;
use crate::refusal::Refusal;
use crate::request_log::Recording;
use crate::service;
use crate::shared::{BASE_PATH, Shared};
use crate::transport::{CutBody, FlushSignal};

/// Largest accepted body in bytes. Percent-encoding makes Cyrillic text three times as long, so this leaves room for
/// values of several megabytes.
const MAX_BODY: usize = 64 << 20;

/// Tells hyper to close the connection without an answer.
#[derive(Debug)]
pub(crate) struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed without an answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Receives a request, records it, carries it out or applies a fault, and answers after the delay.
pub(crate) async fn respond(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    connection: u64,
    signal: FlushSignal,
) -> Result<Response<Body>, NoAnswer> {
    let (head, body) = request.into_parts();
    let recording = shared.log.open(method_name(head.uri.path()), &head.headers, connection);
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
    let request = ReceivedRequest { shared: Arc::clone(shared), head, body: received.bytes, recording };
    let fault = shared.take_fault(request.method());
    let (start, request, answer) = match fault.lateness() {
        None => {
            let answer = request.process(&fault);
            (arrival, request, answer)
        }
        Some(lateness) => {
            let task = request.process_late(fault.clone(), lateness);
            if fault.closes_before_processing() {
                return Err(NoAnswer);
            }
            let (request, answer) = task.await.map_err(|_| NoAnswer)?;
            (Instant::now(), request, answer)
        }
    };
    let delay = shared.latency.saturating_add(fault.fault.delay.unwrap_or_default());
    if !delay.is_zero() {
        wait_until(start.checked_add(delay)).await;
    }
    if fault.suppresses_answer() {
        return Err(NoAnswer);
    }
    let response = respond_with(&answer, &fault, signal);
    request.recording.update(|entry| {
        entry.status = Some(response.status().as_u16());
        entry.code = answer.code;
        entry.message = answer.message;
    });
    shared.changed();
    Ok(response)
}

/// The whole path if it is not below the base path.
fn method_name(path: &str) -> &str {
    path.strip_prefix(BASE_PATH).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
}

/// A request that was received whole.
struct ReceivedRequest {
    shared: Arc<Shared>,
    head: Parts,
    body: Vec<u8>,
    recording: Recording,
}

impl ReceivedRequest {
    fn method(&self) -> &str {
        method_name(self.head.uri.path())
    }

    /// Carries the request out, or answers in its place if the fault says so.
    fn process(&self, fault: &ReadyFault) -> Answer {
        let answer =
            if fault.prevents_processing() { fault.answer() } else { self.carry_out().unwrap_or_else(Answer::from) };
        self.recording.update(|entry| entry.card_id.clone_from(&answer.card_id));
        self.shared.changed();
        answer
    }

    /// Processes the request in a task of its own, because this must happen even if the connection has been closed.
    fn process_late(self, fault: ReadyFault, lateness: Duration) -> JoinHandle<(Self, Answer)> {
        tokio::spawn(async move {
            wait_as_late_request(&self.shared, lateness).await;
            let answer = self.process(&fault);
            (self, answer)
        })
    }

    fn carry_out(&self) -> Result<Answer, Refusal> {
        let Self { shared, head, body, .. } = self;
        if head.method != Method::POST {
            return Err(Refusal::NotPost);
        }
        if head.headers.get(AUTHORIZATION).is_none_or(|token| token.as_bytes() != shared.token.as_bytes()) {
            return Err(Refusal::WrongToken);
        }
        let admitted = lock(&shared.limiter).admit(Instant::now());
        admitted.map_err(|retry_after| Refusal::TooManyRequests { retry_after })?;
        service::check_content_type(&head.headers, body)?;
        let form: Vec<_> = form_urlencoded::parse(body).collect();
        let shape = lock(&shared.shape).clone();
        service::call(&mut lock(&shared.store), &shape, self.method(), &form)
    }
}

/// Waits for `lateness`, or until all late requests are told to go on.
async fn wait_as_late_request(shared: &Shared, lateness: Duration) {
    // Made before the request is counted: a thread that sees the count can end the wait.
    let told = shared.carry_out_late.notified();
    shared.late_requests.fetch_add(1, Ordering::Relaxed);
    shared.changed();
    tokio::select! {
        () = told => {}
        () = tokio::time::sleep(lateness) => {}
    }
    shared.late_requests.fetch_sub(1, Ordering::Relaxed);
}

/// Waits with an error of microseconds, so that a benchmark with a known latency measures its client and not this timer.
/// `None` waits forever.
async fn wait_until(instant: Option<Instant>) {
    // tokio's timer and the operating system's wait both round up to whole milliseconds.
    const TIMER_ERROR: Duration = Duration::from_millis(2);

    let Some(instant) = instant else { return std::future::pending().await };
    if let Some(early) = instant.checked_sub(TIMER_ERROR) {
        tokio::time::sleep_until(early.into()).await;
    }
    while Instant::now() < instant {
        tokio::task::yield_now().await;
    }
}

/// The part of a request's body that was received.
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

fn respond_with(answer: &Answer, fault: &ReadyFault, signal: FlushSignal) -> Response<Body> {
    const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

    let body = &answer.body;
    let mut response = match fault.sent_bytes() {
        None => Response::new(Body::from(body.clone())),
        Some(bytes) => {
            let sent = body.slice(..bytes.min(body.len()));
            let announced = body.len().max(sent.len() + 1);
            let mut response = Response::new(Body::new(CutBody::new(sent, signal)));
            response.headers_mut().insert(CONTENT_LENGTH, announced.into());
            response
        }
    };
    *response.status_mut() = fault.status.unwrap_or(answer.status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    if let Some(retry_after) = answer.retry_after {
        headers.insert(RETRY_AFTER, whole_seconds(retry_after).into());
    }
    headers.extend(fault.headers.clone());
    response
}

/// Rounded up, so that a client that waits this long is not refused again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
