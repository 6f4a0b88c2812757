//! `cargo xtask dist`: the bundle that a 1C developer puts into a configuration.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Datelike, Timelike, Utc};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::platform::{Os, PLATFORMS, Platform};
use crate::{check, cross};

/// The component's version: that of the whole workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
const MANIFEST: &str = include_str!("../../manifest/MANIFEST.XML");
const INFO: &str = include_str!("../../manifest/INFO.XML");
/// The version without a pre-release's name, with the fourth number that БСП wants.
const NUMBERS: &str = concat!(
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    ".",
    env!("CARGO_PKG_VERSION_PATCH"),
    ".0"
);
/// Stands in a library that was built with the test-only way to provoke a panic.
const PANIC_MARK: &[u8] = b"passteam_test_panic";

/// Собрать компоненту для всех платформ, для которых может этот компьютер, и упаковать в dist/Passteam-<версия>.zip.
#[derive(clap::Args)]
pub struct Options {
    /// Папка, в которую записать архив.
    #[arg(long, default_value_os_t = root().join("dist"))]
    pub out: PathBuf,
    /// Профиль сборки cargo.
    #[arg(long, default_value = "release")]
    pub profile: String,
    /// Ошибка, если какой-либо платформы Windows или Linux в архиве не будет.
    #[arg(long)]
    pub all: bool,
    /// Только для этого компьютера, тем же Rust, что выполняет эту команду.
    #[arg(long, conflicts_with = "all")]
    pub this_machine: bool,
    /// Взять библиотеки и из этого архива той же версии, собранного на другом компьютере.
    #[arg(long, value_name = "ZIP")]
    pub add: Vec<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        let out = root().join("dist");
        Options { out, profile: "release".to_owned(), all: false, this_machine: false, add: Vec::new() }
    }
}

/// A library, and where it runs.
struct Library {
    platform: Platform,
    code: Vec<u8>,
}

/// Builds the libraries and packs them; the path of the zip.
pub fn run(options: &Options) -> Result<PathBuf> {
    let mut libraries = Vec::new();
    for zip in &options.add {
        for library in libraries_of(zip)? {
            // One built for its own machine alone must not take the place of one for all.
            if options.all {
                refuse_findings(&library)?;
            }
            libraries.push(library);
        }
    }
    let mut left_out = Vec::new();
    for platform in PLATFORMS {
        let wanted = !options.this_machine || Some(platform) == Platform::current();
        if !wanted || libraries.iter().any(|library| library.platform == platform) {
            continue;
        }
        match Builder::of(platform, options) {
            Ok(builder) => libraries.push(builder.build(platform, options)?),
            Err(reason) => left_out.push((platform, reason)),
        }
    }
    for (platform, reason) in &left_out {
        eprintln!("В архиве нет {platform}: {reason:#}");
    }
    let missing = left_out.iter().filter(|(platform, _)| platform.os != Os::Mac).count();
    ensure!(!options.all || missing == 0, "{missing} platforms are missing");
    ensure!(!libraries.is_empty(), "this machine builds for no platform of 1C:Enterprise");

    fs::create_dir_all(&options.out)?;
    let zip = options.out.join(format!("Passteam-{VERSION}.zip"));
    pack(&mut libraries, commit_time()?, &zip)?;
    Ok(zip)
}

/// How a library is built.
enum Builder {
    /// By the cargo that runs this program.
    Plain,
    /// By the cross toolchain, for every machine of the platform.
    Cross(Command),
}

impl Builder {
    /// The best that this machine has; an error says what is missing.
    fn of(platform: Platform, options: &Options) -> Result<Builder> {
        let is_here = Some(platform) == Platform::current();
        if is_here && options.this_machine {
            return Ok(Builder::Plain);
        }
        match cross::cargo(platform, "build") {
            Ok(cargo) => Ok(Builder::Cross(cargo)),
            Err(reason) if is_here && !options.all => {
                if platform.os != Os::Mac {
                    eprintln!("{platform}: библиотека только для таких же систем, как эта: {reason:#}");
                }
                Ok(Builder::Plain)
            }
            Err(reason) => Err(reason),
        }
    }

