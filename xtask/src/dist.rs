//! `cargo xtask dist`: builds the libraries and packs them into a bundle, and builds `passteam-setup` with the bundle inside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use chrono::Utc;

use crate::bundle::{self, Bundle, Library};
use crate::check::Finding;
use crate::platform::{Os, PLATFORMS, Platform};
use crate::project::{self, VERSION, root};
use crate::{check, cross, extension, files, library};

/// Build the add-in for all platforms that this machine can build for and pack `dist/Passteam-<version>.zip`. A zip that lacks
/// a platform of Windows or Linux has another name, so that it never takes the place of a whole one.
#[derive(clap::Args)]
pub struct Options {
    /// The folder for the bundle.
    #[arg(long, default_value_os_t = root().join("dist"))]
    out: PathBuf,
    /// The profile that cargo builds with.
    #[arg(long, default_value = "release")]
    profile: String,
    /// Fail if the bundle lacks a platform of Windows or Linux.
    #[arg(long)]
    all: bool,
    /// Build for this machine alone, with the Rust that runs this command.
    #[arg(long, conflicts_with = "all")]
    this_machine: bool,
    /// Also take the libraries of this bundle, which another machine built from the same version.
    #[arg(long, value_name = "ZIP")]
    add: Vec<PathBuf>,
    /// Leave out the program passteam-setup.
    #[arg(long)]
    no_setup: bool,
}

/// The systems that `passteam-setup` is for: those with a Designer.
const WITH_SETUP: [&str; 4] = ["windows-x86_64", "windows-i386", "linux-x86_64", "linux-i386"];

/// Builds the libraries and packs them; gives the path of the bundle.
pub fn run(options: &Options) -> Result<PathBuf> {
    let mut libraries = added(options)?;
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
        eprintln!("The bundle lacks {platform}: {reason:#}");
    }
    let missing = left_out.iter().filter(|(platform, _)| platform.os != Os::Mac).count();
    ensure!(!options.all || missing == 0, "{missing} platforms are missing");
    ensure!(!libraries.is_empty(), "this machine builds for no platform of 1C:Enterprise");

    let time = project::commit_time()?.unwrap_or_else(|| {
        eprintln!("The sources are not in a git repository: the files of the bundle get the present time");
        Utc::now()
    });
    let zip = options.out.join(file_name(&libraries));
    bundle::write(&zip, &mut libraries, time)?;
    extension::write(&options.out.join(format!("Passteam-extension-{VERSION}.zip")), &zip, time)?;
    if !options.no_setup {
        build_setups(options, &zip)?;
    }
    Ok(zip)
}

/// Writes `passteam-setup-<version>-<platform>` beside the bundle, for every platform that this machine can build for.
fn build_setups(options: &Options, zip: &Path) -> Result<()> {
    // Cargo runs the build script in the package's folder.
    let zip = fs::canonicalize(zip)?;
    for platform in PLATFORMS.into_iter().filter(|platform| WITH_SETUP.contains(&platform.to_string().as_str())) {
        if options.this_machine && Some(platform) != Platform::current() {
            continue;
        }
        let (cargo, is_portable) = match Builder::of(platform, options) {
            Ok(Builder::Plain) => {
                let mut cargo = addin_testkit::cargo();
                cargo.arg("build");
                (cargo, false)
            }
            Ok(Builder::Cross(cargo)) => (cargo, true),
            Err(reason) => {
                ensure!(!options.all, "passteam-setup for {platform} is missing: {reason:#}");
                eprintln!("There is no passteam-setup for {platform}: {reason:#}");
                continue;
            }
        };
        let program = library::build_setup(cargo, &options.profile, &zip)?;
        let code = fs::read(&program).with_context(|| program.display().to_string())?;
        if is_portable {
            refuse(&check::program_findings(&code, platform)?, &format!("passteam-setup for {platform}"))?;
        }
        let end = if platform.os == Os::Windows { ".exe" } else { "" };
        let out = options.out.join(format!("passteam-setup-{VERSION}-{platform}{end}"));
        files::replace_program(&out, &code)?;
        println!("{}", out.display());
    }
    Ok(())
}

/// The name of a bundle with these libraries: only one for every machine of Windows and Linux is called by the version alone.
fn file_name(libraries: &[Library]) -> String {
    let is_whole = PLATFORMS
        .iter()
        .filter(|platform| platform.os != Os::Mac)
        .all(|platform| libraries.iter().any(|library| library.platform == *platform));
    match libraries {
        _ if is_whole => format!("Passteam-{VERSION}.zip"),
        [only] => format!("Passteam-{VERSION}-{}.zip", only.platform),
        _ => format!("Passteam-{VERSION}-partial.zip"),
    }
}

/// The libraries of the bundles that the user names.
fn added(options: &Options) -> Result<Vec<Library>> {
    let mut libraries = Vec::new();
    for zip in &options.add {
        for (library, _) in Bundle::open(zip)?.libraries()? {
            // A library that was built for its own machine must not take the place of one for all machines.
            if options.all {
                refuse_findings(&library)?;
            }
            libraries.push(library);
        }
    }
    Ok(libraries)
}

