//! The table of failures: servers and proxies that misbehave, and what a developer reads about each.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use addin_host::{Object, Value};
use addin_testkit::shop::{self, call, number, text};
use passteam_sandbox::{CertificateKind, Options, Sandbox, Tls};
use testkit::{Close, Connection, Peer, http, http_closing, https_url, prompt};

/// `Timeout` in seconds for servers that make a call wait until it.
const SHORT: f64 = 0.6;
/// `Timeout` in seconds for calls that must end long before it.
const LONG: f64 = 60.0;
/// How much later than `Timeout` a call may return, in seconds.
const GRACE: f64 = 0.3;
/// The pause between two bytes of a server that sends byte by byte.
const DRIP: Duration = Duration::from_secs(1);
/// In bytes; longer than any answer that a call reads to its end.
const HUGE: usize = 50 << 20;

/// One way to fail.
pub struct Case {
    pub name: &'static str,
    pub kind: &'static str,
    pub code: u16,
    /// Whether the call waits until `Timeout`.
    pub waits: bool,
    stage: Box<dyn Fn() -> Stage + Send + Sync>,
}

/// A server that is ready to misbehave, and the settings with which an object reaches it.
pub struct Stage {
    url: String,
    proxy: String,
    certificate_file: Option<String>,
    /// Servers and files that are needed as long as the stage is.
    _kept: Vec<Box<dyn Any>>,
    /// A folder that is removed after the settings are made.
    doomed: Option<tempfile::TempDir>,
}

impl Stage {
    pub fn at(url: impl Into<String>) -> Stage {
        Stage { url: url.into(), proxy: "direct".into(), certificate_file: None, _kept: Vec::new(), doomed: None }
    }

    pub fn through(self, proxy: impl Into<String>) -> Stage {
        Stage { proxy: proxy.into(), ..self }
    }

    fn keeping(mut self, kept: impl Any) -> Stage {
        self._kept.push(Box::new(kept));
        self
    }

    /// Sets up an object for this server.
    pub fn set_up(&mut self, object: &Object) {
        shop::set_up(object, &self.url);
        object.set("Proxy", self.proxy.as_str()).unwrap();
        object.set("CertificateFile", self.certificate_file.as_deref().unwrap_or_default()).unwrap();
        drop(self.doomed.take());
    }
}

impl Case {
    fn new(
        name: &'static str,
        kind: &'static str,
        code: u16,
        stage: impl Fn() -> Stage + Send + Sync + 'static,
    ) -> Case {
        Case { name, kind, code, waits: kind == "Timeout", stage: Box::new(stage) }
    }

    /// A server of plain HTTP whose connections are each handed to a script.
    fn peer(
        name: &'static str,
        kind: &'static str,
        code: u16,
        script: impl Fn(Connection) + Send + Sync + Clone + 'static,
    ) -> Case {
        Case::new(name, kind, code, move || Stage::at(Peer::start(script.clone()).url()))
    }

    /// A server of plain HTTP that answers each request with these bytes and closes the connection.
    fn answer(name: &'static str, kind: &'static str, code: u16, answer: impl Into<Vec<u8>>) -> Case {
        let answer = answer.into();
        Case::new(name, kind, code, move || Stage::at(Peer::answering_once(answer.clone()).url()))
    }

    /// A server that is asked over TLS, and speaks what its script says.
    fn secure(
        name: &'static str,
        kind: &'static str,
        script: impl Fn(Connection) + Send + Sync + Clone + 'static,
    ) -> Case {
        Case::new(name, kind, 0, move || Stage::at(Peer::start(script.clone()).https_url()))
    }

    fn certificate(name: &'static str, kind: CertificateKind) -> Case {
        Case::new(name, "Certificate", 0, move || trusting(Tls::Certificate(kind)))
    }

    /// A proxy that misbehaves. The server behind it, of plain HTTP or of HTTPS, is never reached.
    fn proxy(
        name: &'static str,
        kind: &'static str,
        code: u16,
        server: fn(SocketAddr) -> String,
        script: impl Fn(Connection) + Send + Sync + Clone + 'static,
    ) -> Case {
        Case::new(name, kind, code, move || {
            let proxy = Peer::start(script.clone()).address();
            Stage::at(server(Peer::nobody())).through(format!("http://{proxy}"))
        })
    }

