//! `cargo xtask check`: does each library of a bundle load on the oldest machine that it is for?
//!
//! It reads headers only: the machine, the exports, and the functions, libraries and versions that the loader must find.
//! What a library does when it runs is for the tests.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{fmt, fs};

use anyhow::{Result, ensure};
use object::read::elf::{ElfFile, FileHeader, Sym as _};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader as _, PeFile};
use object::{Architecture, BinaryFormat, Endianness, Object, ReadRef, elf, pe};

use crate::bundle::{Bundle, Library};
use crate::cross::GLIBC;
use crate::platform::{Arch, Os, Platform};

/// The functions that the platform looks up by name. A library exports these and no other.
const EXPORTS: [&str; 5] =
    ["DestroyObject", "GetAttachType", "GetClassNames", "GetClassObject", "SetPlatformCapabilities"];
/// Functions of Windows 7 SP1 without updates: a line is the DLL and the function. Before you add a line, look up the
/// oldest Windows that has the function on its page at Microsoft.
const WINDOWS_7: &str = include_str!("windows-7.txt");
/// Libraries that belong to glibc.
const GLIBC_FILES: [&str; 6] = ["libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "ld-linux"];

/// Check the libraries of a bundle: what they need from a machine and what they export.
#[derive(clap::Args)]
pub struct Options {
    /// The bundle.
    zip: PathBuf,
    /// A platform that the bundle must serve; can be given several times.
    #[arg(long = "require")]
    required: Vec<Platform>,
    /// The largest size of the zip in bytes.
    #[arg(long)]
    max_size: Option<u64>,
}

/// What is wrong with a library.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is made for another machine.
    Machine(BinaryFormat, Architecture),
    /// It does not export exactly the names that the platform looks up.
    Exports(BTreeSet<String>),
    /// It needs a newer glibc than the oldest server has.
    Glibc(u32, u32),
    /// It calls a function that the linker found in no library. If the machine's glibc is older than the function, the
    /// library does not load there.
    Unversioned(String),
    /// It needs a library that a new installation of the system lacks.
    Library(String),
    /// It calls a function that is not known to be in Windows 7.
    Function(String),
    /// It wants a newer Windows than 7.
    Windows(u16, u16),
    /// It can be unmapped while one of its threads still runs.
    Unloadable,
    /// It lacks a resource: the version that Windows shows, or the manifest.
    Resource(&'static str),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Machine(format, architecture) => write!(f, "is a library for {format:?} on {architecture:?}"),
            Finding::Exports(names) => write!(f, "exports {names:?} instead of {EXPORTS:?}"),
            Finding::Glibc(major, minor) => {
                write!(f, "needs GLIBC_{major}.{minor}, newer than {}.{}", GLIBC.0, GLIBC.1)
            }
            Finding::Unversioned(name) => write!(f, "calls {name}, which no library had when it was linked"),
            Finding::Library(name) => write!(f, "needs {name}, which a new installation of the system lacks"),
            Finding::Function(name) => write!(f, "calls {name}, which xtask/src/windows-7.txt does not list"),
            Finding::Windows(major, minor) => write!(f, "wants Windows {major}.{minor}, newer than 7 (6.1)"),
            Finding::Unloadable => write!(f, "is not linked with -z nodelete"),
            Finding::Resource(name) => write!(f, "has no resource {name}"),
        }
    }
}

impl Finding {
    /// Whether a library that only its own kind of machine is meant to load has it by right.
    fn is_of_its_machine(&self) -> bool {
        match self {
            Finding::Glibc(..)
            | Finding::Unversioned(_)
            | Finding::Library(_)
            | Finding::Function(_)
            | Finding::Windows(..) => true,
            Finding::Machine(..) | Finding::Exports(_) | Finding::Unloadable | Finding::Resource(_) => false,
        }
    }
}

/// Checks every library of a bundle and lists them. If the bundle has one library, which was built for machines like the one that
/// built it, it says what to do for a bundle for all.
///
/// # Errors
/// The bundle cannot be read, has findings, lacks a platform that is asked for, or is too large.
pub fn run(options: &Options) -> Result<()> {
    let libraries = Bundle::open(&options.zip)?.libraries()?;
    let size = fs::metadata(&options.zip)?.len();
    let is_for_one_machine = options.required.is_empty() && libraries.len() == 1;
    let (mut wrong, mut of_its_machine) = (0, 0);
    for (Library { platform, code }, packed) in &libraries {
        println!("{platform:16} {:9} bytes, {packed:9} packed", code.len());
        for finding in findings(code, *platform)? {
            println!("    {finding}");
            if is_for_one_machine && finding.is_of_its_machine() { of_its_machine += 1 } else { wrong += 1 }
        }
    }
    if of_its_machine > 0 {
        println!(
            "This zip is for machines like the one that built it. `cargo xtask toolchain` and then `cargo xtask dist --all` make \
             one for all machines."
        );
    }
    println!("{:16} {size:27}", "zip");
    for required in &options.required {
        let present = libraries.iter().any(|(library, _)| library.platform == *required);
        ensure!(present, "the zip has no library for {required}");
    }
    ensure!(wrong == 0, "{wrong} findings");
    ensure!(options.max_size.is_none_or(|limit| size <= limit), "the zip is larger than asked for");
    Ok(())
}

