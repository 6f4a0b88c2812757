//! The way to a server: straight, or through which proxy.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

use super::environment::environment;
use super::system_proxy::{self, SystemProxy, UnusableProxy};
use crate::outcome::Way;
use crate::settings::proxy::{ExplicitProxy, NamedProxy, ProxySource};
use crate::settings::{CertificateFile, Proxy, ServerUrl};

/// What a connection depends on. Never the token: that goes with each request.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// A name, or an IP address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The name that the certificate must be for; none for plain http.
    pub(super) tls_name: Option<ServerName<'static>>,
    pub(super) proxy: Option<RouteProxy>,
    /// Whether the system names a script for finding the proxy, which is not run.
    pub(super) is_proxy_script_ignored: bool,
    pub(super) certificate_file: Option<CertificateFile>,
}

/// A proxy on the way.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct RouteProxy {
    pub(super) proxy: ExplicitProxy,
    pub(super) source: ProxySource,
}

impl Route {
    /// The way that these settings mean now.
    ///
    /// # Errors
    /// The system's setting names no usable proxy.
    pub(super) fn to(
        server: &ServerUrl,
        proxy: &Proxy,
        certificate_file: Option<&CertificateFile>,
    ) -> Result<Route, UnusableProxy> {
        let host = server.host();
        let mut is_proxy_script_ignored = false;
        let proxy = match proxy {
            Proxy::Direct => None,
            // Plain http stays on this computer, where no proxy of the network can reach it.
            Proxy::System if server.is_plain() => None,
            Proxy::System => match system_proxy::find(host, environment())? {
                SystemProxy::None => None,
                SystemProxy::OnlyByScript => {
                    is_proxy_script_ignored = true;
                    None
                }
                SystemProxy::Proxy(proxy, source) => Some(RouteProxy { proxy, source }),
            },
            Proxy::Explicit(proxy) => Some(RouteProxy { proxy: proxy.clone(), source: ProxySource::Setting }),
        };
        Ok(Route {
            host: host.to_owned(),
            port: server.port(),
            tls_name: server.tls_name().cloned(),
            proxy,
            is_proxy_script_ignored,
            certificate_file: certificate_file.cloned(),
        })
    }

    /// `host:port` of the server as HTTP writes it.
    pub(super) fn authority(&self) -> String {
        authority(&self.host, self.port)
    }

    /// The same as a person is told of it.
    pub(super) fn way(&self) -> Way {
        match &self.proxy {
            Some(RouteProxy { proxy, source }) => {
                Way::Proxy(NamedProxy { address: proxy.host_and_port(), source: *source })
            }
            None if self.is_proxy_script_ignored => Way::DirectDespiteScript,
            None => Way::Direct,
        }
    }

    /// Whether the service's answers and the proxy's come over the same connection: plain http through a proxy.
    pub(super) fn is_forwarded(&self) -> bool {
        self.tls_name.is_none() && self.proxy.is_some()
    }
}

fn authority(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(IpAddr::V6(_)) => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(server: &str, proxy: &str) -> Route {
        let (server, proxy) = (ServerUrl::parse(server).expect(server), Proxy::parse(proxy).expect(proxy));
        Route::to(&server, &proxy, None).expect("a way")
    }

    #[test]
    fn connections_are_shared_by_those_that_would_make_the_same_ones() {
        let base = route("https://a.example/v1", "direct");
        assert!(base == route("https://A.example:443/v2/", "direct"), "spelling and path do not matter");
        assert!(base != route("https://b.example/v1", "direct"), "another host");
        assert!(base != route("https://a.example:8443/v1", "direct"), "another port");
        assert!(base != route("https://a.example/v1", "http://proxy"), "another way");
        assert!(route("http://localhost", "direct") != route("https://localhost:80", "direct"), "TLS");
        let proxied = route("https://a.example", "http://u:p@proxy");
        assert!(proxied == route("https://a.example", "http://u:p@PROXY:80/"));
        assert!(proxied != route("https://a.example", "http://u:q@proxy"), "another password");
        assert!(proxied != route("https://a.example", "http://proxy"), "no credentials");
    }

    #[test]
    fn a_server_is_named_as_http_writes_it() {
        assert_eq!(route("https://[::1]/", "direct").authority(), "[::1]:443");
        assert_eq!(route("http://localhost", "direct").authority(), "localhost:80");
        assert_eq!(route("https://касса.рф:1", "direct").authority(), "xn--80aa2a3aa.xn--p1ai:1");
    }
}
