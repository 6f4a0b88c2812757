//! Which certificates are accepted.

use std::fs;
use std::sync::Arc;

use passteam_client::settings::Settings;
use passteam_client::{Cause, Kind, call};
use rcgen::date_time_ymd;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use testkit::certificates::{p521, self_signed};
use testkit::{Authority, Peer, http};

use crate::calls::{CREATED, PemFile, TOKEN, assert_success, create, failure, settings, update};

fn serving(config: Arc<ServerConfig>) -> Peer {
    Peer::tls(config, |mut connection| connection.answer_all(&http(200, &[], CREATED)))
}

fn trusting(peer: &Peer, file: &PemFile) -> Settings {
    Settings { certificate_file: Some(file.open()), retries: 2, ..settings(&peer.url()) }
}

/// Kind and cause of a create that the server must not have received.
fn refused(peer: &Peer, settings: &Settings) -> (Kind, Cause) {
    let report = call(settings, &create());
    assert_eq!((report.code, report.body.as_str(), peer.requests().len()), (0, "", 0), "nothing was sent");
    if failure(&report).0 == Kind::Certificate {
        assert_eq!((report.tries, peer.connections()), (1, 1), "not tried again: the certificate stays the same");
    }
    failure(&report)
}

#[test]
fn an_authority_is_trusted_when_its_certificate_is_in_the_file_and_only_then() {
    let authority = Authority::named("Test CA");
    let file = PemFile::new(&authority.pem());
    let peer = serving(authority.server("localhost"));
    assert_success(&call(&trusting(&peer, &file), &create()));
    let peer = serving(authority.server("localhost"));
    assert_eq!(refused(&peer, &settings(&peer.url())), (Kind::Certificate, Cause::IssuerNotSent));
    // Of the right name, but with another key.
    for (name, cause) in [("Test CA", Cause::UnknownIssuer), ("Another CA", Cause::IssuerNotSent)] {
        let other = PemFile::new(&Authority::named(name).pem());
        let peer = serving(authority.server("localhost"));
        assert_eq!(refused(&peer, &trusting(&peer, &other)), (Kind::Certificate, cause), "{name}");
    }
}

#[test]
fn both_current_versions_of_tls_are_spoken() {
    let authority = Authority::named("Test CA");
    let file = PemFile::new(&authority.pem());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let peer = serving(authority.server_speaking("localhost", &[version]));
        assert_success(&call(&trusting(&peer, &file), &create()));
    }
}

#[test]
fn a_certificate_that_certifies_itself_is_not_accepted() {
    let (config, pem) = self_signed("localhost");
    let peer = serving(Arc::clone(&config));
    assert_eq!(refused(&peer, &settings(&peer.url())), (Kind::Certificate, Cause::UnknownIssuer));
    let peer = serving(config);
    assert_success(&call(&trusting(&peer, &PemFile::new(&pem)), &create()));
}

#[test]
fn an_intermediate_authority_is_trusted_for_those_that_it_has_certified() {
    let root = Authority::named("Root");
    let (one, other) = (root.intermediate("One"), root.intermediate("Other"));
    for trusted in [&root, &one] {
        let peer = serving(one.server("localhost"));
        assert_success(&call(&trusting(&peer, &PemFile::new(&trusted.pem())), &create()));
    }
    let peer = serving(one.server("localhost"));
    let file = PemFile::new(&other.pem());
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::IntermediateInFile));
}

#[test]
fn a_server_that_leaves_its_intermediate_out_is_told_from_one_of_an_unknown_authority() {
    let root = Authority::named("Root");
    let peer = serving(root.intermediate("Intermediate").server_without_chain("localhost"));
    let file = PemFile::new(&root.pem());
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::IssuerNotSent));
}

#[test]
fn a_servers_own_certificate_in_the_file_is_told_from_an_unknown_authority() {
    let (config, pem) = Authority::named("Test CA").server_and_pem("localhost");
    let peer = serving(config);
    let file = PemFile::new(&pem);
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::ServersOwnInFile));
}

#[test]
fn a_signature_that_is_not_supported_is_told_from_an_unknown_authority() {
    let (config, pem) = p521();
    let peer = serving(config);
    let file = PemFile::new(&pem);
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::UnsupportedSignature));
}

#[test]
fn a_certificate_for_another_host_is_not_accepted() {
    let authority = Authority::named("Test CA");
    let peer = serving(authority.server("other.example"));
    let file = PemFile::new(&authority.pem());
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::WrongHost));
}

