//! The failure table: peers that misbehave, and what a developer reads about each.

use std::any::Any;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use addin_host::{Object, Value};
use passteam_sandbox::{CertificateKind, Options, Sandbox, Tls};
use testkit::peer::{Close, Peer, close, drip, flood, http, read_request, stall};
use testkit::proxy::read_head;
use testkit::shop::{self, call, number, text};

/// `Timeout` where a peer makes a call use it up, in seconds.
const SHORT: f64 = 0.6;
/// `Timeout` where a call must end long before.
const LONG: f64 = 20.0;
/// How much later than `Timeout` a call may return, in seconds.
const GRACE: f64 = 0.3;
/// The pause between two bytes that drip.
const DRIP: Duration = Duration::from_secs(1);
/// More than a call reads of an answer, in bytes.
const HUGE: usize = 50 << 20;

/// A way to fail.
pub struct Case {
    pub name: &'static str,
    pub kind: &'static str,
    pub code: u16,
    /// Whether it goes on until `Timeout`.
    pub waits: bool,
    stage: Box<dyn Fn() -> Stage + Send + Sync>,
}

/// A peer that is ready to misbehave, and the settings that lead to it.
pub struct Stage {
    url: String,
    proxy: String,
    certificate_file: Option<String>,
    /// What lives as long as the stage.
    _kept: Vec<Box<dyn Any>>,
    /// Removed once the settings are made.
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

