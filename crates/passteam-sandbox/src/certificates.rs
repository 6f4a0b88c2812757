//! The sandbox's own CA and server certificate, made at start.
//!
//! They are for tests and trials on one machine: no key is ever stored.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::options::CertificateKind;

/// The server's TLS configuration, and the CA that clients must trust.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) ca_pem: String,
}

/// Makes a CA and a certificate for `localhost`, the loopback addresses and `ip`. With a `flaw` clients must refuse it.
pub(crate) fn make(ip: IpAddr, flaw: Option<CertificateKind>) -> io::Result<Identity> {
    issue(ip, flaw).map_err(io::Error::other)
}

fn issue(ip: IpAddr, flaw: Option<CertificateKind>) -> Result<Identity, Box<dyn std::error::Error + Send + Sync>> {
    let ca = make_ca("Passteam sandbox CA")?;
    let key = KeyPair::generate()?;
    let params = server_params(ip, flaw)?;
    let certificate = match flaw {
        Some(CertificateKind::SelfSigned) => params.self_signed(&key)?,
        Some(CertificateKind::UnknownCa) => {
            let other_ca = make_ca("Unknown CA")?;
            params.signed_by(&key, &other_ca)?
        }
        _ => params.signed_by(&key, &ca)?,
    };
    Ok(Identity {
        config: Arc::new(server_config(certificate.into(), PrivatePkcs8KeyDer::from(key.serialize_der()))?),
        ca_pem: ca.pem(),
    })
}

fn make_ca(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server_params(ip: IpAddr, flaw: Option<CertificateKind>) -> Result<CertificateParams, rcgen::Error> {
    let names = match flaw {
        Some(CertificateKind::WrongHost) => vec!["other.invalid".to_owned()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), ip.to_string()],
    };
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Passteam sandbox");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    match flaw {
        Some(CertificateKind::Expired) => {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        Some(CertificateKind::NotYetValid) => {
            params.not_before = date_time_ymd(2990, 1, 1);
            params.not_after = date_time_ymd(2999, 1, 1);
        }
        _ => {}
    }
    Ok(params)
}

/// Names its crypto provider, because the process-wide default belongs to the program and may be absent.
fn server_config(
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
) -> Result<ServerConfig, tokio_rustls::rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
