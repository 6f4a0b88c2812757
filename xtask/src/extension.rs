//! The zip of the extension: its files as the Designer loads them, with the component's bundle inside.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::bundle::{self, BundleError};
use crate::files::{self, FileError};
use crate::project::root;

/// The extension in the Designer's layout, below the root of the repository.
pub const FOLDER: &str = "bsl-examples/extension";
/// The content of the template, which only the packed copy has: a template of type add-in is the component's zip itself.
const TEMPLATE: &str = "CommonTemplates/КомпонентаPassteam/Ext/Template.bin";

/// Packs the extension with this bundle as its template. The files in the repository stay as they are.
///
/// # Errors
/// A file cannot be read or written, or a zip cannot hold what is to go in.
pub fn write(path: &Path, bundle: &Path, time: DateTime<Utc>) -> Result<(), BundleError> {
    let folder = root().join(FOLDER);
    let mut content = Vec::new();
    for name in files::below(&folder)? {
        content.push((name.clone(), read(&folder.join(name))?));
    }
    content.push((TEMPLATE.to_owned(), read(bundle)?));
    content.sort();
    bundle::write_zip(path, content.iter().map(|(name, bytes)| (name.clone(), bytes.as_slice())), time)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|error| FileError { path: path.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn the_packed_copy_has_every_file_and_the_component() {
        let folder = tempfile::tempdir().unwrap();
        let (bundle, path) = (folder.path().join("component.zip"), folder.path().join("extension.zip"));
        fs::write(&bundle, b"the component").unwrap();
        let time = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        write(&path, &bundle, time).unwrap();

        let mut archive = ZipArchive::new(File::open(&path).unwrap()).unwrap();
        let mut packed: Vec<_> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
        packed.sort();
        let mut expected = files::below(&root().join(FOLDER)).unwrap();
        assert!(!expected.contains(&TEMPLATE.to_owned()), "the repository holds no built component");
        expected.push(TEMPLATE.to_owned());
        expected.sort();
        assert_eq!(packed, expected);
        let mut content = |name: &str| {
            let mut bytes = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(content(TEMPLATE), b"the component");
        let file = "Configuration.xml";
        assert_eq!(content(file), fs::read(root().join(FOLDER).join(file)).unwrap());

        let first = fs::read(&path).unwrap();
        write(&path, &bundle, time).unwrap();
        assert!(fs::read(&path).unwrap() == first, "the same commit gives the same bytes");
    }
}
