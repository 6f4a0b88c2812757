//! Servers on loopback that do what a script says, with TLS or without.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection};
use socket2::{Domain, SockRef, Socket, Type};

use crate::http::{read_head, read_request};

/// A server whose connections are each handed to a script, on a thread of their own.
///
/// It listens until [`Peer::stop`] or the end of the process, even if this handle is dropped.
pub struct Peer {
    address: SocketAddr,
    is_secure: bool,
    seen: Arc<Seen>,
    is_stopped: Arc<AtomicBool>,
}

/// What has reached a server.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Peer {
    /// A server of plain TCP. The connection closes when the script drops it.
    ///
    /// # Panics
    /// If loopback gives no port.
    pub fn start(script: impl Fn(Connection) + Send + Sync + 'static) -> Peer {
        Peer::listen(None, script)
    }

    /// A server of TLS. The script begins after the handshake, and does not run if that fails.
    ///
    /// # Panics
    /// If loopback gives no port.
    pub fn tls(config: Arc<ServerConfig>, script: impl Fn(Connection) + Send + Sync + 'static) -> Peer {
        Peer::listen(Some(config), script)
    }

    fn listen(tls: Option<Arc<ServerConfig>>, script: impl Fn(Connection) + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("its address");
        let peer = Peer { address, is_secure: tls.is_some(), seen: Arc::default(), is_stopped: Arc::default() };
        let (seen, is_stopped, script) = (Arc::clone(&peer.seen), Arc::clone(&peer.is_stopped), Arc::new(script));
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                if is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let number = seen.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, tls, script) = (Arc::clone(&seen), tls.clone(), Arc::clone(&script));
                thread::spawn(move || {
                    if let Ok(connection) = Connection::accept(tcp, tls, number, seen) {
                        script(connection);
                    }
                });
            }
        });
        peer
    }

    /// Answers every request on every connection with these bytes.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Peer {
        let answer = answer.into();
        Peer::start(move |mut connection| connection.answer_all(&answer))
    }

    /// Answers one request on every connection with these bytes, then closes it, whatever the bytes say about that.
    pub fn answering_once(answer: impl Into<Vec<u8>>) -> Peer {
        let answer = answer.into();
        Peer::start(move |mut connection| {
            if connection.read_request().is_some() {
                connection.send(&answer);
            }
        })
    }

    /// Reads everything and never answers.
    pub fn silent() -> Peer {
        Peer::start(|mut connection| connection.wait_for_close())
    }

    /// Answers every request on every connection with these bytes. A request that comes longer than `patience` after the answer
    /// before it is reset unread, as by a firewall that has forgotten the connection.
    pub fn resetting_idle(answer: impl Into<Vec<u8>>, patience: Duration) -> Peer {
        let answer = answer.into();
        Peer::start(move |mut connection| {
            while connection.read_request().is_some() && connection.send(&answer) {
                let answered = Instant::now();
                if connection.wait_for_bytes() && answered.elapsed() > patience {
                    return connection.close(Close::Reset);
                }
            }
        })
    }

    /// Answers one request on every connection with these bytes, one at a time with a pause after each.
    pub fn dripping(answer: impl Into<Vec<u8>>, pause: Duration) -> Peer {
        let answer = answer.into();
        Peer::start(move |mut connection| {
            if connection.read_request().is_some() {
                connection.drip(&answer, pause);
                connection.wait_for_close();
            }
        })
    }

    /// An address where nobody listens, nor will while the process lives.
    ///
    /// # Panics
    /// If loopback gives no port.
    pub fn nobody() -> SocketAddr {
        let nobody = Nobody::new();
        let address = nobody.address();
        std::mem::forget(nobody);
        address
    }

    /// Accepts no more connections; those that are open go on.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the service on it, in the protocol that it speaks.
    pub fn url(&self) -> String {
        if self.is_secure { self.https_url() } else { format!("http://{}/oapi/v1", self.address) }
    }

    /// The URL of the service on it over TLS, even if the server speaks something else. Its host is `localhost`.
    pub fn https_url(&self) -> String {
        https_url(self.address)
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The requests that its scripts have read to their end, heads included.
    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An address where nobody listens for as long as this lives. A port that is merely free may be another server's a moment later.
pub struct Nobody(Socket);

impl Nobody {
    /// Takes a port, and does not listen on it.
    ///
    /// # Panics
    /// If loopback gives no port.
    #[allow(clippy::new_without_default, reason = "it takes a port")]
    pub fn new() -> Nobody {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&loopback.into()).expect("a port on loopback");
        Nobody(socket)
    }

    /// The address.
    ///
    /// # Panics
    /// If the operating system does not tell it.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().ok().and_then(|address| address.as_socket()).expect("its address")
    }

    /// The URL of a service of plain HTTP there.
    pub fn url(&self) -> String {
        format!("http://{}/oapi/v1", self.address())
    }
}

/// The URL of a service over TLS on loopback. Its host is `localhost`, for which the kit's certificates are issued.
pub fn https_url(address: SocketAddr) -> String {
    format!("https://localhost:{}/oapi/v1", address.port())
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// In order, by a FIN.
    Fin,
    /// By a RST, which also discards what the other side has not read yet.
    Reset,
}

/// Ends a TCP connection. A reset leaves when the last handle of the stream is dropped.
pub(crate) fn close(stream: &TcpStream, how: Close) {
    // Fails if the client has closed the connection first, which is an end as well.
    let _ = match how {
        Close::Fin => stream.shutdown(Shutdown::Both),
        Close::Reset => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
    };
}

