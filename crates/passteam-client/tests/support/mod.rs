//! Servers on loopback that do exactly what a script says, and the authority that certifies them.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use passteam_client::settings::{CertificateFile, Proxy, ServerUrl, Settings, Token};
use passteam_client::{Cause, Kind, Report, Request, Variables};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// The token of every call.
pub const TOKEN: &str = "TOKEN-0123456789";

/// An address where nobody listens.
pub const NOBODY: &str = "127.0.0.1:1";

/// The service's answer to a card that was made.
pub const CREATED: &str = r#"{"result":{"cardId":"5f0c","cardUrl":"https://x.example/5f0c"},"code":200}"#;

/// The service's answer to a card that was updated.
pub const UPDATED: &str = r#"{"result":{"card":{"installed":true}},"code":200}"#;

/// A server on loopback whose connections each play a script on a thread of their own.
pub struct Peer {
    address: SocketAddr,
    secure: bool,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    connections: usize,
    requests: Vec<String>,
}

impl Peer {
    /// A server of plain TCP.
    pub fn plain(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Peer {
        Peer::start(None, script)
    }

    /// A server of TLS; the script begins after the handshake, and does not where that fails.
    pub fn tls(config: Arc<ServerConfig>, script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Peer {
        Peer::start(Some(config), script)
    }

    fn start(tls: Option<Arc<ServerConfig>>, script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let log = Arc::new(Mutex::new(Log::default()));
        let (secure, script) = (tls.is_some(), Arc::new(script));
        let server_log = Arc::clone(&log);
        thread::spawn(move || {
            for tcp in listener.incoming().flatten() {
                let (script, tls, log) = (Arc::clone(&script), tls.clone(), Arc::clone(&server_log));
                let number = {
                    let mut log = log.lock().expect("the log");
                    log.connections += 1;
                    log.connections
                };
                thread::spawn(move || {
                    if let Ok(mut connection) = Connection::accept(tcp, tls, number, log) {
                        script(&mut connection);
                    }
                });
            }
        });
        Peer { address, secure, log }
    }

    /// A server that answers every request on every connection with these bytes.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Peer {
        let answer = answer.into();
        Peer::plain(move |connection| connection.answer_all(&answer))
    }

    /// A server that answers one request with these bytes and then closes, whatever is said in them.
    pub fn answering_once(answer: impl Into<Vec<u8>>) -> Peer {
        let answer = answer.into();
        Peer::plain(move |connection| {
            if connection.read_request().is_some() {
                connection.write(&answer);
            }
        })
    }

    /// A server that reads and never answers.
    pub fn silent() -> Peer {
        Peer::plain(Connection::wait_for_close)
    }

    /// A proxy that connects whoever asks to the server that they ask for.
    pub fn tunnelling() -> Peer {
        Peer::plain(|connection| {
            let Some(request) = connection.read_request() else { return };
            let target = request.split(' ').nth(1).expect("a target");
            let Ok(server) = TcpStream::connect(target) else { return };
            connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n");
            let (from_client, to_client) = (connection.handle(), connection.handle());
            let to_server = server.try_clone().expect("a handle");
            let upstream = thread::spawn(move || pass_on(from_client, to_server));
            pass_on(server, to_client);
            upstream.join().expect("no panic");
        })
    }

    /// Where the service stands on it.
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        // The certificates of this module are for `localhost`.
        let host = if self.secure { "localhost".to_owned() } else { self.address.ip().to_string() };
        format!("{scheme}://{host}:{}/oapi/v1", self.address.port())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.log.lock().expect("the log").connections
    }

    /// The requests that it has read whole, with their heads.
    pub fn requests(&self) -> Vec<String> {
        self.log.lock().expect("the log").requests.clone()
    }
}

/// One connection of a [`Peer`]. It is closed when the script ends.
pub struct Connection {
    /// Counted from 1.
    pub number: usize,
    tcp: TcpStream,
    stream: Stream,
    log: Arc<Mutex<Log>>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Connection {
    fn accept(
        tcp: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        number: usize,
        log: Arc<Mutex<Log>>,
    ) -> io::Result<Connection> {
        let stream = match tls {
            None => Stream::Plain(tcp.try_clone()?),
            Some(config) => {
                let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
                let mut stream = tcp.try_clone()?;
                while session.is_handshaking() {
                    if let Err(error) = session.complete_io(&mut stream) {
                        let _ = stream.shutdown(Shutdown::Write);
                        // To close with something unread would take the alert back.
                        let _ = io::copy(&mut stream, &mut io::sink());
                        return Err(error);
                    }
                }
                Stream::Tls(Box::new(StreamOwned::new(session, stream)))
            }
        };
        Ok(Connection { number, tcp, stream, log })
    }

    /// Reads one whole request with a `Content-Length` and writes it down; `None` where the client closes before.
    pub fn read_request(&mut self) -> Option<String> {
        let mut request = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while !is_whole(&request) {
            match self.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(length) => request.extend_from_slice(&chunk[..length]),
            }
        }
        let request = String::from_utf8(request).expect("a request is ASCII");
        self.log.lock().expect("the log").requests.push(request.clone());
        Some(request)
    }

