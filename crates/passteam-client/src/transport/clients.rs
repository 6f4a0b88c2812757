//! The process-wide table of HTTP clients, each with its pool of connections.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;

use super::lookup::SystemResolver;
use super::route::Route;
use super::trust;
use crate::settings::ServerUrl;

/// A process talks to one or two servers; more is someone trying out settings.
const MOST_CLIENTS: usize = 16;

/// Shorter than what servers usually keep, so that a connection is rarely closed under a request.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

const USER_AGENT: &str = concat!("passteam/", env!("CARGO_PKG_VERSION"));

/// What a connection depends on. Never the token: that goes with each request.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    origin: String,
    route: Route,
    certificates: Option<Arc<[u8]>>,
}

impl Key {
    pub(super) fn new(server: &ServerUrl, route: Route, certificates: Option<Vec<u8>>) -> Key {
        Key { origin: server.origin().to_owned(), route, certificates: certificates.map(Into::into) }
    }
}

/// Why there is no client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientError {
    /// The file of one's own certificates holds none.
    NoCertificate,
    /// The HTTP or TLS library refuses its configuration: a system's proxy that is none, for example.
    Configuration,
}

/// The client for these connections; it is made when it is first asked for.
///
/// # Errors
/// What [`ClientError`] lists.
pub(super) fn client(key: Key) -> Result<Client, ClientError> {
    static TABLE: LazyLock<Mutex<Recent<Key, Client>>> = LazyLock::new(|| Mutex::new(Recent::new(MOST_CLIENTS)));
    let table = || TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = table().get(&key) {
        return Ok(client);
    }
    // Not under the lock: reading the trusted roots takes a while, and other servers' callers need not wait for it.
    let built = build(&key)?;
    let (client, forgotten) = table().get_or_insert(key, built);
    drop(forgotten);
    Ok(client)
}

fn build(key: &Key) -> Result<Client, ClientError> {
    let tls = trust::tls_config(key.certificates.as_deref())?;
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(USER_AGENT)
        .dns_resolver(SystemResolver)
        .pool_idle_timeout(IDLE_CONNECTION)
        .no_proxy();
    let builder = match key.route.proxy().map_err(|_| ClientError::Configuration)? {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    builder.build().map_err(|_| ClientError::Configuration)
}

/// A table of at most so many entries, of which the one that was not asked for the longest goes first.
struct Recent<K, V> {
    most: usize,
    /// The most recently asked for stands last.
    entries: Vec<(K, V)>,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    fn new(most: usize) -> Self {
        Recent { most, entries: Vec::new() }
    }

    fn get(&mut self, key: &K) -> Option<V> {
        let place = self.entries.iter().position(|(known, _)| known == key)?;
        self.entries[place..].rotate_left(1);
        self.entries.last().map(|(_, value)| value.clone())
    }

    /// The value that stands under `key`, which is `value` where there was none yet; and the values that had to go, to be
    /// dropped where nobody waits for the table.
    fn get_or_insert(&mut self, key: K, value: V) -> (V, Vec<V>) {
        if let Some(present) = self.get(&key) {
            return (present, vec![value]);
        }
        let surplus = (self.entries.len() + 1).saturating_sub(self.most);
        let forgotten = self.entries.drain(..surplus).map(|(_, value)| value).collect();
        self.entries.push((key, value.clone()));
        (value, forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Proxy;

    #[test]
    fn the_entry_that_was_not_asked_for_the_longest_goes_first() {
        let mut table = Recent::new(2);
        assert_eq!(table.get_or_insert("a", 1), (1, vec![]));
        assert_eq!(table.get_or_insert("b", 2), (2, vec![]));
        assert_eq!(table.get(&"a"), Some(1));
        assert_eq!(table.get_or_insert("c", 3), (3, vec![2]));
        assert_eq!((table.get(&"a"), table.get(&"b"), table.get(&"c")), (Some(1), None, Some(3)));
    }

    #[test]
    fn an_entry_made_twice_at_once_stays_the_first_one() {
        let mut table = Recent::new(2);
        table.get_or_insert("a", 1);
        assert_eq!(table.get_or_insert("a", 2), (1, vec![2]));
    }

    fn key(server: &str, proxy: &str, certificates: Option<&[u8]>) -> Key {
        let server = ServerUrl::parse(server).expect(server);
        let proxy = Proxy::parse(proxy).expect(proxy);
        Key::new(&server, Route::to(&server, &proxy), certificates.map(Vec::from))
    }

    #[test]
    fn connections_are_shared_by_those_that_would_make_the_same_ones() {
        let base = key("https://a.example/v1", "direct", None);
        assert!(base == key("https://A.example:443/v2/", "direct", None), "spelling and path do not matter");
        assert!(base != key("https://b.example/v1", "direct", None), "another host");
        assert!(base != key("https://a.example:8443/v1", "direct", None), "another port");
        assert!(base != key("https://a.example/v1", "http://proxy", None), "another way");
        assert!(base != key("https://a.example/v1", "direct", Some(b"x")), "other trust");
        let proxied = key("https://a.example", "http://u:p@proxy", None);
        assert!(proxied == key("https://a.example", "http://u:p@PROXY:80/", None));
        assert!(proxied != key("https://a.example", "http://u:q@proxy", None), "another password");
        assert!(proxied != key("https://a.example", "http://proxy", None), "no credentials");
        let trusting = key("https://a.example", "direct", Some(b"x"));
        assert!(trusting == key("https://a.example", "direct", Some(b"x")));
        assert!(trusting != key("https://a.example", "direct", Some(b"y")), "a renewed file");
    }
}
