//! The running server.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::exchange::{self, NoAnswer};
use crate::fault::ReadyFault;
use crate::log::RequestLog;
use crate::store::Store;
use crate::transport::{FlushSignal, Watched};
use crate::{Card, Fault, InvalidFault, Options, RecordedRequest, Tls, certificates, control};

/// Where the methods are.
pub(crate) const BASE_PATH: &str = "/oapi/v1";

/// A running stand-in for the service. Dropping it closes all connections and ends its thread.
pub struct Sandbox {
    shared: Arc<Shared>,
    addr: SocketAddr,
    ca_pem: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Listens and serves until dropped.
    ///
    /// # Errors
    /// The address cannot be listened on, or a thread, a runtime or a certificate cannot be made.
    pub fn start(options: Options) -> io::Result<Self> {
        let identity = match options.tls {
            Tls::None => None,
            Tls::OwnCa => Some(certificates::make(options.listen.ip(), None)?),
            Tls::Certificate(kind) => Some(certificates::make(options.listen.ip(), Some(kind))?),
        };
        let listener = std::net::TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(options, origin(addr, identity.is_some())));
        let (config, ca_pem) = identity.map(|identity| (identity.config, identity.ca_pem)).unzip();

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let server = Server {
            acceptor: config.map(TlsAcceptor::from),
            router: control::router(Arc::clone(&shared), addr.ip()),
            shared: Arc::clone(&shared),
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("passteam-sandbox".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = server.accept(listener) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { shared, addr, ca_pem, stop: Some(stop), thread: Some(thread) })
    }

    /// Base of the method paths, without a trailing slash: `http://127.0.0.1:PORT/oapi/v1` or
    /// `https://localhost:PORT/oapi/v1`.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The page that shows the cards to a person: `http://127.0.0.1:PORT/` or `https://localhost:PORT/`.
    pub fn page_url(&self) -> String {
        format!("{}/", self.shared.origin)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The sandbox's CA certificate, where it speaks TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// All cards in the order of their creation.
    pub fn cards(&self) -> Vec<Card> {
        lock(&self.shared.store).cards().to_vec()
    }

    /// The card with this id.
    pub fn card(&self, id: &str) -> Option<Card> {
        lock(&self.shared.store).card(id).cloned()
    }

    /// Does what a customer does who puts the card into the phone's wallet, or removes it. False where there is no such
    /// card.
    pub fn set_installed(&self, card_id: &str, installed: bool) -> bool {
        self.shared.set_installed(card_id, installed)
    }

    /// Orders a fault. Faults wait in a queue; each request that was completely received takes the first one that
    /// concerns it.
    ///
    /// # Panics
    /// The fault has a status or a header that HTTP does not allow.
    pub fn push_fault(&self, fault: Fault) {
        if let Err(invalid) = self.shared.push_fault(fault) {
            panic!("{invalid}");
        }
    }

    /// The faults that no request has taken yet.
    pub fn pending_faults(&self) -> Vec<Fault> {
        lock(&self.shared.faults).iter().map(|ready| ready.fault.clone()).collect()
    }

    /// Takes back the faults that no request has taken yet.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }

    /// The latest service requests, oldest first. One that is still being received or answered is among them.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.log.all()
    }

    /// Forgets the requests so far; their numbers are not used again.
    pub fn clear_requests(&self) {
        self.shared.clear_requests();
    }

    /// How many TCP connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many TLS handshakes were completed so far.
    pub fn handshakes(&self) -> u64 {
        self.shared.handshakes.load(Ordering::Relaxed)
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> u64 {
        self.shared.open_connections.load(Ordering::Relaxed)
    }

    /// Closes all connections, as a server does that was restarted; new ones are accepted.
    pub fn close_connections(&self) {
        self.shared.close_connections.notify_waiters();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was already printed, and a second one here would hide the test's own failure.
            let _ = thread.join();
        }
    }
}

