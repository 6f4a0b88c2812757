//! `cargo xtask toolchain` and `cargo xtask cross`: libraries and tests for other machines, built on Debian.
//!
//! Debian's own compiler (`rustc-web`) builds everything, whatever rustup has, so that one commit gives the same bytes
//! on every x86-64 Debian with the same version of that package. The `win7` targets have no precompiled standard library
//! anywhere, so it is built along, which stable compilers allow with `RUSTC_BOOTSTRAP` only. For Linux, zig links against
//! the symbols of an old glibc.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::dist::root;
use crate::platform::{Os, Platform};

const PACKAGES: [&str; 9] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "gcc-mingw-w64-x86-64-win32",
    "gcc-mingw-w64-i686-win32",
    // For the tests' dependencies.
    "g++-mingw-w64-x86-64-win32",
    "g++-mingw-w64-i686-win32",
    "gcc",
    "python3-venv",
];
/// From PyPI. A version is part of what makes builds repeatable.
const PYTHON_PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
/// The sources of the standard library, as `rust-web-src` lays them into the sysroot.
const LIBRARY_SOURCES: &str = "/usr/lib/rustlib/src/rust/library";
/// The oldest glibc that 1C's servers have: CentOS 7, Astra Linux, RED OS.
pub const GLIBC: (u32, u32) = (2, 17);

/// Поставить компиляторы для остальных платформ: Debian 12, права root.
#[derive(clap::Args)]
pub struct ToolchainOptions {}

/// Выполнить команду cargo для другой платформы, например `cross windows-i386 test --test contract`.
#[derive(clap::Args)]
pub struct CrossOptions {
    /// Платформа, как в именах файлов: windows-x86_64, windows-i386, linux-x86_64, linux-i386, linux-arm64.
    platform: Platform,
    /// Команда cargo и её параметры.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Installs what the cross builds need.
pub fn install(_: &ToolchainOptions) -> Result<()> {
    ensure!(Path::new("/usr/bin/apt-get").exists(), "the toolchain is made of Debian's packages: apt-get is missing");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-qq", "-y", "--no-install-recommends"])
        .args(PACKAGES)
        .env("DEBIAN_FRONTEND", "noninteractive"))?;
    let folders = Folders::find()?;
    run(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&folders.python))?;
    run(Command::new(folders.python.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PYTHON_PACKAGES))
}

/// Runs a command of cargo.
pub fn run_cargo(options: &CrossOptions) -> Result<()> {
    let Some((subcommand, rest)) = options.arguments.split_first() else { bail!("no command for cargo") };
    let subcommand = subcommand.to_str().context("cargo has no such command")?;
    run(cargo(options.platform, subcommand)?.args(rest))
}

/// Cargo, ready to build for a platform; an error says what is missing on this machine.
pub fn cargo(platform: Platform, subcommand: &str) -> Result<Command> {
    let folders = Folders::find()?;
    // The harness of a test needs one crate more.
    let sources =
        if subcommand == "test" { "-Zbuild-std=std,panic_unwind,test" } else { "-Zbuild-std=std,panic_unwind" };
    let tools = Tools::of(platform, &folders)?;
    let mut command = tools.command(platform, subcommand, &folders)?;
    command
        .arg("--locked")
        .env("CARGO", CARGO)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &folders.build)
        .env("CARGO_ENCODED_RUSTFLAGS", tools.flags(platform, &folders).join("\x1f"))
        // Of the cargo that runs this program: they would send the other one to the wrong compiler and its libraries.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTDOC");
    if !Path::new("/usr/lib/rustlib").join(platform.target).exists() {
        command.arg(sources);
    }
    Ok(command)
}

/// Where things lie.
struct Folders {
    /// The Python environment with zig.
    python: PathBuf,
    /// Cargo's target folder for these builds.
    build: PathBuf,
    /// Cargo's home, where the sources of dependencies lie.
    cargo_home: PathBuf,
}

impl Folders {
    fn find() -> Result<Folders> {
        let metadata = cargo_metadata::MetadataCommand::new().current_dir(root()).no_deps().exec()?;
        let target = metadata.target_directory.into_std_path_buf();
        let cargo_home = match std::env::var_os("CARGO_HOME") {
            Some(home) => PathBuf::from(home),
            None => std::env::home_dir().context("no home folder")?.join(".cargo"),
        };
        Ok(Folders { python: target.join("toolchain"), build: target.join("cross"), cargo_home })
    }

