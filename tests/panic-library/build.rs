//! Switches on the code that lets a test provoke a panic.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(passteam_test_panic)");
    println!("cargo::rustc-cfg=passteam_test_panic");
    println!("cargo::rerun-if-changed=build.rs");
}
