use std::fmt;
use std::fs;
use std::io::{self, Read as _};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// No bundle of CA certificates comes near; what is larger is another kind of file.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// A PEM file with CA certificates that are trusted besides the usual ones.
///
/// Only its path is kept: the file is read at each call, so that a renewed one counts at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFile {
    path: String,
}

impl CertificateFile {
    /// Takes the path of a file that holds at least one certificate now.
    ///
    /// # Errors
    /// What [`CertificateFileError`] lists.
    pub fn open(path: &str) -> Result<CertificateFile, CertificateFileError> {
        let file = CertificateFile { path: path.to_owned() };
        let mut store = RootCertStore::empty();
        add_certificates(&mut store, &file.read().map_err(|error| CertificateFileError::Unreadable(error.kind()))?)?;
        Ok(file)
    }

    /// The path as it was set.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The file's content. A pipe or a device is refused before it is opened: reading one might never end.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let metadata = fs::metadata(&self.path)?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // Room for all of it from the start: growing bit by bit takes eight reads where one does.
        let mut content = Vec::with_capacity(metadata.len().min(MOST_BYTES) as usize + 1);
        fs::File::open(&self.path)?.take(MOST_BYTES + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MOST_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content)
    }
}

/// Adds every certificate of a PEM file that can be an anchor of trust; others are skipped, as bundles hold odd ones.
///
/// # Errors
/// Not one could be added.
pub(crate) fn add_certificates(store: &mut RootCertStore, pem: &[u8]) -> Result<(), CertificateFileError> {
    const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
    let pem = pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem);
    let certificates = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok);
    match store.add_parsable_certificates(certificates) {
        (0, _) => Err(CertificateFileError::NoCertificate),
        _ => Ok(()),
    }
}

/// Why a file of certificates is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFileError {
    /// It is missing, not a plain file, larger than 4 MiB, or cannot be read.
    Unreadable(io::ErrorKind),
    /// It can be read but holds no certificate in PEM form.
    NoCertificate,
}

impl fmt::Display for CertificateFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateFileError::Unreadable(kind) => write!(formatter, "the file cannot be read: {kind}"),
            CertificateFileError::NoCertificate => formatter.write_str("the file holds no PEM certificate"),
        }
    }
}

impl std::error::Error for CertificateFileError {}

#[cfg(test)]
mod tests {
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
