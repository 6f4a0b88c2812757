//! The service: the sandbox in a process of its own, so that its work is not measured too.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use passteam_sandbox::{Options, Sandbox, Tls};
use tempfile::TempDir;

use super::cpu;

/// A sandbox process, reached by TLS; dropping it ends the process.
pub struct Service {
    child: Child,
    input: Option<ChildStdin>,
    url: String,
    ca_file: PathBuf,
    _folder: TempDir,
}

impl Service {
    /// Starts one that sends every answer `latency` after the request.
    pub fn start(latency: Duration) -> Result<Service> {
        let folder = tempfile::tempdir()?;
        let ca_file = folder.path().join("ca.pem");
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench-part", "service", &latency.as_millis().to_string()])
            .arg(&ca_file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let output = child.stdout.take().context("the service has no output")?;
        BufReader::new(output).read_line(&mut url)?;
        if url.is_empty() {
            bail!("the service did not start: {}", child.wait()?);
        }
        let input = child.stdin.take();
        Ok(Service { child, input, url: url.trim_end().to_owned(), ca_file, _folder: folder })
    }

    /// `ServerUrl`. It holds the address, so that no host name is looked up.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `CertificateFile`.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.input.take());
        // What the process ended with does not matter any more.
        let _ = self.child.wait();
    }
}

/// The process itself: serves until its input is closed.
pub fn serve(latency: Duration, ca_file: &Path) -> Result<()> {
    cpu::pin(cpu::Role::Server);
    let sandbox = Sandbox::start(Options { tls: Tls::OwnCa, latency, keep_requests: 0, ..Options::default() })?;
    fs::write(ca_file, sandbox.ca_pem().context("the sandbox has no CA")?)?;
    // As in a shop, where it was not written a moment ago.
    fs::File::options().write(true).open(ca_file)?.set_modified(SystemTime::now() - Duration::from_secs(3600))?;
    println!("{}", sandbox.url().replace("localhost", "127.0.0.1"));
    std::io::stdout().flush()?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
