//! The bundle that a 1C developer puts into a configuration: a zip with the libraries, MANIFEST.XML, INFO.XML and the licence.
//!
//! It writes and reads bundles; which libraries go in and how they are built is for `dist`.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, Timelike, Utc};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::files::{self, FileError};
use crate::platform::{PLATFORMS, Platform};
use crate::project::{NUMERIC_VERSION, VERSION};

const MANIFEST: &str = include_str!("../../manifest/MANIFEST.XML");
const INFO: &str = include_str!("../../manifest/INFO.XML");
const LICENSE: &str = include_str!("../../LICENSE");
/// Text inside every library that tests can make panic.
const PANIC_MARK: &[u8] = b"passteam_test_panic";

/// Why a bundle cannot be written or read.
#[derive(Debug)]
pub enum BundleError {
    /// A file cannot be read or written.
    File(FileError),
    /// The zip is damaged, or the file is no zip.
    Zip {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ZipError,
    },
    /// The zip holds no library of this version.
    Empty(PathBuf),
    /// The library, or one in this bundle, is built for tests, which can make it panic.
    TestCode(PathBuf),
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BundleError::File(error) => write!(f, "{error}"),
            BundleError::Zip { path, error } => write!(f, "{} is no usable zip: {error}", path.display()),
            BundleError::Empty(path) => write!(f, "{} holds no library of version {VERSION}", path.display()),
            BundleError::TestCode(path) => {
                let path = path.display();
                write!(f, "{path}: built with the cfg passteam_test_panic, which must not ship; look at RUSTFLAGS")
            }
        }
    }
}

impl Error for BundleError {}

impl From<FileError> for BundleError {
    fn from(error: FileError) -> BundleError {
        BundleError::File(error)
    }
}

/// A library and the platform that it is for.
pub struct Library {
    /// The platform.
    pub platform: Platform,
    /// The content of the file.
    pub code: Vec<u8>,
}

impl Library {
    /// Takes a library from a file.
    ///
    /// # Errors
    /// The file cannot be read, or the library is one for tests.
    pub fn read(platform: Platform, path: &Path) -> Result<Library, BundleError> {
        let code = fs::read(path).map_err(|error| FileError { path: path.to_owned(), error })?;
        refuse_test_code(&code, path)?;
        Ok(Library { platform, code })
    }
}

/// Packs libraries; the order in which they come does not matter. БСП takes the bundle's date from the time stamp of its
/// MANIFEST.XML, and the newest wins: give the time of the commit, so that two builds of one commit are the same file.
///
/// # Errors
/// The file cannot be written, or a zip cannot hold what is to go in.
pub fn write(path: &Path, libraries: &mut [Library], time: DateTime<Utc>) -> Result<(), BundleError> {
    libraries.sort_by_key(|library| PLATFORMS.iter().position(|platform| *platform == library.platform));
    let components: String = libraries.iter().map(|library| library.platform.manifest_entry(VERSION)).collect();
    let manifest = MANIFEST.replace("{components}", &components);
    let info = INFO.replace("{numbers}", NUMERIC_VERSION);
    let texts = [("MANIFEST.XML", manifest.as_str()), ("INFO.XML", &info), ("LICENSE", LICENSE)];
    let texts = texts.into_iter().map(|(name, text)| (name.to_owned(), text.as_bytes()));
    let libraries = libraries.iter().map(|library| (library.platform.file_name(VERSION), library.code.as_slice()));
    write_zip(path, texts.chain(libraries), time)
}

/// Packs files, by name and content, into a zip that is the same bytes wherever it is packed.
///
/// # Errors
/// As [`write()`].
pub fn write_zip<'c>(
    path: &Path,
    files: impl Iterator<Item = (String, &'c [u8])>,
    time: DateTime<Utc>,
) -> Result<(), BundleError> {
    let zip = pack(files, time).map_err(|error| BundleError::Zip { path: path.to_owned(), error })?;
    Ok(files::replace(path, &zip)?)
}

fn pack<'c>(files: impl Iterator<Item = (String, &'c [u8])>, time: DateTime<Utc>) -> Result<Vec<u8>, ZipError> {
    // Zopfli would make the zip 3 % smaller and take many times as long.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(zip_time(time).ok_or(ZipError::InvalidArchive("a time before 1980 or after 2107".into()))?)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(name, options)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn zip_time(time: DateTime<Utc>) -> Option<zip::DateTime> {
    let part = |value: u32| u8::try_from(value).ok();
    let (month, day) = (part(time.month())?, part(time.day())?);
    let (hour, minute, second) = (part(time.hour())?, part(time.minute())?, part(time.second())?);
    zip::DateTime::from_date_and_time(u16::try_from(time.year()).ok()?, month, day, hour, minute, second).ok()
}

