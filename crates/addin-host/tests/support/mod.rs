//! Builds the C++ add-in of `tests/fixture`, once per test program.
#![allow(dead_code, reason = "each test program uses a part")]

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::LazyLock;

use addin_host::{HostOptions, Library, Object, THIS_ARCH, THIS_OS};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The library of the fixture.
pub static FIXTURE: LazyLock<PathBuf> = LazyLock::new(|| compile("addin.cpp"));

/// A library that exports nothing.
pub static NOT_AN_ADDIN: LazyLock<PathBuf> = LazyLock::new(|| compile("empty.cpp"));

/// Compiles a source file to a shared library. If no compiler can run (under wine), `ADDIN_HOST_FIXTURES` names a folder with the
/// libraries, compiled by `c++ -std=c++17 -shared`.
fn compile(source: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture").join(source);
    let name = source.with_extension(env::consts::DLL_EXTENSION);
    let name = name.file_name().expect("a file name");
    if let Some(folder) = env::var_os("ADDIN_HOST_FIXTURES") {
        return Path::new(&folder).join(name);
    }
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Another test program may use the library at this moment: the new file replaces the old one in one step.
    let unfinished = library.with_extension(process::id().to_string());
    let compiler = env::var_os("CXX").unwrap_or_else(|| OsString::from(if cfg!(windows) { "g++" } else { "c++" }));
    let mut command = Command::new(&compiler);
    command.args(["-std=c++17", "-shared", "-pthread"]);
    command.arg(if cfg!(windows) { "-static" } else { "-fPIC" });
    command.args(cfg!(target_arch = "x86").then_some("-m32"));
    let status = command.arg("-o").arg(&unfinished).arg(&source).status();
    let status = status.unwrap_or_else(|error| panic!("these tests need a C++ compiler ({compiler:?}): {error}"));
    assert!(status.success(), "{source:?} does not compile");
    fs::rename(&unfinished, &library).expect("the library in its place");
    library
}

/// Writes a zip of these files, for `addin-host FILE` and [`Library::open`].
pub fn zip(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).expect("a file"));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(content).expect("its content");
    }
    zip.finish().expect("a zip");
}

/// A manifest with these `component` elements.
pub fn manifest(components: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<bundle xmlns="http://v8.1c.ru/8.2/addin/bundle" name="Fixture">{components}</bundle>"#
    )
}

/// A `component` element for the machine the tests run on.
pub fn this_component(path: &str) -> String {
    format!(r#"<component os="{THIS_OS}" arch="{THIS_ARCH}" type="native" path="{path}"/>"#)
}

pub fn library() -> Library {
    Library::open(&FIXTURE).expect("the fixture loads")
}

pub fn object() -> Object {
    object_with(HostOptions::default())
}

pub fn object_with(options: HostOptions) -> Object {
    library().create_with("Fixture", options).expect("the fixture has the class")
}
