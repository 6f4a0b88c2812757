//! Programs and libraries that some rows need and a machine may lack.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::native;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// libcurl with its headers.
    Curl,
    /// Counts system calls and bytes.
    Strace,
    /// Counts instructions.
    Valgrind,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 3] = [Tool::Curl, Tool::Strace, Tool::Valgrind];

    /// Whether this machine has it.
    ///
    /// # Errors
    /// There is no C compiler to ask.
    pub fn is_installed(self) -> Result<bool> {
        match self {
            Tool::Curl => native::has_curl(),
            Tool::Strace => Ok(runs("strace")),
            Tool::Valgrind => Ok(runs("valgrind")),
        }
    }

    /// Debian's package of it.
    fn package(self) -> &'static str {
        match self {
            Tool::Curl => "libcurl4-openssl-dev",
            Tool::Strace => "strace",
            Tool::Valgrind => "valgrind",
        }
    }
}

/// The package's name, by which one installs it.
impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.package())
    }
}

fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
