//! The platforms that a bundle can serve.

use std::fmt;
use std::str::FromStr;

use anyhow::Context as _;

/// The platforms 1C:Enterprise runs on, in the order of MANIFEST.XML.
pub const PLATFORMS: [Platform; 7] = [
    Platform { os: Os::Windows, arch: Arch::X86_64, target: "x86_64-win7-windows-gnu" },
    Platform { os: Os::Windows, arch: Arch::I386, target: "i686-win7-windows-gnu" },
    Platform { os: Os::Linux, arch: Arch::X86_64, target: "x86_64-unknown-linux-gnu" },
    Platform { os: Os::Linux, arch: Arch::I386, target: "i686-unknown-linux-gnu" },
    Platform { os: Os::Linux, arch: Arch::Arm64, target: "aarch64-unknown-linux-gnu" },
    Platform { os: Os::Mac, arch: Arch::X86_64, target: "x86_64-apple-darwin" },
    Platform { os: Os::Mac, arch: Arch::Arm64, target: "aarch64-apple-darwin" },
];

/// An operating system that 1C:Enterprise runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Os {
    /// Windows 7 SP1 and later.
    Windows,
    /// Linux with glibc 2.17 and later.
    Linux,
    /// macOS.
    Mac,
}

impl Os {
    /// `os` of MANIFEST.XML.
    fn name(self) -> &'static str {
        match self {
            Os::Windows => "Windows",
            Os::Linux => "Linux",
            Os::Mac => "MacOS",
        }
    }

    /// What a dynamic library's file name ends with.
    fn extension(self) -> &'static str {
        match self {
            Os::Windows => "dll",
            Os::Linux => "so",
            Os::Mac => "dylib",
        }
    }
}

/// An architecture that 1C:Enterprise runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// 32 bits of Intel and AMD.
    I386,
    /// 64 bits of Intel and AMD.
    X86_64,
    /// 64 bits of ARM.
    Arm64,
}

impl Arch {
    /// `arch` of MANIFEST.XML.
    fn name(self) -> &'static str {
        match self {
            Arch::I386 => "i386",
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "ARM64",
        }
    }
}

/// An operating system and an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The operating system.
    pub os: Os,
    /// The architecture.
    pub arch: Arch,
    /// The Rust target that libraries for many machines are built for.
    pub target: &'static str,
}

impl Platform {
    /// The platform that this program runs on; `None` if 1C does not run there.
    pub fn current() -> Option<Platform> {
        let os = match std::env::consts::OS {
            "linux" => Os::Linux,
            "windows" => Os::Windows,
            "macos" => Os::Mac,
            _ => return None,
        };
        let arch = match std::env::consts::ARCH {
            "x86" => Arch::I386,
            "x86_64" => Arch::X86_64,
            "aarch64" => Arch::Arm64,
            _ => return None,
        };
        PLATFORMS.into_iter().find(|platform| platform.os == os && platform.arch == arch)
    }

    /// The library's name in the bundle. Clients and servers cache a library under its name, so it carries the version.
    pub fn file_name(self, version: &str) -> String {
        format!("passteam-{version}-{self}.{}", self.os.extension())
    }

    /// Its line in MANIFEST.XML.
    pub fn manifest_entry(self, version: &str) -> String {
        let (os, path, arch) = (self.os.name(), self.file_name(version), self.arch.name());
        format!("\t<component os=\"{os}\" path=\"{path}\" type=\"native\" arch=\"{arch}\"/>\n")
    }
}

/// As in file names and on the command line: `windows-i386`.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.os.name(), self.arch.name()).to_lowercase())
    }
}

impl FromStr for Platform {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Platform> {
        let known = || PLATFORMS.map(|platform| platform.to_string()).join(", ");
        PLATFORMS
            .into_iter()
            .find(|platform| platform.to_string() == name)
            .with_context(|| format!("no such platform; there are {}", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_found_by_the_name_it_shows() {
        for platform in PLATFORMS {
            assert_eq!(platform.to_string().parse::<Platform>().unwrap(), platform);
        }
        assert!("windows-arm64".parse::<Platform>().unwrap_err().to_string().contains("windows-i386"));
    }

    #[test]
    fn the_manifest_uses_the_words_of_1c() {
        let entry = |name: &str| name.parse::<Platform>().unwrap().manifest_entry("1.2.3");
        assert_eq!(
            entry("windows-i386"),
            "\t<component os=\"Windows\" path=\"passteam-1.2.3-windows-i386.dll\" type=\"native\" arch=\"i386\"/>\n"
        );
        assert_eq!(
            entry("macos-arm64"),
            "\t<component os=\"MacOS\" path=\"passteam-1.2.3-macos-arm64.dylib\" type=\"native\" arch=\"ARM64\"/>\n"
        );
    }
}
