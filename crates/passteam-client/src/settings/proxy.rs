//! The proxy as the caller sets it. The operating system's own settings are a matter of [`crate::transport`].

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;
use url::Url;

use super::address::{holds_unprintable, without_brackets};

/// The way to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What the operating system says: the `HTTPS_PROXY` family of environment variables, on Windows also the user's
    /// internet settings. Plain `http://` goes direct all the same.
    #[default]
    System,
    /// No proxy, whatever the system says.
    Direct,
    /// This proxy, for every request.
    Explicit(ExplicitProxy),
}

impl Proxy {
    /// Takes the empty text ([`Proxy::System`]), `direct`, or `http://[user:password@]host[:port]` with user and password
    /// percent-encoded and port 80 if none is given.
    ///
    /// # Errors
    /// What [`ProxyError`] lists.
    pub fn parse(text: &str) -> Result<Proxy, ProxyError> {
        let text = text.trim();
        if text.is_empty() {
            Ok(Proxy::System)
        } else if text.eq_ignore_ascii_case("direct") {
            Ok(Proxy::Direct)
        } else {
            ExplicitProxy::parse(text).map(Proxy::Explicit)
        }
    }
}

/// The form in which [`Proxy::parse`] takes it, the password replaced by `***` and the port always shown.
impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proxy::System => Ok(()),
            Proxy::Direct => formatter.write_str("direct"),
            Proxy::Explicit(proxy) => proxy.fmt(formatter),
        }
    }
}

/// A proxy that was named: host, port, and the credentials it wants.
#[derive(Clone, PartialEq, Eq)]
pub struct ExplicitProxy {
    /// As a URL holds it: lower case, an IPv6 address in brackets.
    host: String,
    port: u16,
    /// As a URL holds it, percent-encoded.
    encoded_user: String,
    user: String,
    password: Option<String>,
}

impl ExplicitProxy {
    pub(crate) fn parse(text: &str) -> Result<ExplicitProxy, ProxyError> {
        let (scheme, rest) = text.split_once("://").ok_or(ProxyError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(ProxyError::Scheme);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.is_empty() || holds_unprintable(authority) || authority.contains(['/', '\\', '?', '#']) {
            return Err(ProxyError::Syntax);
        }
        let url = Url::parse(text).map_err(|_| ProxyError::Syntax)?;
        let host = url.host_str().ok_or(ProxyError::Syntax)?.to_owned();
        let port = url.port_or_known_default().ok_or(ProxyError::Syntax)?;
        Ok(ExplicitProxy {
            host,
            port,
            encoded_user: url.username().to_owned(),
            user: decoded(url.username())?,
            password: url.password().map(decoded).transpose()?,
        })
    }

    /// The host: a name, or an IP address without brackets.
    pub(crate) fn host(&self) -> &str {
        without_brackets(&self.host)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The value of `Proxy-Authorization` (RFC 7617); `None` if no credentials were given.
    pub(crate) fn authorization(&self) -> Option<String> {
        Some(format!("Basic {}", self.encoded_credentials()?))
    }

    /// The password, decoded, for finding it in texts that must not show it.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The credentials as they go to the proxy (RFC 7617), which anyone can decode, for finding them in such texts, too.
    pub(crate) fn encoded_credentials(&self) -> Option<String> {
        self.credentials().map(|(user, password)| BASE64_STANDARD.encode(format!("{user}:{password}")))
    }

    /// User and password, decoded; `None` if neither was given.
    fn credentials(&self) -> Option<(&str, &str)> {
        let password = self.password.as_deref();
        (!self.user.is_empty() || password.is_some()).then(|| (self.user.as_str(), password.unwrap_or_default()))
    }
}

fn decoded(text: &str) -> Result<String, ProxyError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| ProxyError::Syntax)
}

impl fmt::Display for ExplicitProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ExplicitProxy { host, port, encoded_user, password, .. } = self;
        match password {
            Some(_) => write!(formatter, "http://{encoded_user}:***@{host}:{port}"),
            None if encoded_user.is_empty() => write!(formatter, "http://{host}:{port}"),
            None => write!(formatter, "http://{encoded_user}@{host}:{port}"),
        }
    }
}

