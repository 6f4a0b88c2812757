//! The report of bsl-language-server, with the places of the project's own files.

use std::fmt;

use anyhow::{Context, Result};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::stage::Script;

/// What the server said about all scripts.
pub struct Report {
    /// The number of files that it checked.
    pub files: usize,
    /// What it found, in the order of files and lines.
    pub findings: Vec<Finding>,
}

/// One finding, with its place in the project.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    file: String,
    line: usize,
    diagnostic: String,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.diagnostic, self.message)
    }
}

#[derive(Deserialize)]
struct Json {
    fileinfos: Vec<FileInfo>,
}

#[derive(Deserialize)]
struct FileInfo {
    /// A `file:` URL.
    path: String,
    diagnostics: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Diagnostic {
    code: String,
    message: String,
    range: Range,
}

#[derive(Deserialize)]
struct Range {
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    /// From 0.
    line: usize,
}

impl Report {
    /// Reads a report about these scripts.
    ///
    /// # Errors
    /// It is not in the format of this version of the server, or names another file.
    pub fn parse(text: &str, scripts: &[Script]) -> Result<Report> {
        let json: Json = serde_json::from_str(text).context("the report of bsl-language-server has another format")?;
        let mut findings = Vec::new();
        for info in &json.fileinfos {
            let path = percent_decode_str(&info.path).decode_utf8_lossy();
            let script = scripts.iter().find(|script| path.ends_with(&format!("/{}", script.staged)));
            let script =
                script.with_context(|| format!("the report names {path}, which was not given to the server"))?;
            findings.extend(info.diagnostics.iter().map(|diagnostic| Finding {
                file: script.file.clone(),
                line: script.line + diagnostic.range.start.line,
                diagnostic: diagnostic.code.clone(),
                message: diagnostic.message.clone(),
            }));
        }
        findings.sort();
        Ok(Report { files: json.fileinfos.len(), findings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts() -> [Script; 2] {
        let script = |staged: &str, file: &str, line| Script { staged: staged.to_owned(), file: file.to_owned(), line };
        [script("CommonModules/М/Module.bsl", "bsl-examples/М.bsl", 1), script("documents/a.md-70.bsl", "a.md", 70)]
    }

    const REPORT: &str = r#"{"date": "2026-05-28", "sourceDir": "file:///s", "fileinfos": [
        {"path": "file:///s/documents/a.md-70.bsl", "mdoRef": "", "diagnostics": [
            {"code": "MagicNumber", "message": "Число", "severity": "Information", "source": "bsl-language-server",
             "range": {"start": {"line": 2, "character": 1}, "end": {"line": 2, "character": 4}}}]},
        {"path": "file:///s/CommonModules/%D0%9C/Module.bsl", "diagnostics": []}]}"#;

    #[test]
    fn a_finding_names_the_line_of_the_document_that_holds_the_block() {
        let report = Report::parse(REPORT, &scripts()).unwrap();
        let shown: Vec<_> = report.findings.iter().map(Finding::to_string).collect();
        assert_eq!((report.files, shown), (2, vec!["a.md:72: MagicNumber: Число".to_owned()]));
    }

    #[test]
    fn a_report_about_other_files_or_in_another_format_is_refused() {
        assert!(Report::parse(REPORT, &scripts()[1..]).is_err());
        assert!(Report::parse("{}", &scripts()).is_err());
    }
}
