//! A test in a process of its own, with the servers outside.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::peer::Peer;

use crate::shop;

const SERVICE: &str = "PASSTEAM_ENDURANCE_SERVICE";
const SILENT: &str = "PASSTEAM_ENDURANCE_SILENT";

/// A `ServerUrl` whose name is not found, after more time than the callers here have.
pub const SLOW_NAME: &str = "https://shop.slow.test";

/// A `ServerUrl` whose name the resolver never answers for.
pub fn stalled_name(number: usize) -> String {
    format!("https://shop-{number}.stalled.test")
}

/// What a scenario finds around it.
pub struct World {
    /// `ServerUrl` of a service that works.
    pub service: String,
    /// `ServerUrl` of a server that accepts, reads and never answers.
    pub silent: String,
}

impl World {
    /// The same service by a name, which has to be looked up.
    pub fn service_by_name(&self) -> String {
        self.service.replace("127.0.0.1", "localhost")
    }
}

/// Runs a scenario in a new process; `test` is the path of the test that asks for it.
///
/// There the test program runs that one test again, and gets to the scenario. Both servers stay in this process, and the new one has
/// a resolver that can be slow (`resolver.cpp`).
pub fn alone(test: &str, scenario: impl FnOnce(&World)) {
    if let (Ok(service), Ok(silent)) = (env::var(SERVICE), env::var(SILENT)) {
        return scenario(&World { service, silent });
    }
    let (sandbox, silent) = (shop::sandbox(), Peer::silent());
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
        .env(SERVICE, sandbox.url())
        .env(SILENT, silent.url())
        .env("PASSTEAM_LIBRARY", testkit::library())
        .env("LD_PRELOAD", slow_resolver())
        .output()
        .unwrap();
    let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A name that is no test's would be a success of none.
    let passed = output.status.success() && told.contains("1 passed");
    assert!(passed, "{test} alone: {}\n{told}{complained}", output.status);
    print!("{told}");
}

fn slow_resolver() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/endurance/resolver.cpp");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("slow-resolver.so");
    // Another test may have the library open: the new one takes its place whole.
    let unfinished = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap().into_temp_path();
    let compiler = env::var_os("CXX").unwrap_or_else(|| OsString::from("c++"));
    let status = Command::new(&compiler)
        .args(["-std=c++17", "-shared", "-fPIC", "-o"])
        .args([unfinished.as_os_str(), source.as_os_str()])
        .arg("-ldl")
        .status()
        .unwrap_or_else(|error| panic!("these tests need a C++ compiler ({compiler:?}): {error}"));
    assert!(status.success(), "{source:?} does not compile");
    fs::rename(&unfinished, &library).unwrap();
    library
}
