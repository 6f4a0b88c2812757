//! Servers that speak TLS, and then do as they are told.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, CustomExtension, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::peer::Peer;

/// A client's connection after the handshake.
pub type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// A certificate for `localhost` and `127.0.0.1` and the CA that issued it.
pub struct Identity {
    config: Arc<ServerConfig>,
    ca_pem: String,
}

impl Identity {
    /// Makes one. With `informant` the certificate says that its issuer's certificate, its OCSP responder and its revocation
    /// list are found at that address, for whoever goes and asks.
    ///
    /// # Panics
    /// Where no key or certificate can be made.
    pub fn new(informant: Option<SocketAddr>) -> Identity {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("a CA");
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("names");
        if let Some(address) = informant {
            params.custom_extensions = vec![authority_information_access(address)];
            params.crl_distribution_points =
                vec![CrlDistributionPoint { uris: vec![format!("http://{address}/list.crl")] }];
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("the key belongs to the certificate");
        Identity { config: Arc::new(config), ca_pem: authority.pem() }
    }

    /// The CA's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Starts a server whose connections are each handed to a script once they have sent something; `number` counts them from 0.
    pub fn serve(&self, script: impl Fn(TlsStream, usize) + Send + Sync + 'static) -> Peer {
        let config = self.config.clone();
        Peer::start(move |stream, number| {
            let connection = ServerConnection::new(config.clone()).expect("the configuration is complete");
            script(StreamOwned::new(connection, stream), number);
        })
    }
}

/// RFC 5280, 4.2.2.1: where to ask about a certificate.
fn authority_information_access(address: SocketAddr) -> CustomExtension {
    const ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
    const OCSP: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 48, 1];
    const CA_ISSUERS: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 48, 2];

    let description = |method: &[u8], path: &str| {
        let location = der(0x86, format!("http://{address}/{path}").as_bytes());
        der(0x30, &[der(0x06, method), location].concat())
    };
    let content = [description(&OCSP, "ocsp"), description(&CA_ISSUERS, "ca.der")].concat();
    CustomExtension::from_oid_content(&ACCESS, der(0x30, &content))
}

/// A DER element whose length fits into one byte.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80).expect("a short element");
    [&[tag, length], content].concat()
}