    /// Leads an object there.
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
        script: impl Fn(TcpStream, usize) + Send + Sync + Clone + 'static,
    ) -> Case {
        Case::new(name, kind, code, move || Stage::at(Peer::start(script.clone()).url()))
    }

    /// A server of plain HTTP that answers each request with these bytes and closes the connection.
    fn answer(name: &'static str, kind: &'static str, code: u16, answer: impl Into<Vec<u8>>) -> Case {
        let answer = answer.into();
        Case::new(name, kind, code, move || Stage::at(Peer::answering(answer.clone()).url()))
    }

    /// A server that is asked over TLS, whatever it speaks itself.
    fn secure(
        name: &'static str,
        kind: &'static str,
        script: impl Fn(TcpStream, usize) + Send + Sync + Clone + 'static,
    ) -> Case {
        Case::new(name, kind, 0, move || Stage::at(https(Peer::start(script.clone()).address())))
    }

    fn certificate(name: &'static str, kind: CertificateKind) -> Case {
        Case::new(name, "Certificate", 0, move || trusting(Tls::Certificate(kind)))
    }

    /// A proxy to a server of plain HTTP or of HTTPS, neither of which is ever reached.
    fn proxy(
        name: &'static str,
        kind: &'static str,
        code: u16,
        server: fn(SocketAddr) -> String,
        script: impl Fn(TcpStream, usize) + Send + Sync + Clone + 'static,
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

pub fn https(address: SocketAddr) -> String {
    format!("https://localhost:{}/oapi/v1", address.port())
}

fn plain(address: SocketAddr) -> String {
    format!("http://{address}/oapi/v1")
}

/// A sandbox whose CA is trusted, so that nothing but its certificate can be wrong.
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
fn breaking(answer: &'static str, how: Close) -> impl Fn(TcpStream, usize) + Send + Sync + Clone {
    move |mut stream, _| {
        if read_request(&mut stream).is_some() && stream.write_all(answer.as_bytes()).is_ok() {
            close(&stream, how);
        }
    }
}

/// Reads a request, writes the first bytes and then `more` again and again.
fn flooding(first: &'static str, more: &'static [u8]) -> impl Fn(TcpStream, usize) + Send + Sync + Clone {
    move |mut stream, _| {
        if read_request(&mut stream).is_some() && stream.write_all(first.as_bytes()).is_ok() {
            flood(&mut stream, more);
        }
    }
}

/// Reads the head of a request and answers at once.
fn replying(answer: &'static str) -> impl Fn(TcpStream, usize) + Send + Sync + Clone {
    move |mut stream, _| {
        if read_head(&stream).is_some() {
            // The client may have gone.
            let _ = stream.write_all(answer.as_bytes());
        }
    }
}

/// A ServerHello of an old version of TLS, without extensions (RFC 4346, 7.4.1.3).
fn old_tls(minor: u8) -> impl Fn(TcpStream, usize) + Send + Sync + Clone {
    move |mut stream, _| {
        let mut hello = vec![22, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
        hello.extend_from_slice(&[7; 32]);
        hello.extend_from_slice(&[0, 0, 0x2f, 0]);
        // The client may have gone.
        let _ = stream.write_all(&hello);
        stall(stream);
    }
}

/// Alert "protocol version" (RFC 5246, 7.2.2): what a server says that has only older versions.
const PROTOCOL_VERSION_ALERT: &[u8] = &[21, 3, 1, 0, 2, 2, 70];

const ENDLESS_CHUNK: &[u8] = b"40\r\n                                                                \r\n";
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
const WANTS_PASSWORD: &str =
    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";

/// Every row of the table that can be played without a process of its own.
pub fn cases() -> Vec<Case> {
    [connections(), answers(), secure_connections(), proxies()].into_iter().flatten().collect()
}

fn connections() -> Vec<Case> {
    vec![
        Case::new("refused", "Connection", 0, || Stage::at(plain(Peer::nobody()))),
        Case::peer("accepted and silent", "Timeout", 0, |stream, _| stall(stream)),
        Case::peer("accepted and unread", "Timeout", 0, |stream, _| {
            thread::sleep(Duration::from_secs(5));
            drop(stream);
        }),
        Case::peer("closed at once", "Connection", 0, |stream, _| drop(stream)),
        Case::peer("reset at once", "Connection", 0, |stream, _| close(&stream, Close::Reset)),
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
            Stage::at(Peer::answering(http(status, &[&location], "")).url())
        }
    };
    let limited = |name, pause: Option<String>| {
        let pause = pause.map(|pause| format!("Retry-After: {pause}"));
        let headers: Vec<&str> = pause.iter().map(String::as_str).collect();
        Case::answer(name, "RateLimited", 429, http(429, &headers, r#"{"code": 429, "message": "Too many"}"#))
    };
    let mut wrong_charset = http(200, &[], "");
    wrong_charset.truncate(0);
    let body = b"{\"code\": 400, \"message\": \"\xcf\xeb\xee\xf5\xee\"}";
    wrong_charset
        .extend_from_slice(format!("{HEAD}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
    wrong_charset.extend_from_slice(body);
    vec![
        Case::new("headers drip", "Timeout", 0, || Stage::at(Peer::dripping(http(200, &[], "{}"), DRIP).url())),
        Case::peer("body drips", "Timeout", 0, |mut stream, _| {
            let head = format!("{HEAD}Content-Length: 100\r\n\r\n");
            if read_request(&mut stream).is_some() && stream.write_all(head.as_bytes()).is_ok() {
                drip(&mut stream, &[b' '; 100], DRIP);
            }
        }),
        Case::peer("body never begins", "Timeout", 0, |mut stream, _| {
            let head = format!("{HEAD}Content-Length: 100\r\n\r\n");
            if read_request(&mut stream).is_some() && stream.write_all(head.as_bytes()).is_ok() {
                stall(stream);
            }
        }),
        Case::answer("body cut short", "BadResponse", 0, format!("{HEAD}Content-Length: 100\r\n\r\n{{\"code\": 200")),
        Case::answer(
            "chunked body cut short",
            "BadResponse",
            0,
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"cod\r\n"),
        ),
        Case::peer("body reset", "BadResponse", 0, |mut stream, _| {
            let part = format!("{HEAD}Content-Length: 100\r\n\r\n{{\"code\"");
            if read_request(&mut stream).is_some() && stream.write_all(part.as_bytes()).is_ok() {
                // A reset that overtakes the headers would be another row.
                thread::sleep(Duration::from_millis(100));
                close(&stream, Close::Reset);
            }
        }),
        Case::answer("garbage", "BadResponse", 0, &b"\x00\x01\x02 what is this\r\n\r\n\xff\xfe"[..]),
        Case::answer("a greeting of SMTP", "BadResponse", 0, "220 mail.example ESMTP\r\n"),
        Case::peer("an answer before the request", "BadResponse", 0, |mut stream, _| {
            if stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").is_ok() {
                stall(stream);
            }
        }),
        Case::peer("headers without end", "BadResponse", 0, flooding(HEAD, b"X-More: and more of it\r\n")),
        Case::answer("HTML with 502", "ServerError", 502, http(502, &[], "<html><h1>Bad Gateway</h1></html>")),
        Case::answer("HTML with 200", "BadResponse", 200, http(200, &[], "<html>Войдите в сеть</html>")),
        Case::answer("empty body", "BadResponse", 200, http(200, &[], "")),
        Case::answer(
            "JSON of another shape",
            "BadResponse",
            200,
            http(200, &[], r#"{"result": [1, 2], "error": "no"}"#),
        ),
        Case::answer("JSON that is no object", "BadResponse", 200, http(200, &[], r#""OK""#)),
        Case::answer("unfinished JSON", "BadResponse", 200, http(200, &[], r#"{"code": 200, "result": {"#)),
        Case::answer("wrong charset", "Rejected", 400, wrong_charset),
        Case::answer("UTF-16", "BadResponse", 200, utf16_answer()),
        Case::answer(
            "compressed without being asked to",
            "BadResponse",
            200,
            http(200, &["Content-Encoding: gzip"], "\u{1f}\u{8b}"),
        ),
        Case::new("50 MB announced", "BadResponse", 0, || {
            Stage::at(
                Peer::start(|mut stream, _| {
                    let head = format!("{HEAD}Content-Length: {HUGE}\r\n\r\n");
                    if read_request(&mut stream).is_some() && stream.write_all(head.as_bytes()).is_ok() {
                        for _ in 0..HUGE / 1024 {
                            if stream.write_all(&[b' '; 1024]).is_err() {
                                return;
                            }
                        }
                    }
                })
                .url(),
            )
        }),
        Case::peer("endless body", "BadResponse", 0, flooding("HTTP/1.0 200 OK\r\n\r\n", &[b' '; 1024])),
        Case::peer(
            "endless chunks",
            "BadResponse",
            0,
            flooding("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ENDLESS_CHUNK),
        ),
        Case::new("301 to another host", "BadResponse", 301, to_elsewhere(301)),
        Case::new("302 to another host", "BadResponse", 302, to_elsewhere(302)),
        Case::new("307 to another host", "BadResponse", 307, to_elsewhere(307)),
        Case::new("308 to another host", "BadResponse", 308, to_elsewhere(308)),
        limited("429, seconds", Some("60".into())),
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
        Case::new("TLS refused", "Connection", 0, || Stage::at(https(Peer::nobody()))),
        Case::secure("TLS handshake stalls", "Timeout", |stream, _| stall(stream)),
        Case::secure("TLS handshake drips", "Timeout", |mut stream, _| drip(&mut stream, &[22, 3, 3, 1, 0, 2], DRIP)),
        Case::secure("TLS handshake closed", "Connection", |stream, _| drop(stream)),
        Case::secure("TLS handshake reset", "Connection", |stream, _| close(&stream, Close::Reset)),
        Case::secure("plain HTTP instead of TLS", "Connection", |mut stream, _| {
            // The client may have gone.
            let _ = stream.write_all(&http(400, &[], "The plain HTTP request was sent to HTTPS port"));
            stall(stream);
        }),
        Case::secure("TLS 1.0", "Connection", old_tls(1)),
        Case::secure("TLS 1.1", "Connection", old_tls(2)),
        Case::secure("SSL 3.0", "Connection", old_tls(0)),
        Case::secure("no common version of TLS", "Connection", |mut stream, _| {
            // The client may have gone.
            let _ = stream.write_all(PROTOCOL_VERSION_ALERT);
            stall(stream);
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
            Stage::at(https(Peer::nobody())).through(format!("http://{}", Peer::nobody()))
        }),
        Case::new("proxy refused, plain http", "Connection", 0, || {
            Stage::at(plain(Peer::nobody())).through(format!("http://{}", Peer::nobody()))
        }),
        Case::proxy("proxy is silent", "Timeout", 0, https, |stream, _| stall(stream)),
        Case::proxy("proxy is silent, plain http", "Timeout", 0, plain, |stream, _| stall(stream)),
        Case::proxy("proxy closes", "Connection", 0, https, |stream, _| drop(stream)),
        Case::proxy("proxy resets", "Connection", 0, https, |stream, _| close(&stream, Close::Reset)),
        Case::proxy("proxy wants a password", "Connection", 0, https, replying(WANTS_PASSWORD)),
        Case::proxy("proxy wants a password, plain http", "Connection", 407, plain, |mut stream, _| {
            if read_request(&mut stream).is_some() {
                // The client may have gone.
                let _ = stream.write_all(WANTS_PASSWORD.as_bytes());
            }
        }),
        Case::proxy(
            "proxy forbids",
            "Connection",
            0,
            https,
            replying("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        ),
        Case::proxy("proxy reaches nobody", "Connection", 0, https, replying("HTTP/1.1 502 Bad Gateway\r\n\r\n")),
        Case::proxy(
            "proxy answers nonsense",
            "Connection",
            0,
            https,
            replying("\0\0\0 220 mail.example ESMTP\r\n\r\n"),
        ),
        Case::proxy("proxy answers nonsense without end", "Connection", 0, https, |mut stream, _| {
            flood(&mut stream, b"nonsense ");
        }),
        Case::proxy("proxy's tunnel leads to no TLS", "Connection", 0, https, |mut stream, _| {
            if read_head(&stream).is_some() {
                // The client may have gone.
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                let _ = stream.read_exact(&mut [0]);
                let _ = stream.write_all(&http(400, &[], "no TLS here"));
                stall(stream);
            }
        }),
        Case::proxy("proxy's tunnel breaks", "Connection", 0, https, replying("HTTP/1.1 200 OK\r\n\r\n")),
        Case::proxy("proxy's tunnel is silent", "Timeout", 0, https, |mut stream, _| {
            if read_head(&stream).is_some() && stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_ok() {
                stall(stream);
            }
        }),
    ]
}

/// How a case is called.
const CALLS: [(&str, &str); 2] = [("CreateCard", "ru"), ("UpdateCard", "en")];

/// Calls a method whose peer misbehaves.
pub fn attempt(object: &Object, method: &str) -> bool {
    let arguments: &[Value] = if method == "CreateCard" { &[] } else { &["5f0c1d2e3b4a596877660000".into()] };
    call(object, method, arguments)
}

/// Every text that a person reads says what to do.
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

/// One case: each method in its language, then the same object at a service in order.
fn play(case: &Case, good: &Sandbox) {
    let mut descriptions = Vec::new();
    for (method, language) in CALLS {
        let object = shop::component();
        object.set_ui_language(language);
        let mut stage = case.stage();
        stage.set_up(&object);
        object.set("Timeout", case.timeout()).unwrap();
        let start = Instant::now();
        assert!(!attempt(&object, method), "{method}");
        let took = start.elapsed().as_secs_f64();

        assert_eq!(text(&object, "ErrorKind"), case.kind, "{method}: {}", text(&object, "ErrorDescription"));
        assert_eq!(number(&object, "Code"), f64::from(case.code), "{method}");
        assert!(took < case.timeout() + GRACE, "{method} took {took} s");
        assert!(!case.waits || took >= case.timeout(), "{method} gave up after {took} s");
        descriptions.push(check_text(&object, language));

        shop::set_up(&object, &good.url());
        object.set("CertificateFile", "").unwrap();
        object.set("Timeout", LONG).unwrap();
        shop::create(&object, &format!("{} {method}", case.name));
        assert_eq!(text(&object, "ErrorDescription"), "");
    }
    assert_ne!(descriptions[0], descriptions[1]);
}

/// Plays the cases a few at a time; tells which of them failed.
///
/// No thread ends before all of them have done: wine can lose an event that comes while the thread that asked for it ends, and
/// a thread that waits for its own call asks for everybody's.
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

/// Whether the bytes come before, while or after the request leaves is chance.
#[test]
fn an_answer_that_nobody_asked_for_is_a_bad_response_whenever_it_comes() {
    let peer = Peer::start(|mut stream, _| {
        if stream.write_all(b"220 mail.example ESMTP\r\n").is_ok() {
            stall(stream);
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

/// A service that is busy once, and asks for `pause`.
fn busy_once(pause: String) -> (Peer, Object) {
    let peer = Peer::start(move |mut stream, number| {
        if read_request(&mut stream).is_some() {
            let answer = if number == 0 { http(429, &[&pause], "") } else { http(200, &[], r#"{"code": 200}"#) };
            // The client may have gone.
            let _ = stream.write_all(&answer);
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
    for (pause, said) in [("Retry-After: 3600", "3600"), ("Retry-After: 21", "21")] {
        let (peer, object) = busy_once(pause.into());
        object.set("Timeout", LONG).unwrap();
        let start = Instant::now();
        assert!(!attempt(&object, "UpdateCard"));
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(peer.connections(), 1);
        assert!(text(&object, "ErrorDescription").contains(said));
    }
}
