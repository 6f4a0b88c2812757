//! The service's address, and which addresses are refused.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use url::Url;

use super::address::{holds_unprintable, without_brackets};
use super::last::Last;

/// The public service: vendor's API pages, v1.8.2.
const PUBLIC_SERVICE: &str = "https://getpass.passteam.ru/oapi/v1";

/// The address under which the service's methods stand: `https://` everywhere, `http://` only to this very computer.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    text: String,
    /// In lower case, an IPv6 address without brackets.
    host: String,
    port: u16,
    /// The same as HTTP writes them, the default port left out.
    host_header: String,
    /// The name that a certificate must be for; none for plain http.
    tls_name: Option<ServerName<'static>>,
    /// Without a slash at its end.
    path: String,
}

impl ServerUrl {
    /// Takes an address; white space around it and a slash at its end do not matter.
    ///
    /// # Errors
    /// What [`ServerUrlError`] lists. The token goes to this address, so nothing about it is guessed.
    pub fn parse(text: &str) -> Result<ServerUrl, ServerUrlError> {
        static LAST: Last<ServerUrl> = Last::new();
        let text = text.trim();
        LAST.or_make(|known| known.0.text == text, || Parts::parse(text).map(|parts| ServerUrl(Arc::new(parts))))
    }

    /// The address as it was set, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The path under which `method` of the service stands. `method` needs no escaping: see [`crate::Request::method`].
    pub(crate) fn path(&self, method: &str) -> String {
        format!("{}/{method}", self.0.path)
    }

    /// A name in lower case and ASCII, or an IP address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.0.host
    }

    /// The port, also if it is the default one.
    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    /// The value of the header `Host`.
    pub(crate) fn host_header(&self) -> &str {
        &self.0.host_header
    }

    /// The name that the server's certificate must be for; `None` for plain http.
    pub(crate) fn tls_name(&self) -> Option<&ServerName<'static>> {
        self.0.tls_name.as_ref()
    }

    /// Whether requests go out in clear text, which only happens on this computer.
    pub fn is_plain(&self) -> bool {
        self.0.tls_name.is_none()
    }
}

impl Parts {
    fn parse(text: &str) -> Result<Parts, ServerUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(ServerUrlError::Syntax)?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return Err(ServerUrlError::Scheme);
        }
        // Judged on the text itself: a parser would take a backslash for a slash and drop a line break.
        if holds_unprintable(rest) || rest.contains('\\') {
            return Err(ServerUrlError::Syntax);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(ServerUrlError::UserInfo);
        }
        if rest.contains(['?', '#']) {
            return Err(ServerUrlError::QueryOrFragment);
        }
        let url = Url::parse(text).map_err(|_| ServerUrlError::Syntax)?;
        let host = url.host_str().ok_or(ServerUrlError::Syntax)?;
        let bare = without_brackets(host).to_owned();
        let tls_name = ServerName::try_from(bare.clone()).map_err(|_| ServerUrlError::Syntax)?;
        if authority.is_empty() {
            return Err(ServerUrlError::Syntax);
        }
        if !secure && !is_loopback(host) {
            return Err(ServerUrlError::PlainHttpBeyondLoopback);
        }
        Ok(Parts {
            text: text.to_owned(),
            host_header: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            port: url.port_or_known_default().ok_or(ServerUrlError::Syntax)?,
            host: bare,
            tls_name: secure.then_some(tls_name),
            path: url.path().trim_end_matches('/').to_owned(),
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || without_brackets(host).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

impl Default for ServerUrl {
    fn default() -> Self {
        static PUBLIC: Last<ServerUrl> = Last::new();
        PUBLIC
            .or_make(|_| true, || ServerUrl::parse(PUBLIC_SERVICE))
            .expect("the public service's address is a constant that parses")
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ServerUrl").field(&self.0.text).finish()
    }
}

/// Why an address is refused. None of these holds the rejected text: it may be a token in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerUrlError {
    /// Not an absolute address of a host.
    Syntax,
    /// A scheme other than `https` and `http`.
    Scheme,
    /// `http://` to another computer: token and customers' data would cross the network in clear text.
    PlainHttpBeyondLoopback,
    /// A user name or password inside the address.
    UserInfo,
    /// A `?` or `#`, after which no method's name can stand.
    QueryOrFragment,
}

impl fmt::Display for ServerUrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ServerUrlError::Syntax => "not an absolute URL of a host",
            ServerUrlError::Scheme => "the scheme is neither https nor http",
            ServerUrlError::PlainHttpBeyondLoopback => "http is allowed to a loopback address only",
            ServerUrlError::UserInfo => "user info is not allowed",
            ServerUrlError::QueryOrFragment => "a query or fragment is not allowed",
        })
    }
}

