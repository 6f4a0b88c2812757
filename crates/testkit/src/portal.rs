//! A network that answers every request itself until its user has logged in, as in hotels and shopping centres.

use crate::http::http_closing;

/// Where its log-in page is.
pub const LOG_IN_PAGE: &str = "http://login.hotel.example/welcome";

/// A redirect to the log-in page: what most such networks answer to plain HTTP.
pub fn redirect() -> Vec<u8> {
    http_closing(302, &[&format!("Location: {LOG_IN_PAGE}")], "<html><body>Moved</body></html>")
}

/// The log-in page in place of the answer.
pub fn page() -> Vec<u8> {
    let refresh = format!(r#"<html><head><meta http-equiv="refresh" content="0; url={LOG_IN_PAGE}"></head></html>"#);
    http_closing(200, &["Content-Type: text/html; charset=utf-8"], &refresh)
}

/// The status that exists for this (RFC 6585, 6).
pub fn network_authentication_required() -> Vec<u8> {
    let body = format!(r#"<html><body><a href="{LOG_IN_PAGE}">Log in</a></body></html>"#);
    http_closing(511, &["Content-Type: text/html"], &body)
}
