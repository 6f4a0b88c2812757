//! Link options of the add-in, and the resources of its DLL: version and manifest. Nothing here affects the Rust code.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=manifest");
    println!("cargo::rustc-check-cfg=cfg(passteam_test_panic)");
    match (env_var("CARGO_CFG_TARGET_OS").as_str(), env_var("CARGO_CFG_TARGET_ENV").as_str()) {
        // A helper thread (a slow name look-up) must not outlive its code, so dlclose leaves the library mapped.
        ("linux", _) => println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete"),
        // Released DLLs are linked by mingw, which includes a resource compiler. MSVC does not put its own on the PATH.
        ("windows", "gnu") => println!("cargo::rustc-cdylib-link-arg={}", resources().display()),
        _ => {}
    }
}

/// Compiles the DLL's version and manifest; returns the path of the object file.
fn resources() -> PathBuf {
    let version = env_var("CARGO_PKG_VERSION");
    let numbers =
        ["MAJOR", "MINOR", "PATCH"].map(|part| env_var(&format!("CARGO_PKG_VERSION_{part}"))).join(",") + ",0";
    let script = include_str!("manifest/passteam.rc")
        .replace("{numbers}", &numbers)
        .replace("{version}", &version)
        .replace("{description}", &env_var("CARGO_PKG_DESCRIPTION"));

    let folder = PathBuf::from(env_var("OUT_DIR"));
    let (source, object) = (folder.join("passteam.rc"), folder.join("passteam-resources.o"));
    fs::write(&source, script).expect("OUT_DIR is writable");
    let windres = windres();
    let status = Command::new(&windres)
        .args(["--codepage=65001", "--input-format=rc", "--output-format=coff", "--include-dir"])
        .arg(Path::new(&env_var("CARGO_MANIFEST_DIR")).join("manifest"))
        .arg(&source)
        .arg(&object)
        .status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{windres} failed: {status:?}");
    object
}

/// The resource compiler: by its plain name on Windows, with the target's prefix on other systems.
fn windres() -> String {
    if cfg!(windows) {
        return "windres".to_owned();
    }
    let arch = env_var("CARGO_CFG_TARGET_ARCH");
    format!("{}-w64-mingw32-windres", if arch == "x86" { "i686" } else { &arch })
}

fn env_var(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
