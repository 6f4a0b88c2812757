//! Proxies that open tunnels, and that answer oddly.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::peer::{Connection, Peer};

/// An HTTP proxy on loopback that answers requests for a tunnel (`CONNECT`) and keeps their heads.
pub struct Proxy {
    peer: Peer,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one.
    pub fn start() -> Proxy {
        Proxy::establishing("HTTP/1.1 200 Connection established\r\n\r\n")
    }

    /// One that says with these bytes that the tunnel is open.
    pub fn establishing(answer: impl Into<Vec<u8>>) -> Proxy {
        let answer = answer.into();
        Proxy::with(move |mut client, target| {
            if let Ok(server) = TcpStream::connect(target)
                && client.send(&answer)
            {
                tunnel(&client.into_tcp(), &server);
            }
        })
    }

    /// One that opens no tunnel, and answers with these bytes instead. The connection closes when the client closes it.
    pub fn refusing(answer: impl Into<Vec<u8>>) -> Proxy {
        let answer = answer.into();
        Proxy::with(move |mut client, _| {
            if client.send(&answer) {
                client.wait_for_close();
            }
        })
    }

    /// One that hands a client and the address it asks for to a script.
    fn with(serve: impl Fn(Connection, &str) + Send + Sync + 'static) -> Proxy {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        let peer = Peer::start(move |mut client| {
            let Some(head) = client.read_head() else { return };
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(head.clone());
            if let Some(target) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) {
                serve(client, target);
            }
        });
        Proxy { peer, heads }
    }

    /// Its URL without a user.
    pub fn url(&self) -> String {
        format!("http://{}", self.peer.address())
    }

    /// Its URL with a user and a password, both percent-encoded by the caller.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("http://{user}:{password}@{}", self.peer.address())
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// The heads of the requests it got, in clear text.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn tunnel(mut client: &TcpStream, mut server: &TcpStream) {
    let (mut from_server, mut to_client) = (server, client);
    thread::scope(|scope| {
        scope.spawn(move || {
            // Either side may end it.
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(Shutdown::Both);
    });
}