impl fmt::Debug for ExplicitProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ExplicitProxy({self})")
    }
}

/// A proxy that stands between a call and the service, for telling a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedProxy {
    /// `host:port`, without credentials.
    pub address: String,
    /// Where it is set.
    pub source: ProxySource,
}

/// Where a proxy is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxySource {
    /// In [`super::Settings::proxy`].
    Setting,
    /// In the operating system's settings.
    System,
    /// In the environment variable of this name.
    Variable(&'static str),
}

/// Why a proxy is refused. Neither holds the rejected text: there is a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyError {
    /// Neither empty, nor `direct`, nor beginning with `http://`.
    Scheme,
    /// Not `http://[user:password@]host[:port]`, or credentials that are not UTF-8 when decoded.
    Syntax,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            ProxyError::Scheme => "a proxy's address begins with http://",
            ProxyError::Syntax => "not of the form http://[user:password@]host[:port]",
        })
    }
}

impl std::error::Error for ProxyError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn explicit(text: &str) -> ExplicitProxy {
        match Proxy::parse(text).expect(text) {
            Proxy::Explicit(proxy) => proxy,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn empty_is_the_systems_and_direct_is_none() {
        assert_eq!(Proxy::parse(" "), Ok(Proxy::System));
        assert_eq!(Proxy::parse(" Direct "), Ok(Proxy::Direct));
        assert_eq!(Proxy::System.to_string(), "");
        assert_eq!(Proxy::Direct.to_string(), "direct");
    }

    #[test]
    fn a_proxy_reads_back_with_its_port_and_without_its_password() {
        for (text, shown) in [
            ("http://proxy", "http://proxy:80"),
            ("HTTP://Proxy.Example/", "http://proxy.example:80"),
            ("http://proxy:80", "http://proxy:80"),
            ("http://10.0.0.1:3128", "http://10.0.0.1:3128"),
            ("http://[::1]:3128", "http://[::1]:3128"),
            ("http://ivan:pass@proxy:3128/", "http://ivan:***@proxy:3128"),
            ("http://ivan@proxy:3128", "http://ivan@proxy:3128"),
            ("http://DOMAIN%5Civan:p%40ss@proxy:3128", "http://DOMAIN%5Civan:***@proxy:3128"),
            ("http://:pass@proxy", "http://:***@proxy:80"),
        ] {
            assert_eq!(explicit(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn credentials_are_percent_decoded() {
        let proxy = explicit("http://%D0%98%D0%B2%D0%B0%D0%BD:p%40s%3As%25@proxy");
        assert_eq!(proxy.credentials(), Some(("Иван", "p@s:s%")));
        assert_eq!(proxy.password(), Some("p@s:s%"));
        assert_eq!(explicit("http://ivan@proxy").credentials(), Some(("ivan", "")));
        let encoded = explicit("http://Aladdin:open%20sesame@proxy").encoded_credentials();
        assert_eq!(encoded.as_deref(), Some("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "RFC 7617, 2");
        assert_eq!(explicit("http://proxy").credentials(), None);
    }

    #[test]
    fn debug_output_of_a_proxy_hides_the_password() {
        let text = format!("{:?}", Proxy::parse("http://ivan:SECRET@proxy").expect("a proxy"));
        assert!(text.contains("ivan") && !text.contains("SECRET"), "{text}");
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, expected) in [
            ("proxy:3128", ProxyError::Scheme),
            ("none", ProxyError::Scheme),
            ("https://proxy:3128", ProxyError::Scheme),
            ("socks5://proxy:1080", ProxyError::Scheme),
            ("http://", ProxyError::Syntax),
            ("http://:3128", ProxyError::Syntax),
            ("http://proxy:port", ProxyError::Syntax),
            ("http://proxy:70000", ProxyError::Syntax),
            ("http://proxy/path", ProxyError::Syntax),
            ("http://proxy?x", ProxyError::Syntax),
            ("http://pro xy", ProxyError::Syntax),
            ("http://user:%FF@proxy", ProxyError::Syntax),
        ] {
            assert_eq!(Proxy::parse(text), Err(expected), "{text}");
        }
    }
}
