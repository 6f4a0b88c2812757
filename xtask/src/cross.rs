//! `cargo xtask toolchain` and `cargo xtask cross`: libraries and tests for other machines, built on Debian.
//!
//! Everything is built by Debian's own compiler (`rustc-web`), even if rustup is installed: one commit then gives the same
//! bytes on every x86-64 Debian with the same version of that package. Nobody distributes a compiled standard library for
//! the `win7` targets, so cargo builds it too, which a stable compiler does only if `RUSTC_BOOTSTRAP` is set. For Linux, zig
//! links against the symbols of an old glibc.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::platform::{Arch, Os, Platform};
use crate::project::{self, root};

const PACKAGES: [&str; 9] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "gcc-mingw-w64-x86-64-win32",
    "gcc-mingw-w64-i686-win32",
    // Dependencies of the tests are written in C++.
    "g++-mingw-w64-x86-64-win32",
    "g++-mingw-w64-i686-win32",
    "gcc",
    "python3-venv",
];
/// From PyPI. The versions are fixed, so that builds can be repeated.
const PYTHON_PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
/// The sources of the standard library, which the package `rust-web-src` installs.
const LIBRARY_SOURCES: &str = "/usr/lib/rustlib/src/rust/library";
/// The oldest glibc that 1C's servers have: CentOS 7, Astra Linux, RED OS.
pub const GLIBC: (u32, u32) = (2, 17);

/// Install the compilers for the other platforms: Debian 12. Only Debian's packages need root; if some are missing and the
/// command is not run by root, it says how to install them.
#[derive(clap::Args)]
pub struct ToolchainOptions {}

/// Run a command of cargo for another platform, for example `cross windows-i386 test --test contract`.
#[derive(clap::Args)]
pub struct CrossOptions {
    /// The platform, as in file names: windows-x86_64, windows-i386, linux-x86_64, linux-i386, linux-arm64.
    platform: Platform,
    /// The command of cargo and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Installs what the cross builds need.
///
/// # Errors
/// The machine is not Debian, packages are missing and the user may not install them, or a program fails.
pub fn install(_: &ToolchainOptions) -> Result<()> {
    ensure!(Path::new("/usr/bin/apt-get").exists(), "the toolchain is made of Debian's packages: apt-get is missing");
    let missing: Vec<&str> = PACKAGES.into_iter().filter(|package| !is_installed(package)).collect();
    if !missing.is_empty() {
        let install = "apt-get install -y --no-install-recommends";
        let by_hand = format!("sudo sh -c 'apt-get update && {install} {}'", missing.join(" "));
        ensure!(
            is_root()?,
            "packages are missing, and only root may install them; run this, then try again:\n    {by_hand}"
        );
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        run(Command::new("apt-get")
            .args(["install", "-qq", "-y", "--no-install-recommends"])
            .args(missing)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if std::env::var_os("SUDO_UID").is_some() {
        bail!(
            "the packages are installed; run the command again without sudo, so that no file of root's is left in the project"
        );
    }
    let folders = Folders::find()?;
    run(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&folders.python))?;
    run(Command::new(folders.python.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PYTHON_PACKAGES))
}

fn is_installed(package: &str) -> bool {
    let status = Command::new("dpkg-query").args(["--show", "--showformat", "${db:Status-Status}", package]).output();
    status.is_ok_and(|output| output.stdout == b"installed")
}

fn is_root() -> Result<bool> {
    let id = Command::new("id").arg("--user").output().context("the program id does not start")?;
    Ok(id.stdout.trim_ascii() == b"0")
}

/// Runs a command of cargo.
pub fn run_cargo(options: &CrossOptions) -> Result<()> {
    let Some((subcommand, rest)) = options.arguments.split_first() else { bail!("no command for cargo") };
    let subcommand = subcommand.to_str().context("cargo has no such command")?;
    let builds_tests =
        subcommand == "test" || rest.iter().any(|argument| argument == "--test" || argument == "--tests");
    run(cargo_with(options.platform, subcommand, builds_tests)?.args(rest))
}

/// Cargo, ready to build for a platform; an error says what is missing on this machine.
pub fn cargo(platform: Platform, subcommand: &str) -> Result<Command> {
    cargo_with(platform, subcommand, false)
}

fn cargo_with(platform: Platform, subcommand: &str, builds_tests: bool) -> Result<Command> {
    let folders = Folders::find()?;
    // Test programs also need the crate `test`.
    let sources = if builds_tests { "-Zbuild-std=std,panic_unwind,test" } else { "-Zbuild-std=std,panic_unwind" };
    let tools = Tools::of(platform, &folders)?;
    let mut command = tools.command(platform, subcommand, &folders)?;
    command
        .arg("--locked")
        .env("CARGO", CARGO)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &folders.build)
        .env("CARGO_ENCODED_RUSTFLAGS", tools.flags(platform, &folders).join("\x1f"))
        // Set by the cargo that runs this program; Debian's cargo would take the wrong compiler and its libraries from them.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTDOC");
    if !Path::new("/usr/lib/rustlib").join(platform.target).exists() {
        command.arg(sources);
    }
    Ok(command)
}

/// The folders that the cross builds use.
struct Folders {
    /// The Python environment with zig.
    python: PathBuf,
    /// Cargo's target folder for these builds.
    build: PathBuf,
    /// Cargo's home, which holds the sources of dependencies.
    cargo_home: PathBuf,
}

impl Folders {
    fn find() -> Result<Folders> {
        let target = project::target_folder()?;
        let cargo_home = match std::env::var_os("CARGO_HOME") {
            Some(home) => PathBuf::from(home),
            None => std::env::home_dir().context("no home folder")?.join(".cargo"),
        };
        Ok(Folders { python: target.join("toolchain"), build: target.join("cross"), cargo_home })
    }

    /// `PATH` with `first` in front, followed by Debian's compiler, so that rustup's is never found.
    fn path(&self, first: &Path) -> Result<OsString> {
        let present = std::env::var_os("PATH").unwrap_or_default();
        let folders = [first.to_owned(), "/usr/bin".into()].into_iter().chain(std::env::split_paths(&present));
        Ok(std::env::join_paths(folders)?)
    }
}

/// The C compiler and linker.
enum Tools {
    Zig,
    /// The prefix of its programs' names.
    Mingw(&'static str),
}

impl Tools {
    fn of(platform: Platform, folders: &Folders) -> Result<Tools> {
        let (tools, program) = match (platform.os, platform.arch) {
            (Os::Linux, _) => (Tools::Zig, folders.python.join("bin/cargo-zigbuild")),
            (Os::Windows, Arch::I386) => (Tools::Mingw("i686-w64-mingw32"), "/usr/bin/i686-w64-mingw32-gcc".into()),
            (Os::Windows, Arch::X86_64) => {
                (Tools::Mingw("x86_64-w64-mingw32"), "/usr/bin/x86_64-w64-mingw32-gcc".into())
            }
            (Os::Windows, Arch::Arm64) => bail!("1C:Enterprise does not run on Windows for ARM64"),
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

    /// Flags of rustc, an entry each, that make the result independent of when and in which folder it is built.
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

/// The folder of the startup objects. It is relative to the top folder of the project, in which cargo runs the compiler,
/// because rustc hashes its flags into the names of symbols: an absolute path would change the library.
const STARTUP_FOLDER: &str = "target/startup";

/// A 32-bit program for Windows is linked between two object files that register its unwinding tables. A sysroot without
/// a compiled standard library lacks them.
fn needs_startup_objects(platform: Platform) -> bool {
    platform.os == Os::Windows && platform.arch == Arch::I386
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
