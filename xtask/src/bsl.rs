//! `cargo xtask bsl`: bsl-language-server, the linter of 1C developers, over all BSL that the project offers.
//!
//! What only this project can check (the component's members, calls between the modules) is for the crate `bsl-check`, whose
//! tests need no Java.

mod metadata;
mod report;
mod server;
mod stage;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::project::{root, target_folder};

/// Check bsl-examples and the BSL blocks of the documentation with bsl-language-server, and read the extension with
/// mdclasses; needs a Java Development Kit 17 and Maven.
#[derive(clap::Args)]
pub struct Options {}

/// The settings, which the editors of 1C developers find too.
const SETTINGS: &str = ".bsl-language-server.json";

/// Checks everything and prints the findings.
///
/// # Errors
/// Java or Maven is missing, the server cannot be fetched or fails, or there are findings.
pub fn run(_: &Options) -> Result<()> {
    let folder = target_folder()?.join("bsl");
    server::require_tools()?;
    let server = server::fetch(&folder)?;
    let (extension, others) = (folder.join("extension"), folder.join("sources"));
    let mut checked = 0;
    let mut findings = 0;
    for (sources, stage) in
        [(&extension, stage::extension(&root(), &extension)?), (&others, stage::others(&root(), &others)?)]
    {
        let text = analyse(&server, sources, &folder)?;
        let report = report::Report::parse(&text, &stage.scripts)?;
        for finding in &report.findings {
            println!("{finding}");
        }
        let expected = stage.scripts.len();
        ensure!(report.files == expected, "the server checked {} files of {expected}", report.files);
        checked += report.files;
        findings += report.findings.len();
    }
    ensure!(findings == 0, "{findings} findings");
    println!("No findings in {checked} modules and blocks");
    metadata::check(&server, &folder, &root().join(stage::EXTENSION))
}

/// Runs the server over a folder; gives its report as JSON.
fn analyse(server: &Path, sources: &Path, folder: &Path) -> Result<String> {
    let file = folder.join("bsl-json.json");
    if file.exists() {
        fs::remove_file(&file)?;
    }
    let mut java = Command::new("java");
    java.arg("-jar").arg(server).args(["analyze", "--silent", "--reporter", "json", "--srcDir"]).arg(sources);
    java.arg("--outputDir").arg(folder).arg("--configuration").arg(root().join(SETTINGS));
    let output = java.current_dir(folder).output().context("java does not start")?;
    let words = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "bsl-language-server failed: {}\n{}", output.status, words());
    fs::read_to_string(&file).with_context(|| format!("bsl-language-server wrote no report\n{}", words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_diagnostic_that_is_off_has_its_reason() {
        let settings: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(root().join(SETTINGS)).unwrap()).unwrap();
        let design = fs::read_to_string(root().join("docs/design.md")).unwrap();
        let section = design.split("## BSL diagnostics that are off").nth(1).unwrap().split("\n## ").next().unwrap();
        let explained: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(name, _)| name)
            .collect();
        let parameters = settings["diagnostics"]["parameters"].as_object().unwrap();
        let off: Vec<_> =
            parameters.iter().filter(|(_, value)| **value == false).map(|(name, _)| name.as_str()).collect();
        assert_eq!(off, explained);
        assert!(off.len() <= 12, "at most a dozen diagnostics are off");
    }
}
