//! What one caller sets: token, server, deadline, repeats, proxy and trust.

mod address;
pub(crate) mod certificate_file;
mod kept;
mod last;
pub(crate) mod proxy;
mod server_url;
mod token;

use std::time::Duration;

use crate::pace::RequestRate;

pub use certificate_file::{CertificateFile, CertificateFileError};
pub use kept::Kept;
pub use proxy::{ExplicitProxy, NamedProxy, Proxy, ProxyError, ProxySource};
pub use server_url::{ServerUrl, ServerUrlError};
pub use token::{Token, TokenError};

/// Settings of a call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What authorizes the call.
    pub token: Token,
    /// Where the service is.
    pub server: ServerUrl,
    /// The hard deadline of one call, counted from its start: DNS, connecting, TLS, repeats and reading the body together.
    pub timeout: Duration,
    /// How many times a request may be tried again if a repeat is safe.
    pub retries: u32,
    /// The way to the server.
    pub proxy: Proxy,
    /// CA certificates that are trusted besides the operating system's and the built-in public ones.
    pub certificate_file: Option<CertificateFile>,
    /// The limit of requests per minute. A clone of the settings counts towards the same one.
    pub rate: RequestRate,
    /// What follows from the settings, kept from one call to the next until one of them changes. A clone of the settings shares it.
    pub kept: Kept,
}

impl Default for Settings {
    /// No token, the public service, 10 seconds, two repeats, the system's proxy, no certificates of one's own.
    fn default() -> Self {
        Settings {
            token: Token::default(),
            server: ServerUrl::default(),
            timeout: Duration::from_secs(10),
            retries: 2,
            proxy: Proxy::System,
            certificate_file: None,
            rate: RequestRate::default(),
            kept: Kept::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_the_public_service_with_ten_seconds_and_two_repeats() {
        let settings = Settings::default();
        assert_eq!(settings.server.as_str(), "https://getpass.passteam.ru/oapi/v1");
        assert_eq!(settings.timeout, Duration::from_secs(10));
        assert_eq!(settings.retries, 2);
        assert!(settings.token.is_empty());
        assert_eq!(settings.proxy, Proxy::System);
        assert!(settings.certificate_file.is_none());
    }

    #[test]
    fn debug_output_of_settings_shows_no_secret() {
        let settings = Settings {
            token: Token::parse("TOKEN-SECRET").expect("a token"),
            proxy: Proxy::parse("http://user:PASSWORD-SECRET@proxy:3128").expect("a proxy"),
            ..Settings::default()
        };
        let text = format!("{settings:?} {settings:#?}");
        assert!(!text.contains("SECRET"), "{text}");
    }
}