/// A bundle that is open for reading.
pub struct Bundle {
    path: PathBuf,
    archive: ZipArchive<File>,
}

impl Bundle {
    /// Opens one.
    ///
    /// # Errors
    /// The file cannot be read or is no zip.
    pub fn open(path: &Path) -> Result<Bundle, BundleError> {
        let file = File::open(path).map_err(|error| FileError { path: path.to_owned(), error })?;
        let archive = ZipArchive::new(file).map_err(|error| BundleError::Zip { path: path.to_owned(), error })?;
        Ok(Bundle { path: path.to_owned(), archive })
    }

    /// Its libraries of this version, in the order of [`PLATFORMS`], each with its packed size in bytes.
    ///
    /// # Errors
    /// The zip is damaged, or holds no such library or one for tests.
    pub fn libraries(&mut self) -> Result<Vec<(Library, u64)>, BundleError> {
        let mut libraries = Vec::new();
        for platform in PLATFORMS {
            let read = self.library(platform);
            if let Some((code, packed)) = read.map_err(|error| BundleError::Zip { path: self.path.clone(), error })? {
                refuse_test_code(&code, &self.path)?;
                libraries.push((Library { platform, code }, packed));
            }
        }
        if libraries.is_empty() { Err(BundleError::Empty(self.path.clone())) } else { Ok(libraries) }
    }

    fn library(&mut self, platform: Platform) -> Result<Option<(Vec<u8>, u64)>, ZipError> {
        let Some(index) = self.archive.index_for_name(&platform.file_name(VERSION)) else { return Ok(None) };
        let mut entry = self.archive.by_index(index)?;
        let mut code = Vec::new();
        entry.read_to_end(&mut code)?;
        Ok(Some((code, entry.compressed_size())))
    }
}

fn refuse_test_code(code: &[u8], path: &Path) -> Result<(), BundleError> {
    let marked = code.windows(PANIC_MARK.len()).any(|window| window == PANIC_MARK);
    if marked { Err(BundleError::TestCode(path.to_owned())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    #[test]
    fn entries_carry_the_commits_time() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("x.zip");
        write(&path, &mut [], noon()).unwrap();
        let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
        let time = archive.by_name("MANIFEST.XML").unwrap().last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day(), time.hour()), (2026, 5, 28, 20));
    }

    #[test]
    fn the_order_of_the_libraries_does_not_change_the_bytes() {
        let out = tempfile::tempdir().unwrap();
        let (first, second) = (out.path().join("1.zip"), out.path().join("2.zip"));
        let library = |index: usize| Library { platform: PLATFORMS[index], code: vec![index as u8; 100_000] };
        write(&first, &mut [library(0), library(3), library(5)], noon()).unwrap();
        write(&second, &mut [library(5), library(0), library(3)], noon()).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    }

    #[test]
    fn what_was_packed_is_read_again_and_an_empty_bundle_is_refused() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("x.zip");
        write(&path, &mut [Library { platform: PLATFORMS[2], code: b"code".to_vec() }], noon()).unwrap();
        let libraries = Bundle::open(&path).unwrap().libraries().unwrap();
        let (library, packed) = &libraries[0];
        assert_eq!((libraries.len(), library.platform, &library.code[..]), (1, PLATFORMS[2], &b"code"[..]));
        assert!(*packed > 0);
        write(&path, &mut [], noon()).unwrap();
        assert!(matches!(Bundle::open(&path).unwrap().libraries(), Err(BundleError::Empty(_))));
    }

    #[test]
    fn a_file_that_is_no_zip_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.zip");
        fs::write(&path, "not a zip").unwrap();
        for path in [path, folder.path().join("missing.zip")] {
            let error = Bundle::open(&path).err().unwrap().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn a_library_that_a_test_can_make_panic_is_refused() {
        let path = Path::new("library");
        assert!(refuse_test_code(b"ordinary code", path).is_ok());
        let refused = Library::read(PLATFORMS[2], addin_testkit::panic_library());
        assert!(matches!(refused, Err(BundleError::TestCode(_))));
    }
}
