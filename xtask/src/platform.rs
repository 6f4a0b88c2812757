//! The platforms that a bundle can serve.

use std::fmt;

/// An operating system and an architecture, in the words of 1C's MANIFEST.XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `os` of MANIFEST.XML.
    pub os: &'static str,
    /// `arch` of MANIFEST.XML.
    pub arch: &'static str,
    /// What a dynamic library's file name ends with.
    pub extension: &'static str,
}

impl Platform {
    /// The platform that this program runs on; nothing where 1C does not.
    pub fn current() -> Option<Platform> {
        let (os, extension) = match std::env::consts::OS {
            "linux" => ("Linux", "so"),
            "windows" => ("Windows", "dll"),
            "macos" => ("MacOS", "dylib"),
            _ => return None,
        };
        let arch = match std::env::consts::ARCH {
            "x86_64" => "x86_64",
            "x86" => "i386",
            "aarch64" => "ARM64",
            _ => return None,
        };
        Some(Platform { os, arch, extension })
    }

    /// The library's name in the bundle. Clients and servers cache a library under its name, so it carries the version.
    pub fn file_name(&self, version: &str) -> String {
        format!("passteam-{version}-{}-{}.{}", self.os.to_lowercase(), self.arch.to_lowercase(), self.extension)
    }

    /// Its line in MANIFEST.XML.
    pub fn manifest_entry(&self, version: &str) -> String {
        let Platform { os, arch, .. } = self;
        format!("\t<component os=\"{os}\" path=\"{}\" type=\"native\" arch=\"{arch}\"/>\n", self.file_name(version))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.os, self.arch)
    }
}
