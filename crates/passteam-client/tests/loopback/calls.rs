//! The settings and requests that all these tests use.

use std::path::Path;

use passteam_client::settings::{CertificateFile, Proxy, ServerUrl, Settings, Token};
use passteam_client::{Cause, Kind, Report, Request, Variables};
use testkit::{Authority, Connection, Peer};

/// The token of every call.
pub const TOKEN: &str = "TOKEN-0123456789";

/// The service's answer when a card was made.
pub const CREATED: &str = r#"{"result":{"cardId":"5f0c","cardUrl":"https://x.example/5f0c"},"code":200}"#;

/// The service's answer when a card was updated.
pub const UPDATED: &str = r#"{"result":{"card":{"installed":true}},"code":200}"#;

/// A file of certificates that exists as long as the value.
pub struct PemFile(tempfile::NamedTempFile);

impl PemFile {
    pub fn new(content: &str) -> PemFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("a file");
        PemFile(file)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn open(&self) -> CertificateFile {
        CertificateFile::open(self.path().to_str().expect("a UTF-8 path")).expect("certificates")
    }
}

/// A server of TLS, and settings that trust it.
pub fn trusted(script: impl Fn(Connection) + Send + Sync + 'static) -> (Peer, Settings, PemFile) {
    let authority = Authority::named("Test CA");
    let peer = Peer::tls(authority.server("localhost"), script);
    let file = PemFile::new(&authority.pem());
    let settings = Settings { certificate_file: Some(file.open()), ..settings(&peer.url()) };
    (peer, settings, file)
}

/// Settings for this URL: no proxy, ten seconds, no repeats.
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
        Err(failure) => (failure.kind(), failure.cause.clone()),
        Ok(_) => panic!("a success: {report:?}"),
    }
}

/// Fails the test if the report is not a success.
pub fn assert_success(report: &Report) {
    assert!(report.outcome.is_ok(), "{report:?}");
}
