//! The sandbox's own paths (page, control paths, links on cards) and who may use them.
//!
//! A browser lets any page send requests to this machine. So requests of foreign pages are refused here, before a
//! handler sees them, and every answer tells the browser what it may load.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use crate::shared::Shared;
use crate::{control, page};

/// Whether the sandbox itself answers this path, and not the service. Also true for `/favicon.ico` and `/.well-known/`,
/// which browsers request by themselves: they must not appear among the service's requests.
pub(crate) fn owns(path: &str) -> bool {
    path == "/"
        || path == "/favicon.ico"
        || ["/sandbox/", "/card/", "/.well-known/"].iter().any(|folder| path.starts_with(folder))
}

/// The sandbox's own paths, as a sandbox that listens on `ip` serves them.
pub(crate) fn build(shared: Arc<Shared>, ip: IpAddr) -> Router {
    control::router()
        .merge(page::router())
        .layer(middleware::from_fn_with_state(ip, refuse_foreign_pages))
        .layer(middleware::from_fn(add_protective_headers))
        .with_state(shared)
}

/// Lets the page load its own files only, and no foreign page embed or read an answer.
async fn add_protective_headers(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];

    let mut response = next.run(request).await;
    let headers: HeaderMap = HEADERS.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    response.headers_mut().extend(headers);
    response
}

/// Refuses a request unless its `Host` is an address or `localhost` and its `Origin`, if any, is this sandbox. The check
/// of `Host` stops DNS rebinding, in which a foreign page makes its own name resolve to this machine.
async fn refuse_foreign_pages(State(ip): State<IpAddr>, request: Request, next: Next) -> Response {
    if is_own(request.headers(), ip) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "This sandbox answers to its own address only.\n").into_response()
    }
}

fn is_own(headers: &HeaderMap, ip: IpAddr) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(host) = text(HOST) else { return false };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let same_origin = text(ORIGIN)
        .is_none_or(|origin| ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host)));
    same_origin && is_own_host(authority.host(), ip)
}

/// A sandbox that listens beyond loopback does not know all addresses that lead to it, so it accepts any address: only
/// a name can be rebound.
fn is_own_host(host: &str, ip: IpAddr) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) => address.is_loopback() || !ip.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}
