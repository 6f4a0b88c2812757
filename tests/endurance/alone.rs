//! A test in a process of its own; the servers stay in the other process, so that they are not counted.

use std::env;

use addin_testkit::{apart, shop};
use testkit::{Peer, resolver};

const SERVICE: &str = "PASSTEAM_ENDURANCE_SERVICE";
const SILENT: &str = "PASSTEAM_ENDURANCE_SILENT";

/// A `ServerUrl` whose look-up fails after [`resolver::release`].
pub const HELD_NAME: &str = "https://shop.held.test";

/// A `ServerUrl` whose look-up never ends.
pub fn stalled_name(number: usize) -> String {
    format!("https://shop-{number}.stalled.test")
}

/// The servers that a scenario can call.
pub struct World {
    /// `ServerUrl` of a service that works.
    pub service: String,
    /// `ServerUrl` of a server that accepts, reads and never answers.
    pub silent: String,
}

impl World {
    /// The URL of the same service with a host name, which has to be looked up.
    pub fn service_by_name(&self) -> String {
        self.service.replace("127.0.0.1", "localhost")
    }
}

/// Runs a scenario in a new process; `test` is the [`testkit::test_path`] of the test that asks for it.
///
/// Both servers stay in this process, and the new one has a resolver that can be slow ([`resolver`]).
pub fn alone(test: &str, scenario: impl FnOnce(&World)) {
    let mut servers = None;
    let folder = tempfile::tempdir().unwrap();
    let output = apart::rerun(test, |command| {
        let (sandbox, silent) = servers.insert((shop::sandbox(), Peer::silent()));
        command.env(SERVICE, sandbox.url()).env(SILENT, silent.url());
        resolver::preload(command, folder.path());
    });
    match output {
        Some(output) => print!("{}", String::from_utf8_lossy(&output.stdout)),
        None => scenario(&World { service: env::var(SERVICE).unwrap(), silent: env::var(SILENT).unwrap() }),
    }
}
