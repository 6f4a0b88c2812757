//! Connecting to the first of several addresses that answers (RFC 8305): the next one begins a moment after the one before, which
//! goes on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the newest address may take before the next one begins (RFC 8305, 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to one of the addresses.
///
/// # Errors
/// Each address has failed; the error is that of one which could be reached at all, if there is one.
pub(super) async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut waiting = alternating(addresses).into_iter();
    let mut under_way = FuturesUnordered::new();
    let mut failure = None;
    loop {
        if let Some(address) = waiting.next() {
            under_way.push(connect_to(SocketAddr::new(address, port)));
        }
        let ended = if waiting.len() == 0 {
            under_way.next().await
        } else {
            match timeout(HEAD_START, under_way.next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = Some(more_telling(failure, error)),
            None => return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
        }
    }
}

/// The families take turns, beginning with that of the first address (RFC 8305, 4): one that has no route must not hold up the
/// other.
fn alternating(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (preferred, other): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut other = other.into_iter();
    let mut mixed = Vec::with_capacity(addresses.len());
    for address in preferred {
        mixed.push(address);
        mixed.extend(other.next());
    }
    mixed.extend(other);
    mixed
}

/// Connects to one address for as long as the caller waits: the operating system gives up earlier (Windows after 21 s), and then
/// is asked again.
pub(super) async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without it a request in two parts waits for an acknowledgement; it works also where this fails.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
    }
}

/// "Refused" tells more than "no route", which is normal for IPv6 in many shops.
pub(super) fn more_telling(earlier: Option<io::Error>, later: io::Error) -> io::Error {
    match earlier {
        Some(earlier) if is_without_route(&later) => earlier,
        _ => later,
    }
}

/// Whether this computer has no way to the address at all.
pub(super) fn is_without_route(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable
    )
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::net::TcpListener;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_families_take_turns() {
        let [a4, b4] = [1, 2].map(|number| IpAddr::from([127, 0, 0, number]));
        let [a6, b6] = [1, 2].map(|number| IpAddr::from([0, 0, 0, 0, 0, 0, 0, number]));
        assert_eq!(alternating(&[a6, b6, a4, b4]), [a6, a4, b6, b4]);
        assert_eq!(alternating(&[a4, b4, a6]), [a4, a6, b4]);
        assert_eq!(alternating(&[a4, a6, b6]), [a4, a6, b6]);
        assert!(alternating(&[]).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next_at_once() {
        let listener = TcpListener::bind((HOME, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let nobody = IpAddr::from([127, 0, 0, 77]);
        let stream = connect(&[nobody, HOME], port).await.expect("a connection");
        assert_eq!(stream.peer_addr().expect("an address").ip(), HOME);
    }

    /// A silent peer uses up the call's time, however long that is: the system must not end the connection before.
    #[tokio::test]
    async fn nothing_ends_a_connection_early() {
        let listener = TcpListener::bind((HOME, 0)).await.expect("a port");
        let stream = connect_to(listener.local_addr().expect("an address")).await.expect("a connection");
        let socket = socket2::SockRef::from(&stream);
        assert!(!socket.keepalive().expect("an option"));
        assert_eq!(
            (socket.read_timeout().expect("an option"), socket.write_timeout().expect("an option")),
            (None, None)
        );
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_user_timeout().expect("an option"), None);
        assert!(stream.nodelay().expect("an option"));
    }

    #[tokio::test]
    async fn the_error_is_that_of_an_address_that_could_be_reached() {
        let unreachable = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        for addresses in [[HOME, unreachable], [unreachable, HOME]] {
            let error = connect(&addresses, 1).await.expect_err("nobody listens");
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
        assert_eq!(connect(&[], 1).await.expect_err("nowhere").kind(), io::ErrorKind::AddrNotAvailable);
    }
}
