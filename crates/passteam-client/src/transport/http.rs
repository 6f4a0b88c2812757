//! One connection to a server that speaks HTTP/1, and one request over it at a time.
//!
//! hyper's connection is driven by the future that waits for the answer, and by nothing else: there is no task that could see
//! something the request does not.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::PROXY_AUTHENTICATE;
use hyper_util::rt::TokioIo;

use super::retry_after;
use super::stream::{Stream, Watch};
use super::tunnel::takes_password;
use crate::attempt::Sent;
use crate::certificate::seconds_of;
use crate::outcome::Cause;
use crate::reply::{CompleteResponse, is_redirect};

/// How the client names itself to servers and proxies.
pub(super) const PRODUCT: &str = concat!("passteam/", env!("CARGO_PKG_VERSION"));

/// A body of this many bytes is still read; the largest real answers are pages of 50 cards.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// Proxies and filters add some; nobody adds more.
const MOST_HEADERS: usize = 512;

/// A request as it goes out.
pub(super) type Request = hyper::Request<Full<Bytes>>;

/// Why there is no complete answer.
#[derive(Debug)]
pub(super) struct ExchangeError {
    pub(super) what: What,
    /// Whether not one byte has left since the request was begun.
    pub(super) unsent: bool,
}

/// What went wrong with an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The connection broke before the answer's headers were whole.
    Broken,
    /// What came is not HTTP.
    NotHttp,
    /// The answer is of no use after its headers: [`Cause::Redirect`], [`Cause::TooLarge`] or [`Cause::BrokenOff`].
    AfterHeaders { status: u16, cause: Cause },
}

/// A connection to the service, or to a proxy that passes requests on.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    watch: Arc<Watch>,
}

/// hyper's side of the connection; none once it has ended. Boxed, because each request moves the connection several times.
struct Driver(Option<Box<Running>>);

type Running = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

impl Connection {
    /// Takes a connection over which nothing of HTTP has gone yet. `watch` is that of its socket.
    ///
    /// # Errors
    /// Never in practice: HTTP/1 has no handshake.
    pub(super) async fn new(stream: Stream, watch: Arc<Watch>) -> hyper::Result<Connection> {
        let (sender, running) = http1::Builder::new()
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .max_headers(MOST_HEADERS)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Connection { sender, driver: Driver(Some(Box::new(running))), watch })
    }

    /// Whether the server has neither closed an idle connection nor said anything on it, as far as the operating system knows.
    pub(super) fn is_usable(&mut self) -> bool {
        self.watch.look_again();
        self.is_idle()
    }

    /// Whether the connection waits for a request.
    fn is_idle(&mut self) -> bool {
        // Nobody waits here: with the caller's waker the next request would wake its own caller, who then asks the system in vain.
        let context = &mut Context::from_waker(Waker::noop());
        self.driver.poll(context);
        matches!(self.sender.poll_ready(context), Poll::Ready(Ok(())))
    }

    /// Sends a request and reads the answer. The connection is given back if it can take another request.
    ///
    /// `through_proxy`: the connection leads to a proxy that passes requests on. `sent` is told when the first byte leaves.
    pub(super) async fn exchange(
        mut self,
        request: Request,
        through_proxy: bool,
        sent: &Sent,
    ) -> (Result<CompleteResponse, ExchangeError>, Option<Connection>) {
        let sent_before = self.watch.sent();
        let result = {
            let watch = Arc::clone(&self.watch);
            let mut exchange = pin!(self.try_exchange(request, through_proxy));
            poll_fn(|context| {
                let progress = exchange.as_mut().poll(context);
                if watch.sent() > sent_before {
                    sent.note();
                }
                progress
            })
            .await
        };
        match result {
            Ok(response) => {
                let connection = if self.is_idle() { Some(self) } else { None };
                (Ok(response), connection)
            }
            Err(what) => (Err(ExchangeError { what, unsent: self.watch.sent() == sent_before }), None),
        }
    }

    async fn try_exchange(&mut self, request: Request, through_proxy: bool) -> Result<CompleteResponse, What> {
        let response = self.sender.send_request(request);
        let response = self
            .driver
            .run_for(response)
            .await
            .map_err(|error| if is_nonsense(&error) { What::NotHttp } else { What::Broken })?;
        let status = response.status().as_u16();
        self.driver.run_for(read(response, through_proxy)).await.map_err(|cause| What::AfterHeaders { status, cause })
    }
}

impl Driver {
    /// Waits for `work`, which depends on the connection's progress.
    async fn run_for<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.poll(context);
            work.as_mut().poll(context)
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        if let Some(running) = &mut self.0
            && Pin::new(running).poll(context).is_ready()
        {
            // Dropping it tells a request or a body that waits.
            self.0 = None;
        }
    }
}

/// Reads the answer to its end.
async fn read(response: Response<Incoming>, through_proxy: bool) -> Result<CompleteResponse, Cause> {
    let status = response.status().as_u16();
    let now = SystemTime::now();
    let retry_after = retry_after::pause(response.headers(), now);
    let server_ahead = retry_after::date(response.headers()).map(|date| seconds_of(date) - seconds_of(now));
    let offers = response.headers().get_all(PROXY_AUTHENTICATE).iter();
    let proxy_takes_password = takes_password(offers.map(|offer| String::from_utf8_lossy(offer.as_bytes())));
    match read_body(response.into_body()).await {
        Ok(body) => {
            Ok(CompleteResponse { status, body, retry_after, through_proxy, proxy_takes_password, server_ahead })
        }
        // If an answer leads elsewhere, its body does not matter.
        Err(_) if is_redirect(status) => Err(Cause::Redirect),
        Err(cause) => Err(cause),
    }
}

async fn read_body(mut body: Incoming) -> Result<String, Cause> {
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(Cause::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing of interest.
        let Ok(data) = frame.map_err(|_| Cause::BrokenOff)?.into_data() else { continue };
        if bytes.len() + data.len() > LARGEST_BODY {
            return Err(Cause::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Bytes that are no HTTP answer. If they came before the request could leave, hyper says that it was cancelled because of them.
fn is_nonsense(error: &hyper::Error) -> bool {
    let because = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    [Some(error), because].into_iter().flatten().any(|error| error.is_parse() || is_unexpected_message(error))
}

/// hyper's `UnexpectedMessage` has no predicate of its own. It is the only error without a source that none of the others fits.
fn is_unexpected_message(error: &hyper::Error) -> bool {
    let another_kind = error.is_user()
        || error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || error.is_body_write_aborted()
        || error.is_shutdown()
        || error.is_timeout();
    error.source().is_none() && !another_kind
}
