//! A relay between a client and a working server, which breaks connections at a chosen byte.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::peer::{Close, Peer, close};

/// Passes connections on to a server, byte for byte, and breaks them at the planned byte. When it is dropped, it closes its
/// connections and accepts no more.
pub struct Relay {
    peer: Peer,
    open: Arc<Mutex<Vec<Arc<TcpStream>>>>,
    passed: Arc<Passed>,
}

/// How many bytes were passed on, on all connections together.
#[derive(Default)]
struct Passed {
    by_clients: AtomicUsize,
    by_the_server: AtomicUsize,
}

impl Passed {
    fn of(&self, sender: Sender) -> &AtomicUsize {
        match sender {
            Sender::Client => &self.by_clients,
            Sender::Server => &self.by_the_server,
        }
    }
}

/// Where a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose bytes are counted.
    pub of: Sender,
    /// The number of bytes that are passed on before the break.
    pub after: usize,
    /// How the client's connection ends.
    pub close: Close,
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The side that has connected to the relay.
    Client,
    /// The side that the relay has connected to.
    Server,
}

impl Relay {
    /// Starts one in front of `server`. `plan` gets a connection's number, from 0, and returns where it breaks, if at all.
    pub fn start(server: SocketAddr, plan: impl Fn(usize) -> Option<Cut> + Send + Sync + 'static) -> Relay {
        let open = Arc::new(Mutex::new(Vec::new()));
        let passed = Arc::new(Passed::default());
        let (clients, count) = (open.clone(), passed.clone());
        let peer = Peer::start(move |client| {
            let number = client.number();
            let client = Arc::new(client.into_tcp());
            lock(&clients).push(client.clone());
            // If the server has gone, the client's connection closes.
            if let Ok(server) = TcpStream::connect(server) {
                pass_on(&client, &server, plan(number), &count);
            }
            lock(&clients).retain(|other| !Arc::ptr_eq(other, &client));
        });
        Relay { peer, open, passed }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.peer.address()
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// How many bytes of this side it has passed on.
    pub fn passed(&self, of: Sender) -> usize {
        self.passed.of(of).load(Ordering::SeqCst)
    }

    /// Closes the connections that are open at this moment, by a FIN; the server behind them takes no part.
    pub fn close_connections(&self) {
        for client in lock(&self.open).iter() {
            close(client, Close::Fin);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.peer.stop();
        self.close_connections();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns when both sides have closed.
fn pass_on(client: &TcpStream, server: &TcpStream, cut: Option<Cut>, passed: &Passed) {
    let broken = AtomicBool::new(false);
    let pump = |from, to, sender| {
        let limit = cut.filter(|cut| cut.of == sender).map(|cut| (cut.after, cut.close));
        Pump { from, to, client, limit, broken: &broken, passed: passed.of(sender) }
    };
    // On Windows a shutdown does not wake a thread that reads: the timeout lets it look again.
    let _ = client.set_read_timeout(Some(Duration::from_millis(20)));
    thread::scope(|scope| {
        let answers = pump(server, client, Sender::Server);
        scope.spawn(|| {
            answers.run();
            if !broken.load(Ordering::SeqCst) {
                let _ = client.shutdown(Shutdown::Write);
            }
            // Wakes the other direction: the server takes no more.
            let _ = client.shutdown(Shutdown::Read);
        });
        pump(client, server, Sender::Client).run();
        let _ = server.shutdown(Shutdown::Write);
    });
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// One direction of a connection.
struct Pump<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    client: &'a TcpStream,
    /// How many more bytes go through before the client's connection breaks, and how it breaks.
    limit: Option<(usize, Close)>,
    /// Whether either direction has broken the connection.
    broken: &'a AtomicBool,
    passed: &'a AtomicUsize,
}

impl Pump<'_> {
    /// Passes bytes on until there are no more. What comes after a break is read and dropped, so that the server can finish
    /// its answer.
    fn run(mut self) {
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some((0, how)) = self.limit {
                self.limit = None;
                self.broken.store(true, Ordering::SeqCst);
                close(self.client, how);
                // Wakes the other direction, which then closes the server's connection.
                let _ = self.client.shutdown(Shutdown::Read);
            }
            let most = self.limit.map_or(chunk.len(), |(left, _)| left.min(chunk.len()));
            let count = match self.from.read(&mut chunk[..most]) {
                Err(error) if is_timeout(&error) && !self.broken.load(Ordering::SeqCst) => continue,
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            if !self.broken.load(Ordering::SeqCst) {
                // Counted before they leave: the receiver may ask for the count at once.
                self.passed.fetch_add(count, Ordering::SeqCst);
                if self.to.write_all(&chunk[..count]).is_err() {
                    return;
                }
            }
            if let Some((left, _)) = &mut self.limit {
                *left -= count;
            }
        }
    }
}
