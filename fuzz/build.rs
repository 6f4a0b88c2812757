//! Link settings of the fuzz targets.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The add-in's library, which `host` loads, calls the fuzzer and the sanitizer that are linked into it.
    println!("cargo::rustc-link-arg-bin=host=-rdynamic");
}
