//! A proxy that does its work and keeps what it was told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::peer::Peer;

/// An HTTP proxy on loopback that opens the tunnels it is asked for (`CONNECT`).
pub struct Proxy {
    peer: Peer,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one.
    pub fn start() -> Proxy {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let peer = Peer::start(move |client, _| {
            let Some(head) = read_head(&client) else { return };
            let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next().map(str::to_owned));
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(head);
            if let Some(server) = target.and_then(|target| TcpStream::connect(target).ok()) {
                tunnel(&client, &server);
            }
        });
        Proxy { peer, heads }
    }

    /// `host:port` of it.
    pub fn address(&self) -> String {
        self.peer.address().to_string()
    }

    /// The heads of the requests it got, in clear text.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Request line and headers, byte by byte so that nothing of what follows is taken; nothing where the client closes before.
pub fn read_head(mut client: impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn tunnel(mut client: &TcpStream, mut server: &TcpStream) {
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").is_err() {
        return;
    }
    let (mut from_server, mut to_client) = (server, client);
    thread::scope(|scope| {
        scope.spawn(move || {
            // Either side may end it.
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(std::net::Shutdown::Both);
        });
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Both);
    });
}
