//! The zip an add-in is delivered in, and its MANIFEST.XML.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{AttachError, ManifestError};

const MANIFEST: &str = "MANIFEST.XML";
const NAMESPACE: &str = "http://v8.1c.ru/8.2/addin/bundle";
/// More than any manifest, less than hurts.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// The name of this process's operating system in a manifest.
pub const THIS_OS: &str = if cfg!(windows) {
    "Windows"
} else if cfg!(target_os = "macos") {
    "MacOS"
} else {
    "Linux"
};

/// The name of this process's architecture in a manifest.
pub const THIS_ARCH: &str = if cfg!(target_arch = "x86_64") {
    "x86_64"
} else if cfg!(target_arch = "x86") {
    "i386"
} else if cfg!(target_arch = "aarch64") {
    "ARM64"
} else {
    "unknown"
};

/// One `component` of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleEntry {
    /// `Windows`, `Linux`, `MacOS`.
    pub os: String,
    /// `i386`, `x86_64`, `ARM64`.
    pub arch: String,
    /// `native` for a Native API add-in; `com`, `plugin` and others are not for this host.
    pub kind: String,
    /// The file in the zip.
    pub path: String,
}

impl BundleEntry {
    fn suits(&self, os: &str, arch: &str) -> bool {
        self.kind.eq_ignore_ascii_case("native")
            && self.os.eq_ignore_ascii_case(os)
            && self.arch.eq_ignore_ascii_case(arch)
    }
}

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
        Ok(Bundle { archive, entries: parse(&text)? })
    }

    /// The same where the file begins as a zip does, whatever its name; else `None`.
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

    /// Writes the file of an entry into `folder`, under its own name, and gives its path.
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
    if archive.index_for_name(MANIFEST).is_none() {
        let mut names = archive.file_names().flatten();
        let elsewhere = names.find(|name| name.to_ascii_uppercase().ends_with(MANIFEST)).map(|name| name.into_owned());
        return Err(ManifestError::Missing { elsewhere }.into());
    }
    let file = archive.by_name(MANIFEST)?;
    let mut bytes = Vec::new();
    file.take(MANIFEST_LIMIT).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|_| ManifestError::NotUtf8.into())
}

fn parse(text: &str) -> Result<Vec<BundleEntry>, ManifestError> {
    let document = roxmltree::Document::parse(text.trim_start_matches('\u{FEFF}'))
        .map_err(|error| ManifestError::NotXml(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name((NAMESPACE, "bundle")) {
        return Err(ManifestError::NotABundle);
    }
    root.children()
        .filter(|node| node.has_tag_name((NAMESPACE, "component")))
        .map(|node| {
            let attribute = |name| node.attribute(name).unwrap_or_default().to_owned();
            let entry = BundleEntry {
                os: attribute("os"),
                arch: attribute("arch"),
                kind: attribute("type"),
                path: attribute("path"),
            };
            let escapes = entry.path.split(['/', '\\']).any(|part| part == "..");
            if escapes || entry.path.starts_with(['/', '\\']) {
                return Err(ManifestError::UnsafePath(entry.path));
            }
            Ok(entry)
        })
        .collect()
}
