//! Decides on a server's certificate, and finds out what is wrong with one that no trusted authority has issued: the file of own
//! certificates may hold another one than it must, or the server may leave one out.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};

use crate::certificate::{Certificate, Fields};
use crate::diagnosis::TlsVersion;
use crate::settings::certificate_file::OwnAuthorities;

/// What is wrong with a certificate whose issuer is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The file of own certificates holds the server's certificate instead of its issuer's.
    ServersOwnInFile,
    /// The file holds an intermediate authority beside the server's way to the root that both have.
    IntermediateInFile,
    /// The issuer is not known, and the server does not send its certificate either.
    IssuerNotSent,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Flaw::ServersOwnInFile => "the server's own certificate is trusted instead of its issuer's",
            Flaw::IntermediateInFile => "another intermediate authority is trusted instead of the root",
            Flaw::IssuerNotSent => "the issuer is unknown and its certificate was not sent",
        })
    }
}

impl Error for Flaw {}

/// The TLS library's own verifier, whose refusals are told more precisely. It accepts what that one accepts, and nothing else.
pub(super) struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    own: Option<OwnAuthorities>,
}

impl Verifier {
    /// `webpki` trusts `own` among others.
    pub(super) fn new(webpki: Arc<WebPkiServerVerifier>, own: Option<OwnAuthorities>) -> Verifier {
        Verifier { webpki, own }
    }

    fn explain(&self, error: rustls::Error, server: &CertificateDer<'_>, sent: &[CertificateDer<'_>]) -> rustls::Error {
        let rustls::Error::InvalidCertificate(refusal) = &error else { return error };
        let own = self.own.as_ref().map(OwnAuthorities::certificates).unwrap_or_default();
        let flaw = match refusal {
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_)
                if own.contains(server) =>
            {
                Some(Flaw::ServersOwnInFile)
            }
            CertificateError::UnknownIssuer => {
                Fields::read(server).and_then(|server| unknown_issuer(server, sent, &own))
            }
            _ => None,
        };
        match flaw {
            Some(flaw) => CertificateError::Other(OtherError(Arc::new(flaw))).into(),
            None => error,
        }
    }
}

fn unknown_issuer(server: Fields<'_>, sent: &[CertificateDer<'_>], own: &[CertificateDer<'_>]) -> Option<Flaw> {
    let issuer_of = |fields: &Fields<'_>| {
        sent.iter().filter_map(|other| Fields::read(other)).find(|other| other.subject == fields.issuer)
    };
    // Up the chain to the last certificate that the server sends. It may lead back to itself.
    let mut last = server;
    for _ in 0..sent.len() {
        match issuer_of(&last) {
            Some(issuer) if !last.is_self_issued() => last = issuer,
            _ => break,
        }
    }
    let is_sibling = |other: &Fields<'_>| !other.is_self_issued() && other.issuer == last.issuer;
    if last.is_self_issued() {
        None
    } else if own.iter().filter_map(|own| Fields::read(own)).any(|own| is_sibling(&own)) {
        Some(Flaw::IntermediateInFile)
    } else {
        Some(Flaw::IssuerNotSent)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Verifier")
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.webpki.verify_server_cert(server, sent, name, ocsp, now).map_err(|error| self.explain(error, server, sent))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Verifies one server as a [`Verifier`] does, and keeps what it has seen, also of a certificate that is refused.
///
/// A refusal comes one step later than usual, with the server's signature, without which no handshake ends: only then it is known
/// which version of TLS is spoken.
#[derive(Debug)]
pub(super) struct Examiner {
    verifier: Verifier,
    /// The time at which the certificate must be valid; none: now.
    moment: Option<UnixTime>,
    seen: Mutex<Seen>,
}

/// What an [`Examiner`] has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) certificate: Option<Certificate>,
    pub(super) version: Option<TlsVersion>,
    /// Set until the certificate has been accepted.
    refusal: Option<rustls::Error>,
}

impl Examiner {
    pub(super) fn new(verifier: Verifier, moment: Option<UnixTime>) -> Examiner {
        let refusal = Some(rustls::Error::NoCertificatesPresented);
        Examiner { verifier, moment, seen: Mutex::new(Seen { refusal, ..Seen::default() }) }
    }

    /// What it has seen so far.
    pub(super) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Notes the version; the certificate's refusal, if it was refused.
    fn note_version(&self, version: TlsVersion) -> Result<(), rustls::Error> {
        let mut seen = self.lock();
        seen.version = Some(version);
        seen.refusal.clone().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Examiner {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verifier.verify_server_cert(server, sent, name, ocsp, self.moment.unwrap_or(now));
        let mut seen = self.lock();
        seen.certificate = Certificate::read(server);
        seen.refusal = verified.err();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.note_version(TlsVersion::Tls12)?;
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.note_version(TlsVersion::Tls13)?;
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
