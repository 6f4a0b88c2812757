//! Whom the component believes to be the service.

use std::io::Write;

use passteam_sandbox::{CertificateKind, Options, Tls};
use testkit::peer::{Peer, http, read_request};
use testkit::shop::{self, call, exception, text};
use testkit::tls::Identity;
use testkit::{apart, test_path};

use crate::table::{attempt, https};

/// What a person reads about each flaw, so that it can be told from the others.
#[test]
fn each_flaw_of_a_certificate_is_told_from_the_others() {
    for (kind, told) in [
        (CertificateKind::SelfSigned, "ФайлСертификатов"),
        (CertificateKind::UnknownCa, "ФайлСертификатов"),
        (CertificateKind::Expired, "истёк"),
        (CertificateKind::NotYetValid, "ещё не действует"),
        (CertificateKind::WrongHost, "другого имени"),
    ] {
        let sandbox = shop::sandbox_with(Options { tls: Tls::Certificate(kind), ..Options::default() });
        let folder = tempfile::tempdir().unwrap();
        let object = shop::component_for(&sandbox.url());
        object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
        assert!(!attempt(&object, "UpdateCard"));
        assert_eq!(text(&object, "ErrorKind"), "Certificate", "{kind:?}");
        assert!(text(&object, "ErrorDescription").contains(told), "{kind:?}: {}", text(&object, "ErrorDescription"));
        assert_eq!(sandbox.connections(), 1, "{kind:?}: not tried again");
        assert!(sandbox.requests().is_empty(), "{kind:?}: nothing was sent");
    }
}

#[test]
fn verifying_a_certificate_asks_nobody() {
    let informant = Peer::silent();
    let identity = Identity::new(Some(informant.address()));
    let server = identity.serve(|mut stream, _| {
        if read_request(&mut stream).is_some() {
            stream.write_all(&http(200, &[], r#"{"code": 200}"#)).unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, identity.ca_pem()).unwrap();
    let object = shop::component_for(&https(server.address()));
    assert!(!attempt(&object, "UpdateCard"));
    assert_eq!(text(&object, "ErrorKind"), "Certificate");
    object.set("CertificateFile", file.to_str().unwrap()).unwrap();
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
    assert_eq!(informant.connections(), 0);
}

/// An answer whose end only the close tells may have been cut off by anyone on the way, unless TLS says that it is whole.
#[test]
fn an_answer_over_tls_that_was_cut_off_is_not_taken_for_a_whole_one() {
    let identity = Identity::new(None);
    let answer = "HTTP/1.0 200 OK\r\n\r\n{\"code\": 200}";
    let server = identity.serve(move |mut stream, number| {
        if read_request(&mut stream).is_some() {
            stream.write_all(answer.as_bytes()).unwrap();
            if number > 0 {
                stream.conn.send_close_notify();
            }
            stream.flush().unwrap();
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, identity.ca_pem()).unwrap();
    let object = shop::component_for(&https(server.address()));
    object.set("CertificateFile", file.to_str().unwrap()).unwrap();
    object.set("Retries", 0).unwrap();
    assert!(!attempt(&object, "UpdateCard"));
    assert_eq!(text(&object, "ErrorKind"), "BadResponse");
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
}

#[test]
fn plain_http_beyond_this_computer_is_refused() {
    let object = shop::component_for("https://localhost:1");
    for url in [
        "http://getpass.passteam.ru/oapi/v1",
        "HTTP://getpass.passteam.ru",
        "http://192.168.0.1",
        "http://10.0.0.1:8080",
        "http://[2001:db8::1]",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "http://127.0.0.1.nip.io",
        "http://127.0.0.1@example.com",
        "http://[::ffff:8.8.8.8]",
        "http:\\\\example.com",
        "http:example.com",
        "//example.com",
    ] {
        let description = exception(object.set("ServerUrl", url));
        assert!(description.contains("ServerUrl"), "{url}: {description}");
        assert_eq!(text(&object, "ServerUrl"), "https://localhost:1");
    }
    for url in
        ["http://127.0.0.1", "http://127.1.2.3:80", "http://[::1]:8080", "http://localhost", "http://LOCALHOST:1"]
    {
        object.set("ServerUrl", url).unwrap();
    }
}

/// Variables by which other programs are told not to verify, or to write down the session's keys.
const TEMPTATIONS: [(&str, &str); 12] = [
    ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
    ("SSL_CERT_DIR", "/nonexistent"),
    ("SSL_VERIFY", "0"),
    ("SSL_NO_VERIFY", "1"),
    ("SSL_VERIFY_NONE", "1"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
    ("PYTHONHTTPSVERIFY", "0"),
    ("GIT_SSL_NO_VERIFY", "true"),
    ("CURL_INSECURE", "1"),
    ("CURL_CA_BUNDLE", ""),
    ("REQUESTS_CA_BUNDLE", ""),
    ("RUSTLS_DANGEROUS", "1"),
];

#[test]
fn nothing_turns_verification_off() {
    let folder = tempfile::tempdir().unwrap();
    let key_log = folder.path().join("keys");
    let output = apart::rerun(test_path!(nothing_turns_verification_off), |command| {
        command.envs(TEMPTATIONS).env("SSLKEYLOGFILE", &key_log);
    });
    if output.is_some() {
        assert!(!key_log.exists(), "the session's keys are written nowhere");
        return;
    }
    for kind in [CertificateKind::SelfSigned, CertificateKind::Expired, CertificateKind::WrongHost] {
        let sandbox = shop::sandbox_with(Options { tls: Tls::Certificate(kind), ..Options::default() });
        let object = shop::component_for(&sandbox.url());
        object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
        assert!(!call(&object, "CreateCard", &[]), "{kind:?}");
        assert_eq!(text(&object, "ErrorKind"), "Certificate", "{kind:?}");
        assert!(sandbox.requests().is_empty());
    }
    let sandbox = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let object = shop::component_for(&sandbox.url());
    object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
    shop::create(&object, shop::PHONE);

    // No setting stands for it either.
    let settings: Vec<String> = object
        .property_names()
        .into_iter()
        .filter(|(name, _)| object.raw_is_writable(object.find_property(name).unwrap() as i32))
        .map(|(name, _)| name)
        .collect();
    for word in ["verif", "insecure", "tls", "ssl", "check"] {
        assert!(settings.iter().all(|name| !name.to_lowercase().contains(word)), "{settings:?}");
    }
}
