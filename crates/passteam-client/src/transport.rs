//! One try of a request over the network: shared connections, TLS, proxy. Deadlines, pauses and repeats are not made here.
//!
//! - Connections belong to the process. What they depend on (server, proxy, certificate file) is their key, the token is not:
//!   a caller that comes and goes finds them open.
//! - HTTP/1 only: with one request at a time on a connection it can be told what a break has cost.
//! - No thread is left behind: a call runs on its caller's thread ([`block_on`]); only look-ups and files need others.

mod blocking;
mod connect;
mod environment;
mod examine;
mod fault;
mod http;
mod lookup;
mod pool;
mod process;
mod race;
mod resources;
mod retry_after;
mod route;
mod runtime;
mod stream;
mod system_proxy;
mod trust;
mod tunnel;
mod verifier;

use std::sync::Arc;
use std::time::Duration;

use http::{Connection, PRODUCT};
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Method, Uri};
use process::Process;
use route::Route;
use rustls::pki_types::UnixTime;
use tokio::time::Instant;

use crate::attempt::{Attempt, Sent};
use crate::diagnosis::{Diagnosis, Stage};
use crate::outcome::{Cause, Failure, Kind, Report, Way};
use crate::request::{CREATE_CARD, Repeatable, Request, UPDATE_CARD};
use crate::settings::{ExplicitProxy, Proxy, ServerUrl, Settings, Token};

pub use environment::read_environment;
pub use runtime::block_on;

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// How long a connection may have been idle for a request that may be repeated; the pool closes it before.
const ANY_AGE: Duration = Duration::MAX;

/// The same for one that must not be repeated. A connection can die without a word, for example in a router that forgets it, and
/// a request that is sent over a dead one costs an unknown outcome.
const FRESH: Duration = Duration::from_secs(1);

/// The service as one set of settings reaches it, for many requests in a row or at once.
pub(crate) struct Session {
    process: &'static Process,
    route: Arc<Route>,
    token: Token,
    server: ServerUrl,
    proxy: Proxy,
    /// What goes with every request.
    headers: HeaderMap,
    /// The addresses of the methods that are called most, by their names.
    addresses: [(&'static str, Option<Uri>); 2],
}

impl Session {
    /// The way that these settings mean, found once until one of them changes: the system's proxy is looked up, and headers and
    /// addresses are made. Nothing is read from files and nothing is sent.
    ///
    /// # Errors
    /// The system's setting names no usable proxy; the operating system has no file descriptors left.
    pub(crate) fn open(settings: &Settings) -> Result<Arc<Session>, Failure> {
        let process = current_process()?;
        if let Some(kept) = settings.kept.get::<Session>().filter(|kept| kept.is_for(settings, process)) {
            return Ok(kept);
        }
        let session = Arc::new(Session::find(settings, process)?);
        settings.kept.set(&session);
        Ok(session)
    }

    fn find(settings: &Settings, process: &'static Process) -> Result<Session, Failure> {
        let route = Route::to(&settings.server, &settings.proxy, settings.certificate_file.as_ref());
        let route = route.map_err(fault::unusable_proxy)?;
        let address = |method| (method, address(&settings.server, &route, method));
        Ok(Session {
            process,
            headers: headers(settings, &route),
            addresses: [UPDATE_CARD, CREATE_CARD].map(address),
            route: Arc::new(route),
            token: settings.token.clone(),
            server: settings.server.clone(),
            proxy: settings.proxy.clone(),
        })
    }

    /// Whether these settings mean the same way. After a fork another process has to find it anew.
    fn is_for(&self, settings: &Settings, process: &Process) -> bool {
        std::ptr::eq(self.process, process)
            && self.token == settings.token
            && self.server == settings.server
            && self.proxy == settings.proxy
            && self.route.certificate_file == settings.certificate_file
    }

    /// As [`Session::open`], but the system's proxy is looked up anew, and authorities are read anew from the system's store: somebody
    /// may have just set or installed them.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub(crate) fn open_anew(settings: &Settings) -> Result<Arc<Session>, Failure> {
        let session = Arc::new(Session::find(settings, current_process()?)?);
        session.process.trust.forget();
        settings.kept.set(&session);
        Ok(session)
    }

    /// What stands between this computer and the server.
    pub(crate) fn way(&self) -> Way {
        self.route.way()
    }

    /// As [`block_on`], which would look for the process's state again.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.process.block_on(future)
    }

    /// Tries a request once.
    pub(crate) async fn attempt(&self, request: &Request, sent: Sent) -> Attempt {
        let connection = match self.connection(request.repeatable()).await {
            Ok(connection) => connection,
            Err(error) => return fault::unconnected(&error, &self.route),
        };
        let (attempt, connection) = self.attempt_over(connection, request, &sent).await;
        if let Some(connection) = connection {
            self.process.pool.put(Arc::clone(&self.route), connection);
        }
        attempt
    }

    /// Tries a request once over a new connection that nobody uses after it, and notes in `facts` what it finds on the way. The
    /// server's certificate must be valid at `moment`, or now if that is none.
    pub(crate) async fn examine(
        &self,
        request: &Request,
        moment: Option<UnixTime>,
        deadline: Instant,
        facts: &mut Diagnosis,
    ) -> Attempt {
        let connection = match examine::connect(self.process, &self.route, moment, deadline, facts).await {
            Ok(connection) => connection,
            Err(error) => return fault::unconnected(&error, &self.route),
        };
        facts.stage = Stage::Answer;
        let began = Instant::now();
        let (attempt, _) = self.attempt_over(connection, request, &Sent::default()).await;
        facts.answered_in = Some(began.elapsed());
        attempt
    }

