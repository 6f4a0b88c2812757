//! Authorities as a system's store has them: as many and as large, but of nobody.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, KeyPair};

/// The comment of Netscape's extensions, which nobody reads.
const COMMENT: &[u64] = &[2, 16, 840, 1, 113_730, 1, 13];

/// What keys and signatures of RSA take more than those of these authorities.
const DIFFERENCE: usize = 700;

/// The certificates of so many authorities.
///
/// # Errors
/// A key or a certificate cannot be made.
pub fn pem(count: usize) -> Result<String> {
    let key = KeyPair::generate()?;
    let mut all = String::new();
    for number in 0..count {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, format!("Authority {number}"));
        let comment = vec![b' '; DIFFERENCE];
        parameters.custom_extensions.push(CustomExtension::from_oid_content(COMMENT, comment));
        all += &parameters.self_signed(&key)?.pem();
    }
    Ok(all)
}
