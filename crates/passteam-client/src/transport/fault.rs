//! What went wrong with a connection or an answer, as what it means to a caller.

use std::error::Error;
use std::io;

use rustls::{CertificateError, InvalidMessage};

use super::connect::{ConnectError, Unreachable};
use super::http::{ExchangeError, What};
use super::resources::is_lack_of_resources;
use super::route::Route;
use super::system_proxy::UnusableProxy;
use super::tunnel::TunnelError;
use super::verifier::Flaw;
use crate::attempt::Attempt;
use crate::outcome::{Cause, Failure};
use crate::reply::is_refusing_status;

/// A try that had no connection.
pub(super) fn unconnected(error: &ConnectError, route: &Route) -> Attempt {
    let cause = match error {
        ConnectError::Unreachable(unreachable) => unreached(unreachable, route.proxy.is_some()),
        ConnectError::Tunnel(error) => without_tunnel(error),
        ConnectError::Tls(error) => handshake(error),
        ConnectError::CertificateFile => Cause::CertificateFileGone,
        ConnectError::NoResources => Cause::NoResources,
    };
    Attempt::failed(cause, true)
}

/// A try that had a connection but no complete answer.
pub(super) fn unanswered(error: ExchangeError) -> Attempt {
    let (cause, refused) = match error.what {
        What::Broken => (Cause::Reset, false),
        What::NotHttp => (Cause::NotHttp, false),
        // What is missing is the body: the status says as much as that of an answer without an envelope.
        What::AfterHeaders { status, cause } => (cause, is_refusing_status(status.into())),
    };
    Attempt { refused, ..Attempt::failed(cause, error.unsent) }
}

/// A call that is not tried, because the system's setting names no usable proxy.
pub(super) fn unusable_proxy(error: UnusableProxy) -> Failure {
    let UnusableProxy { source, is_socks } = error;
    Failure::new(Cause::ProxySetting { source, is_socks })
}

fn unreached(error: &Unreachable, is_proxy: bool) -> Cause {
    match error {
        Unreachable::Tcp(error) if is_lack_of_resources(error) => Cause::NoResources,
        _ if is_proxy => Cause::Proxy,
        Unreachable::NoAddress => Cause::NameNotResolved,
        Unreachable::Tcp(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Cause::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Cause::Reset,
            _ => Cause::ConnectionOther,
        },
    }
}

fn without_tunnel(error: &TunnelError) -> Cause {
    match error {
        TunnelError::Broken => Cause::Proxy,
        TunnelError::NotHttp => Cause::ProxyNotHttp,
        TunnelError::Refused(status) => Cause::ProxyRefused { status: *status },
        TunnelError::LoginRequired { by_password: true } => Cause::ProxyAuthentication,
        TunnelError::LoginRequired { by_password: false } => Cause::ProxyLoginUnsupported,
    }
}

fn handshake(error: &io::Error) -> Cause {
    // `source` skips what an `io::Error` wraps, and that is where the TLS library's own error is.
    let inner: Option<&(dyn Error + 'static)> = error.get_ref().map(|inner| inner as _);
    match inner.and_then(|inner| inner.downcast_ref()) {
        Some(error) => of_tls(error),
        None => Cause::Reset,
    }
}

fn of_tls(error: &rustls::Error) -> Cause {
    match error {
        // A bad signature: an authority of the issuer's name is trusted, but it is not the one that signed.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            Cause::UnknownIssuer
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            Cause::Expired
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => Cause::NotYetValid,
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Cause::WrongHost,
        #[allow(deprecated, reason = "the TLS library may still give it")]
        rustls::Error::InvalidCertificate(
            CertificateError::UnsupportedSignatureAlgorithm
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => Cause::UnsupportedSignature,
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            let other: &(dyn Error + 'static) = &*other.0;
            other.downcast_ref().map_or(Cause::CertificateOther, of_flaw)
        }
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Cause::CertificateOther,
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            Cause::NotTls
        }
        _ => Cause::Tls,
    }
}

fn of_flaw(flaw: &Flaw) -> Cause {
    match flaw {
        Flaw::ServersOwnInFile => Cause::ServersOwnInFile,
        Flaw::IntermediateInFile => Cause::IntermediateInFile,
        Flaw::IssuerNotSent => Cause::IssuerNotSent,
    }
}