/// What is wrong with a library for that platform, as far as its headers tell.
pub fn findings(code: &[u8], platform: Platform) -> Result<Vec<Finding>> {
    let file = object::File::parse(code)?;
    let mut findings = exports(&file)?;
    if (file.format(), file.architecture()) != machine(platform) {
        findings.push(Finding::Machine(file.format(), file.architecture()));
    }
    match object::FileKind::parse(code)? {
        object::FileKind::Elf32 => {
            elf_findings(&ElfFile::<elf::FileHeader32<Endianness>>::parse(code)?, &mut findings)?
        }
        object::FileKind::Elf64 => {
            elf_findings(&ElfFile::<elf::FileHeader64<Endianness>>::parse(code)?, &mut findings)?
        }
        object::FileKind::Pe32 => pe_findings(&PeFile::<pe::ImageNtHeaders32>::parse(code)?, &mut findings)?,
        object::FileKind::Pe64 => pe_findings(&PeFile::<pe::ImageNtHeaders64>::parse(code)?, &mut findings)?,
        _ => {}
    }
    Ok(findings)
}

/// What is wrong with a program for that platform: what it needs from a machine. It exports nothing and is never unmapped.
pub fn program_findings(code: &[u8], platform: Platform) -> Result<Vec<Finding>> {
    let mut found = findings(code, platform)?;
    found.retain(|finding| !matches!(finding, Finding::Exports(_) | Finding::Unloadable | Finding::Resource(_)));
    Ok(found)
}

fn machine(platform: Platform) -> (BinaryFormat, Architecture) {
    let format = match platform.os {
        Os::Windows => BinaryFormat::Pe,
        Os::Linux => BinaryFormat::Elf,
        Os::Mac => BinaryFormat::MachO,
    };
    let architecture = match platform.arch {
        Arch::I386 => Architecture::I386,
        Arch::X86_64 => Architecture::X86_64,
        Arch::Arm64 => Architecture::Aarch64,
    };
    (format, architecture)
}

fn exports(file: &object::File) -> Result<Vec<Finding>> {
    // Mach-O puts an underscore before every name of C.
    let prefix = if file.format() == object::BinaryFormat::MachO { "_" } else { "" };
    let mut names = BTreeSet::new();
    for export in file.exports()? {
        let name = export?.name().name().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        names.insert(name.strip_prefix(prefix).unwrap_or(&name).to_owned());
    }
    let right = names.iter().map(String::as_str).eq(EXPORTS);
    Ok(if right { Vec::new() } else { vec![Finding::Exports(names)] })
}

fn elf_findings<'data, Elf, R>(file: &ElfFile<'data, Elf, R>, findings: &mut Vec<Finding>) -> Result<()>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let (endian, data, sections) = (file.endian(), file.data(), file.elf_section_table());

    let mut newest = (0, 0);
    if let Some((mut libraries, strings)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, strings)?;
        while let Some((_, mut versions)) = libraries.next()? {
            while let Some(version) = versions.next()? {
                let name = String::from_utf8_lossy(version.name(endian, strings)?);
                newest = newest.max(glibc_version(&name).unwrap_or_default());
            }
        }
    }
    if newest > GLIBC {
        findings.push(Finding::Glibc(newest.0, newest.1));
    }

    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions = sections.versions(endian, data)?;
    for (index, symbol) in symbols.enumerate() {
        let is_versioned =
            versions.as_ref().is_some_and(|table| !table.version_index(endian, index).index().is_special());
        if index.0 != 0 && symbol.is_undefined(endian) && symbol.st_bind() != elf::STB_WEAK && !is_versioned {
            let name = symbols.symbol_name(endian, symbol)?;
            findings.push(Finding::Unversioned(String::from_utf8_lossy(name).into_owned()));
        }
    }

    let mut stays = false;
    let dynamic = sections.dynamic_table(endian, data)?;
    for entry in dynamic.iter() {
        match entry.tag {
            elf::DT_FLAGS_1 => stays = entry.val & elf::DF_1_NODELETE.0 != 0,
            elf::DT_NEEDED => {
                let name = String::from_utf8_lossy(dynamic.string(entry)?);
                if !GLIBC_FILES.iter().any(|known| name.starts_with(known)) {
                    findings.push(Finding::Library(name.into_owned()));
                }
            }
            _ => {}
        }
    }
    if !stays {
        findings.push(Finding::Unloadable);
    }
    Ok(())
}

