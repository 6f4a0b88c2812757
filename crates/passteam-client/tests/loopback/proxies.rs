//! Proxies that work, refuse, and answer nonsense.

use std::time::Duration;

use passteam_client::settings::{Proxy, Settings};
use passteam_client::{Cause, Kind, call};
use testkit::apart::rerun;
use testkit::{Authority, Peer, http, test_path};

use crate::calls::{CREATED, PemFile, UPDATED, assert_success, create, failure, settings, update};

/// `Basic` with `Иван` and `p@ss:word %`, encoded by another tool (`base64`).
const CREDENTIALS: &str = "Basic 0JjQstCw0L46cEBzczp3b3JkICU=";

/// The same user and password in a URL.
const USER: &str = "%D0%98%D0%B2%D0%B0%D0%BE:p%40ss%3Aword%20%25";

/// Tells the process of [`https_goes_through_the_systems_proxy_and_plain_http_does_not`] where the server is.
const SERVER: &str = "PASSTEAM_TEST_SERVER";

fn answering(answer: &'static [u8]) -> Peer {
    Peer::start(move |mut connection| {
        if connection.read_request().is_some() {
            connection.send(answer);
        }
    })
}

fn through(proxy: &str, server: &str) -> Settings {
    Settings { proxy: Proxy::parse(proxy).expect("a proxy"), ..settings(server) }
}

#[test]
fn https_goes_through_a_tunnel_with_the_decoded_credentials_for_the_proxy_alone() {
    let authority = Authority::named("Test CA");
    let file = PemFile::new(&authority.pem());
    let server =
        Peer::tls(authority.server("localhost"), |mut connection| connection.answer_all(&http(200, &[], CREATED)));
    let proxy = testkit::Proxy::start();
    let address = proxy.url_with("%D0%98%D0%B2%D0%B0%D0%BE", "p%40ss%3Aword%20%25");
    let settings = Settings { certificate_file: Some(file.open()), ..through(&address, &server.url()) };
    assert_success(&call(&settings, &create()));
    let connect = proxy.heads().remove(0);
    assert!(connect.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", server.address().port())), "{connect}");
    assert!(connect.to_ascii_lowercase().contains("proxy-authorization: basic"), "{connect}");
    assert!(connect.contains(CREDENTIALS), "{connect}");
    assert!(!connect.contains("TOKEN"), "{connect}");
    let request = server.requests().remove(0);
    assert!(!request.to_ascii_lowercase().contains("proxy-authorization"), "{request}");
}

#[test]
fn a_certificate_is_checked_behind_a_proxy_too() {
    let authority = Authority::named("Test CA");
    let server =
        Peer::tls(authority.server("localhost"), |mut connection| connection.answer_all(&http(200, &[], CREATED)));
    let proxy = testkit::Proxy::start();
    let report = call(&through(&proxy.url(), &server.url()), &create());
    assert_eq!(failure(&report), (Kind::Certificate, Cause::IssuerNotSent));
    assert!(server.requests().is_empty());

    let file = PemFile::new(&authority.pem());
    let server =
        Peer::tls(authority.server("other.example"), |mut connection| connection.answer_all(&http(200, &[], CREATED)));
    let settings = Settings { certificate_file: Some(file.open()), ..through(&proxy.url(), &server.url()) };
    assert_eq!(failure(&call(&settings, &create())), (Kind::Certificate, Cause::WrongHost));
}

#[test]
fn a_tunnel_that_leads_to_something_else_is_a_tls_failure() {
    let server = Peer::start(|mut connection| {
        connection.read_bytes(1);
        connection.send(b"SSH-2.0-OpenSSH_9.2\r\n");
        connection.wait_for_close();
    });
    let proxy = testkit::Proxy::start();
    let url = format!("https://localhost:{}", server.address().port());
    assert_eq!(failure(&call(&through(&proxy.url(), &url), &create())), (Kind::Connection, Cause::NotTls));
}

#[test]
fn a_proxy_that_wants_a_password_is_reported() {
    let proxy = answering(
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    );
    let address = format!("http://user:wrong@{}", proxy.address());
    let report = call(&Settings { retries: 1, ..through(&address, "https://service.invalid/v1") }, &create());
    assert_eq!(failure(&report), (Kind::Connection, Cause::ProxyAuthentication));
    assert_eq!((report.code, report.tries), (0, 2), "nothing of the request has left");

    let report = call(&Settings { retries: 1, ..through(&address, "http://127.0.0.1:1/v1") }, &create());
    assert_eq!(failure(&report), (Kind::Connection, Cause::ProxyAuthentication));
    assert_eq!((report.code, report.tries), (407, 1), "plain http: the proxy has the request");
}

#[test]
fn a_proxy_that_does_not_connect_is_reported() {
    let login = b"HTTP/1.1 407 Log in\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n";
    let peers = [
        (answering(b"HTTP/1.1 403 Forbidden\r\n\r\n"), Cause::ProxyRefused { status: 403 }),
        (answering(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), Cause::ProxyRefused { status: 502 }),
        (answering(login), Cause::ProxyLoginUnsupported),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), Cause::ProxyNotHttp),
        (answering(b""), Cause::Proxy),
    ];
    let unreachable = [format!("http://{}", Peer::nobody()), "http://no-proxy.invalid:3128".to_owned()];
    let answering = peers.iter().map(|(peer, cause)| (format!("http://{}", peer.address()), cause.clone()));
    for (address, cause) in answering.chain(unreachable.clone().map(|address| (address, Cause::Proxy))) {
        for request in [create(), update()] {
            let report = call(&Settings { retries: 1, ..through(&address, "https://service.invalid/v1") }, &request);
            assert_eq!(failure(&report), (Kind::Connection, cause.clone()), "{address}");
            assert_eq!(report.tries, 2, "{address}");
        }
    }
    for address in unreachable {
        let report = call(&through(&address, "http://127.0.0.1:1/v1"), &create());
        assert_eq!(failure(&report), (Kind::Connection, Cause::Proxy), "{address}");
    }
}

