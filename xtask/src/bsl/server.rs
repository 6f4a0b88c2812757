//! bsl-language-server itself: a Java program that Maven fetches.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

/// Maven's coordinates of the server with all its dependencies.
const SERVER: &str = "io.github.1c-syntax:bsl-language-server:0.28.5:jar:exec";
/// The name that Maven gives the file.
const FILE_NAME: &str = "bsl-language-server-0.28.5-exec.jar";
/// The SHA-256 checksum of that file.
const CHECKSUM: &str = "b40bae1ab38635dbfbc325cd6949f3bf4829413df21450cb165c8bdadf0564c7";
/// The plugin of Maven that copies an artifact into a folder.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
/// The oldest Java that runs the server.
const JAVA: u32 = 17;

const INSTALL: &str = "install Java 17 and Maven (Debian, Ubuntu: apt-get install openjdk-17-jre-headless maven)";

/// Looks for Java and Maven.
///
/// # Errors
/// One is missing or too old; the text says what to install.
pub fn require_tools() -> Result<()> {
    let output = Command::new("java").arg("-version").output().ok().filter(|output| output.status.success());
    let Some(output) = output else { bail!("java is missing; {INSTALL}") };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = java_version(&text).with_context(|| format!("java names no version: {text}"))?;
    ensure!(version >= JAVA, "java {version} is too old; {INSTALL}");
    let maven = Command::new(maven()).arg("--version").output();
    ensure!(maven.is_ok_and(|output| output.status.success()), "mvn is missing; {INSTALL}");
    Ok(())
}

fn maven() -> &'static str {
    if cfg!(windows) { "mvn.cmd" } else { "mvn" }
}

/// The first number of a version: 17 of `openjdk version "17.0.15" …`; Java 8 calls itself 1.8.
fn java_version(text: &str) -> Option<u32> {
    let mut numbers = text.split('"').nth(1)?.split(['.', '-', '+']);
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        version => Some(version),
    }
}

/// The path of the server, which is downloaded into the folder unless it is there.
///
/// # Errors
/// Maven fails, or the file has another checksum.
pub fn fetch(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let file = folder.join(FILE_NAME);
    if !file.exists() {
        eprintln!("Fetching {SERVER} (115 MB)…");
        let mut command = Command::new(maven());
        command.args(["--quiet", "--batch-mode", COPY, "-Dmdep.useBaseVersion=true"]);
        command.arg(format!("-Dartifact={SERVER}")).arg(format!("-DoutputDirectory={}", folder.display()));
        // Maven reads the project of the folder in which it runs.
        let status = command.current_dir(folder).status().context("mvn does not start")?;
        ensure!(status.success(), "Maven could not fetch {SERVER}: {status}");
    }
    verify(&file, CHECKSUM)?;
    Ok(file)
}

/// Removes a file that has another checksum, so that the next run fetches it again.
fn verify(file: &Path, checksum: &str) -> Result<()> {
    let content = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let found: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != checksum {
        fs::remove_file(file)?;
        bail!("{} has the checksum {found} instead of {checksum}; it was removed", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javas_version_is_read_in_its_old_and_its_new_form() {
        assert_eq!(java_version("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(java_version("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(java_version("java version \"1.8.0_202\""), Some(8));
        assert_eq!(java_version("no version"), None);
    }

    #[test]
    fn a_file_with_another_checksum_is_refused_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.jar");
        fs::write(&file, "abc").unwrap();
        let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&file, of_abc).unwrap();
        assert!(verify(&file, CHECKSUM).unwrap_err().to_string().contains(of_abc));
        assert!(!file.exists());
    }
}
