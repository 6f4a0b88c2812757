//! A test in a process of its own, with the servers outside.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::apart;
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

/// Runs a scenario in a new process; `test` is the [`testkit::test_path`] of the test that asks for it.
///
/// Both servers stay in this process, and the new one has a resolver that can be slow (`resolver.cpp`).
pub fn alone(test: &str, scenario: impl FnOnce(&World)) {
    let mut servers = None;
    let output = apart::rerun(test, |command| {
        let (sandbox, silent) = servers.insert((shop::sandbox(), Peer::silent()));
        command.env(SERVICE, sandbox.url()).env(SILENT, silent.url()).env("LD_PRELOAD", slow_resolver());
    });
    match output {
        Some(output) => print!("{}", String::from_utf8_lossy(&output.stdout)),
        None => scenario(&World { service: env::var(SERVICE).unwrap(), silent: env::var(SILENT).unwrap() }),
    }
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
