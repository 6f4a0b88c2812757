//! The public handle: starts the server on a thread of its own, shows its state and stops it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::accept::Server;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::mutex::lock;
use crate::options::{Options, Tls};
use crate::request_log::RecordedRequest;
use crate::shape::Shape;
use crate::shared::Shared;
use crate::store::Card;
use crate::{certificates, router};

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
    /// The address cannot be listened on, a thread, a runtime or a certificate cannot be made, or the sample cards
    /// cannot be added.
    pub fn start(options: Options) -> io::Result<Self> {
        let identity = match options.tls {
            Tls::None => None,
            Tls::OwnCa => Some(certificates::make(options.listen.ip(), None)?),
            Tls::Certificate(kind) => Some(certificates::make(options.listen.ip(), Some(kind))?),
        };
        let listener = std::net::TcpListener::bind(options.listen)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let sample_cards = options.cards;
        let shared = Arc::new(Shared::new(options, origin(addr, identity.is_some())));
        shared.add_cards(sample_cards).map_err(|refusal| io::Error::new(io::ErrorKind::InvalidInput, refusal))?;
        let (config, ca_pem) = identity.map(|identity| (identity.config, identity.ca_pem)).unzip();
        let server = Server {
            acceptor: config.map(TlsAcceptor::from),
            router: router::build(Arc::clone(&shared), addr.ip()),
            shared: Arc::clone(&shared),
        };
        let (stop, stopped) = oneshot::channel();
        let thread = spawn(server, listener, stopped)?;
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

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of the sandbox's own CA; `None` for plain HTTP.
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

    /// Marks a card as installed, as when a customer adds it to the phone's wallet, or as removed. False if there is no
    /// such card.
    pub fn set_installed(&self, card_id: &str, installed: bool) -> bool {
        self.shared.set_installed(card_id, installed)
    }

    /// Deletes a card, as a person does in the service's cabinet. False if there is no such card.
    pub fn delete_card(&self, card_id: &str) -> bool {
        self.shared.delete_card(card_id)
    }

    /// Adds sample cards: the phone of the card at index `n` is 79 and nine digits of `n`, such as 79000000000, and the
    /// account's templates take turns.
    ///
    /// # Errors
    /// There is no template, or a sample's phone or other unique value is already used.
    pub fn add_cards(&self, count: usize) -> io::Result<()> {
        self.shared.add_cards(count).map_err(|refusal| io::Error::new(io::ErrorKind::InvalidInput, refusal))
    }

    /// The shape of answers whose members the vendor does not name.
    pub fn shape(&self) -> Shape {
        lock(&self.shared.shape).clone()
    }

    /// Changes the shape of the next answers.
    pub fn set_shape(&self, shape: Shape) {
        self.shared.set_shape(shape);
    }

    /// The limits on requests.
    pub fn limits(&self) -> Limits {
        lock(&self.shared.limiter).limits()
    }

    /// Changes the limits and starts counting anew.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.set_limits(limits);
    }

    /// How many requests wait until they are carried out late ([`Fault::late`]).
    pub fn late_requests(&self) -> u64 {
        self.shared.late_requests.load(Ordering::Relaxed)
    }

    /// Ends the wait of all requests that are carried out late.
    pub fn carry_out_late_requests(&self) {
        self.shared.carry_out_late.notify_waiters();
    }

    /// Queues a fault. Each request that was completely received takes the first fault in the queue that applies to
    /// its method.
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

    /// Removes the faults that no request has taken yet.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }

    /// The latest service requests, oldest first, including those that are still being received or answered.
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

    /// How many connections are open at this moment.
    pub fn open_connections(&self) -> u64 {
        self.shared.open_connections.load(Ordering::Relaxed)
    }

    /// Closes all connections, as a restart of a server does; new ones are accepted.
    pub fn close_connections(&self) {
        self.shared.close_connections.notify_waiters();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was already printed; another one here would hide the test's own failure.
            let _ = thread.join();
        }
    }
}

/// Runs the server on a new thread until `stopped` is sent or its sender is dropped.
fn spawn(
    server: Server,
    listener: std::net::TcpListener,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _context = runtime.enter();
        TcpListener::from_std(listener)?
    };
    std::thread::Builder::new().name("passteam-sandbox".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = server.accept(listener) => {}
                _ = stopped => {}
            }
        });
    })
}

/// Scheme, host and port under which a client on this machine reaches `addr`.
fn origin(addr: SocketAddr, tls: bool) -> String {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let is_localhost = ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST;
    match (tls, is_localhost) {
        (true, true) => format!("https://localhost:{}", addr.port()),
        (true, false) => format!("https://{}", SocketAddr::new(ip, addr.port())),
        (false, _) => format!("http://{}", SocketAddr::new(ip, addr.port())),
    }
}
