//! A stand-in for the C library's resolver, on Linux. A test that needs it runs in a process of its own:
//!
//! ```no_run
//! # use testkit::{apart, resolver, test_path};
//! # fn a_test() {
//! let folder = std::env::temp_dir();
//! if apart::rerun(test_path!(a_test), |command| resolver::preload(command, &folder)).is_some() {
//!     return;
//! }
//! // A look-up of this name takes three seconds, and finds two addresses.
//! let host = resolver::Name::new("shop").address([127, 0, 0, 2]).address([127, 0, 0, 1]).after_milliseconds(3000).host();
//! # }
//! ```

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use crate::preload;

/// Names the file in which the stand-in writes down the names that it looks up.
const LOOK_UPS: &str = "PASSTEAM_TEST_LOOK_UPS";
/// Names the file whose existence ends the look-ups of `.held.test`.
const RELEASE: &str = "PASSTEAM_TEST_RELEASE";

/// Lets a process that is about to start use the stand-in, compiled into this folder. The folder must outlive the process.
///
/// | name ends in | look-up |
/// |---|---|
/// | `.stalled.test` | never returns |
/// | `.held.test` | finds nothing, after [`release`] |
/// | `.slow.test` | finds nothing, after a second |
/// | `.unknown.test` | finds nothing, at once |
/// | `.temporary.test` | fails for the time being (`EAI_AGAIN`) |
/// | `.answered.test` | finds what the name says: use [`Name`] |
/// | anything else | the system's own |
///
/// # Panics
/// If there is no C++ compiler.
pub fn preload(command: &mut Command, folder: &Path) {
    preload::add(command, folder, "resolver");
    command.env(LOOK_UPS, folder.join("look-ups")).env(RELEASE, folder.join("release"));
}

/// Ends the look-ups of names below `.held.test`, those under way and all later ones.
///
/// # Panics
/// If this process was not started with [`preload()`].
pub fn release() {
    let file = std::env::var_os(RELEASE).expect("a process with the stand-in");
    std::fs::write(file, "").expect("a file in the stand-in's folder");
}

/// The names that this process has looked up so far, in the order in which the look-ups began.
///
/// # Panics
/// If this process was not started with [`preload()`].
pub fn look_ups() -> Vec<String> {
    let file = std::env::var_os(LOOK_UPS).expect("a process with the stand-in");
    // Before the first look-up there is no file.
    std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A host name that says what its look-up finds.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Name {
    /// A name that has no address yet. Names with different labels are looked up separately.
    pub fn new(label: &str) -> Name {
        Name(label.to_owned())
    }

    /// Adds an address; they are found in this order.
    pub fn address(mut self, address: impl Into<IpAddr>) -> Name {
        match address.into() {
            IpAddr::V4(address) => {
                let _ = write!(self.0, ".v4-{}", address.to_string().replace('.', "-"));
            }
            IpAddr::V6(address) => {
                self.0.push_str(".v6");
                for segment in address.segments() {
                    let _ = write!(self.0, "-{segment:x}");
                }
            }
        }
        self
    }

    /// How long its look-up takes.
    pub fn after_milliseconds(mut self, delay: u32) -> Name {
        let _ = write!(self.0, ".after-{delay}");
        self
    }

    /// The name.
    pub fn host(&self) -> String {
        format!("{}.answered.test", self.0)
    }
}