/// How a library is built.
enum Builder {
    /// By the cargo that runs this program, for systems like this one.
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
                    eprintln!("{platform}: the library is only for systems like this one: {reason:#}");
                }
                Ok(Builder::Plain)
            }
            Err(reason) => Err(reason),
        }
    }

    fn build(self, platform: Platform, options: &Options) -> Result<Library> {
        let (path, is_portable) = match self {
            Builder::Plain => (library::build(&options.profile)?, false),
            Builder::Cross(cargo) => (library::build_with(cargo, &options.profile)?, true),
        };
        let library = Library::read(platform, &path)?;
        if is_portable {
            refuse_findings(&library)?;
        }
        Ok(library)
    }
}

fn refuse_findings(library: &Library) -> Result<()> {
    refuse(&check::findings(&library.code, library.platform)?, &format!("the library for {}", library.platform))
}

fn refuse(findings: &[Finding], what: &str) -> Result<()> {
    let list = findings.iter().map(|finding| format!("\n    {finding}")).collect::<String>();
    ensure!(findings.is_empty(), "{what} does not load everywhere:{list}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use addin_host::Value;
    use chrono::DateTime;
    use zip::ZipArchive;

    use super::*;
    use crate::project::NUMERIC_VERSION;

    fn for_tests(out: &Path) -> Options {
        Options {
            out: out.to_owned(),
            profile: "dev".to_owned(),
            all: false,
            this_machine: true,
            add: Vec::new(),
            no_setup: true,
        }
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

    #[test]
    fn one_version_stands_in_the_file_names_the_manifest_and_the_component() {
        let out = tempfile::tempdir().unwrap();
        let zip = run(&for_tests(out.path())).unwrap();
        let here = Platform::current().unwrap();
        assert_eq!(zip.file_name().unwrap(), format!("Passteam-{VERSION}-{here}.zip").as_str());

        let library = here.file_name(VERSION);
        assert_eq!(names(&zip), ["MANIFEST.XML", "INFO.XML", "LICENSE", library.as_str()]);
        assert_eq!(text(&zip, "LICENSE"), include_str!("../../LICENSE"));
        assert!(library.contains(&format!("-{VERSION}-")), "{library}");
        assert!(text(&zip, "MANIFEST.XML").contains(&format!("path=\"{library}\"")));
        assert!(text(&zip, "INFO.XML").contains(&format!("version=\"{NUMERIC_VERSION}\"")));

        let object = addin_host::Library::open(&zip).unwrap().create("Passteam").unwrap();
        assert_eq!(object.get("Version").unwrap(), Value::from(VERSION));
    }

    #[test]
    fn another_computers_libraries_join_the_bundle() {
        let out = tempfile::tempdir().unwrap();
        let other = Platform::current().map_or(0, |here| usize::from(PLATFORMS[0] == here));
        let theirs = out.path().join("theirs.zip");
        let library = Library { platform: PLATFORMS[other], code: b"theirs".to_vec() };
        bundle::write(&theirs, &mut [library], DateTime::from_timestamp(1_780_000_000, 0).unwrap()).unwrap();
        let zip = run(&Options { add: vec![theirs], ..for_tests(out.path()) }).unwrap();
        assert_eq!(text(&zip, &PLATFORMS[other].file_name(VERSION)), "theirs");
        assert_eq!(names(&zip).len(), 5);
        assert_eq!(zip.file_name().unwrap(), format!("Passteam-{VERSION}-partial.zip").as_str());
        assert_eq!(text(&zip, "MANIFEST.XML").matches("<component ").count(), 2);
    }

    #[test]
    fn only_a_whole_bundle_is_called_by_the_version_alone() {
        let name = |platforms: &[Platform]| {
            let library = |platform: &Platform| Library { platform: *platform, code: Vec::new() };
            file_name(&platforms.iter().map(library).collect::<Vec<_>>())
        };
        let whole = format!("Passteam-{VERSION}.zip");
        assert_eq!(name(&PLATFORMS), whole);
        assert_eq!(name(&PLATFORMS[..5]), whole);
        assert_eq!(name(&PLATFORMS[..4]), format!("Passteam-{VERSION}-partial.zip"));
        assert_eq!(name(&PLATFORMS[2..3]), format!("Passteam-{VERSION}-linux-x86_64.zip"));
    }

    /// Every Mac builds the same library, so there is nothing to refuse.
    #[cfg(not(target_os = "macos"))]
    #[test]
    fn a_bundle_of_all_platforms_takes_no_library_for_one_machine_alone() {
        let out = tempfile::tempdir().unwrap();
        let theirs = run(&for_tests(out.path())).unwrap();
        let refused = run(&Options { all: true, this_machine: false, add: vec![theirs], ..for_tests(out.path()) });
        assert!(refused.unwrap_err().to_string().contains("does not load everywhere"));
    }
}