/// A server's end of one connection, after the TLS handshake if there is one. Reads and writes go through TLS.
///
/// What a script sends to a client that has gone is lost without a word: such clients are part of the tests.
pub struct Connection {
    number: usize,
    tcp: TcpStream,
    tls: Option<Box<ServerConnection>>,
    seen: Arc<Seen>,
}

impl Connection {
    fn accept(
        mut tcp: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        number: usize,
        seen: Arc<Seen>,
    ) -> io::Result<Connection> {
        let tls = match tls {
            None => None,
            Some(config) => Some(Box::new(handshake(&mut tcp, config)?)),
        };
        Ok(Connection { number, tcp, tls, seen })
    }

    /// How many connections the server had accepted before this one.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The client's address.
    ///
    /// # Panics
    /// If the client has gone.
    pub fn client(&self) -> SocketAddr {
        self.tcp.peer_addr().expect("a client that is still there")
    }

    /// Reads one whole request with a `Content-Length`, which [`Peer::requests`] then shows; `None` if the client closes before
    /// its end.
    pub fn read_request(&mut self) -> Option<String> {
        let request = read_request(self)?;
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Some(request)
    }

    /// Reads request line and headers and leaves the body; `None` if the client closes before their end.
    pub fn read_head(&mut self) -> Option<String> {
        read_head(self)
    }

    /// Reads exactly this many bytes; false if the client closes before.
    pub fn read_bytes(&mut self, count: usize) -> bool {
        self.read_exact(&mut vec![0; count]).is_ok()
    }

    /// Waits until the client has sent something, and leaves it unread; false if the client closes before.
    pub fn wait_for_bytes(&self) -> bool {
        self.tcp.peek(&mut [0]).is_ok_and(|count| count > 0)
    }

    /// Reads until the client closes.
    pub fn wait_for_close(&mut self) {
        // A reset ends it as well as a close.
        let _ = io::copy(self, &mut io::sink());
    }

    /// Sends these bytes; false if the client has gone.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.write_all(bytes.as_ref()).and_then(|()| self.flush()).is_ok()
    }

    /// Sends these bytes and then filler until the client must have read the bytes; false if the client has gone.
    pub fn send_until_read(&mut self, bytes: impl AsRef<[u8]>, filler: u8) -> bool {
        /// More than the buffers between here and a client that does not read.
        const LENGTH: usize = 2 << 20;
        // Otherwise the system may keep all of it here.
        let _ = SockRef::from(&self.tcp).set_send_buffer_size(16 * 1024);
        self.send(bytes) && self.send(vec![filler; LENGTH])
    }

    /// Answers every request with these bytes until the client closes.
    pub fn answer_all(&mut self, answer: &[u8]) {
        while self.read_request().is_some() && self.send(answer) {}
    }

    /// Sends bytes one at a time with a pause after each, until all are sent or the client has gone.
    pub fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            if !self.send([*byte]) {
                return;
            }
            thread::sleep(pause);
        }
    }

    /// Sends the same bytes again and again until the client has gone.
    pub fn flood(&mut self, bytes: &[u8]) {
        let many = bytes.repeat(64);
        while self.send(&many) {}
    }

    /// Says by TLS that nothing more will come; does nothing on a plain connection.
    pub fn send_close_notify(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // The client may have gone.
            let _ = self.flush();
        }
    }

    /// Says by a FIN that nothing more will come, and can still be written to by the client. The client's end then waits for the
    /// client to close it, too (the state CLOSE_WAIT).
    pub fn send_fin(&mut self) {
        // The client may have gone.
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Sends a fatal TLS alert ("bad record MAC"), as a server or an inspecting proxy does that gives up the connection.
    ///
    /// # Panics
    /// If the connection is plain.
    pub fn send_fatal_alert(&mut self) {
        /// A record of application data that no key has encrypted (RFC 8446, 5.2).
        const FORGED: [u8; 37] = {
            let mut record = [7; 37];
            [record[0], record[1], record[2], record[3], record[4]] = [23, 3, 3, 0, 32];
            record
        };
        let tls = self.tls.as_mut().expect("a connection over TLS");
        // rustls sends an alert only by itself: it is given a reason.
        tls.read_tls(&mut FORGED.as_slice()).expect("bytes in memory");
        tls.process_new_packets().expect_err("a record that does not decrypt");
        // The client may have gone.
        let _ = tls.write_tls(&mut self.tcp);
    }

    /// Ends the connection. The FIN or RST has left when this returns.
    pub fn close(self, how: Close) {
        close(&self.tcp, how);
    }

    /// The TCP connection.
    pub(crate) fn into_tcp(self) -> TcpStream {
        self.tcp
    }
}

/// The server's side of a TLS handshake.
fn handshake(tcp: &mut TcpStream, config: Arc<ServerConfig>) -> io::Result<ServerConnection> {
    let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
    while session.is_handshaking() {
        if let Err(error) = session.complete_io(tcp) {
            let _ = tcp.shutdown(Shutdown::Write);
            // A socket that is dropped with unread bytes sends a RST, which would take the alert back.
            let _ = io::copy(tcp, &mut io::sink());
            return Err(error);
        }
    }
    Ok(session)
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.tcp.read(buffer),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.tcp).read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.tcp.write(bytes),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.tcp).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => self.tcp.flush(),
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.tcp).flush(),
        }
    }
}
