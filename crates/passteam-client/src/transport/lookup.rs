//! Looking up a name, the one thing that blocks: on a thread of its own, which ends with the answer.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};

/// A look-up that its caller has given up keeps its thread for as long as the system's resolver takes. More than so many wait for
/// one of these to end.
const MOST_LOOKUPS: usize = 64;

/// The same for one name: a name that nobody answers for leaves the others their places.
const MOST_LOOKUPS_OF_A_NAME: usize = 4;

static LOOKUPS: Places = Places::new(MOST_LOOKUPS, MOST_LOOKUPS_OF_A_NAME);

/// The operating system's resolver. The runtime's own way to it panics where no thread can be had.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let place = LOOKUPS.take(name.as_str()).await?;
            // The port is the caller's business: 0 is replaced.
            let addresses = on_a_thread(place, move || (name.as_str(), 0).to_socket_addrs()).await?;
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// How many look-ups may be under way, of all names together and of each.
struct Places {
    of_all: Semaphore,
    most_of_a_name: usize,
    /// Only names that are being looked up, or wait for it, have an entry that is alive.
    of_names: Mutex<BTreeMap<String, Weak<Semaphore>>>,
}

/// The right to look up one name; it is given back when it is dropped.
struct Place {
    _of_name: OwnedSemaphorePermit,
    _of_all: SemaphorePermit<'static>,
}

impl Places {
    const fn new(most: usize, most_of_a_name: usize) -> Places {
        Places { of_all: Semaphore::const_new(most), most_of_a_name, of_names: Mutex::new(BTreeMap::new()) }
    }

    /// Waits for a place. The name's comes first: who waits for that takes no place from the others.
    async fn take(&'static self, name: &str) -> io::Result<Place> {
        let of_name = self.of_name(name).acquire_owned().await.map_err(io::Error::other)?;
        let of_all = self.of_all.acquire().await.map_err(io::Error::other)?;
        Ok(Place { _of_name: of_name, _of_all: of_all })
    }

    fn of_name(&self, name: &str) -> Arc<Semaphore> {
        let mut of_names = self.of_names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = of_names.get(name).and_then(Weak::upgrade) {
            return places;
        }
        of_names.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(self.most_of_a_name));
        of_names.insert(name.to_owned(), Arc::downgrade(&places));
        places
    }
}

async fn on_a_thread<T: Iterator<Item = SocketAddr> + Send + 'static>(
    place: Place,
    look_up: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
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

    /// A look-up that nobody waits for any more, and that ends when the sender is dropped.
    async fn abandoned(places: &'static Places, name: &str) -> mpsc::Sender<()> {
        let (answer, resolver) = mpsc::channel();
        let place = places.take(name).await.expect("a place");
        let stuck = on_a_thread(place, move || {
            let _ = resolver.recv();
            Ok(std::iter::empty())
        });
        tokio::select! {
            biased;
            _ = stuck => panic!("the resolver has not answered"),
            () = tokio::task::yield_now() => answer,
        }
    }

    #[tokio::test]
    async fn look_ups_that_nobody_waits_for_any_more_keep_their_places_until_they_end() {
        static PLACES: Places = Places::new(1, 1);
        let answer = abandoned(&PLACES, "shop.test").await;
        assert_eq!(PLACES.of_all.available_permits(), 0);
        drop(answer);
        let place = PLACES.take("shop.test").await.expect("a place");
        let found = on_a_thread(place, || Ok([SocketAddr::from(([127, 0, 0, 1], 0))].into_iter())).await;
        assert_eq!(found.expect("an address").count(), 1);
    }

    #[tokio::test]
    async fn a_name_takes_its_own_places_only_and_is_forgotten_with_them() {
        static PLACES: Places = Places::new(3, 2);
        let stalled = [abandoned(&PLACES, "stalled.test").await, abandoned(&PLACES, "stalled.test").await];
        tokio::select! {
            biased;
            _ = PLACES.take("stalled.test") => panic!("a third look-up of that name"),
            () = tokio::task::yield_now() => (),
        }
        drop(PLACES.take("shop.test").await.expect("a place"));
        drop(stalled);
        drop(PLACES.of_all.acquire_many(3).await.expect("the look-ups have ended"));
        drop(PLACES.take("other.test").await.expect("a place"));
        let known: Vec<_> = PLACES.of_names.lock().expect("names").keys().cloned().collect();
        assert_eq!(known, ["other.test"]);
    }
}