    fn build(self, platform: Platform, options: &Options) -> Result<Library> {
        let (path, is_portable) = match self {
            Builder::Plain => (testkit::build("passteam", &options.profile), false),
            Builder::Cross(cargo) => (testkit::build_with(cargo, "passteam", &options.profile), true),
        };
        let code = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        refuse_test_code(&code)?;
        let library = Library { platform, code };
        if is_portable {
            refuse_findings(&library)?;
        }
        Ok(library)
    }
}

/// What a bundle of this version holds.
fn libraries_of(zip: &Path) -> Result<Vec<Library>> {
    let file = File::open(zip).with_context(|| format!("{} cannot be opened", zip.display()))?;
    let mut archive = ZipArchive::new(file)?;
    let mut libraries = Vec::new();
    for platform in PLATFORMS {
        let Some(index) = archive.index_for_name(&platform.file_name(VERSION)) else { continue };
        let mut code = Vec::new();
        archive.by_index(index)?.read_to_end(&mut code)?;
        refuse_test_code(&code)?;
        libraries.push(Library { platform, code });
    }
    ensure!(!libraries.is_empty(), "{} holds no library of version {VERSION}", zip.display());
    Ok(libraries)
}

/// The top folder of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn refuse_findings(library: &Library) -> Result<()> {
    let findings = check::findings(&library.code, library.platform)?;
    let list = findings.iter().map(|finding| format!("\n    {finding}")).collect::<String>();
    ensure!(findings.is_empty(), "the library for {} does not load everywhere:{list}", library.platform);
    Ok(())
}

fn refuse_test_code(code: &[u8]) -> Result<()> {
    let marked = code.windows(PANIC_MARK.len()).any(|window| window == PANIC_MARK);
    ensure!(!marked, "the library was built with the cfg passteam_test_panic, which must not ship: look at RUSTFLAGS");
    Ok(())
}

