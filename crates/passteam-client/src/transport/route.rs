//! The way to a server: straight, or through which proxy.

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::HeaderValue;

use crate::settings::{Proxy, ServerUrl};

/// Straight, or through a proxy.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Route {
    Direct,
    Through { proxy: String, credentials: Credentials },
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    None,
    Basic { user: String, password: String },
    Header(HeaderValue),
}

impl Route {
    /// The way that these settings mean now.
    pub(super) fn to(server: &ServerUrl, proxy: &Proxy) -> Route {
        match proxy {
            Proxy::Direct => Route::Direct,
            // Plain http stays on this computer, where no proxy of the network can reach it.
            Proxy::System if server.is_plain() => Route::Direct,
            Proxy::System => Route::of_the_system(server),
            Proxy::Explicit(proxy) => Route::Through {
                proxy: proxy.address(),
                credentials: match proxy.credentials() {
                    None => Credentials::None,
                    Some((user, password)) => {
                        Credentials::Basic { user: user.to_owned(), password: password.to_owned() }
                    }
                },
            },
        }
    }

    fn of_the_system(server: &ServerUrl) -> Route {
        let intercepted =
            server.origin().parse().ok().and_then(|origin: Uri| with_system(|system| system.intercept(&origin)));
        match intercepted {
            None => Route::Direct,
            Some(proxy) => Route::Through {
                proxy: proxy.uri().to_string(),
                credentials: proxy.basic_auth().cloned().map_or(Credentials::None, Credentials::Header),
            },
        }
    }

    /// The same for the HTTP library.
    pub(super) fn proxy(&self) -> reqwest::Result<Option<reqwest::Proxy>> {
        let Route::Through { proxy, credentials } = self else { return Ok(None) };
        let proxy = reqwest::Proxy::all(proxy.as_str())?;
        Ok(Some(match credentials {
            Credentials::None => proxy,
            Credentials::Basic { user, password } => proxy.basic_auth(user, password),
            Credentials::Header(header) => proxy.custom_http_auth(header.clone()),
        }))
    }

    pub(super) fn is_through_proxy(&self) -> bool {
        matches!(self, Route::Through { .. })
    }
}

/// On Windows the settings can change under a running process, so they are read anew.
#[cfg(windows)]
fn with_system<T>(ask: impl FnOnce(&Matcher) -> T) -> T {
    ask(&Matcher::from_system())
}

/// Elsewhere they are environment variables, which stay what they are, and which another thread of the host had better not
/// find being read at any time.
#[cfg(not(windows))]
fn with_system<T>(ask: impl FnOnce(&Matcher) -> T) -> T {
    static SYSTEM: std::sync::LazyLock<Matcher> = std::sync::LazyLock::new(Matcher::from_system);
    ask(&SYSTEM)
}
