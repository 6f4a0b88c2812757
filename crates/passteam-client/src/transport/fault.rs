//! An error of the HTTP library as what it means to a caller.
//!
//! Nothing was sent where the connection could not be made (name, TCP, proxy's tunnel, TLS), where hyper gave the request back
//! unstarted (`Canceled`), or where it found the connection closed before it had the request (`ChannelClosed`). After anything
//! else the request may have reached the server.

use std::error::Error;
use std::io;

use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use rustls::CertificateError;
use tower_service::Service;

use super::repeat::Attempt;
use crate::reply::{Cause, Kind};

/// hyper-util does not export the type by its name.
type TunnelError = <Tunnel<HttpConnector> as Service<Uri>>::Error;

/// A try that ended before the answer's headers were whole. `through_proxy`: the connection itself goes to a proxy.
pub(super) fn before_headers(error: &reqwest::Error, through_proxy: bool) -> Attempt {
    let (kind, cause) = classify(error, through_proxy);
    Attempt::failed(kind, cause, error.is_connect() || was_not_begun(error))
}

fn was_not_begun(error: &reqwest::Error) -> bool {
    let mut http = causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>());
    http.any(|error| error.is_canceled() || error.is_closed())
}

fn classify(error: &reqwest::Error, through_proxy: bool) -> (Kind, Cause) {
    let known = causes(error).find_map(|cause| {
        if let Some(tunnel) = cause.downcast_ref() {
            Some((Kind::Connection, of_tunnel(tunnel)))
        } else if let Some(tls) = cause.downcast_ref() {
            Some(of_tls(tls))
        } else if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            is_nonsense(http).then_some((Kind::BadResponse, Cause::NotHttp))
        } else {
            None
        }
    });
    known.unwrap_or_else(|| {
        let cause = if through_proxy && error.is_connect() {
            Cause::Proxy
        } else if error.is_dns() {
            Cause::NameNotResolved
        } else {
            causes(error).find_map(of_connection).unwrap_or(Cause::ConnectionOther)
        };
        (Kind::Connection, cause)
    })
}

fn of_tunnel(error: &TunnelError) -> Cause {
    match error {
        TunnelError::ProxyAuthRequired => Cause::ProxyAuthentication,
        _ => Cause::Proxy,
    }
}

fn of_tls(error: &rustls::Error) -> (Kind, Cause) {
    let cause = match error {
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
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Cause::CertificateOther,
        _ => return (Kind::Connection, Cause::Tls),
    };
    (Kind::Certificate, cause)
}

/// Bytes that are no HTTP answer, also where they came before the request could leave.
fn is_nonsense(error: &hyper::Error) -> bool {
    error.is_parse() || is_unexpected_message(error)
}

/// hyper's `UnexpectedMessage`, which has no predicate of its own, is what none of the others fits and nothing is behind.
fn is_unexpected_message(error: &hyper::Error) -> bool {
    let another_kind = error.is_user()
        || error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || error.is_body_write_aborted()
        || error.is_shutdown()
        || error.is_timeout();
    error.source().is_none() && !another_kind
}

fn of_connection(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(http) = error.downcast_ref::<hyper::Error>() {
        return (http.is_incomplete_message() || http.is_closed()).then_some(Cause::Reset);
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::Refused),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(Cause::Reset),
        _ => None,
    }
}

/// An error and what is behind it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| behind(error))
}

/// `source` of an `io::Error` skips the error that it wraps, and that is where the TLS library's own hides.
fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
