//! The component's zip, which becomes the extension's template.

use std::path::Path;

use crate::error::SetupError;
use crate::files;
use crate::text;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The zip that goes into the extension: the named one or the built-in one.
///
/// # Errors
/// There is none, or the file is no bundle of the component.
pub(crate) fn chosen(named: Option<&Path>) -> Result<Vec<u8>, SetupError> {
    let Some(path) = named else {
        let missing = || {
            SetupError::Refused(text!(
                "эта сборка программы без компоненты. Возьмите программу из выпуска или укажите архив: --component \
                 Passteam-….zip",
                "this build of the program has no component. Take the program of a release, or name the zip: --component \
                 Passteam-….zip",
            ))
        };
        return COMPONENT.map(<[u8]>::to_vec).ok_or_else(missing);
    };
    let zip = files::read(path)?;
    if version(&zip).is_some() {
        return Ok(zip);
    }
    let path = path.display();
    Err(SetupError::Refused(text!(
        "{path} — не архив компоненты Passteam",
        "{path} is no zip of the component Passteam"
    )))
}

/// The version that the libraries of a bundle carry in their names, `passteam-0.1.0-linux-x86_64.so`; `None` if it is no
/// bundle of ours.
pub(crate) fn version(zip: &[u8]) -> Option<String> {
    entry_names(zip)?.iter().find_map(|name| {
        let version = name.strip_prefix("passteam-")?.split('-').next()?;
        version.split('.').all(is_number).then(|| version.to_owned())
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names in a zip's directory, which are never packed; `None` if it is no zip.
fn entry_names(zip: &[u8]) -> Option<Vec<String>> {
    let at = |position: usize, length: usize| zip.get(position..position.checked_add(length)?);
    let number =
        |position, length| Some(at(position, length)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)));
    // The end record stands in the last bytes, behind it at most a comment.
    let first = zip.len().saturating_sub(22 + 0xFFFF);
    let end = (first..=zip.len().checked_sub(22)?).rev().find(|end| at(*end, 4) == Some(b"PK\x05\x06"))?;
    let (count, mut entry) = (number(end + 10, 2)?, number(end + 16, 4)?);
    let mut names = Vec::new();
    for _ in 0..count {
        if at(entry, 4)? != b"PK\x01\x02" {
            return None;
        }
        let lengths = [number(entry + 28, 2)?, number(entry + 30, 2)?, number(entry + 32, 2)?];
        names.push(String::from_utf8_lossy(at(entry + 46, lengths[0])?).into_owned());
        entry = entry + 46 + lengths.iter().sum::<usize>();
    }
    Some(names)
}

/// A zip with these entries, all empty, as far as this file reads one.
#[cfg(test)]
pub(crate) fn zip_of(names: &[&str]) -> Vec<u8> {
    let mut directory = Vec::new();
    for name in names {
        directory.extend(b"PK\x01\x02");
        directory.extend([0; 24]);
        directory.extend(u16::try_from(name.len()).expect("a short name").to_le_bytes());
        directory.extend([0; 16]);
        directory.extend(name.as_bytes());
    }
    let mut end = b"PK\x05\x06\0\0\0\0\0\0".to_vec();
    end.extend(u16::try_from(names.len()).expect("few").to_le_bytes());
    end.extend(u32::try_from(directory.len()).expect("small").to_le_bytes());
    end.extend(0u32.to_le_bytes());
    end.extend([0; 2]);
    [directory, end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_the_libraries_names() {
        let zip = zip_of(&["MANIFEST.XML", "INFO.XML", "passteam-0.1.0-linux-x86_64.so"]);
        assert_eq!(version(&zip).as_deref(), Some("0.1.0"));
    }

    #[test]
    fn anything_else_is_no_bundle() {
        for zip in [zip_of(&["MANIFEST.XML", "other-1.2.0-windows-i386.dll"]), b"PK".to_vec(), Vec::new(), vec![0; 100]]
        {
            assert_eq!(version(&zip), None);
        }
        let mut damaged = zip_of(&["passteam-0.1.0-windows-i386.dll"]);
        damaged[0] = b'X';
        assert_eq!(version(&damaged), None);
    }
}