    /// Tries a request once over this connection, which is given back if it can take another one.
    async fn attempt_over(
        &self,
        connection: Connection,
        request: &Request,
        sent: &Sent,
    ) -> (Attempt, Option<Connection>) {
        let Some(prepared) = self.prepare(request) else {
            return (Attempt::failed(Cause::ConnectionOther, true), None);
        };
        let (result, connection) = connection.exchange(prepared, self.route.is_forwarded(), sent).await;
        let attempt = match result {
            Ok(response) => Attempt::answered(request.expectation(), response),
            Err(error) => fault::unanswered(error),
        };
        (attempt, connection)
    }

    /// Cleans up after a request that is not tried again, and notes in its report what stands on the way.
    pub(crate) fn conclude(&self, report: &mut Report) {
        let Err(failure) = &mut report.outcome else { return };
        failure.way = self.route.way();
        match failure.kind() {
            // What else is kept open to that server is likely to be dead, too.
            Kind::Timeout => self.process.pool.forget(&self.route),
            Kind::Certificate => self.process.trust.forget(),
            _ => {}
        }
    }

    /// A kept connection that is open as far as this computer knows, or else a new one.
    async fn connection(&self, repeatable: Repeatable) -> Result<Connection, connect::ConnectError> {
        let age = if repeatable == Repeatable::OnlyIfUnsent { FRESH } else { ANY_AGE };
        while let Some(mut kept) = self.process.pool.take(&self.route, age) {
            if kept.is_usable() {
                return Ok(kept);
            }
        }
        // Boxed, so that the kilobytes of a handshake are no part of every try.
        Box::pin(connect::connect(self.process, &self.route)).await
    }

    /// The request as it goes out; none for a path that is no path, which no setting makes.
    fn prepare(&self, request: &Request) -> Option<http::Request> {
        let method = request.method_name();
        let known = self.addresses.iter().find(|(known, _)| *known == method);
        let address = match known {
            Some((_, address)) => address.clone(),
            None => address(&self.server, &self.route, method),
        };
        let mut prepared = http::Request::new(Full::new(request.body()));
        *prepared.method_mut() = Method::POST;
        *prepared.uri_mut() = address?;
        *prepared.headers_mut() = self.headers.clone();
        Some(prepared)
    }
}

/// The proxy of calls with these settings. The one that the system names is that of the last call.
pub(crate) fn proxy_in_use(settings: &Settings) -> Option<ExplicitProxy> {
    match &settings.proxy {
        Proxy::Direct => None,
        Proxy::Explicit(proxy) => Some(proxy.clone()),
        Proxy::System => settings.kept.get::<Session>()?.route.proxy.as_ref().map(|proxy| proxy.proxy.clone()),
    }
}

fn current_process() -> Result<&'static Process, Failure> {
    Process::current().map_err(|_| Failure::new(Cause::NoResources))
}

/// Where a method stands, as the request names it.
fn address(server: &ServerUrl, route: &Route, method: &str) -> Option<Uri> {
    let path = server.path(method);
    // A proxy that passes a request on must be told where to (RFC 9112, 3.2.2).
    let target = if route.is_forwarded() { format!("http://{}{path}", server.host_header()) } else { path };
    Uri::try_from(target).ok()
}

fn headers(settings: &Settings, route: &Route) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut insert = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    insert(HOST, settings.server.host_header());
    insert(USER_AGENT, PRODUCT);
    if !settings.token.is_empty() {
        insert(AUTHORIZATION, settings.token.reveal());
    }
    let proxy = route.proxy.as_ref().filter(|_| route.is_forwarded());
    if let Some(authorization) = proxy.and_then(|proxy| proxy.proxy.authorization()) {
        insert(PROXY_AUTHORIZATION, &authorization);
    }
    headers.insert(CONTENT_TYPE, FORM);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::RequestRate;

    #[test]
    fn what_follows_from_the_settings_is_found_once_until_one_of_them_changes() {
        let open = |settings: &Settings| Session::open(settings).unwrap_or_else(|_| panic!("a session"));
        let settings = Settings { proxy: Proxy::Direct, ..Settings::default() };
        let first = open(&settings);
        assert!(Arc::ptr_eq(&first, &open(&settings)));
        let rate = RequestRate::default();
        let unrelated = Settings { timeout: FRESH, retries: 9, rate, ..settings.clone() };
        assert!(Arc::ptr_eq(&first, &open(&unrelated)), "a clone shares it");

        let server = ServerUrl::parse("https://a.test").expect("an address");
        let token = Token::parse("another").expect("a token");
        let proxy = Proxy::parse("http://proxy").expect("a proxy");
        for changed in [
            Settings { server, ..settings.clone() },
            Settings { token, ..settings.clone() },
            Settings { proxy, ..settings.clone() },
        ] {
            let session = open(&changed);
            assert!(session.is_for(&changed, session.process) && !session.is_for(&settings, session.process));
            assert!(Arc::ptr_eq(&session, &open(&changed)));
        }
        assert!(!Arc::ptr_eq(&first, &open(&settings)));
        let other = open(&Settings { proxy: Proxy::Direct, ..Settings::default() });
        assert!(!Arc::ptr_eq(&other, &open(&settings)), "another object finds its own");
    }
}
