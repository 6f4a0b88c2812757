//! An add-in from a zip, through its MANIFEST.XML.

mod support;

use std::fs;
use std::path::PathBuf;

use addin_host::{AttachError, Bundle, Library, ManifestError, THIS_ARCH, THIS_OS};
use support::{FIXTURE, manifest, this_component, zip};
use tempfile::TempDir;

/// A zip in a folder of its own.
struct Zip {
    _folder: TempDir,
    path: PathBuf,
}

impl Zip {
    fn new(files: &[(&str, &[u8])]) -> Zip {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("addin.zip");
        zip(&path, files);
        Zip { _folder: folder, path }
    }

    fn with_manifest(components: &str) -> Zip {
        Zip::new(&[("MANIFEST.XML", manifest(components).as_bytes())])
    }

    fn refusal(&self) -> AttachError {
        Library::open(&self.path).err().expect("a refusal")
    }
}

fn manifest_error(zip: &Zip) -> ManifestError {
    match zip.refusal() {
        AttachError::Manifest(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_library_for_this_machine_is_taken_from_the_zip() {
    let library = fs::read(&*FIXTURE).expect("the fixture");
    let others = r#"<component os="Plan9" arch="vax" type="native" path="vax.dll"/>
        <component os="Linux" arch="unheard-of" type="native" path="other.so"/>"#;
    let com = this_component("com.so").replace("native", "com");
    let manifest = manifest(&format!("{others}{com}{}", this_component("lib/this.so")));
    let zip = Zip::new(&[
        ("MANIFEST.XML", manifest.as_bytes()),
        ("vax.dll", b"for others"),
        ("other.so", b"for others"),
        ("com.so", b"not native"),
        ("lib/this.so", &library),
    ]);
    let bundle = Bundle::open(&zip.path).expect("a bundle");
    assert_eq!(bundle.entries().len(), 4);
    assert!(bundle.entries().iter().all(|entry| bundle.has_file(entry)));

    let library = Library::open(&zip.path).expect("the fixture from the zip");
    let object = library.create("Fixture").expect("an object");
    drop(zip);
    assert!(object.get("Number").is_ok(), "the unpacked library needs the zip no more");
}

#[test]
fn a_zip_with_nothing_for_this_machine_says_what_it_offers() {
    let zip = Zip::with_manifest(
        r#"<component os="Plan9" arch="vax" type="native" path="a.dll"/>
        <component os="Solaris" arch="sparc" type="native" path="a.so"/>"#,
    );
    let refusal = zip.refusal();
    let AttachError::NoEntryForThisPlatform { os, arch, offered } = &refusal else { panic!("{refusal:?}") };
    assert_eq!((os.as_str(), arch.as_str()), (THIS_OS, THIS_ARCH));
    assert_eq!(offered[1].path, "a.so");
    let text = refusal.to_string();
    assert!(text.contains("Plan9 vax") && text.contains("Solaris sparc"), "{text}");
}

#[test]
fn any_machine_can_be_asked_for() {
    let zip = Zip::with_manifest(
        r#"<component os="Windows" arch="i386" type="native" path="x86.dll"/>
        <component os="windows" arch="X86_64" type="Native" path="x64.dll"/>
        <component os="MacOS" arch="ARM64" type="native" path="arm.dylib"/>"#,
    );
    let bundle = Bundle::open(&zip.path).expect("a bundle");
    let path = |os, arch| bundle.entry_for(os, arch).map(|entry| entry.path.clone()).ok();
    assert_eq!(path("Windows", "i386").as_deref(), Some("x86.dll"));
    assert_eq!(path("Windows", "x86_64").as_deref(), Some("x64.dll"));
    assert_eq!(path("MacOS", "ARM64").as_deref(), Some("arm.dylib"));
    assert_eq!(path("MacOS", "x86_64"), None);
}

#[test]
fn a_manifest_that_names_a_file_the_zip_lacks_is_refused() {
    let zip = Zip::with_manifest(&this_component("gone.so"));
    assert_eq!(manifest_error(&zip), ManifestError::MissingFile("gone.so".to_owned()));
}

#[test]
fn a_path_that_leads_out_of_the_zip_is_refused() {
    for path in ["../evil.so", "a/../../evil.so", r"..\evil.so", "/evil.so", r"\evil.so"] {
        let manifest = manifest(&this_component(path));
        let zip = Zip::new(&[("MANIFEST.XML", manifest.as_bytes()), (path, b"evil")]);
        assert_eq!(manifest_error(&zip), ManifestError::UnsafePath(path.to_owned()));
    }
}

#[test]
fn a_broken_manifest_says_what_is_wrong_with_it() {
    let with = |content: &[u8]| manifest_error(&Zip::new(&[("MANIFEST.XML", content)]));
    assert!(matches!(with(b"<bundle"), ManifestError::NotXml(words) if !words.is_empty()));
    assert!(matches!(with(b""), ManifestError::NotXml(_)));
    assert_eq!(with(b"\xFF\xFE<\0"), ManifestError::NotUtf8);
    assert_eq!(with(b"<bundle/>"), ManifestError::NotABundle);
    assert_eq!(with(manifest("").replace("bundle", "package").as_bytes()), ManifestError::NotABundle);
}

#[test]
fn a_manifest_with_a_byte_order_mark_is_read() {
    let text = format!("\u{FEFF}{}", manifest(&this_component("gone.so")));
    let zip = Zip::new(&[("MANIFEST.XML", text.as_bytes())]);
    assert!(matches!(manifest_error(&zip), ManifestError::MissingFile(_)));
}

#[test]
fn a_zip_without_a_manifest_in_its_root_says_where_one_is() {
    let nothing = Zip::new(&[("a.so", b"")]);
    assert_eq!(manifest_error(&nothing), ManifestError::Missing { elsewhere: None });
    for name in ["Addin/MANIFEST.XML", "Manifest.xml"] {
        let elsewhere = Some(name.to_owned());
        assert_eq!(manifest_error(&Zip::new(&[(name, b"")])), ManifestError::Missing { elsewhere });
    }
}

#[test]
fn a_damaged_zip_is_called_one() {
    let zip = Zip::with_manifest("");
    let whole = fs::read(&zip.path).expect("the zip");
    fs::write(&zip.path, &whole[..whole.len() / 2]).expect("half of it");
    assert!(matches!(zip.refusal(), AttachError::Zip(_)));
}

#[cfg(target_os = "linux")]
#[test]
fn the_unpacked_library_is_removed_when_it_is_closed() {
    let library = fs::read(&*FIXTURE).expect("the fixture");
    let name = "removed-when-closed.so";
    let manifest = manifest(&this_component(name));
    let zip = Zip::new(&[("MANIFEST.XML", manifest.as_bytes()), (name, &library)]);
    let library = Library::open(&zip.path).expect("the fixture from the zip");
    let maps = fs::read_to_string("/proc/self/maps").expect("the memory map");
    let line = maps.lines().find(|line| line.ends_with(name)).expect("the library is mapped");
    let unpacked = PathBuf::from(&line[line.find('/').expect("a path")..]);
    assert!(unpacked.exists());
    assert!(library.close());
    assert!(!unpacked.exists());
    assert!(!unpacked.parent().expect("a folder").exists());
}
