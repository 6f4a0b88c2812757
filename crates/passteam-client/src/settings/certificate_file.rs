//! The file of additional certificates: finding out whether it can be used. Trusting them is a matter of [`crate::transport`].

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::last::Last;
use crate::pem;

/// No bundle of CA certificates comes near; what is larger is another kind of file.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// A file with CA certificates, in PEM or DER, that are trusted besides the usual ones.
///
/// Only its path is kept: the file is read for each new connection, so that a renewed one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    path: Arc<str>,
}

impl CertificateFile {
    /// Takes the path of a file that holds at least one certificate now.
    ///
    /// # Errors
    /// What [`CertificateFileError`] lists.
    pub fn open(path: &str) -> Result<CertificateFile, CertificateFileError> {
        static LAST: Last<Examined> = Last::new();
        let stamp = fs::metadata(path).map(|metadata| Stamp::of(&metadata)).map_err(unreadable)?;
        let examined = LAST.or_make(
            |last| *last.path == *path && last.stamp == stamp && stamp.outlives(last.at),
            || {
                let at = SystemTime::now();
                read(path).map(|_| Examined { path: path.into(), stamp, at })
            },
        )?;
        Ok(CertificateFile { path: examined.path })
    }

    /// The path as it was set.
    pub fn as_str(&self) -> &str {
        &self.path
    }
}

/// A file in which certificates were found.
#[derive(Clone)]
struct Examined {
    path: Arc<str>,
    stamp: Stamp,
    /// When, after the stamp was taken.
    at: SystemTime,
}

/// By what a file's state is told from a later one without reading it.
#[derive(Clone, Copy, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    created: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Stamp {
        Stamp { length: metadata.len(), modified: metadata.modified().ok(), created: metadata.created().ok() }
    }

    /// Whether what is written after this time gives another stamp: file systems keep times with a step, of two seconds on FAT.
    fn outlives(&self, time: SystemTime) -> bool {
        const STEP: Duration = Duration::from_secs(2);
        self.modified.is_some_and(|modified| time.duration_since(modified).is_ok_and(|age| age > STEP))
    }
}

/// The certificates in a file that can be anchors of trust.
#[derive(Clone)]
pub(crate) struct OwnAuthorities {
    /// The file's content.
    content: Arc<[u8]>,
    /// The anchors.
    pub(crate) roots: Arc<[TrustAnchor<'static>]>,
}

impl OwnAuthorities {
    /// All certificates in the file, also those that cannot be anchors.
    pub(crate) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        parse(&self.content)
    }
}

impl PartialEq for OwnAuthorities {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.content, &other.content) || self.content == other.content
    }
}

/// Reads the certificates in a file. This may block for as long as the disk does.
///
/// # Errors
/// What [`CertificateFileError`] lists.
pub(crate) fn read(path: &str) -> Result<OwnAuthorities, CertificateFileError> {
    static LAST: Last<OwnAuthorities> = Last::new();
    let content = fs::metadata(path).and_then(|metadata| content(path, &metadata));
    let content = content.map_err(unreadable)?;
    LAST.or_make(|known| *known.content == *content, || authorities(&content))
}

fn unreadable(error: io::Error) -> CertificateFileError {
    CertificateFileError::Unreadable(error.kind())
}

fn authorities(content: &[u8]) -> Result<OwnAuthorities, CertificateFileError> {
    let mut store = RootCertStore::empty();
    for certificate in parse(content) {
        // Bundles hold odd ones: they are skipped.
        add_anchor(&mut store, certificate);
    }
    if store.is_empty() {
        return Err(CertificateFileError::NoCertificate);
    }
    Ok(OwnAuthorities { content: content.into(), roots: store.roots.into() })
}

/// The file's content. A pipe or a device is refused before it is opened: reading one might never end.
pub(crate) fn content(path: impl AsRef<Path>, metadata: &fs::Metadata) -> io::Result<Vec<u8>> {
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // One byte more, so that a single read finds the end, too.
    let capacity = usize::try_from(metadata.len().min(MOST_BYTES)).unwrap_or_default() + 1;
    let mut content = Vec::with_capacity(capacity);
    fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

/// The certificates in PEM, also in UTF-16 as Windows programs write it, or the one in DER.
fn parse(content: &[u8]) -> Vec<CertificateDer<'static>> {
    /// A DER sequence with a length of two bytes, as every certificate is (X.690, 8.1.3): no text begins like this.
    const DER: &[u8] = &[0x30, 0x82];

    if content.starts_with(DER) {
        return vec![content.to_vec().into()];
    }
    pem::certificates(&text(content)).filter_map(pem::decode).collect()
}

/// The content as text in UTF-8, by its byte order mark: that of UTF-16 in either order, else it is UTF-8 already.
fn text(content: &[u8]) -> Cow<'_, [u8]> {
    let from_utf16 = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| read(*pair)).collect();
        String::from_utf16_lossy(&units).into_bytes().into()
    };
    match content {
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest.into(),
        _ => content.into(),
    }
}

