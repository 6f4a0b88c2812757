//! Servers on loopback that do what no well-behaved server does.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// A listener whose connections are each handed to a script, on a thread of its own.
///
/// It listens until [`Peer::stop`] or the end of the process, whether or not this handle lives.
pub struct Peer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Peer {
    /// Starts one. `script` gets every connection and its number from 0; the connection closes when it returns.
    ///
    /// # Panics
    /// Where loopback gives no port.
    pub fn start(script: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("its address");
        let connections = Arc::new(AtomicUsize::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let (count, stop, script) = (connections.clone(), stopped.clone(), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let number = count.fetch_add(1, Ordering::SeqCst);
                let script = script.clone();
                thread::spawn(move || script(stream, number));
            }
        });
        Peer { address, connections, stopped }
    }

    /// Accepts no more connections; those that are open go on.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }

    /// Answers every request on every connection with these bytes, then closes the connection.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Peer {
        let answer = answer.into();
        Peer::start(move |mut stream, _| {
            if read_request(&mut stream).is_some() {
                // A client that has gone is part of the play.
                let _ = stream.write_all(&answer);
            }
        })
    }

    /// Reads everything and never answers.
    pub fn silent() -> Peer {
        Peer::start(|stream, _| stall(stream))
    }

    /// Answers every request with these bytes, one at a time with a pause after each.
    pub fn dripping(answer: impl Into<Vec<u8>>, pause: Duration) -> Peer {
        let answer = answer.into();
        Peer::start(move |mut stream, _| {
            if read_request(&mut stream).is_some() {
                drip(&mut stream, &answer, pause);
                stall(stream);
            }
        })
    }

    /// An address at which nobody listens, nor will while the process lives.
    ///
    /// # Panics
    /// Where loopback gives no port.
    pub fn nobody() -> SocketAddr {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&loopback.into()).expect("a port on loopback");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("its address");
        // Bound for good: a port that was only free a moment ago may be another peer's by now.
        std::mem::forget(socket);
        address
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A `ServerUrl` of plain HTTP for it.
    pub fn url(&self) -> String {
        format!("http://{}/oapi/v1", self.address)
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// In order: a FIN.
    Fin,
    /// Torn down: a RST, which also discards what the other side has not read yet.
    Reset,
}

/// Ends a connection. A reset goes out when the last handle of the stream is gone.
pub fn close(stream: &TcpStream, how: Close) {
    // A connection that the client has ended first needs no end.
    let _ = match how {
        Close::Fin => stream.shutdown(Shutdown::Both),
        Close::Reset => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
    };
}

/// Reads whatever comes until the client closes.
pub fn stall(mut stream: impl Read) {
    // A reset ends it as well as a close.
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Writes bytes one at a time with a pause after each, until all are written or the client is gone.
pub fn drip(stream: &mut impl Write, bytes: &[u8], pause: Duration) {
    for byte in bytes {
        if stream.write_all(&[*byte]).and_then(|()| stream.flush()).is_err() {
            return;
        }
        thread::sleep(pause);
    }
}

/// Writes the same bytes again and again until the client is gone.
pub fn flood(stream: &mut impl Write, bytes: &[u8]) {
    let many = bytes.repeat(64);
    while stream.write_all(&many).is_ok() {}
}

/// Reads one whole request with a `Content-Length`; nothing where the client closes before.
pub fn read_request(stream: &mut impl Read) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => request.extend_from_slice(&chunk[..count]),
        }
    }
    Some(request)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let length = String::from_utf8_lossy(&request[..head])
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    request.len() >= head + 4 + length
}

/// An HTTP answer that closes the connection: status line's code, further header lines, body.
pub fn http(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    answer.push_str("\r\n");
    answer.push_str(body);
    answer.into_bytes()
}
