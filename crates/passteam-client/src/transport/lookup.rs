//! The addresses of a host's name, by the operating system's resolver.
//!
//! Nothing is kept: the resolver does that, and knows for how long. Callers that wait for the same name share one answer.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use socket2::{Domain, Socket, Type};

use super::blocking::Shared;
use super::resources::is_lack_of_resources;

/// What the resolver says of a name.
type Answer = Result<Arc<[IpAddr]>, LookupError>;

/// Look-ups that are under way.
pub(super) struct Names(Shared<Answer>);

impl Default for Names {
    fn default() -> Names {
        Names(Shared::new("passteam-dns"))
    }
}

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupError {
    /// The resolver says so, or cannot answer.
    NoAddress,
    /// The operating system has no thread left to ask it, or nothing left for it to ask with.
    NoResources,
}

impl Names {
    /// All addresses of `host`, in the resolver's order (RFC 6724); an address stands for itself.
    ///
    /// # Errors
    /// What [`LookupError`] lists.
    pub(super) async fn addresses(&self, host: &str) -> Result<Arc<[IpAddr]>, LookupError> {
        if let Ok(address) = host.parse() {
            return Ok(Arc::new([address]));
        }
        let name = host.to_owned();
        self.0.get(host, move || look_up(&name)).await.map_err(|_| LookupError::NoResources)?
    }
}

fn look_up(name: &str) -> Answer {
    match (name, 0).to_socket_addrs() {
        Ok(addresses) if addresses.len() > 0 => Ok(addresses.map(|address: SocketAddr| address.ip()).collect()),
        Err(error) if is_lack_of_resources(&error) || are_sockets_exhausted() => Err(LookupError::NoResources),
        _ => Err(LookupError::NoAddress),
    }
}

/// Whether this process can open no socket. The resolver needs files and sockets; what it says without them differs from one C
/// library to the next, and often is that there is no such name.
fn are_sockets_exhausted() -> bool {
    Socket::new(Domain::IPV4, Type::DGRAM, None).is_err_and(|error| is_lack_of_resources(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_computer_is_found_by_its_name() {
        let addresses = Names::default().addresses("localhost").await.expect("addresses");
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up() {
        for address in ["127.0.0.1", "::1"] {
            let addresses = Names::default().addresses(address).await.expect("an address");
            assert_eq!(addresses[..], [address.parse::<IpAddr>().expect("an address")]);
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_error() {
        assert!(matches!(Names::default().addresses("does-not-exist.invalid").await, Err(LookupError::NoAddress)));
    }
}
