//! What the repository offers for pasting is good BSL.

use std::path::Path;

use bsl_check::{Corpus, Finding, linkage, rules};

fn corpus() -> Corpus {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Corpus::read(&root).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn assert_none(findings: &[Finding]) {
    let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn every_example_and_every_block_of_the_documentation_parses() {
    let corpus = corpus();
    assert!(corpus.examples.len() >= 3 && corpus.extension.len() >= 10, "the examples are gone");
    assert!(corpus.documents.iter().any(|script| script.file() == "README.md"), "the README shows no BSL");
}

#[test]
fn the_queries_of_the_extension_are_seen() {
    let corpus = corpus();
    assert!(corpus.extension.iter().flat_map(rules::queries).count() >= 8, "the queries are no longer recognised");
}

#[test]
fn privileged_mode_is_short_everywhere() {
    assert_none(&rules::check(&corpus()));
}

#[test]
fn calls_between_the_example_modules_resolve() {
    assert_none(&linkage::unresolved_calls(&corpus().examples));
    assert_none(&linkage::unresolved_calls(&corpus().extension));
}

#[test]
fn no_private_method_is_left_over() {
    assert_none(&linkage::unused_methods(&corpus().examples));
    assert_none(&linkage::unused_methods(&corpus().extension));
}