    /// `PATH` with `first` before everything, and Debian's compiler before rustup's.
    fn path(&self, first: &Path) -> Result<OsString> {
        let present = std::env::var_os("PATH").unwrap_or_default();
        let folders = [first.to_owned(), "/usr/bin".into()].into_iter().chain(std::env::split_paths(&present));
        Ok(std::env::join_paths(folders)?)
    }
}

/// What compiles C and links.
enum Tools {
    Zig,
    /// The prefix of its programs' names.
    Mingw(&'static str),
}

impl Tools {
    fn of(platform: Platform, folders: &Folders) -> Result<Tools> {
        let (tools, program) = match (platform.os, platform.arch) {
            (Os::Linux, _) => (Tools::Zig, folders.python.join("bin/cargo-zigbuild")),
            (Os::Windows, "i386") => (Tools::Mingw("i686-w64-mingw32"), "/usr/bin/i686-w64-mingw32-gcc".into()),
            (Os::Windows, _) => (Tools::Mingw("x86_64-w64-mingw32"), "/usr/bin/x86_64-w64-mingw32-gcc".into()),
            (Os::Mac, _) => bail!("only a Mac builds for macOS"),
        };
        for needed in [Path::new(CARGO), Path::new(RUSTC), Path::new(LIBRARY_SOURCES), &program] {
            ensure!(needed.exists(), "{} is missing; `cargo xtask toolchain` installs it", needed.display());
        }
        Ok(tools)
    }

    fn command(&self, platform: Platform, subcommand: &str, folders: &Folders) -> Result<Command> {
        let target = platform.target;
        match self {
            Tools::Zig => {
                let bin = folders.python.join("bin");
                let mut command = Command::new(bin.join("cargo-zigbuild"));
                let subcommand = if subcommand == "build" { "zigbuild" } else { subcommand };
                let (major, minor) = GLIBC;
                command.args([subcommand, "--target", &format!("{target}.{major}.{minor}")]);
                command.env("PATH", folders.path(&bin)?);
                Ok(command)
            }
            Tools::Mingw(prefix) => {
                let gcc = format!("{prefix}-gcc");
                let target_name = target.replace('-', "_");
                let mut command = Command::new(CARGO);
                command
                    .args([subcommand, "--target", target])
                    .env(format!("CARGO_TARGET_{}_LINKER", target_name.to_uppercase()), &gcc)
                    .env(format!("CC_{target_name}"), &gcc)
                    .env(format!("CXX_{target_name}"), format!("{prefix}-g++"))
                    .env(format!("AR_{target_name}"), format!("{prefix}-ar"))
                    .env("PATH", folders.path(Path::new("/usr/bin"))?);
                if needs_startup_objects(platform) {
                    build_startup_objects(platform)?;
                }
                Ok(command)
            }
        }
    }

    /// Flags of rustc, one an entry, that make the build independent of its time and place.
    fn flags(&self, platform: Platform, folders: &Folders) -> Vec<String> {
        let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
        let mut flags = vec![
            remap(&folders.cargo_home, "cargo"),
            remap(&root(), "passteam"),
            remap(&folders.build, "target"),
            remap(Path::new(LIBRARY_SOURCES), "library"),
        ];
        if let Tools::Mingw(_) = self {
            flags.push("-Clink-arg=-Wl,--no-insert-timestamp".to_owned());
        }
        if needs_startup_objects(platform) {
            flags.push(format!("-Lnative={STARTUP_FOLDER}"));
        }
        flags
    }
}

/// Where the startup objects lie, from the top folder of the project, in which cargo runs the compiler. Relative, because
/// flags become a part of every symbol's name.
const STARTUP_FOLDER: &str = "target/startup";

/// 32-bit programs for Windows begin and end with two objects that register what unwinding needs; a sysroot without a
/// precompiled standard library lacks them.
fn needs_startup_objects(platform: Platform) -> bool {
    platform.os == Os::Windows && platform.arch == "i386"
}

fn build_startup_objects(platform: Platform) -> Result<()> {
    let folder = root().join(STARTUP_FOLDER);
    fs::create_dir_all(&folder)?;
    for name in ["rsbegin", "rsend"] {
        let source = Path::new(LIBRARY_SOURCES).join("rtstartup").join(name).with_extension("rs");
        run(Command::new(RUSTC)
            .args(["--target", platform.target, "--emit=obj", "-o"])
            .arg(folder.join(name).with_extension("o"))
            .arg(source)
            .env("RUSTC_BOOTSTRAP", "1"))?;
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("{program} does not start"))?;
    ensure!(status.success(), "{program} failed: {status}");
    Ok(())
}