impl std::error::Error for ServerUrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> String {
        let url = ServerUrl::parse(text).expect(text);
        let scheme = if url.is_plain() { "http" } else { "https" };
        format!("{scheme}://{}{}", url.host_header(), url.path("createcard"))
    }

    #[test]
    fn the_default_is_the_public_service() {
        assert_eq!(ServerUrl::default().as_str(), "https://getpass.passteam.ru/oapi/v1");
        assert_eq!(endpoint(PUBLIC_SERVICE), "https://getpass.passteam.ru/oapi/v1/createcard");
    }

    #[test]
    fn an_address_reads_back_as_it_was_set_but_trimmed() {
        let url = ServerUrl::parse("  HTTPS://Example.COM:443/API/v1/ \n").expect("an address");
        assert_eq!(url.as_str(), "HTTPS://Example.COM:443/API/v1/");
        assert_eq!((url.host(), url.port(), url.host_header()), ("example.com", 443, "example.com"));
        assert!(!url.is_plain());
    }

    #[test]
    fn a_slash_at_the_end_and_an_empty_path_do_not_matter() {
        assert_eq!(endpoint("https://a.example"), "https://a.example/createcard");
        assert_eq!(endpoint("https://a.example/"), "https://a.example/createcard");
        assert_eq!(endpoint("https://a.example/oapi/v1"), "https://a.example/oapi/v1/createcard");
        assert_eq!(endpoint("https://a.example/oapi/v1/"), "https://a.example/oapi/v1/createcard");
        assert_eq!(endpoint("https://a.example:8443/x%20y//"), "https://a.example:8443/x%20y/createcard");
    }

    #[test]
    fn a_name_outside_ascii_is_looked_up_in_its_ascii_form() {
        assert_eq!(endpoint("https://касса.рф/v1"), "https://xn--80aa2a3aa.xn--p1ai/v1/createcard");
    }

    #[test]
    fn plain_http_reaches_this_computer_only() {
        for text in [
            "http://localhost",
            "http://LOCALHOST:8080/v1",
            "http://127.0.0.1",
            "http://127.3.2.1:80",
            "http://[::1]:8080/",
        ] {
            assert!(ServerUrl::parse(text).expect(text).is_plain());
        }
        for text in [
            "http://example.com",
            "http://192.168.0.1",
            "http://0.0.0.0",
            "http://[::2]",
            "http://localhost.example.com",
            "http://127.0.0.1.nip.io",
        ] {
            assert_eq!(ServerUrl::parse(text), Err(ServerUrlError::PlainHttpBeyondLoopback), "{text}");
        }
    }

    #[test]
    fn anything_but_a_clean_address_is_refused() {
        use ServerUrlError::{QueryOrFragment, Scheme, Syntax, UserInfo};
        for (text, expected) in [
            ("", Syntax),
            ("getpass.passteam.ru/oapi/v1", Syntax),
            ("https:getpass.passteam.ru", Syntax),
            ("https:///v1", Syntax),
            ("https://", Syntax),
            ("https://:443/v1", Syntax),
            ("https://a.example:99999/", Syntax),
            ("https://a b.example/", Syntax),
            ("https://a.example\\@b.example/", Syntax),
            ("https://a.exa\nmple/", Syntax),
            ("https://a..example/", Syntax),
            ("ftp://a.example/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("https://user@a.example/", UserInfo),
            ("https://user:password@a.example/", UserInfo),
            ("https://@a.example/", UserInfo),
            ("https://:@a.example/", UserInfo),
            ("https://a.example/?token=1", QueryOrFragment),
            ("https://a.example#part", QueryOrFragment),
        ] {
            assert_eq!(ServerUrl::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn an_at_sign_in_the_path_is_no_user_info() {
        assert_eq!(endpoint("https://a.example/@v1"), "https://a.example/@v1/createcard");
    }
}
