//! `cargo xtask dist`: the bundle that a 1C developer puts into a configuration.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Datelike, Timelike, Utc};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::platform::Platform;

/// The component's version: that of the whole workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
const MANIFEST: &str = include_str!("../../manifest/MANIFEST.XML");
const INFO: &str = include_str!("../../manifest/INFO.XML");
/// Stands in a library that was built with the test-only way to provoke a panic.
const PANIC_MARK: &[u8] = b"passteam_test_panic";

/// Собрать компоненту и упаковать её в dist/Passteam-<версия>.zip.
#[derive(clap::Args)]
pub struct Options {
    /// Папка, в которую записать архив.
    #[arg(long, default_value_os_t = root().join("dist"))]
    pub out: PathBuf,
    /// Профиль сборки cargo.
    #[arg(long, default_value = "release")]
    pub profile: String,
}

impl Default for Options {
    fn default() -> Options {
        Options { out: root().join("dist"), profile: "release".to_owned() }
    }
}

/// A library, and where it runs.
struct Library {
    platform: Platform,
    code: Vec<u8>,
}

/// Builds the libraries and packs them; the path of the zip.
pub fn run(options: &Options) -> Result<PathBuf> {
    let platform = Platform::current().context("1C:Enterprise does not run on this platform")?;
    let path = testkit::build("passteam", &options.profile);
    let code = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    refuse_test_code(&code)?;
    fs::create_dir_all(&options.out)?;
    let zip = options.out.join(format!("Passteam-{VERSION}.zip"));
    pack(&[Library { platform, code }], commit_time()?, &zip)?;
    Ok(zip)
}

/// The top folder of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn refuse_test_code(code: &[u8]) -> Result<()> {
    let marked = code.windows(PANIC_MARK.len()).any(|window| window == PANIC_MARK);
    ensure!(!marked, "the library was built with the cfg passteam_test_panic, which must not ship: look at RUSTFLAGS");
    Ok(())
}

/// The commit's time: БСП takes a bundle's date from the time stamp of its MANIFEST.XML, and the newest wins; the time
/// of the build would make two bundles of one commit differ. Outside a git checkout it is now.
fn commit_time() -> Result<DateTime<Utc>> {
    let output = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()).output();
    match output {
        Ok(output) if output.status.success() => {
            let seconds = String::from_utf8_lossy(&output.stdout).trim().parse().context("git printed no time")?;
            DateTime::from_timestamp(seconds, 0).context("the commit's time is out of range")
        }
        _ => Ok(Utc::now()),
    }
}

fn pack(libraries: &[Library], time: DateTime<Utc>, path: &Path) -> Result<()> {
    let components: String = libraries.iter().map(|library| library.platform.manifest_entry(VERSION)).collect();
    let mut files = vec![
        ("MANIFEST.XML".to_owned(), MANIFEST.replace("{components}", &components).into_bytes()),
        ("INFO.XML".to_owned(), INFO.replace("{version}", VERSION).into_bytes()),
    ];
    for library in libraries {
        files.push((library.platform.file_name(VERSION), library.code.clone()));
    }

    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(zip_time(time)?)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?);
    for (name, content) in files {
        zip.start_file(name, options)?;
        zip.write_all(&content)?;
    }
    zip.finish()?;
    Ok(())
}

fn zip_time(time: DateTime<Utc>) -> Result<zip::DateTime> {
    let part = |value: u32| u8::try_from(value);
    Ok(zip::DateTime::from_date_and_time(
        u16::try_from(time.year())?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
    )?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use addin_host::{Library, Value};

    use super::*;

    #[test]
    fn one_version_stands_in_the_file_names_the_manifest_and_the_component() {
        let out = tempfile::tempdir().unwrap();
        let zip = run(&Options { out: out.path().to_owned(), profile: "dev".to_owned() }).unwrap();
        assert_eq!(zip.file_name().unwrap(), format!("Passteam-{VERSION}.zip").as_str());

        let mut archive = zip::ZipArchive::new(File::open(&zip).unwrap()).unwrap();
        let platform = Platform::current().unwrap();
        let library = platform.file_name(VERSION);
        let names = archive.file_names().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(names, ["MANIFEST.XML", "INFO.XML", library.as_str()]);
        assert!(library.contains(&format!("-{VERSION}-")), "{library}");

        let mut text = |name| {
            let mut text = String::new();
            archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert!(text("MANIFEST.XML").contains(&format!("path=\"{library}\"")));
        assert!(text("INFO.XML").contains(&format!("version=\"{VERSION}.0\"")));

        let object = Library::open(&zip).unwrap().create("Passteam").unwrap();
        assert_eq!(object.get("Version").unwrap(), Value::from(VERSION));
    }

    #[test]
    fn entries_carry_the_commits_time() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("x.zip");
        pack(&[], DateTime::from_timestamp(1_780_000_000, 0).unwrap(), &path).unwrap();
        let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        let time = archive.by_name("MANIFEST.XML").unwrap().last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day(), time.hour()), (2026, 5, 28, 20));
    }

    #[test]
    fn a_library_that_a_test_can_make_panic_is_refused() {
        assert!(refuse_test_code(b"ordinary code").is_ok());
        let marked = fs::read(testkit::panic_library()).unwrap();
        assert!(refuse_test_code(&marked).is_err());
    }
}
