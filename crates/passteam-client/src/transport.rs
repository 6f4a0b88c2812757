//! Calls over the network: shared connections, TLS, proxy, one deadline, safe repeats.
//!
//! - Connections belong to the process. What they depend on (server, proxy, trusted certificates) is their key, the token is not:
//!   a caller that comes and goes finds them open.
//! - HTTP/1 only: with one request at a time on a connection it can be told what a break has cost.
//! - No thread is left behind: a call runs on its caller's thread ([`block_on`]), and only looking up a name borrows another.

mod clients;
mod fault;
mod lookup;
mod repeat;
mod retry_after;
mod route;
mod runtime;
mod trust;

use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Response};
use tokio::time::Instant;

use clients::{ClientError, Key};
use repeat::Attempt;
use route::Route;

use crate::form::Request;
use crate::reply::{Answer, Cause, Failure, Kind, Report, is_redirect, judge};
use crate::settings::{ServerUrl, Settings};

pub use runtime::block_on;

/// A body of this many bytes is still read; the largest real answers are pages of 50 cards.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Sends one request and blocks until its outcome is known, for at most [`Settings::timeout`] from now.
///
/// # Panics
/// When called from within a future that [`block_on`] runs.
pub fn call(settings: &Settings, request: &Request) -> Report {
    let deadline = deadline(settings.timeout);
    let Ok(runtime) = runtime::get() else {
        return not_tried(Failure::new(Kind::Connection, Cause::ConnectionOther));
    };
    match Session::open(settings) {
        Ok(session) => runtime.block_on(session.perform(request, deadline)),
        Err(failure) => not_tried(failure),
    }
}

/// The instant at which something that may take `timeout` from now is over.
pub fn deadline(timeout: Duration) -> Instant {
    const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or_else(|| now + FOR_EVER)
}

/// The service as one set of settings reaches it, for many requests in a row or at once.
pub struct Session {
    client: Client,
    server: ServerUrl,
    authorization: Option<HeaderValue>,
    retries: u32,
    /// Whether the service's answers and a proxy's come over the same connection: plain http through a proxy.
    through_proxy: bool,
}

impl Session {
    /// Finds the connections that these settings mean. The certificate file is read, nothing is sent.
    ///
    /// # Errors
    /// The certificate file cannot be read any more or holds no certificate; the operating system gives no randomness.
    pub fn open(settings: &Settings) -> Result<Session, Failure> {
        let gone = || Failure::new(Kind::Certificate, Cause::CertificateFileGone);
        let certificates =
            settings.certificate_file.as_ref().map(|file| file.read()).transpose().map_err(|_| gone())?;
        let route = Route::to(&settings.server, &settings.proxy);
        let through_proxy = settings.server.is_plain() && route.is_through_proxy();
        let client = clients::client(Key::new(&settings.server, route, certificates)).map_err(|error| match error {
            ClientError::NoCertificate => gone(),
            ClientError::Configuration => Failure::new(Kind::Connection, Cause::ConnectionOther),
        })?;
        Ok(Session {
            client,
            server: settings.server.clone(),
            authorization: authorization(settings),
            retries: settings.retries,
            through_proxy,
        })
    }

    /// Sends one request with its repeats, until `deadline` at the latest.
    pub async fn perform(&self, request: &Request, deadline: Instant) -> Report {
        self.perform_paced(request, deadline, &Some).await
    }

    /// As [`Session::perform`]; `pace` gets the moment of each repeat and gives the one at which it may go, or none where nothing
    /// may be sent any more.
    pub async fn perform_paced(
        &self,
        request: &Request,
        deadline: Instant,
        pace: &dyn Fn(Instant) -> Option<Instant>,
    ) -> Report {
        let attempt = || self.attempt(request);
        let report = repeat::until_done(request.repeats(), self.retries, deadline, pace, attempt).await;
        if matches!(&report.outcome, Err(failure) if failure.kind == Kind::Timeout) {
            runtime::settle().await;
        }
        report
    }

    async fn attempt(&self, request: &Request) -> Attempt {
        let exchange = exchange(self.client.clone(), self.prepare(request), self.through_proxy);
        match runtime::as_task(exchange).await {
            Ok(Whole { status, retry_after, body }) => {
                let answer = Answer { status, body: &body, retry_after, through_proxy: self.through_proxy };
                let (outcome, code) = judge(request.expectation(), &answer);
                Attempt { outcome, code, body, unsent: false }
            }
            Err(attempt) => attempt,
        }
    }

    fn prepare(&self, request: &Request) -> reqwest::Request {
        let mut prepared = reqwest::Request::new(Method::POST, self.server.endpoint(request.method_name()));
        let headers = prepared.headers_mut();
        headers.insert(CONTENT_TYPE, FORM);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        *prepared.body_mut() = Some(request.body().into());
        prepared
    }
}

/// The token as a header that is never shown; `None` where none is set.
fn authorization(settings: &Settings) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(settings.token.reveal()).ok().filter(|header| !header.is_empty())?;
    header.set_sensitive(true);
    Some(header)
}

/// An answer that was read to its end.
struct Whole {
    status: u16,
    retry_after: Option<Duration>,
    body: String,
}

/// Sends a request and reads the answer; or what the try came to without one.
async fn exchange(client: Client, request: reqwest::Request, through_proxy: bool) -> Result<Whole, Attempt> {
    let sent = client.execute(request).await;
    let response = sent.map_err(|error| fault::before_headers(&error, through_proxy))?;
    let status = response.status().as_u16();
    let retry_after = retry_after::pause(response.headers(), SystemTime::now());
    match read_body(response).await {
        Ok(body) => Ok(Whole { status, retry_after, body }),
        // Where an answer leads elsewhere, its body does not matter.
        Err(_) if is_redirect(status) => Err(Attempt::failed(Kind::BadResponse, Cause::Redirect, false)),
        Err(cause) => Err(Attempt::failed(Kind::BadResponse, cause, false)),
    }
}

/// The whole body as text, or why there is none.
async fn read_body(mut response: Response) -> Result<String, Cause> {
    if response.content_length().is_some_and(|length| length > LARGEST_BODY as u64) {
        return Err(Cause::TooLarge);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Cause::BrokenOff)? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Err(Cause::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

pub(crate) fn not_tried(failure: Failure) -> Report {
    Report { outcome: Err(failure), code: 0, body: String::new(), tries: 0 }
}