/// `GLIBC_2.17` or `GLIBC_2.2.5` as two numbers; `None` for versions of other libraries.
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn pe_findings<'data, Pe, R>(file: &PeFile<'data, Pe, R>, findings: &mut Vec<Finding>) -> Result<()>
where
    Pe: ImageNtHeaders,
    R: ReadRef<'data>,
{
    let header = file.nt_headers().optional_header();
    let version = (header.major_subsystem_version(), header.minor_subsystem_version());
    if version > (6, 1) {
        findings.push(Finding::Windows(version.0, version.1));
    }

    let known: BTreeSet<(&str, &str)> = WINDOWS_7.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut unknown_libraries = BTreeSet::new();
    for import in file.imports()? {
        let import = import?;
        let library = String::from_utf8_lossy(import.library()).to_ascii_lowercase();
        let name = import.name();
        let function = name.name().map(String::from_utf8_lossy).unwrap_or_default();
        if !known.iter().any(|(file, _)| *file == library) {
            unknown_libraries.insert(library);
        } else if !known.contains(&(library.as_str(), &function)) {
            findings.push(Finding::Function(function.into_owned()));
        }
    }
    findings.extend(unknown_libraries.into_iter().map(Finding::Library));

    let resources = file.data_directories().resource_directory(file.data(), &file.section_table())?;
    let mut types = Vec::new();
    if let Some(resources) = resources {
        types.extend(resources.root()?.entries.iter().filter_map(|entry| entry.name_or_id().id()));
    }
    for (id, name) in [(pe::RT_VERSION, "VERSIONINFO"), (pe::RT_MANIFEST, "MANIFEST")] {
        if !types.contains(&id) {
            findings.push(Finding::Resource(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::bundle;
    use crate::platform::PLATFORMS;

    #[test]
    fn the_library_exports_the_five_functions_and_stays_mapped() {
        let findings = findings(&fs::read(addin_testkit::library()).unwrap(), Platform::current().unwrap()).unwrap();
        let wrong = |finding: &&Finding| {
            matches!(
                finding,
                Finding::Machine(..) | Finding::Exports(_) | Finding::Unversioned(_) | Finding::Unloadable
            )
        };
        assert_eq!(findings.iter().find(wrong), None);
    }

    #[test]
    fn a_zip_for_one_machine_passes_unless_more_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.zip");
        let here = Platform::current().unwrap();
        let mut libraries = [Library::read(here, addin_testkit::library()).unwrap()];
        bundle::write(&path, &mut libraries, DateTime::from_timestamp(1_780_000_000, 0).unwrap()).unwrap();
        let other = PLATFORMS.into_iter().find(|platform| *platform != here).unwrap();
        for (required, passes) in [(vec![], true), (vec![other], false)] {
            let outcome = run(&Options { zip: path.clone(), required, max_size: None });
            assert_eq!(outcome.is_ok(), passes, "{outcome:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_of_this_machine_is_no_library_for_every_machine() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let findings = findings(&program, "windows-i386".parse().unwrap()).unwrap();
        assert!(
            findings.iter().any(|finding| matches!(finding, Finding::Machine(BinaryFormat::Elf, _))),
            "{findings:?}"
        );
        assert!(findings.contains(&Finding::Exports(BTreeSet::new())), "{findings:?}");
        assert!(findings.contains(&Finding::Unloadable), "{findings:?}");
        assert!(findings.contains(&Finding::Library("libgcc_s.so.1".to_owned())), "{findings:?}");
    }

    /// zig links such a library against an old glibc without a word.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_function_that_no_library_had_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("new.c"), folder.path().join("new.so"));
        fs::write(&source, "int of_a_newer_glibc(void); int malloc_it(void) { return of_a_newer_glibc(); }").unwrap();
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = std::process::Command::new(compiler);
        let status = compile.args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status().unwrap();
        assert!(status.success());
        let findings = findings(&fs::read(library).unwrap(), Platform::current().unwrap()).unwrap();
        assert!(findings.contains(&Finding::Unversioned("of_a_newer_glibc".to_owned())), "{findings:?}");
    }

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        assert_eq!(glibc_version("GLIBC_2.2.5"), Some((2, 2)));
        assert!(glibc_version("GLIBC_2.34") > Some(GLIBC));
        assert!(glibc_version("GLIBC_2.4") < Some(GLIBC));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GCC_3.0"), None);
    }

    #[test]
    fn what_is_no_library_at_all_is_an_error() {
        assert!(findings(b"#!/bin/sh", PLATFORMS[0]).is_err());
    }
}
