//! Looking up a name, the one thing that blocks: on a thread of its own, which ends with the answer.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{Semaphore, oneshot};

/// A look-up that its caller has given up keeps its thread for as long as the system's resolver takes. More than so many wait for
/// one of these to end.
const MOST_LOOKUPS: usize = 64;

static LOOKUPS: Semaphore = Semaphore::const_new(MOST_LOOKUPS);

/// The operating system's resolver. The runtime's own way to it panics where no thread can be had.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is the caller's business: 0 is replaced.
            let addresses = on_a_thread(&LOOKUPS, move || (name.as_str(), 0).to_socket_addrs()).await?;
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

async fn on_a_thread<T: Iterator<Item = SocketAddr> + Send + 'static>(
    places: &'static Semaphore,
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = places.acquire().await.map_err(io::Error::other)?;
    let (tell, told) = oneshot::channel();
    let work = move || {
        // Nobody hears it where the caller has given up.
        let _ = tell.send(look_up());
        drop(place);
    };
    thread::Builder::new().name("passteam-dns".to_owned()).spawn(work)?;
    told.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn this_computer_is_found_by_its_name() {
        let addresses = SystemResolver.resolve("localhost".parse().expect("a name")).await.expect("addresses");
        let addresses: Vec<SocketAddr> = addresses.collect();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_error() {
        assert!(SystemResolver.resolve("does-not-exist.invalid".parse().expect("a name")).await.is_err());
    }

    #[tokio::test]
    async fn look_ups_that_nobody_waits_for_any_more_keep_their_places_until_they_end() {
        static PLACES: Semaphore = Semaphore::const_new(1);
        let (answer, resolver) = mpsc::channel::<()>();
        let stuck = on_a_thread(&PLACES, move || {
            let _ = resolver.recv();
            Ok(std::iter::empty())
        });
        tokio::select! {
            biased;
            _ = stuck => panic!("the resolver has not answered"),
            () = tokio::task::yield_now() => (),
        }
        assert_eq!(PLACES.available_permits(), 0);
        drop(answer);
        let found = on_a_thread(&PLACES, || Ok([SocketAddr::from(([127, 0, 0, 1], 0))].into_iter())).await;
        assert_eq!(found.expect("an address").count(), 1);
    }
}
