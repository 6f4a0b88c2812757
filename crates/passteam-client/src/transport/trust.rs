//! Whom a server's certificate must come from: the operating system's authorities, the public ones that are built in (Mozilla's),
//! and the caller's own. All are checked in this process, without a call to anywhere.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

use super::clients::ClientError;
use crate::settings::certificate_file::add_certificates;

/// A TLS configuration that also trusts the certificates of `own`, a PEM file's content.
///
/// # Errors
/// `own` holds no certificate.
pub(super) fn tls_config(own: Option<&[u8]>) -> Result<ClientConfig, ClientError> {
    let trusted = match own {
        None => Arc::clone(&COMMON),
        Some(pem) => {
            let mut store = RootCertStore::clone(&COMMON);
            add_certificates(&mut store, pem).map_err(|_| ClientError::NoCertificate)?;
            Arc::new(store)
        }
    };
    Ok(ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|_| ClientError::Configuration)?
        .with_root_certificates(trusted)
        .with_no_client_auth())
}

/// `ring`, but for the keys of a client's own certificate, which the service does not ask for: they would make the code larger.
fn provider() -> CryptoProvider {
    CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() }
}

#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("a client has no key here".to_owned()))
    }
}

/// What every caller trusts. A system without a store, or with an odd certificate in it, is no reason to fail.
static COMMON: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(store)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_authorities_are_trusted_also_where_the_system_knows_none() {
        assert!(COMMON.len() >= webpki_roots::TLS_SERVER_ROOTS.len());
    }

    #[test]
    fn a_file_without_certificates_gives_no_configuration() {
        assert_eq!(tls_config(Some(b"nothing")).err(), Some(ClientError::NoCertificate));
    }

    #[test]
    fn ones_own_certificates_come_on_top() {
        let rcgen::CertifiedKey { cert, .. } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        assert!(tls_config(Some(cert.pem().as_bytes())).is_ok());
    }
}