#[test]
fn a_proxy_that_never_answers_uses_up_the_time() {
    let proxy = Peer::silent();
    let address = format!("http://{}", proxy.address());
    for url in ["https://service.invalid/v1", "http://127.0.0.1:1/v1"] {
        let settings = Settings { timeout: Duration::from_millis(300), ..through(&address, url) };
        assert_eq!(failure(&call(&settings, &create())), (Kind::Timeout, Cause::Deadline));
    }
}

#[test]
fn plain_http_goes_through_a_proxy_that_was_named() {
    let proxy = Peer::answering(http(200, &[], UPDATED));
    let address = format!("http://{USER}@{}", proxy.address());
    assert_success(&call(&through(&address, "http://127.0.0.1:1/v1"), &update()));
    let request = proxy.requests().remove(0);
    assert!(request.starts_with("POST http://127.0.0.1:1/v1/updatecard HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(CREDENTIALS), "{request}");
}

#[test]
fn the_service_may_answer_407_itself() {
    let proxy = Peer::answering(http(407, &[], r#"{"code":400,"message":"no"}"#));
    let report = call(&through(&format!("http://{}", proxy.address()), "http://127.0.0.1:1/v1"), &update());
    assert_eq!((failure(&report), report.code), ((Kind::Rejected, Cause::Rejected), 400));
    let direct = Peer::answering(http(407, &[], ""));
    let report = call(&settings(&direct.url()), &update());
    assert_eq!((failure(&report), report.code), ((Kind::Rejected, Cause::Rejected), 407));
}

#[test]
fn https_goes_through_the_systems_proxy_and_plain_http_does_not() {
    let server = Peer::answering(http(200, &[], UPDATED));
    let proxy = answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    let address = format!("http://{USER}@{}", proxy.address());
    let output = rerun(test_path!(https_goes_through_the_systems_proxy_and_plain_http_does_not), |command| {
        for variable in ["REQUEST_METHOD", "NO_PROXY", "no_proxy"] {
            command.env_remove(variable);
        }
        command.envs([("HTTPS_PROXY", &address), ("HTTP_PROXY", &address), ("ALL_PROXY", &address)]);
        command.env(SERVER, server.url());
    });
    if output.is_some() {
        assert_eq!((server.requests().len(), proxy.requests().len()), (1, 1));
        let connect = proxy.requests().remove(0);
        assert!(connect.starts_with("CONNECT service.invalid:443 ") && connect.contains(CREDENTIALS), "{connect}");
        return;
    }
    let through_the_system = |url: &str| Settings { proxy: Proxy::System, ..settings(url) };
    assert_success(&call(&through_the_system(&std::env::var(SERVER).expect("a server")), &update()));
    let report = call(&through_the_system("https://service.invalid/v1"), &update());
    assert_eq!(failure(&report), (Kind::Connection, Cause::ProxyAuthentication));
    let direct = Settings { proxy: Proxy::Direct, ..settings("https://service.invalid/v1") };
    assert_eq!(failure(&call(&direct, &update())), (Kind::Connection, Cause::NameNotResolved));
}
