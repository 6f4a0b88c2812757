//! Versions: of a platform, of a dump's format, of compatibility modes and of the extension.

use std::fmt;
use std::str::FromStr;

/// Numbers with dots between them, compared number by number: `8.3.24.1342`, `0.1.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(Vec<u32>);

impl Version {
    pub(crate) fn parts(&self) -> &[u32] {
        &self.0
    }

    /// Whether this is a build of `wanted`: 8.3.24.1342 is one of 8.3.24 and of 8.3.
    pub(crate) fn is_one_of(&self, wanted: &Version) -> bool {
        self.0.starts_with(&wanted.0)
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Version, ()> {
        let parts = text.trim().split('.').map(|part| part.parse().map_err(|_| ()));
        parts.collect::<Result<Vec<u32>, ()>>().map(Version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// The release of a platform: 8.3.24 without its build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    /// 3 in 8.3.24.
    pub(crate) major: u32,
    /// 24 in 8.3.24.
    pub(crate) minor: u32,
}

impl Release {
    /// The oldest platform whose extensions may have jobs of their own; an older one refuses the whole extension.
    pub(crate) const FIRST_WITH_JOBS: Release = Release { major: 3, minor: 23 };
    /// The first that knows `KeepMappingToExtendedConfigurationObjectsByIDs` and the class of roles in the root.
    pub(crate) const FIRST_WITH_MAPPING: Release = Release { major: 3, minor: 15 };
    /// The oldest platform that the extension is written for.
    pub(crate) const OLDEST: Release = Release { major: 3, minor: 14 };

    /// From the first three numbers of a version that begins with 8.
    pub(crate) fn of(version: &Version) -> Option<Release> {
        match *version.parts() {
            [8, major, minor, ..] => Some(Release { major, minor }),
            _ => None,
        }
    }
}

impl FromStr for Release {
    type Err = ();

    fn from_str(text: &str) -> Result<Release, ()> {
        text.parse().and_then(|version| Release::of(&version).ok_or(()))
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "8.{}.{}", self.major, self.minor)
    }
}

/// The format of a dump, `version="2.17"` in its XML files. A platform reads its own and all older ones, and refuses newer
/// ones; each release of 8.3 since 8.3.14 brought the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Format(u32);

impl Format {
    /// Of platform 8.3.14, which alone needs it.
    pub(crate) const OF_8_3_14: Format = Format(8);
    /// The oldest that can be asked for.
    pub(crate) const OLDEST: Format = Format(9);
    /// The newest that is written, of platform 8.3.27; newer platforms read it.
    pub(crate) const NEWEST: Format = Format(20);
    /// From this format on `ObjectBelonging` is the first property.
    pub(crate) const BELONGING_FIRST: Format = Format(15);

    /// The format to write for a dump or a platform that has `version`: the newest known one that is not newer. Some
    /// releases have a third number (2.9.1), which adds nothing that is written here.
    pub(crate) fn not_newer_than(version: &Version) -> Option<Format> {
        match *version.parts() {
            [2, minor, ..] if minor >= Format::OF_8_3_14.0 => Some(Format(minor.min(Format::NEWEST.0))),
            [major, ..] if major > 2 => Some(Format::NEWEST),
            _ => None,
        }
    }

    /// The newest format that a platform reads.
    pub(crate) fn of_platform(release: Release) -> Option<Format> {
        match release {
            Release { major: 3, minor: 14 } => Some(Format::OF_8_3_14),
            Release { major: 3, minor: 15 | 16 } => Some(Format::OLDEST),
            Release { major: 3, minor: 17..=27 } => Some(Format(release.minor - 7)),
            Release { major, minor } if major > 3 || (major == 3 && minor > 27) => Some(Format::NEWEST),
            _ => None,
        }
    }

    /// The oldest platform that reads this format.
    pub(crate) fn oldest_platform(self) -> Release {
        match self.0 {
            ..=9 => Release { major: 3, minor: self.0 + 6 },
            minor => Release { major: 3, minor: minor + 7 },
        }
    }
}

impl FromStr for Format {
    type Err = ();

    /// Formats 2.9 to 2.20.
    fn from_str(text: &str) -> Result<Format, ()> {
        let version: Version = text.parse()?;
        match *version.parts() {
            [2, minor] if (Format::OLDEST.0..=Format::NEWEST.0).contains(&minor) => Ok(Format(minor)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2.{}", self.0)
    }
}

/// A compatibility mode: `Version8_3_16` in a dump, 8.3.16 elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Behave as this release.
    Of(Release),
    /// `DontUse`: behave as the platform that runs.
    DontUse,
}

impl Mode {
    /// 1С:Розница 2.3 has it.
    pub(crate) const RETAIL: Mode = Mode::Of(Release { major: 3, minor: 16 });
    /// The oldest that knows everything the extension consists of.
    pub(crate) const OLDEST: Release = Release { major: 3, minor: 14 };
    /// The newest that is known.
    pub(crate) const NEWEST: Release = Release { major: 3, minor: 27 };

    /// As a dump spells it.
    pub(crate) fn from_dump(text: &str) -> Option<Mode> {
        match text {
            "DontUse" => Some(Mode::DontUse),
            text => text.strip_prefix("Version")?.replace('_', ".").parse().ok().map(Mode::Of),
        }
    }

    /// As a dump spells it.
    pub(crate) fn in_dump(self) -> String {
        match self {
            Mode::Of(release) => format!("Version8_{}_{}", release.major, release.minor),
            Mode::DontUse => "DontUse".to_owned(),
        }
    }

    /// Whether the extension can be written in this mode.
    pub(crate) fn is_known(self) -> bool {
        match self {
            Mode::Of(release) => (Mode::OLDEST..=Mode::NEWEST).contains(&release),
            Mode::DontUse => true,
        }
    }

    /// The oldest format of a platform that has this mode.
    pub(crate) fn oldest_format(self) -> Format {
        match self {
            Mode::Of(release) => {
                Format::of_platform(release).map_or(Format::OLDEST, |format| format.max(Format::OLDEST))
            }
            Mode::DontUse => Format::OLDEST,
        }
    }
}

impl FromStr for Mode {
    type Err = ();

    /// Modes 8.3.14 to 8.3.27.
    fn from_str(text: &str) -> Result<Mode, ()> {
        let version: Version = text.parse()?;
        let release = Release::of(&version).filter(|_| version.parts().len() == 3).ok_or(())?;
        let mode = Mode::Of(release);
        if mode.is_known() { Ok(mode) } else { Err(()) }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Of(release) => release.fmt(f),
            Mode::DontUse => f.write_str("DontUse"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(minor: u32) -> Release {
        Release { major: 3, minor }
    }

    #[test]
    fn versions_compare_by_number() {
        let version = |text: &str| text.parse::<Version>().expect("a version");
        assert!(version("8.3.9.100") < version("8.3.24.1"));
        assert!(version("0.9.0") < version("0.10"));
        assert!(version("8.3.24.1342").is_one_of(&version("8.3")));
        assert!(!version("8.3.24.1342").is_one_of(&version("8.3.2")));
        assert!("8.3.x".parse::<Version>().is_err());
    }

    #[test]
    fn a_platform_reads_the_format_of_its_release() {
        for (minor, format) in [(15, "2.9"), (16, "2.9"), (17, "2.10"), (22, "2.15"), (24, "2.17"), (27, "2.20")] {
            assert_eq!(Format::of_platform(release(minor)).expect("a format").to_string(), format);
        }
        assert_eq!(Format::of_platform(Release { major: 5, minor: 1 }), Some(Format::NEWEST));
        assert_eq!(Format::of_platform(release(13)), None);
        for format in 8..=20 {
            let oldest = Format(format).oldest_platform();
            assert_eq!(Format::of_platform(oldest), Some(Format(format)), "{oldest}");
        }
    }

    #[test]
    fn a_dumps_format_is_followed_as_far_as_it_is_known() {
        let known = |text: &str| Format::not_newer_than(&text.parse().expect("a version"));
        assert_eq!(known("2.9.1"), Some(Format(9)));
        assert_eq!(known("2.22"), Some(Format::NEWEST));
        assert_eq!(known("2.7"), None);
    }

    #[test]
    fn formats_and_modes_outside_the_range_are_refused() {
        for wrong in ["2.8", "2.21", "3.0", "2", "2.9.1", "x"] {
            assert!(wrong.parse::<Format>().is_err(), "{wrong}");
        }
        for wrong in ["8.3.13", "8.3.28", "8.3", "8.3.16.1148", "8.5.1", "9.3.16"] {
            assert!(wrong.parse::<Mode>().is_err(), "{wrong}");
        }
        assert_eq!("8.3.16".parse::<Mode>(), Ok(Mode::RETAIL));
        assert_eq!(Mode::from_dump("Version8_3_16"), Some(Mode::RETAIL));
        assert_eq!(Mode::from_dump("Version8_1"), None);
        assert_eq!(Mode::RETAIL.in_dump(), "Version8_3_16");
    }
}
