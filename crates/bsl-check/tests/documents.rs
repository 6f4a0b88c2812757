//! The documentation leads where it says, and names every kind of error.
//!
//! Links to the page of releases are relative, so that they are right in a copy of the repository too.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use bsl_check::Corpus;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Every word that `ВидОшибки` can be.
const ERROR_KINDS: [&str; 14] = [
    "Duplicate",
    "FieldRequired",
    "Unauthorized",
    "NotFound",
    "RateLimited",
    "ServerError",
    "Rejected",
    "BadResponse",
    "Timeout",
    "Connection",
    "Certificate",
    "NotSent",
    "InvalidEntry",
    "Misuse",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The destinations of links and pictures that are not on the network.
fn links(markdown: &str) -> Vec<String> {
    let destinations = Parser::new(markdown).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    });
    destinations.filter(|destination| !destination.contains("://")).collect()
}

/// The anchors of a text's headings: lower case, no punctuation, hyphens for spaces.
fn anchors(markdown: &str) -> HashSet<String> {
    let mut anchors = HashSet::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take().map(|heading| anchor(&heading))),
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
    kept.replace(' ', "-")
}

/// The link to the page of releases: GitHub shows a file two folders below the repository's own address.
fn releases(file: &str) -> String {
    "../".repeat(file.matches('/').count() + 2) + "releases"
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut dead = Vec::new();
    for file in Corpus::document_files(&root()).unwrap() {
        let path = root().join(&file);
        for link in links(&read(&path)).into_iter().filter(|link| *link != releases(&file)) {
            let (target, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let target = if target.is_empty() { path.clone() } else { path.with_file_name("").join(target) };
            let has_heading = || anchors(&read(&target)).contains(fragment);
            if !target.exists() || !(fragment.is_empty() || has_heading()) {
                dead.push(format!("{file}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_kind_of_error_has_a_cure() {
    let text = read(&root().join("docs/troubleshooting.md"));
    for kind in ERROR_KINDS {
        let row = text.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let cells = row.map_or(0, |row| row.split('|').filter(|cell| !cell.trim().is_empty()).count());
        assert_eq!(cells, 2, "{kind}");
    }
}

#[test]
fn the_queue_decides_on_known_kinds_of_error_only() {
    let module = read(&root().join("bsl-examples/extension/CommonModules/ОчередьPassteam/Ext/Module.bsl"));
    let decided: Vec<_> = module.split("Вид = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(decided.len() >= 10, "the decisions are no longer recognised");
    for kind in decided {
        assert!(ERROR_KINDS.contains(&kind), "{kind}");
    }
}

#[test]
fn anchors_are_made_as_the_pages_are_rendered() {
    assert_eq!(anchor("Безопасный режим и профили безопасности"), "безопасный-режим-и-профили-безопасности");
    assert!(anchors("# `A(b)` / `C`\n").contains("ab--c"));
}