/// What requests, the control paths and the owner have in common.
pub(crate) struct Shared {
    /// Scheme, host and port that a client on this machine uses.
    origin: String,
    pub(crate) token: String,
    pub(crate) latency: Duration,
    pub(crate) store: Mutex<Store>,
    pub(crate) faults: Mutex<VecDeque<ReadyFault>>,
    pub(crate) log: RequestLog,
    /// Bumped whenever cards, requests or faults change.
    pub(crate) changes: watch::Sender<u64>,
    connections: AtomicU64,
    handshakes: AtomicU64,
    open_connections: AtomicU64,
    close_connections: Notify,
}

impl Shared {
    fn new(options: Options, origin: String) -> Self {
        Self {
            token: options.token,
            latency: options.latency,
            store: Mutex::new(Store::new(options.templates, options.unique, origin.clone())),
            origin,
            faults: Mutex::default(),
            log: RequestLog::new(options.keep_requests, options.observer),
            changes: watch::Sender::default(),
            connections: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            open_connections: AtomicU64::new(0),
            close_connections: Notify::new(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}{BASE_PATH}", self.origin)
    }

    pub(crate) fn set_installed(&self, card_id: &str, installed: bool) -> bool {
        let known = lock(&self.store).set_installed(card_id, installed);
        self.changed();
        known
    }

    pub(crate) fn push_fault(&self, fault: Fault) -> Result<(), InvalidFault> {
        lock(&self.faults).push_back(fault.try_into()?);
        self.changed();
        Ok(())
    }

    pub(crate) fn clear_faults(&self) {
        lock(&self.faults).clear();
        self.changed();
    }

    pub(crate) fn clear_requests(&self) {
        self.log.clear();
        self.changed();
    }

    /// The first fault that concerns this method, or one that does nothing.
    pub(crate) fn take_fault(&self, method: &str) -> ReadyFault {
        let mut faults = lock(&self.faults);
        let place = faults.iter().position(|fault| fault.concerns(method));
        place.and_then(|place| faults.remove(place)).unwrap_or_default()
    }

    /// Tells whoever watches that cards, requests or faults are not what they were.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }
}

/// Locks; a panic elsewhere does not spread.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Scheme, host and port that a client on this machine reaches `addr` by.
fn origin(addr: SocketAddr, tls: bool) -> String {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let named_localhost = ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST;
    match (tls, named_localhost) {
        (true, true) => format!("https://localhost:{}", addr.port()),
        (true, false) => format!("https://{}", SocketAddr::new(ip, addr.port())),
        (false, _) => format!("http://{}", SocketAddr::new(ip, addr.port())),
    }
}

#[derive(Clone)]
struct Server {
    acceptor: Option<TlsAcceptor>,
    router: Router,
    shared: Arc<Shared>,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(self.clone().connection(stream));
                }
                // Out of file descriptors or the like: others need time to close theirs.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        let number = self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let _open = OpenConnection::new(&self.shared);
        // Only slower where it fails.
        let _ = stream.set_nodelay(true);
        let closed = self.shared.close_connections.notified();
        tokio::select! {
            () = self.handshake_and_serve(stream, number) => {}
            () = closed => {}
        }
    }

    async fn handshake_and_serve(&self, stream: TcpStream, connection: u64) {
        let Some(acceptor) = &self.acceptor else { return self.serve(stream, connection).await };
        if let Ok(stream) = acceptor.accept(stream).await {
            self.shared.handshakes.fetch_add(1, Ordering::Relaxed);
            self.serve(stream, connection).await;
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, connection: u64) {
        let signal = FlushSignal::default();
        let io = TokioIo::new(Watched { stream, signal: signal.clone() });
        let service = service_fn(|request| self.respond(request, connection, signal.clone()));
        // An error is a client that went away, or a fault that was ordered.
        let _ = http1::Builder::new().header_read_timeout(None).serve_connection(io, service).await;
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        connection: u64,
        signal: FlushSignal,
    ) -> Result<Response<Body>, NoAnswer> {
        if control::owns(request.uri().path()) {
            return match self.router.clone().call(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            };
        }
        exchange::respond(&self.shared, request, connection, signal).await
    }
}

struct OpenConnection<'a>(&'a AtomicU64);

impl<'a> OpenConnection<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.open_connections.fetch_add(1, Ordering::Relaxed);
        Self(&shared.open_connections)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
