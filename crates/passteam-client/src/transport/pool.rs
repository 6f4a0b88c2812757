//! Connections that are kept for the next request, whoever sends it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::route::Route;

/// Shorter than servers usually keep a connection, so that one is rarely closed while a request is on its way.
const LONGEST_IDLE: Duration = Duration::from_secs(20);

/// A process talks to one or two servers, with at most 16 requests at a time to each.
const MOST_IDLE: usize = 64;

/// Idle connections, the one that was used last at the end.
pub(super) struct Pool<C>(Mutex<Vec<Idle<C>>>);

struct Idle<C> {
    route: Arc<Route>,
    since: Instant,
    connection: C,
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Pool(Mutex::default())
    }
}

impl<C> Pool<C> {
    /// Takes the connection to this server that was used last, if that was at most `age` ago. What has been idle for too long is
    /// closed.
    pub(super) fn take(&self, route: &Arc<Route>, age: Duration) -> Option<C> {
        let now = Instant::now();
        let mut idle = self.lock();
        let fresh = idle.partition_point(|one| now.duration_since(one.since) > LONGEST_IDLE);
        let stale: Vec<_> = idle.drain(..fresh).collect();
        let place = idle.iter().rposition(|one| is_same(&one.route, route) && now.duration_since(one.since) <= age);
        let taken = place.map(|place| idle.remove(place).connection);
        // To close a connection is a call of the operating system: not while others wait for the lock.
        drop(idle);
        drop(stale);
        taken
    }

    /// Keeps a connection.
    pub(super) fn put(&self, route: Arc<Route>, connection: C) {
        let mut idle = self.lock();
        let oldest = if idle.len() >= MOST_IDLE { Some(idle.remove(0)) } else { None };
        idle.push(Idle { route, since: Instant::now(), connection });
        drop(idle);
        drop(oldest);
    }

    /// Closes all that are kept to this server.
    pub(super) fn forget(&self, route: &Arc<Route>) {
        let mut idle = self.lock();
        let forgotten: Vec<_> = idle.extract_if(.., |one| is_same(&one.route, route)).collect();
        drop(idle);
        drop(forgotten);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Mostly the very same value, which is cheaper to see.
fn is_same(one: &Arc<Route>, other: &Arc<Route>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::settings::{Proxy, ServerUrl};

    const SECOND: Duration = Duration::from_secs(1);

    fn route(server: &str) -> Arc<Route> {
        Arc::new(Route::to(&ServerUrl::parse(server).expect(server), &Proxy::Direct, None).expect("a way"))
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_was_used_last_to_that_server_is_taken() {
        let pool = Pool::default();
        for (server, connection) in [("https://a.test", 1), ("https://a.test", 2), ("https://b.test", 3)] {
            pool.put(route(server), connection);
        }
        let take = |server| pool.take(&route(server), LONGEST_IDLE);
        assert_eq!([take("https://a.test"), take("https://a.test"), take("https://a.test")], [Some(2), Some(1), None]);
        assert_eq!(take("https://b.test"), Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_connection_stays_for_those_who_may_have_it_until_it_is_too_old() {
        let pool = Pool::default();
        let server = route("https://a.test");
        pool.put(Arc::clone(&server), 1);
        advance(SECOND).await;
        assert_eq!(pool.take(&server, SECOND), Some(1));
        pool.put(Arc::clone(&server), 2);
        advance(2 * SECOND).await;
        assert_eq!(pool.take(&server, SECOND), None);
        assert_eq!(pool.take(&server, LONGEST_IDLE), Some(2));
        pool.put(Arc::clone(&server), 3);
        advance(LONGEST_IDLE + SECOND).await;
        assert_eq!(pool.take(&route("https://b.test"), LONGEST_IDLE), None);
        assert!(pool.lock().is_empty(), "closed by the next caller, whatever server it wants");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_forgotten_takes_no_others_along() {
        let pool = Pool::default();
        for server in ["https://a.test", "https://b.test", "https://a.test"] {
            pool.put(route(server), server);
        }
        pool.forget(&route("https://a.test"));
        assert_eq!(pool.take(&route("https://a.test"), LONGEST_IDLE), None);
        assert_eq!(pool.take(&route("https://b.test"), LONGEST_IDLE), Some("https://b.test"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_idle_connections_is_bounded() {
        let pool = Pool::default();
        let server = route("https://a.test");
        for connection in 0..=MOST_IDLE {
            pool.put(Arc::clone(&server), connection);
        }
        let left: Vec<_> = std::iter::from_fn(|| pool.take(&server, LONGEST_IDLE)).collect();
        assert_eq!((left.len(), left.last()), (MOST_IDLE, Some(&1)));
    }
}