/// The commit's time: БСП takes a bundle's date from the time stamp of its MANIFEST.XML, and the newest wins; the time
/// of the build would make two bundles of one commit differ. Where there are sources alone it is now.
fn commit_time() -> Result<DateTime<Utc>> {
    let root = root();
    if !root.join(".git").exists() {
        eprintln!("Папка не из git: время файлов архива — текущее");
        return Ok(Utc::now());
    }
    // Git reads no folder of another user's, as containers have them; whoever runs this trusts it with much more.
    let trusted = format!("safe.directory={}", root.display());
    let mut git = Command::new("git");
    git.args(["-c", &trusted, "log", "-1", "--format=%ct"]).current_dir(&root);
    let output = git.output().context("git tells the commit's time, and it does not start")?;
    ensure!(
        output.status.success(),
        "git does not tell the commit's time: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let seconds = String::from_utf8_lossy(&output.stdout).trim().parse().context("git printed no time")?;
    DateTime::from_timestamp(seconds, 0).context("the commit's time is out of range")
}

fn pack(libraries: &mut [Library], time: DateTime<Utc>, path: &Path) -> Result<()> {
    libraries.sort_by_key(|library| PLATFORMS.iter().position(|platform| *platform == library.platform));
    let components: String = libraries.iter().map(|library| library.platform.manifest_entry(VERSION)).collect();
    let mut files = vec![
        ("MANIFEST.XML".to_owned(), MANIFEST.replace("{components}", &components).into_bytes()),
        ("INFO.XML".to_owned(), INFO.replace("{numbers}", NUMBERS).into_bytes()),
    ];
    for library in libraries {
        files.push((library.platform.file_name(VERSION), library.code.clone()));
    }

    // Tried: zopfli takes 3 % off and many times as long.
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
    use addin_host::Value;

    use super::*;

    fn for_tests(out: &Path) -> Options {
        Options { out: out.to_owned(), profile: "dev".to_owned(), this_machine: true, ..Options::default() }
    }

    fn text(zip: &Path, name: &str) -> String {
        let mut text = String::new();
        let mut archive = ZipArchive::new(File::open(zip).unwrap()).unwrap();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn names(zip: &Path) -> Vec<String> {
        let archive = ZipArchive::new(File::open(zip).unwrap()).unwrap();
        archive.file_names().map(|name| name.unwrap().into_owned()).collect()
    }

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    #[test]
    fn one_version_stands_in_the_file_names_the_manifest_and_the_component() {
        let out = tempfile::tempdir().unwrap();
        let zip = run(&for_tests(out.path())).unwrap();
        assert_eq!(zip.file_name().unwrap(), format!("Passteam-{VERSION}.zip").as_str());

        let library = Platform::current().unwrap().file_name(VERSION);
        assert_eq!(names(&zip), ["MANIFEST.XML", "INFO.XML", library.as_str()]);
        assert!(library.contains(&format!("-{VERSION}-")), "{library}");
        assert!(text(&zip, "MANIFEST.XML").contains(&format!("path=\"{library}\"")));
        assert!(text(&zip, "INFO.XML").contains(&format!("version=\"{NUMBERS}\"")));

        let object = addin_host::Library::open(&zip).unwrap().create("Passteam").unwrap();
        assert_eq!(object.get("Version").unwrap(), Value::from(VERSION));
    }

    #[test]
    fn entries_carry_the_commits_time() {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join("x.zip");
        pack(&mut [], noon(), &path).unwrap();
        let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
        let time = archive.by_name("MANIFEST.XML").unwrap().last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day(), time.hour()), (2026, 5, 28, 20));
    }

    #[test]
    fn the_same_libraries_give_the_same_bytes_in_whatever_order_they_were_built() {
        let out = tempfile::tempdir().unwrap();
        let (first, second) = (out.path().join("1.zip"), out.path().join("2.zip"));
        let library = |index: usize| Library { platform: PLATFORMS[index], code: vec![index as u8; 100_000] };
        pack(&mut [library(0), library(3), library(5)], noon(), &first).unwrap();
        pack(&mut [library(5), library(0), library(3)], noon(), &second).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    }

    #[test]
    fn another_computers_libraries_join_the_bundle() {
        let out = tempfile::tempdir().unwrap();
        let other = Platform::current().map_or(0, |here| usize::from(PLATFORMS[0] == here));
        let theirs = out.path().join("theirs.zip");
        pack(&mut [Library { platform: PLATFORMS[other], code: b"theirs".to_vec() }], noon(), &theirs).unwrap();
        let zip = run(&Options { add: vec![theirs], ..for_tests(out.path()) }).unwrap();
        assert_eq!(text(&zip, &PLATFORMS[other].file_name(VERSION)), "theirs");
        assert_eq!(names(&zip).len(), 4);
        assert_eq!(text(&zip, "MANIFEST.XML").matches("<component ").count(), 2);

        let empty = out.path().join("empty.zip");
        pack(&mut [], noon(), &empty).unwrap();
        assert!(libraries_of(&empty).is_err());
    }

    /// A Mac's library is the same whoever builds it.
    #[cfg(not(target_os = "macos"))]
    #[test]
    fn a_bundle_of_all_platforms_takes_no_library_for_one_machine_alone() {
        let out = tempfile::tempdir().unwrap();
        let theirs = run(&for_tests(out.path())).unwrap();
        let refused = run(&Options { all: true, this_machine: false, add: vec![theirs], ..for_tests(out.path()) });
        assert!(refused.unwrap_err().to_string().contains("does not load everywhere"));
    }

    #[test]
    fn a_library_that_a_test_can_make_panic_is_refused() {
        assert!(refuse_test_code(b"ordinary code").is_ok());
        let marked = fs::read(testkit::panic_library()).unwrap();
        assert!(refuse_test_code(&marked).is_err());
    }
}