    /// Answers every request with these bytes until the client closes.
    pub fn answer_all(&mut self, answer: &[u8]) {
        while self.read_request().is_some() {
            self.write(answer);
        }
    }

    /// Reads exactly so many bytes; false where the client closes before.
    pub fn read_exactly(&mut self, length: usize) -> bool {
        let mut bytes = vec![0; length];
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.read_exact(&mut bytes),
            Stream::Tls(tls) => tls.read_exact(&mut bytes),
        }
        .is_ok()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(tcp) => tcp.read(buffer),
            Stream::Tls(tls) => tls.read(buffer),
        }
    }

    /// Writes; a client that has gone is part of the play.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = match &mut self.stream {
            Stream::Plain(tcp) => tcp.write_all(bytes),
            Stream::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        };
    }

    /// Closes both directions, so that the client's side has the close when this returns.
    pub fn close(&mut self) {
        if let Stream::Tls(tls) = &mut self.stream {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        let _ = self.tcp.shutdown(Shutdown::Both);
    }

    /// Reads until the client closes.
    pub fn wait_for_close(&mut self) {
        let mut chunk = [0; 16 * 1024];
        while matches!(self.read(&mut chunk), Ok(1..)) {}
    }

    fn handle(&self) -> TcpStream {
        self.tcp.try_clone().expect("a handle")
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let length: usize = String::from_utf8_lossy(&request[..head])
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    request.len() >= head + 4 + length
}

/// An HTTP answer that keeps the connection: status, further header lines, body.
pub fn http(status: u16, headers: &[&str], body: &str) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
    for header in headers {
        answer.push_str(header);
        answer.push_str("\r\n");
    }
    format!("{answer}\r\n{body}").into_bytes()
}

/// A certificate authority that nobody trusts unless told so.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn named(name: &str) -> Authority {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::self_signed(parameters, key).expect("a certificate") }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's configuration with a certificate for this name.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_with(name, |_| (), rustls::ALL_VERSIONS)
    }

    /// The same with a certificate that is not quite in order, or with other versions of TLS.
    pub fn server_with(
        &self,
        name: &str,
        adjust: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        adjust(&mut parameters);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        configuration(certificate, key, versions)
    }
}

/// A server's configuration with a certificate that certifies itself, and that certificate.
pub fn self_signed(name: &str) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new([name.to_owned()]).expect("a name");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    let pem = certificate.pem();
    (configuration(certificate, key, rustls::ALL_VERSIONS), pem)
}

fn configuration(
    certificate: rcgen::Certificate,
    key: KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .expect("a configuration");
    Arc::new(config)
}

/// A file that is there for as long as the value.
pub struct PemFile(tempfile::NamedTempFile);

impl PemFile {
    pub fn new(content: &str) -> PemFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("a file");
        PemFile(file)
    }

    pub fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    pub fn open(&self) -> CertificateFile {
        CertificateFile::open(self.path().to_str().expect("a UTF-8 path")).expect("certificates")
    }
}

/// A server of TLS, and settings that trust it.
pub fn trusted(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> (Peer, Settings, PemFile) {
    let authority = Authority::named("Test CA");
    let peer = Peer::tls(authority.server("localhost"), script);
    let file = PemFile::new(&authority.pem());
    let settings = Settings { certificate_file: Some(file.open()), ..settings(&peer.url()) };
    (peer, settings, file)
}

/// Settings that reach this URL straight, with ten seconds' time and no repeats.
pub fn settings(url: &str) -> Settings {
    Settings {
        token: Token::parse(TOKEN).expect("a token"),
        server: ServerUrl::parse(url).expect("a URL"),
        proxy: Proxy::Direct,
        retries: 0,
        ..Settings::default()
    }
}

pub fn create() -> Request {
    Request::create_card("template", &variables())
}

pub fn update() -> Request {
    Request::update_card("5f0c", &variables())
}

fn variables() -> Variables {
    Variables::from_json(r#"{"PHONE":"79161234567"}"#).expect("variables")
}

/// Kind and cause of a report that must be a failure.
pub fn failure(report: &Report) -> (Kind, Cause) {
    match &report.outcome {
        Err(failure) => (failure.kind, failure.cause.clone()),
        Ok(_) => panic!("a success: {report:?}"),
    }
}

/// Fails the test where the report is not a success.
pub fn assert_success(report: &Report) {
    assert!(report.outcome.is_ok(), "{report:?}");
}
