//! Which servers the component trusts.

use addin_testkit::apart;
use addin_testkit::shop::{self, boolean, call, exception, text};
use passteam_sandbox::{CertificateKind, Options, Tls};
use rustls::pki_types::pem::PemObject as _;
use testkit::certificates::{ask_at, p521};
use testkit::{Authority, Peer, http, test_path};

use crate::table::attempt;

/// The text about each flaw differs from those about the others.
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

/// What an object that has this file of certificates says about this server, in both languages.
fn refusal(peer: &Peer, certificates: impl AsRef<[u8]>) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.cer");
    std::fs::write(&file, certificates).unwrap();
    ["ru", "en"].map(|language| {
        let object = shop::component_for(&peer.url());
        object.set_ui_language(language);
        object.set("CertificateFile", file.to_str().unwrap()).unwrap();
        assert!(!attempt(&object, "CreateCard"));
        assert_eq!(text(&object, "ErrorKind"), "Certificate");
        assert!(!boolean(&object, "Unknown"));
        assert!(peer.requests().is_empty(), "nothing is sent");
        text(&object, "ErrorDescription")
    })
}

#[test]
fn each_wrong_content_of_the_certificate_file_is_told_from_an_unknown_authority() {
    let serving =
        |config| Peer::tls(config, |mut connection| connection.answer_all(&http(200, &[], r#"{"code": 200}"#)));
    let root = Authority::named("Root");
    let (one, other) = (root.intermediate("One"), root.intermediate("Other"));
    let (servers_own, pem) = root.server_and_pem("localhost");
    let (unsupported, unsupported_root) = p521();
    let cases = [
        (servers_own, pem, ["сертификат самого сервера", "the server's own certificate"]),
        (one.server("localhost"), other.pem(), ["другого промежуточного центра", "another intermediate authority"]),
        (unsupported, unsupported_root, ["P-521", "P-521"]),
        (
            one.server_without_chain("localhost"),
            root.pem(),
            ["сервер не присылает промежуточный сертификат", "the server does not send its intermediate certificate"],
        ),
    ];
    let mut told = Vec::new();
    for (config, certificates, words) in cases {
        let texts = refusal(&serving(config), certificates);
        for (text, word) in texts.iter().zip(words) {
            assert!(text.contains(word), "{word}: {text}");
        }
        told.extend(texts);
    }
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "each text is another");
}

/// A server that has certified itself, as `openssl req -x509` does it, marked as an authority.
#[test]
fn a_server_that_is_its_own_authority_is_told_what_it_needs() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).unwrap();
    let pem = certificate.pem();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], key)
        .unwrap();
    let peer = Peer::tls(config.into(), |mut connection| connection.wait_for_close());
    let [russian, english] = refusal(&peer, pem);
    assert!(russian.contains("отдельный сертификат"), "{russian}");
    assert!(english.contains("a separate certificate"), "{english}");
}

#[test]
fn the_certificate_file_is_read_in_each_format_that_windows_exports() {
    let authority = Authority::named("Test CA");
    let folder = tempfile::tempdir().unwrap();
    let pem = authority.pem();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
    let utf16 = |mark: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(mark).chain(pem.encode_utf16()).flat_map(bytes).collect()
    };
    let intermediate = authority.intermediate("Intermediate");
    for (name, content) in [
        ("PEM", pem.clone().into_bytes()),
        ("PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("DER", der),
        ("UTF-16 LE", utf16(0xfeff, u16::to_le_bytes)),
        ("UTF-16 BE", utf16(0xfeff, u16::to_be_bytes)),
        ("an intermediate", intermediate.pem().into_bytes()),
    ] {
        let server = intermediate.server("localhost");
        let peer = Peer::tls(server, |mut connection| connection.answer_all(&http(200, &[], r#"{"code": 200}"#)));
        let file = folder.path().join("ca.cer");
        std::fs::write(&file, content).unwrap();
        let object = shop::component_for(&peer.url());
        object.set("CertificateFile", file.to_str().unwrap()).unwrap();
        assert!(attempt(&object, "UpdateCard"), "{name}: {}", text(&object, "ErrorDescription"));
    }
}

#[test]
fn a_file_without_a_certificate_is_refused_with_the_formats_that_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.cer");
    // PKCS #12 and PKCS #7 begin as a certificate in DER does.
    for content in [&b""[..], b"no certificate", b"\x30\x82\x01\x00\x02\x01\x03", b"\xff\xfe-\x00-\x00", b"\0"] {
        std::fs::write(&file, content).unwrap();
        for (language, words) in [("ru", "читаются форматы PEM и DER"), ("en", "the formats PEM and DER")]
        {
            let object = shop::component();
            object.set_ui_language(language);
            let description = exception(object.set("CertificateFile", file.to_str().unwrap()));
            assert!(description.contains(words) && description.contains("CertificateFile"), "{description}");
            assert_eq!(text(&object, "CertificateFile"), "");
        }
    }
}

#[test]
fn verifying_a_certificate_makes_no_other_connection() {
    let informant = Peer::silent();
    let authority = Authority::named("Test CA");
    let config = authority.server_with("localhost", |parameters| ask_at(informant.address(), parameters));
    let server = Peer::tls(config, |mut connection| connection.answer_all(&http(200, &[], r#"{"code": 200}"#)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let object = shop::component_for(&server.url());
    assert!(!attempt(&object, "UpdateCard"));
    assert_eq!(text(&object, "ErrorKind"), "Certificate");
    object.set("CertificateFile", file.to_str().unwrap()).unwrap();
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
    assert_eq!(informant.connections(), 0);
}

/// If an answer ends with its connection, anyone on the way can cut it. Only a close_notify proves that it is whole.
#[test]
fn an_answer_over_tls_that_was_cut_is_not_taken_for_a_whole_one() {
    let authority = Authority::named("Test CA");
    let server = Peer::tls(authority.server("localhost"), |mut connection| {
        if connection.read_request().is_some() {
            connection.send("HTTP/1.0 200 OK\r\n\r\n{\"code\": 200}");
            if connection.number() > 0 {
                connection.send_close_notify();
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let object = shop::component_for(&server.url());
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

/// Variables that make other programs skip verification, or write the session's keys to a file.
const OTHER_PROGRAMS_SWITCHES: [(&str, &str); 12] = [
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
        command.envs(OTHER_PROGRAMS_SWITCHES).env("SSLKEYLOGFILE", &key_log);
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

    // No setting does it either.
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
