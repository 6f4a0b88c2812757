//! Certificates, valid and otherwise, and the TLS settings of servers that have them.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, CustomExtension, DnType, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};

/// A certificate authority that no client trusts unless it is told to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The certificates that a server sends after its own: those between it and the root.
    chain: Vec<CertificateDer<'static>>,
}

impl Authority {
    /// Makes one with this common name.
    ///
    /// # Panics
    /// If no key or certificate can be made.
    pub fn named(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(authority_parameters(name), key).expect("a certificate");
        Authority { issuer, chain: Vec::new() }
    }

    /// Another authority that this one certifies. Its servers send its certificate after their own.
    ///
    /// # Panics
    /// If no key or certificate can be made.
    pub fn intermediate(&self, name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::signed_by(authority_parameters(name), key, &self.issuer).expect("a certificate");
        let chain = [vec![issuer.der().clone()], self.chain.clone()].concat();
        Authority { issuer, chain }
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server with a valid certificate for this host name.
    pub fn server(&self, host: &str) -> Arc<ServerConfig> {
        self.server_with(host, |_| ())
    }

    /// A server with a certificate that `adjust` may spoil.
    pub fn server_with(&self, host: &str, adjust: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        self.certify(host, adjust, rustls::ALL_VERSIONS, &self.chain).0
    }

    /// A server with a valid certificate that does not send the certificates between it and the root.
    pub fn server_without_chain(&self, host: &str) -> Arc<ServerConfig> {
        self.certify(host, |_| (), rustls::ALL_VERSIONS, &[]).0
    }

    /// A server with a valid certificate for this host name, and that certificate as PEM.
    pub fn server_and_pem(&self, host: &str) -> (Arc<ServerConfig>, String) {
        self.certify(host, |_| (), rustls::ALL_VERSIONS, &self.chain)
    }

    /// A server with a valid certificate that speaks only these versions of TLS.
    pub fn server_speaking(&self, host: &str, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        self.certify(host, |_| (), versions, &self.chain).0
    }

    fn certify(
        &self,
        host: &str,
        adjust: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
        chain: &[CertificateDer<'static>],
    ) -> (Arc<ServerConfig>, String) {
        let mut parameters = CertificateParams::new([host.to_owned()]).expect("a host name");
        adjust(&mut parameters);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let pem = certificate.pem();
        let certificates = [&[certificate.into()], chain].concat();
        (configuration(certificates, key.serialize_der(), versions), pem)
    }
}

fn authority_parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

/// A server for `localhost` whose certificate is valid and signed with an elliptic curve that `ring` cannot verify (P-521), and the
/// authority's certificate as PEM.
///
/// # Panics
/// If the files of this crate are damaged.
pub fn p521() -> (Arc<ServerConfig>, String) {
    // Made by `openssl ca`, valid until 2120: ring cannot make such a signature either.
    let certificate = CertificateDer::from_pem_slice(include_bytes!("p521/server.pem")).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("p521/server.key")).expect("a key");
    let key = key.secret_pkcs8_der().to_vec();
    (configuration(vec![certificate], key, rustls::ALL_VERSIONS), include_str!("p521/ca.pem").to_owned())
}

/// A server whose certificate certifies itself, and that certificate as PEM.
///
/// # Panics
/// If no key or certificate can be made.
pub fn self_signed(host: &str) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().expect("a key");
    let parameters = CertificateParams::new([host.to_owned()]).expect("a host name");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    let pem = certificate.pem();
    (configuration(vec![certificate.into()], key.serialize_der(), rustls::ALL_VERSIONS), pem)
}

fn configuration(
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key).into())
        .expect("the key belongs to the certificate");
    Arc::new(config)
}

/// Makes a certificate say that its issuer's certificate, its OCSP responder and its revocation list are found at this address.
pub fn ask_at(address: SocketAddr, parameters: &mut CertificateParams) {
    parameters.custom_extensions = vec![authority_information_access(address)];
    parameters.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec![format!("http://{address}/list.crl")] }];
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