#[test]
fn a_certificate_outside_its_time_is_not_accepted() {
    let authority = Authority::named("Test CA");
    let file = PemFile::new(&authority.pem());
    let expired = authority.server_with("localhost", |parameters| parameters.not_after = date_time_ymd(2020, 1, 1));
    let peer = serving(expired);
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::Expired));
    let future = authority.server_with("localhost", |parameters| parameters.not_before = date_time_ymd(4000, 1, 1));
    let peer = serving(future);
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::NotYetValid));
}

#[test]
fn an_authoritys_certificate_is_not_accepted_as_a_servers() {
    let authority = Authority::named("Test CA");
    let file = PemFile::new(&authority.pem());
    let config = authority.server_with("localhost", |parameters| {
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained)
    });
    let peer = serving(config);
    assert_eq!(refused(&peer, &trusting(&peer, &file)), (Kind::Certificate, Cause::CertificateOther));
}

#[test]
fn an_answer_to_a_handshake_that_is_not_tls_is_not_a_certificate_failure() {
    let alert = b"\x15\x03\x03\x00\x02\x02\x28";
    for (answer, cause) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Cause::NotTls),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Cause::NotTls),
        (alert, Cause::Tls),
    ] {
        let peer = Peer::start(move |mut connection| {
            connection.read_bytes(1);
            connection.send(answer);
            connection.wait_for_close();
        });
        let url = peer.https_url();
        let report = call(&Settings { retries: 1, ..settings(&url) }, &create());
        assert_eq!(failure(&report), (Kind::Connection, cause), "{answer:?}");
        assert_eq!(report.tries, 2, "nothing of the request has left");
    }
}

#[test]
fn a_handshake_that_breaks_off_is_a_broken_connection() {
    let peer = Peer::start(|mut connection| {
        connection.read_bytes(1);
    });
    let url = peer.https_url();
    let report = call(&Settings { retries: 1, ..settings(&url) }, &create());
    assert_eq!((failure(&report), report.tries), ((Kind::Connection, Cause::Reset), 2));
}

#[test]
fn a_server_that_wants_a_certificate_of_the_client_is_a_tls_failure() {
    let authority = Authority::named("Test CA");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier");
    let strict = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(&authority.server("localhost").cert_resolver));
    let peer = serving(Arc::new(strict));
    let file = PemFile::new(&authority.pem());
    let report = call(&trusting(&peer, &file), &create());
    assert_eq!(failure(&report), (Kind::Connection, Cause::Reset), "TLS 1.3 refuses after the request has left");
}

#[test]
fn a_file_of_certificates_that_is_gone_or_empty_fails_the_call_before_anything_is_sent() {
    let authority = Authority::named("Test CA");
    let file = PemFile::new(&authority.pem());
    let peer = serving(authority.server("localhost"));
    let settings = trusting(&peer, &file);
    let gone = |settings: &Settings| {
        let report = call(settings, &update());
        assert_eq!((report.code, report.tries), (0, 1));
        assert_eq!(failure(&report), (Kind::Certificate, Cause::CertificateFileGone));
    };
    fs::write(file.path(), "no certificate").expect("a file");
    gone(&settings);
    fs::remove_file(file.path()).expect("a file");
    gone(&settings);
    fs::create_dir(file.path()).expect("a folder");
    gone(&settings);
    fs::remove_dir(file.path()).expect("a folder");
    assert_eq!(peer.connections(), 0);
    fs::write(file.path(), authority.pem()).expect("a file");
    assert_success(&call(&settings, &update()));
}

#[test]
fn a_changed_file_of_certificates_applies_at_once() {
    let (old, new) = (Authority::named("Test CA"), Authority::named("Test CA 2"));
    let file = PemFile::new(&old.pem());
    let peer = serving(new.server("localhost"));
    let settings = trusting(&peer, &file);
    assert_eq!(failure(&call(&settings, &create())), (Kind::Certificate, Cause::IssuerNotSent));
    fs::write(file.path(), new.pem()).expect("a file");
    assert_success(&call(&settings, &update()));
    fs::write(file.path(), old.pem()).expect("a file");
    assert_success(&call(&settings, &update()));
    assert_eq!(peer.connections(), 2, "a connection that stands does not read the file");
}

#[test]
fn debug_output_of_a_report_and_of_settings_shows_no_token() {
    let peer = Peer::answering(http(401, &[], &format!(r#"{{"code":401,"message":"bad {TOKEN}"}}"#)));
    let settings = settings(&peer.url());
    let report = call(&settings, &create());
    let text = format!("{report:#?} {settings:#?}");
    assert!(text.contains("Unauthorized") && !text.contains(TOKEN), "{text}");
}
