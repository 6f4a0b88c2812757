//! The zip in which an add-in is delivered.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::AttachError;
use crate::manifest::{self, BundleEntry, ManifestError};

/// Longer than any manifest. A larger file is cut here, and is then not well-formed XML.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// A zip with a manifest in its root.
pub struct Bundle {
    archive: ZipArchive<File>,
    entries: Vec<BundleEntry>,
}

impl Bundle {
    /// Reads the manifest of a zip.
    pub fn open(path: &Path) -> Result<Bundle, AttachError> {
        let mut archive = ZipArchive::new(File::open(path)?)?;
        let text = read_manifest(&mut archive)?;
        Ok(Bundle { archive, entries: manifest::parse(&text)? })
    }

    /// The same if the file begins as a zip does, whatever its name; else `None`.
    pub fn open_if_zip(path: &Path) -> Result<Option<Bundle>, AttachError> {
        let mut start = Vec::new();
        File::open(path)?.take(4).read_to_end(&mut start)?;
        let is_zip = start == *b"PK\x03\x04" || start == *b"PK\x05\x06";
        is_zip.then(|| Bundle::open(path)).transpose()
    }

    /// What the manifest offers, in its order.
    pub fn entries(&self) -> &[BundleEntry] {
        &self.entries
    }

    /// Whether the zip has the file an entry names.
    pub fn has_file(&self, entry: &BundleEntry) -> bool {
        self.archive.index_for_name(&entry.path).is_some()
    }

    /// The first entry for an operating system and an architecture.
    pub fn entry_for(&self, os: &str, arch: &str) -> Result<&BundleEntry, AttachError> {
        self.entries.iter().find(|entry| entry.suits(os, arch)).ok_or_else(|| AttachError::NoEntryForThisPlatform {
            os: os.to_owned(),
            arch: arch.to_owned(),
            offered: self.entries.clone(),
        })
    }

    /// Writes the file of an entry into `folder`, under its own name, and returns its path.
    pub fn unpack(&mut self, entry: &BundleEntry, folder: &Path) -> Result<PathBuf, AttachError> {
        let mut file = match self.archive.by_name(&entry.path) {
            Err(ZipError::FileNotFound) => {
                return Err(ManifestError::MissingFile(entry.path.clone()).into());
            }
            file => file?,
        };
        let name = file
            .enclosed_name()
            .and_then(|path| path.file_name().map(PathBuf::from))
            .ok_or_else(|| ManifestError::UnsafePath(entry.path.clone()))?;
        let target = folder.join(name);
        io::copy(&mut file, &mut File::create_new(&target)?)?;
        Ok(target)
    }
}

fn read_manifest(archive: &mut ZipArchive<File>) -> Result<String, AttachError> {
    if archive.index_for_name(manifest::NAME).is_none() {
        let mut names = archive.file_names().flatten();
        let elsewhere =
            names.find(|name| name.to_ascii_uppercase().ends_with(manifest::NAME)).map(|name| name.into_owned());
        return Err(ManifestError::Missing { elsewhere }.into());
    }
    let file = archive.by_name(manifest::NAME)?;
    let mut bytes = Vec::new();
    file.take(MANIFEST_LIMIT).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| ManifestError::NotUtf8.into())
}
