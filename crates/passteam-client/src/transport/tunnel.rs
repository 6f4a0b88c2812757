//! Asking a proxy for a tunnel to the server (`CONNECT`, RFC 9110, 9.3.6).
//!
//! Of the answer only the status and the ways to log in matter. It is read leniently: proxies are old, and their pages are long.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// An answer's head of this many bytes is still read.
const LARGEST_HEAD: usize = 256 * 1024;

/// Why there is no tunnel.
#[derive(Debug)]
pub(super) enum TunnelError {
    /// The connection to the proxy broke.
    Broken,
    /// What answered does not speak HTTP.
    NotHttp,
    /// The proxy refuses, with this status.
    Refused(u16),
    /// The proxy wants a user and a password, or others (407).
    LoginRequired {
        /// Whether `Basic` is among the ways that it offers, or it names none.
        by_password: bool,
    },
}

impl From<io::Error> for TunnelError {
    fn from(_: io::Error) -> Self {
        TunnelError::Broken
    }
}

/// Asks for a tunnel to `server` (`host:port`). When this returns, what is written to `proxy` goes to the server.
///
/// # Errors
/// What [`TunnelError`] lists.
pub(super) async fn open(
    proxy: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &str,
    user_agent: &str,
    authorization: Option<&str>,
) -> Result<(), TunnelError> {
    let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {user_agent}\r\n");
    if let Some(authorization) = authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    proxy.write_all(request.as_bytes()).await?;
    proxy.flush().await?;
    loop {
        let head = read_head(proxy).await?;
        match status(&head).ok_or(TunnelError::NotHttp)? {
            // The answer is still to come.
            100..=199 => {}
            200..=299 => return Ok(()),
            407 => return Err(TunnelError::LoginRequired { by_password: offers_password(&head) }),
            status => return Err(TunnelError::Refused(status)),
        }
    }
}

/// Reads up to the empty line, and not one byte more: those belong to the server. A proxy answers once a connection, so that
/// reading byte by byte costs nothing worth a buffer.
async fn read_head(proxy: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, TunnelError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\n\r\n") && !head.ends_with(b"\n\n") {
        match proxy.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !head.is_empty() => break,
            Err(error) => return Err(error.into()),
        }
        let is_other = head.len() == b"HTTP/".len() && !head.eq_ignore_ascii_case(b"HTTP/");
        if is_other || head.len() > LARGEST_HEAD {
            return Err(TunnelError::NotHttp);
        }
    }
    Ok(head)
}

/// `HTTP/1.0 200 whatever`: the version is not looked at.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next()?.get(..5).filter(|name| name.eq_ignore_ascii_case(b"HTTP/"))?;
    let digits = words.next().filter(|digits| digits.len() == 3)?;
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| *status >= 100)
}

/// Whether a 407 asks for a password as we can give it. One that names no way at all may well take it.
fn offers_password(head: &[u8]) -> bool {
    const NAME: &str = "proxy-authenticate";
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let offers = head.lines().filter_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == NAME));
    takes_password(offers.map(|(_, offer)| offer))
}

/// Whether `Basic` is among the ways to log in that a proxy offers, or it names none.
pub(super) fn takes_password(offers: impl Iterator<Item = impl AsRef<str>>) -> bool {
    let mut offers = offers.peekable();
    let is_basic = |word: &str| word.eq_ignore_ascii_case("basic");
    offers.peek().is_none() || offers.any(|offer| offer.as_ref().split([' ', ',', '\t']).any(is_basic))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What comes of a proxy that says this and closes; and what it leaves unread.
    async fn answered(answer: &[u8]) -> (Result<(), TunnelError>, Vec<u8>) {
        let (mut client, mut proxy) = duplex(1 << 20);
        proxy.write_all(answer).await.expect("written");
        proxy.shutdown().await.expect("closed");
        let opened = open(&mut client, "shop.test:443", "test", None).await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.expect("read");
        (opened, rest)
    }

    #[tokio::test]
    async fn any_success_of_any_version_opens_a_tunnel() {
        for answer in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.0 200\r\n\r\n",
            "HTTP/1.1  204  \u{434}\u{430}\r\nX: 1\r\n folded\r\nodd \u{1}: \u{2}\r\n\r\n",
            "HTTP/1.1 299 ok\nno colon\n\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n",
        ] {
            let (opened, rest) = answered(format!("{answer}server").as_bytes()).await;
            assert!(opened.is_ok(), "{answer:?}: {opened:?}");
            assert_eq!(rest, b"server", "{answer:?}");
        }
        let many = "X-Header: value\r\n".repeat(1000);
        assert!(answered(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()).await.0.is_ok());
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_status_whatever_page_follows() {
        let page = "x".repeat(500_000);
        for status in [302, 403, 502, 503, 504] {
            let (opened, _) = answered(format!("HTTP/1.1 {status} X\r\n\r\n{page}").as_bytes()).await;
            assert!(matches!(opened, Err(TunnelError::Refused(told)) if told == status), "{opened:?}");
        }
    }

    #[tokio::test]
    async fn a_login_that_a_password_cannot_do_is_told_from_others() {
        for (headers, expected) in [
            ("", true),
            ("Proxy-Authenticate: Basic realm=\"x\"\r\n", true),
            ("Proxy-Authenticate: Negotiate\r\nProxy-authenticate : NTLM\r\n", false),
            ("Proxy-Authenticate: Negotiate\r\nPROXY-AUTHENTICATE: basic realm=x\r\n", true),
            ("Proxy-Authenticate: NTLM, Basic realm=\"x\"\r\n", true),
        ] {
            let (opened, _) = answered(format!("HTTP/1.1 407 X\r\n{headers}\r\n").as_bytes()).await;
            let told = matches!(opened, Err(TunnelError::LoginRequired { by_password }) if by_password == expected);
            assert!(told, "{headers:?}: {opened:?}");
        }
    }

    #[tokio::test]
    async fn what_does_not_speak_http_is_told_apart_from_a_broken_connection() {
        for answer in ["SSH-2.0-OpenSSH_9.2\r\n", "220 mail ESMTP\r\n", "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 2000\r\n\r\n"]
        {
            let (opened, _) = answered(answer.as_bytes()).await;
            assert!(matches!(opened, Err(TunnelError::NotHttp)), "{answer:?}: {opened:?}");
        }
        assert!(matches!(answered(b"").await.0, Err(TunnelError::Broken)));
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(LARGEST_HEAD));
        assert!(matches!(answered(endless.as_bytes()).await.0, Err(TunnelError::NotHttp)));
    }

    #[tokio::test]
    async fn the_request_names_the_server_and_carries_the_credentials() {
        let (mut client, mut proxy) = duplex(4096);
        proxy.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("written");
        open(&mut client, "shop.test:443", "agent", Some("Basic eA==")).await.expect("a tunnel");
        drop(client);
        let mut request = String::new();
        proxy.read_to_string(&mut request).await.expect("read");
        assert_eq!(
            request,
            "CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\nUser-Agent: agent\r\nProxy-Authorization: Basic eA==\r\n\r\n"
        );
    }
}
