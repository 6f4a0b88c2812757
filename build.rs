//! Link settings of the add-in, and the resources of its DLL.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=manifest");
    println!("cargo::rustc-check-cfg=cfg(passteam_test_panic)");
    match (variable("CARGO_CFG_TARGET_OS").as_str(), variable("CARGO_CFG_TARGET_ENV").as_str()) {
        // A helper thread (a slow name look-up) must not outlive its code: dlclose leaves the library mapped.
        ("linux", _) => println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete"),
        // Released DLLs are linked by mingw, which brings the compiler of resources along; MSVC keeps its own elsewhere.
        ("windows", "gnu") => println!("cargo::rustc-cdylib-link-arg={}", resources().display()),
        _ => {}
    }
}

/// Compiles the DLL's version and manifest; the path of the object.
fn resources() -> PathBuf {
    let version = variable("CARGO_PKG_VERSION");
    let numbers =
        ["MAJOR", "MINOR", "PATCH"].map(|part| variable(&format!("CARGO_PKG_VERSION_{part}"))).join(",") + ",0";
    let script = include_str!("manifest/passteam.rc")
        .replace("{numbers}", &numbers)
        .replace("{version}", &version)
        .replace("{description}", &variable("CARGO_PKG_DESCRIPTION"));

    let folder = PathBuf::from(variable("OUT_DIR"));
    let (source, object) = (folder.join("passteam.rc"), folder.join("passteam-resources.o"));
    fs::write(&source, script).expect("OUT_DIR is writable");
    let windres = windres();
    let status = Command::new(&windres)
        .args(["--codepage=65001", "--input-format=rc", "--output-format=coff", "--include-dir"])
        .arg(Path::new(&variable("CARGO_MANIFEST_DIR")).join("manifest"))
        .arg(&source)
        .arg(&object)
        .status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{windres} failed: {status:?}");
    object
}

/// The compiler of resources: under its plain name on Windows, under that of the target elsewhere.
fn windres() -> String {
    if cfg!(windows) {
        return "windres".to_owned();
    }
    let arch = variable("CARGO_CFG_TARGET_ARCH");
    format!("{}-w64-mingw32-windres", if arch == "x86" { "i686" } else { &arch })
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
