//! A way to a server that breaks at a chosen byte.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::peer::{Close, Peer, close};

/// Passes connections on to a server, byte for byte, and breaks them where it is told. Dropped, it accepts no more and closes
/// those that are open.
pub struct Relay {
    peer: Peer,
    open: Arc<Mutex<Vec<Arc<TcpStream>>>>,
}

/// Where a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose bytes are counted.
    pub of: Sender,
    /// After so many bytes were passed on; none goes further.
    pub after: usize,
    /// How the client sees it.
    pub close: Close,
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Whoever connected.
    Client,
    /// Whom the relay stands before.
    Server,
}

impl Relay {
    /// Starts one before `server`. `plan` gets a connection's number, from 0, and says where it breaks, if at all.
    pub fn start(server: SocketAddr, plan: impl Fn(usize) -> Option<Cut> + Send + Sync + 'static) -> Relay {
        let open = Arc::new(Mutex::new(Vec::new()));
        let clients = open.clone();
        let peer = Peer::start(move |client, number| {
            let client = Arc::new(client);
            lock(&clients).push(client.clone());
            // A server that is gone is one more way to break.
            if let Ok(server) = TcpStream::connect(server) {
                pass_on(&client, &server, plan(number));
            }
            lock(&clients).retain(|other| !Arc::ptr_eq(other, &client));
        });
        Relay { peer, open }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.peer.address()
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// Closes the connections that are open now, in order, without a word of the server's.
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

/// Returns when the server, too, has done with the connection.
fn pass_on(client: &TcpStream, server: &TcpStream, cut: Option<Cut>) {
    let limit = |sender| cut.filter(|cut| cut.of == sender).map(|cut| (cut.after, cut.close));
    let broken = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            pump(server, client, limit(Sender::Server), client, &broken);
            if !broken.load(Ordering::SeqCst) {
                let _ = client.shutdown(Shutdown::Write);
            }
            // The client has nobody to talk to any more.
            let _ = client.shutdown(Shutdown::Read);
        });
        pump(client, server, limit(Sender::Client), client, &broken);
        let _ = server.shutdown(Shutdown::Write);
    });
}

/// Passes bytes on until there are no more or the limit is reached, which breaks the client's connection. What a server still
/// sends after a break is read and thrown away, so that it can finish what it does.
fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    limit: Option<(usize, Close)>,
    client: &TcpStream,
    broken: &AtomicBool,
) {
    let mut left = limit.map(|(after, _)| after);
    let mut chunk = [0; 16 * 1024];
    loop {
        if let (Some(0), Some((_, how))) = (left, limit) {
            left = None;
            broken.store(true, Ordering::SeqCst);
            close(client, how);
            // Wakes the other direction, which lets the server know.
            let _ = client.shutdown(Shutdown::Read);
        }
        let most = left.unwrap_or(chunk.len()).min(chunk.len());
        let count = match from.read(&mut chunk[..most]) {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        if !broken.load(Ordering::SeqCst) && to.write_all(&chunk[..count]).is_err() {
            return;
        }
        left = left.map(|left| left - count);
    }
}