    pub fn stage(&self) -> Stage {
        (self.stage)()
    }

    pub fn timeout(&self) -> f64 {
        if self.waits { SHORT } else { LONG }
    }
}

fn plain(address: SocketAddr) -> String {
    format!("http://{address}/oapi/v1")
}

/// A sandbox whose authority is trusted, so that only its own certificate can be wrong.
fn trusting(tls: Tls) -> Stage {
    let sandbox = shop::sandbox_with(Options { tls, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let certificate_file = Some(shop::ca_file(&sandbox, folder.path()));
    Stage { certificate_file, ..Stage::at(sandbox.url()) }.keeping((sandbox, folder))
}

fn certificate_file_that_goes() -> Stage {
    let sandbox = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let certificate_file = Some(shop::ca_file(&sandbox, folder.path()));
    Stage { certificate_file, doomed: Some(folder), ..Stage::at(sandbox.url()) }.keeping(sandbox)
}

/// Reads a request, writes some bytes of an answer, and ends the connection.
fn breaking(answer: &'static str, how: Close) -> impl Fn(Connection) + Send + Sync + Clone {
    move |mut connection| {
        if connection.read_request().is_some() && connection.send(answer.as_bytes()) {
            connection.close(how);
        }
    }
}

/// Reads a request, writes the first bytes and then `more` again and again.
fn flooding(first: &'static str, more: impl Into<Vec<u8>>) -> impl Fn(Connection) + Send + Sync + Clone {
    let more = more.into();
    move |mut connection| {
        if connection.read_request().is_some() && connection.send(first) {
            connection.flood(&more);
        }
    }
}

/// Reads the head of a request and answers at once.
fn replying(answer: &'static str) -> impl Fn(Connection) + Send + Sync + Clone {
    move |mut connection| {
        if connection.read_head().is_some() {
            connection.send(answer.as_bytes());
        }
    }
}

/// A ServerHello of an old version of TLS, without extensions (RFC 4346, 7.4.1.3).
fn old_tls(minor: u8) -> impl Fn(Connection) + Send + Sync + Clone {
    move |mut connection| {
        let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
        hello.extend_from_slice(&[7; 32]);
        hello.extend_from_slice(&[0, 0, 0x2f, 0]);
        connection.send(hello);
        connection.wait_for_close();
    }
}

/// Alert "protocol version" (RFC 5246, 7.2.2): sent by a server that has only older versions.
const PROTOCOL_VERSION_ALERT: &[u8] = &[21, 3, 1, 0, 2, 2, 70];

/// A chunk of 1 KiB.
fn chunk() -> Vec<u8> {
    format!("400\r\n{}\r\n", " ".repeat(0x400)).into_bytes()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const WANTS_PASSWORD: &str =
    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";

/// All rows of the table. None of them needs a process of its own.
pub fn cases() -> Vec<Case> {
    [connections(), answers(), secure_connections(), proxies()].into_iter().flatten().collect()
}

fn connections() -> Vec<Case> {
    vec![
        Case::new("refused", "Connection", 0, || Stage::at(plain(Peer::nobody()))),
        Case::peer("accepted and silent", "Timeout", 0, |mut connection| connection.wait_for_close()),
        Case::peer("accepted and unread", "Timeout", 0, |connection| {
            thread::sleep(Duration::from_secs(5));
            drop(connection);
        }),
        Case::peer("closed at once", "Connection", 0, drop),
        Case::peer("reset at once", "Connection", 0, |connection| connection.close(Close::Reset)),
        Case::peer("closed after the request", "Connection", 0, breaking("", Close::Fin)),
        Case::peer("reset after the request", "Connection", 0, breaking("", Close::Reset)),
        Case::peer("closed within the headers", "Connection", 0, breaking(HEAD, Close::Fin)),
        Case::peer("reset within the headers", "Connection", 0, breaking(HEAD, Close::Reset)),
    ]
}

fn answers() -> Vec<Case> {
    let to_elsewhere = |status| {
        move || {
            let elsewhere = Peer::silent();
            let location = format!("Location: {}/createcard", elsewhere.url());
            Stage::at(Peer::answering(http_closing(status, &[&location], "")).url())
        }
    };
    let limited = |name, pause: Option<String>| {
        let pause = pause.map(|pause| format!("Retry-After: {pause}"));
        let headers: Vec<&str> = pause.iter().map(String::as_str).collect();
        Case::answer(name, "RateLimited", 429, http_closing(429, &headers, r#"{"code": 429, "message": "Too many"}"#))
    };
    let mut wrong_charset = http_closing(200, &[], "");
    wrong_charset.truncate(0);
    let body = b"{\"code\": 400, \"message\": \"\xcf\xeb\xee\xf5\xee\"}";
    wrong_charset
        .extend_from_slice(format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
    wrong_charset.extend_from_slice(body);
    vec![
        Case::new("headers drip", "Timeout", 0, || Stage::at(Peer::dripping(http_closing(200, &[], "{}"), DRIP).url())),
        Case::peer("body drips", "Timeout", 0, |mut connection| {
            let head = format!("{HEAD}Content-Length: 100\r\n\r\n");
            if connection.read_request().is_some() && connection.send(head.as_bytes()) {
                connection.drip(&[b' '; 100], DRIP);
            }
        }),
        Case::peer("body never begins", "Timeout", 0, |mut connection| {
            let head = format!("{HEAD}Content-Length: 100\r\n\r\n");
            if connection.read_request().is_some() && connection.send(head.as_bytes()) {
                connection.wait_for_close();
            }
        }),
        Case::answer("body cut short", "BadResponse", 0, format!("{HEAD}Content-Length: 100\r\n\r\n{{\"code\": 200")),
        Case::answer(
            "chunked body cut short",
            "BadResponse",
            0,
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"cod\r\n"),
        ),
        Case::peer("body reset", "BadResponse", 0, |mut connection| {
            let part = format!("{HEAD}Content-Length: 3000000\r\n\r\n{{\"code\"");
            // A reset discards what is still unread: with the headers unread it would be another row.
            if connection.read_request().is_some() && connection.send_until_read(part, b' ') {
                connection.close(Close::Reset);
            }
        }),
        Case::answer("garbage", "BadResponse", 0, &b"\x00\x01\x02 what is this\r\n\r\n\xff\xfe"[..]),
        Case::answer("a greeting of SMTP", "BadResponse", 0, "220 mail.example ESMTP\r\n"),
        Case::peer("an answer before the request", "BadResponse", 0, |mut connection| {
            if connection.send(b"SSH-2.0-OpenSSH_9.2\r\n") {
                connection.wait_for_close();
            }
        }),
        Case::peer("headers without end", "BadResponse", 0, flooding(HEAD, *b"X-More: and more of it\r\n")),
        Case::answer("HTML with 502", "ServerError", 502, http_closing(502, &[], "<html><h1>Bad Gateway</h1></html>")),
        Case::answer("HTML with 200", "BadResponse", 200, http_closing(200, &[], "<html>Войдите в сеть</html>")),
        Case::answer("empty body", "BadResponse", 200, http_closing(200, &[], "")),
        Case::answer(
            "JSON of another shape",
            "BadResponse",
            200,
            http_closing(200, &[], r#"{"result": [1, 2], "error": "no"}"#),
        ),
        Case::answer("JSON that is no object", "BadResponse", 200, http_closing(200, &[], r#""OK""#)),
        Case::answer("unfinished JSON", "BadResponse", 200, http_closing(200, &[], r#"{"code": 200, "result": {"#)),
        Case::answer("wrong charset", "Rejected", 400, wrong_charset),
        Case::answer("UTF-16", "BadResponse", 200, utf16_answer()),
        Case::answer(
            "compressed without being asked to",
            "BadResponse",
            200,
            http_closing(200, &["Content-Encoding: gzip"], "\u{1f}\u{8b}"),
        ),
        Case::new("50 MB announced", "BadResponse", 0, || {
            Stage::at(
                Peer::start(|mut connection| {
                    let head = format!("{HEAD}Content-Length: {HUGE}\r\n\r\n");
                    if connection.read_request().is_some() && connection.send(head.as_bytes()) {
                        for _ in 0..HUGE / 1024 {
                            if !connection.send([b' '; 1024]) {
                                return;
                            }
                        }
                    }
                })
                .url(),
            )
        }),
        Case::peer("endless body", "BadResponse", 0, flooding("HTTP/1.0 200 OK\r\n\r\n", [b' '; 1024])),
        Case::peer(
            "endless chunks",
            "BadResponse",
            0,
            flooding("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk()),
        ),
        Case::new("301 to another host", "BadResponse", 301, to_elsewhere(301)),
        Case::new("302 to another host", "BadResponse", 302, to_elsewhere(302)),
        Case::new("307 to another host", "BadResponse", 307, to_elsewhere(307)),
        Case::new("308 to another host", "BadResponse", 308, to_elsewhere(308)),
        // No call waits that long, not even a batch, which waits out what fits into the `Timeout` of each card.
        limited("429, seconds", Some((LONG + 1.0).to_string())),
        limited("429, a date", Some("Tue, 31 Dec 2999 23:59:59 GMT".into())),
        limited("429, absurd", Some("99999999999999999999999999".into())),
        limited("429, nonsense", Some("when it suits".into())),
        limited("429, no pause named", None),
    ]
}

fn utf16_answer() -> Vec<u8> {
    let body: Vec<u8> = r#"{"code": 200}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let head = format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}

fn secure_connections() -> Vec<Case> {
    vec![
        Case::new("TLS refused", "Connection", 0, || Stage::at(https_url(Peer::nobody()))),
        Case::secure("TLS handshake stalls", "Timeout", |mut connection| connection.wait_for_close()),
        Case::secure("TLS handshake drips", "Timeout", |mut connection| {
            connection.drip(&[22, 3, 3, 1, 0, 2], DRIP);
        }),
        Case::secure("TLS handshake closed", "Connection", drop),
        Case::secure("TLS handshake reset", "Connection", |connection| connection.close(Close::Reset)),
        Case::secure("plain HTTP instead of TLS", "Connection", |mut connection| {
            connection.send(http_closing(400, &[], "The plain HTTP request was sent to HTTPS port"));
            connection.wait_for_close();
        }),
        Case::secure("TLS 1.0", "Connection", old_tls(1)),
        Case::secure("TLS 1.1", "Connection", old_tls(2)),
        Case::secure("SSL 3.0", "Connection", old_tls(0)),
        Case::secure("no common version of TLS", "Connection", |mut connection| {
            connection.send(PROTOCOL_VERSION_ALERT);
            connection.wait_for_close();
        }),
        Case::certificate("self-signed", CertificateKind::SelfSigned),
        Case::certificate("expired", CertificateKind::Expired),
        Case::certificate("not yet valid", CertificateKind::NotYetValid),
        Case::certificate("wrong host", CertificateKind::WrongHost),
        Case::certificate("unknown CA", CertificateKind::UnknownCa),
        Case::new("CA not trusted", "Certificate", 0, || Stage { certificate_file: None, ..trusting(Tls::OwnCa) }),
        Case::new("certificate file gone", "Certificate", 0, certificate_file_that_goes),
    ]
}

fn proxies() -> Vec<Case> {
    vec![
        Case::new("proxy refused", "Connection", 0, || {
            Stage::at(https_url(Peer::nobody())).through(format!("http://{}", Peer::nobody()))
        }),
        Case::new("proxy refused, plain http", "Connection", 0, || {
            Stage::at(plain(Peer::nobody())).through(format!("http://{}", Peer::nobody()))
        }),
        Case::proxy("proxy is silent", "Timeout", 0, https_url, |mut connection| connection.wait_for_close()),
        Case::proxy("proxy is silent, plain http", "Timeout", 0, plain, |mut connection| connection.wait_for_close()),
        Case::proxy("proxy closes", "Connection", 0, https_url, drop),
        Case::proxy("proxy resets", "Connection", 0, https_url, |connection| connection.close(Close::Reset)),
        Case::proxy("proxy wants a password", "Connection", 0, https_url, replying(WANTS_PASSWORD)),
        Case::proxy("proxy wants a password, plain http", "Connection", 407, plain, |mut connection| {
            if connection.read_request().is_some() {
                connection.send(WANTS_PASSWORD.as_bytes());
            }
        }),
        Case::proxy(
            "proxy forbids",
            "Connection",
            0,
            https_url,
            replying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        ),
        Case::proxy("proxy reaches nobody", "Connection", 0, https_url, replying("HTTP/1.1 502 Bad Gateway\r\n\r\n")),
        Case::proxy(
            "proxy answers nonsense",
            "Connection",
            0,
            https_url,
            replying("\0\0\0 220 mail.example ESMTP\r\n\r\n"),
        ),
        Case::proxy("proxy answers nonsense without end", "Connection", 0, https_url, |mut connection| {
            connection.flood(b"nonsense ");
        }),
        Case::proxy("proxy's tunnel leads to no TLS", "Connection", 0, https_url, |mut connection| {
            if connection.read_head().is_some() {
                connection.send(b"HTTP/1.1 200 OK\r\n\r\n");
                connection.read_bytes(1);
                connection.send(http_closing(400, &[], "no TLS here"));
                connection.wait_for_close();
            }
        }),
        Case::proxy("proxy's tunnel breaks", "Connection", 0, https_url, replying("HTTP/1.1 200 OK\r\n\r\n")),
        Case::proxy("proxy's tunnel is silent", "Timeout", 0, https_url, |mut connection| {
            if connection.read_head().is_some() && connection.send(b"HTTP/1.1 200 OK\r\n\r\n") {
                connection.wait_for_close();
            }
        }),
    ]
}

/// The calls of each case: method and language.
const CALLS: [(&str, &str); 2] = [("CreateCard", "ru"), ("UpdateCard", "en")];

/// Calls a method; true if it succeeded.
pub fn attempt(object: &Object, method: &str) -> bool {
    let arguments: &[Value] = if method == "CreateCard" { &[] } else { &["5f0c1d2e3b4a596877660000".into()] };
    call(object, method, arguments)
}

/// Each failure's text contains one of these words, which say what to do.
const ADVICE: [(&str, [&str; 9]); 2] = [
    ("ru", ["роверьте", "овторите", "кажите", "оищите", "братитесь", "апросите", "ередайте", "ерните", "айдите"]),
    ("en", ["Check", "ry again", "Give", "ook for", "ask ", "Ask ", "Pass ", "Put it back", "name its"]),
];

fn check_text(object: &Object, language: &str) -> String {
    let description = text(object, "ErrorDescription");
    let (_, advice) = ADVICE.iter().find(|(code, _)| *code == language).unwrap();
    assert!(advice.iter().any(|word| description.contains(word)), "says what to do: {description}");
    let is_russian = description.chars().any(|letter| ('а'..='я').contains(&letter));
    assert_eq!(is_russian, language == "ru", "{description}");
    description
}

/// Runs one case with each method in its language; then the same object calls a service that works.
fn play(case: &Case, good: &Sandbox) {
    let mut descriptions = Vec::new();
    for (method, language) in CALLS {
        let object = shop::component();
        object.set_ui_language(language);
        prompt(Duration::from_secs_f64(case.timeout() + GRACE), || fail_once(case, &object, method));
        descriptions.push(check_text(&object, language));

        shop::set_up(&object, &good.url());
        object.set("CertificateFile", "").unwrap();
        object.set("Timeout", LONG).unwrap();
        shop::create(&object, &format!("{} {method}", case.name));
        assert_eq!(text(&object, "ErrorDescription"), "");
    }
    assert_ne!(descriptions[0], descriptions[1]);
}

/// A call that fails as the case says; returns the time that it took.
fn fail_once(case: &Case, object: &Object, method: &str) -> Duration {
    let mut stage = case.stage();
    stage.set_up(object);
    object.set("Timeout", case.timeout()).unwrap();
    let start = Instant::now();
    assert!(!attempt(object, method), "{method}");
    let took = start.elapsed();
    assert_eq!(text(object, "ErrorKind"), case.kind, "{method}: {}", text(object, "ErrorDescription"));
    assert_eq!(number(object, "Code"), f64::from(case.code), "{method}");
    assert!(!case.waits || took.as_secs_f64() >= case.timeout(), "{method} gave up after {took:?}");
    took
}

/// Runs the cases, a few at a time, and names those that failed.
///
/// No thread ends before all cases are over: if the thread that has asked for an event ends, wine can lose the event, and a thread
/// that waits for its own call also asks for the events of all other calls.
pub fn for_each(cases: &[Case], play: impl Fn(&Case) + Sync) {
    const AT_A_TIME: usize = 8;
    let waiting = Mutex::new(cases.iter());
    let failed = Mutex::new(Vec::new());
    let over = Barrier::new(AT_A_TIME);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(case) = { waiting.lock().unwrap().next() } {
                    if catch_unwind(AssertUnwindSafe(|| play(case))).is_err() {
                        eprintln!("the case was: {}", case.name);
                        failed.lock().unwrap().push(case.name);
                    }
                }
                over.wait();
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "see above: {failed:?}");
}

#[test]
fn every_failure_ends_in_time_says_what_to_do_and_leaves_the_object_unharmed() {
    let good = shop::sandbox();
    let cases = cases();
    for_each(&cases, |case| play(case, &good));
    assert_eq!(good.cards().len(), cases.len() * CALLS.len());
}

/// The bytes may come before, during or after the request.
#[test]
fn an_answer_without_a_request_is_a_bad_response_whenever_it_comes() {
    let peer = Peer::start(|mut connection| {
        if connection.send(b"220 mail.example ESMTP\r\n") {
            connection.wait_for_close();
        }
    });
    let object = shop::component_for(&peer.url());
    for _ in 0..200 {
        assert!(!attempt(&object, "CreateCard"));
        assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{}", text(&object, "ErrorDescription"));
    }
    assert_eq!(peer.connections(), 200, "nothing is sent again");
}

#[test]
fn a_redirect_takes_the_token_nowhere() {
    let elsewhere = Peer::silent();
    for scheme in ["http", "https"] {
        for status in [301, 302, 303, 307, 308] {
            let location = format!("Location: {scheme}://{}/oapi/v1/updatecard", elsewhere.address());
            let peer = Peer::answering(http(status, &[&location], ""));
            let object = shop::component_for(&peer.url());
            assert!(!attempt(&object, "UpdateCard"));
            assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{status}");
            assert_eq!(peer.connections(), 1, "a redirect is not asked for twice");
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// A service that refuses its first request with 429 and the header `pause`.
fn busy_once(pause: String) -> (Peer, Object) {
    let peer = Peer::start(move |mut connection| {
        if connection.read_request().is_some() {
            let is_busy = connection.number() == 0;
            connection.send(if is_busy {
                http_closing(429, &[&pause], "")
            } else {
                http_closing(200, &[], r#"{"code": 200}"#)
            });
        }
    });
    let object = shop::component_for(&peer.url());
    (peer, object)
}

#[test]
fn an_update_waits_out_a_pause_that_fits_whether_seconds_or_a_date() {
    for pause in ["Retry-After: 1", "Date: Tue, 31 Dec 2999 23:59:58 GMT\r\nRetry-After: Tue, 31 Dec 2999 23:59:59 GMT"]
    {
        let (peer, object) = busy_once(pause.into());
        let start = Instant::now();
        assert!(attempt(&object, "UpdateCard"), "{pause}: {}", text(&object, "ErrorDescription"));
        assert!(start.elapsed() >= Duration::from_secs(1), "{pause}");
        assert_eq!(peer.connections(), 2);

        let (peer, object) = busy_once(pause.into());
        assert!(!attempt(&object, "CreateCard"));
        assert_eq!(text(&object, "ErrorKind"), "RateLimited");
        assert_eq!(peer.connections(), 1, "a creation is not repeated");
    }
}

#[test]
fn a_pause_that_does_not_fit_ends_the_call_at_once() {
    for (pause, said) in [("Retry-After: 3600", "3600"), ("Retry-After: 61", "61")] {
        let (peer, object) = busy_once(pause.into());
        object.set("Timeout", LONG).unwrap();
        let start = Instant::now();
        assert!(!attempt(&object, "UpdateCard"));
        assert!(start.elapsed() < Duration::from_secs_f64(LONG));
        assert_eq!(peer.connections(), 1);
        assert!(text(&object, "ErrorDescription").contains(said));
    }
}
