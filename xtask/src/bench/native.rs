//! The programs in C and C++ that the component is compared with, compiled when they are needed.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::project;

/// Compiles the program that sends updates by libcurl.
pub fn curl(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("updatecard");
    let mut command = compiler("CC", "cc");
    command.args(["-O2", "-o"]).arg(&program).arg(source("updatecard.c")).arg("-lcurl");
    compile(&mut command)?;
    Ok(program)
}

/// Compiles the C++ add-in.
pub fn add_in(folder: &Path) -> Result<PathBuf> {
    let library = folder.join("addin.so");
    let mut command = compiler("CXX", "c++");
    command.args(["-O2", "-std=c++17", "-shared", "-fPIC", "-I"]);
    command.arg(project::root().join("crates/addin-host/tests/fixture"));
    command.arg(format!("-DVERSION_TEXT=u\"{}\"", project::VERSION));
    command.arg("-o").arg(&library).arg(source("addin.cpp"));
    compile(&mut command)?;
    Ok(library)
}

/// Whether libcurl can be compiled against.
pub fn has_curl() -> Result<bool> {
    let mut command = compiler("CC", "cc");
    command.args(["-E", "-include", "curl/curl.h", "-x", "c", "/dev/null"]);
    let output = command.output().with_context(|| format!("{command:?} cannot be run"))?;
    Ok(output.status.success())
}

fn compiler(variable: &str, usual: &str) -> Command {
    let name = env::var_os(variable);
    Command::new(name.as_deref().unwrap_or(OsStr::new(usual)))
}

fn source(name: &str) -> PathBuf {
    project::root().join("xtask/bench-native").join(name)
}

fn compile(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
