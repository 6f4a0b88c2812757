//! An address where attempts to connect are not answered, as behind a firewall or on a computer that is switched off.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// More than any system admits to a queue of length 0.
const MOST: usize = 16;

/// An address where a connection is neither accepted nor refused, until this is dropped. Works on Linux.
pub struct Unanswered {
    address: SocketAddr,
    /// A listener that accepts nothing, and the connections that fill its queue.
    _kept: (Socket, Vec<TcpStream>),
}

impl Unanswered {
    /// Such an address. On Linux it may be any of `127.0.0.0/8`, so that a name can have a dead and a living address with one port.
    ///
    /// # Panics
    /// If the address is in use.
    pub fn at(address: SocketAddr) -> Unanswered {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.bind(&address.into()).expect("a free address");
        socket.listen(0).expect("a listener");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("its address");
        // Linux drops further requests to connect when the queue is full. Over loopback it answers at once before that.
        let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok();
        let fillers: Vec<TcpStream> = std::iter::from_fn(connect).take(MOST).collect();
        assert!(fillers.len() < MOST, "the queue of {address} does not fill");
        Unanswered { address, _kept: (socket, fillers) }
    }

    /// Where it does not answer.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
