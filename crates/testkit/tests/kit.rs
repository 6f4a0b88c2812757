//! The kit does what its index says: the parts whose misbehaviour a test could not tell from something else.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
};
use testkit::apart::rerun;
use testkit::certificates::p521;
use testkit::resolver::{self, Name};
use testkit::{Authority, Close, Peer, Unanswered, http, test_path};

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";

/// Connects over TLS with trust in this certificate.
fn connect(peer: &Peer, pem: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    StreamOwned::new(session, TcpStream::connect(peer.address()).unwrap())
}

#[test]
fn a_fatal_alert_reaches_the_client_after_its_request() {
    let authority = Authority::named("Test CA");
    let peer = Peer::tls(authority.server("localhost"), |mut connection| {
        if connection.read_request().is_some() {
            connection.send_fatal_alert();
        }
    });
    let mut client = connect(&peer, &authority.pem());
    client.write_all(REQUEST).unwrap();
    let error = client.read(&mut [0]).unwrap_err();
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()).unwrap();
    assert_eq!(*error, rustls::Error::AlertReceived(AlertDescription::BadRecordMac));
    assert_eq!(peer.requests().len(), 1);
}

/// How a handshake with a server ends.
fn handshake(config: Arc<ServerConfig>, pem: &str) -> Result<(), rustls::Error> {
    let peer = Peer::tls(config, |mut connection| connection.wait_for_close());
    let mut client = connect(&peer, pem);
    let outcome = client.conn.complete_io(&mut client.sock).map(drop);
    outcome.map_err(|error| error.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap().clone())
}

#[test]
fn certificates_have_the_flaws_of_their_names_and_no_other() {
    let root = Authority::named("Test CA");
    let intermediate = root.intermediate("Test intermediate");
    assert_eq!(handshake(intermediate.server("localhost"), &root.pem()), Ok(()));
    let unknown = Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
    assert_eq!(handshake(intermediate.server_without_chain("localhost"), &root.pem()), unknown);

    let (config, pem) = p521();
    let outcome = handshake(config, &pem);
    let Err(rustls::Error::InvalidCertificate(CertificateError::UnsupportedSignatureAlgorithmContext { .. })) = outcome
    else {
        panic!("{outcome:?}");
    };
}

#[test]
#[cfg(unix)]
fn a_sigpipe_is_noticed() {
    if rerun(test_path!(a_sigpipe_is_noticed), |_| {}).is_some() {
        return;
    }
    let watch = testkit::SigpipeWatch::start();
    let (reader, mut writer) = std::io::pipe().unwrap();
    assert!(!watch.has_come());
    drop(reader);
    assert!(writer.write_all(b"x").is_err());
    assert!(watch.has_come());
}

#[test]
fn a_connection_that_was_idle_for_too_long_is_reset() {
    let patient = Peer::resetting_idle(http(200, &[], ""), Duration::from_secs(600));
    let impatient = Peer::resetting_idle(http(200, &[], ""), Duration::ZERO);
    for (peer, survives) in [(&patient, true), (&impatient, false)] {
        let mut client = TcpStream::connect(peer.address()).unwrap();
        let mut answer = vec![0; http(200, &[], "").len()];
        client.write_all(REQUEST).unwrap();
        client.read_exact(&mut answer).unwrap();
        client.write_all(REQUEST).unwrap();
        let second = client.read_exact(&mut answer).map_err(|error| error.kind());
        assert_eq!(second, if survives { Ok(()) } else { Err(ErrorKind::ConnectionReset) });
    }
}

#[test]
fn a_client_may_write_after_a_fin_until_the_reset() {
    let (reset, ordered) = std::sync::mpsc::channel::<()>();
    let ordered = std::sync::Mutex::new(ordered);
    let peer = Peer::start(move |mut connection| {
        connection.send_fin();
        ordered.lock().unwrap().recv().unwrap();
        connection.close(Close::Reset);
    });
    let mut client = TcpStream::connect(peer.address()).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    client.write_all(b"x").unwrap();
    reset.send(()).unwrap();
    testkit::eventually("the reset", || client.write_all(b"x").is_err());
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "a full queue of connections drops further ones on Linux only")]
fn an_unanswered_address_neither_accepts_nor_refuses() {
    let unanswered = Unanswered::at("127.0.0.2:0".parse().unwrap());
    let error = TcpStream::connect_timeout(&unanswered.address(), Duration::from_millis(300)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stand-in for the resolver needs LD_PRELOAD")]
fn a_name_says_what_its_look_up_finds() {
    let folder = tempfile::tempdir().unwrap();
    let path = test_path!(a_name_says_what_its_look_up_finds);
    if rerun(path, |command| resolver::preload(command, folder.path())).is_some() {
        return;
    }
    assert_eq!(resolver::look_ups(), [""; 0]);
    let addresses: [IpAddr; 3] = [[127, 0, 0, 2].into(), Ipv6Addr::LOCALHOST.into(), [127, 0, 0, 1].into()];
    let name = addresses.iter().fold(Name::new("shop"), |name, address| name.address(*address));
    let found: Vec<IpAddr> = (name.host(), 80).to_socket_addrs().unwrap().map(|found| found.ip()).collect();
    assert_eq!(found, addresses);

    let start = Instant::now();
    let slow = Name::new("late").address([127, 0, 0, 1]).after_milliseconds(200).host();
    assert_eq!((slow.as_str(), 80).to_socket_addrs().unwrap().next().unwrap().to_string(), "127.0.0.1:80");
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!((Name::new("no-address").host(), 80).to_socket_addrs().is_err());
    assert_eq!(resolver::look_ups(), [name.host(), slow, Name::new("no-address").host()]);
}
