//! Switches on the code with which a test can provoke a panic (`cfg(passteam_test_panic)` in `src/`).

fn main() {
    println!("cargo::rustc-check-cfg=cfg(passteam_test_panic)");
    println!("cargo::rustc-cfg=passteam_test_panic");
    println!("cargo::rerun-if-changed=build.rs");
}
