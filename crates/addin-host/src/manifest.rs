//! MANIFEST.XML: which library of a bundle is for which machine.

use std::fmt;

use crate::language::Language;

/// The manifest's name in the zip.
pub(crate) const NAME: &str = "MANIFEST.XML";
const NAMESPACE: &str = "http://v8.1c.ru/8.2/addin/bundle";

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
    /// Whether a machine of this kind can load it as a Native API add-in.
    pub(crate) fn suits(&self, os: &str, arch: &str) -> bool {
        self.kind.eq_ignore_ascii_case("native")
            && self.os.eq_ignore_ascii_case(os)
            && self.arch.eq_ignore_ascii_case(arch)
    }
}

/// The components of a manifest, in its order.
pub(crate) fn parse(text: &str) -> Result<Vec<BundleEntry>, ManifestError> {
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

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ManifestError {
    /// The root of the zip has no MANIFEST.XML.
    Missing {
        /// A file of that name elsewhere in the zip or in another case.
        elsewhere: Option<String>,
    },
    /// It is not text in UTF-8.
    NotUtf8,
    /// It is not well-formed XML; the parser's message.
    NotXml(String),
    /// Its root element is not `bundle` of the add-ins' namespace.
    NotABundle,
    /// A path in it leads out of the zip.
    UnsafePath(String),
    /// The zip lacks a file that it names.
    MissingFile(String),
}

impl ManifestError {
    /// One or two sentences for a person.
    pub fn message(&self, language: Language) -> String {
        match self {
            ManifestError::Missing { elsewhere: None } => language.pick(
                "В корне архива нет файла MANIFEST.XML.".to_owned(),
                "The root of the zip has no MANIFEST.XML.".to_owned(),
            ),
            ManifestError::Missing { elsewhere: Some(name) } => language.pick(
                format!("В корне архива нет файла MANIFEST.XML; похожий лежит в другом месте: {name}."),
                format!("The root of the zip has no MANIFEST.XML; a similar file is elsewhere: {name}."),
            ),
            ManifestError::NotUtf8 => language
                .pick("MANIFEST.XML не в кодировке UTF-8.".to_owned(), "MANIFEST.XML is not in UTF-8.".to_owned()),
            ManifestError::NotXml(words) => language.pick(
                format!("MANIFEST.XML не разбирается как XML: {words}."),
                format!("MANIFEST.XML is not well-formed XML: {words}."),
            ),
            ManifestError::NotABundle => language.pick(
                "Корневой элемент MANIFEST.XML — не bundle из пространства имён http://v8.1c.ru/8.2/addin/bundle."
                    .to_owned(),
                "The root element of MANIFEST.XML is not bundle of the namespace http://v8.1c.ru/8.2/addin/bundle."
                    .to_owned(),
            ),
            ManifestError::UnsafePath(path) => language.pick(
                format!("Путь в MANIFEST.XML ведёт за пределы архива: {path}."),
                format!("A path in MANIFEST.XML leads out of the zip: {path}."),
            ),
            ManifestError::MissingFile(path) => language.pick(
                format!("MANIFEST.XML называет файл, которого нет в архиве: {path}."),
                format!("MANIFEST.XML names a file that the zip lacks: {path}."),
            ),
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for ManifestError {}