/// Adds a certificate if it can be an anchor of trust. Stores hold odd ones, and one that makes the parser panic must not spoil the
/// others.
pub(crate) fn add_anchor(store: &mut RootCertStore, certificate: CertificateDer<'static>) -> bool {
    catch_unwind(AssertUnwindSafe(|| store.add(certificate))).is_ok_and(|added| added.is_ok())
}

/// Why a file of certificates is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFileError {
    /// It is missing, not a plain file, larger than 4 MiB, or cannot be read.
    Unreadable(io::ErrorKind),
    /// It can be read but holds no certificate in PEM or DER.
    NoCertificate,
}

impl fmt::Display for CertificateFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateFileError::Unreadable(kind) => write!(formatter, "the file cannot be read: {kind}"),
            CertificateFileError::NoCertificate => formatter.write_str("the file holds no certificate in PEM or DER"),
        }
    }
}

impl std::error::Error for CertificateFileError {}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    fn certificate() -> String {
        let rcgen::CertifiedKey { cert, .. } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        cert.pem()
    }

    fn open(content: impl AsRef<[u8]>) -> Result<CertificateFile, CertificateFileError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        fs::write(&path, content).expect("a file");
        CertificateFile::open(path.to_str().expect("a UTF-8 path"))
    }

    #[test]
    fn a_file_with_certificates_is_accepted_as_other_tools_write_it() {
        let pem = certificate();
        assert!(open(&pem).is_ok());
        assert!(open(format!("\u{feff}{pem}")).is_ok(), "byte order mark");
        assert!(open(pem.replace('\n', "\r\n")).is_ok(), "line ends of Windows");
        assert!(open(format!("subject=CN = x\n{pem}# comment\n{pem}")).is_ok(), "comments between");
    }

    #[test]
    fn the_formats_that_windows_writes_are_read() {
        let pem = certificate();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        assert!(open(&der).is_ok(), "DER");
        for (mark, bytes) in [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)]
        {
            let text: Vec<u8> = pem.encode_utf16().flat_map(bytes).collect();
            assert!(open([&mark[..], &text].concat()).is_ok(), "UTF-16");
        }
        assert_eq!(open(&der[..der.len() - 1]), Err(CertificateFileError::NoCertificate));
    }

    #[test]
    fn one_odd_certificate_does_not_spoil_the_others() {
        let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(open(format!("{odd}{}", certificate())).is_ok());
        assert_eq!(open(odd), Err(CertificateFileError::NoCertificate));
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for content in ["", "not a certificate", key, "-----BEGIN CERTIFICATE-----\n"] {
            assert_eq!(open(content), Err(CertificateFileError::NoCertificate), "{content:?}");
        }
    }

    #[test]
    fn a_file_that_has_changed_is_examined_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let write = |content: &str, modified| {
            let file = fs::File::create(&path).expect("a file");
            (&file).write_all(content.as_bytes()).expect("room");
            file.set_modified(modified).expect("its time");
        };
        let open = || CertificateFile::open(path.to_str().expect("UTF-8"));
        let good = certificate();
        let bad = "x".repeat(good.len());
        let now = SystemTime::now();
        let old = now - Duration::from_secs(3600);

        write(&good, old);
        assert!(open().is_ok());
        assert!(open().is_ok());
        write(&bad, old + Duration::from_secs(2));
        assert_eq!(open(), Err(CertificateFileError::NoCertificate), "another time");
        write(&good, now);
        assert!(open().is_ok());
        write(&bad, now);
        assert_eq!(open(), Err(CertificateFileError::NoCertificate), "within the step of the file system's clock");
    }

    #[test]
    fn a_missing_file_a_folder_and_a_huge_file_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing.pem");
        let unreadable = |kind| Err(CertificateFileError::Unreadable(kind));
        assert_eq!(CertificateFile::open(missing.to_str().expect("UTF-8")), unreadable(io::ErrorKind::NotFound));
        assert_eq!(
            CertificateFile::open(folder.path().to_str().expect("UTF-8")),
            unreadable(io::ErrorKind::InvalidInput)
        );
        assert_eq!(CertificateFile::open("bad\0path"), unreadable(io::ErrorKind::InvalidInput));

        let huge = folder.path().join("huge.pem");
        fs::write(&huge, certificate()).expect("a file");
        fs::OpenOptions::new()
            .write(true)
            .open(&huge)
            .and_then(|file| file.set_len(MOST_BYTES + 1))
            .expect("a huge file");
        assert_eq!(CertificateFile::open(huge.to_str().expect("UTF-8")), unreadable(io::ErrorKind::FileTooLarge));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_writes_to_does_not_hold_up_the_caller() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe.pem");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        assert_eq!(
            CertificateFile::open(pipe.to_str().expect("UTF-8")),
            Err(CertificateFileError::Unreadable(io::ErrorKind::InvalidInput))
        );
    }
}
