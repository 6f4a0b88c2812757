//! The rules of the 1C standards that can be seen on the tree. Each takes a script and gives what breaks the rule.

mod data;
mod handlers;
mod safety;
mod structure;

pub use data::{loops_hold_no_query, queries, queries_parse, transactions_are_closed};
pub use handlers::exchange_load_comes_first;
pub use safety::{Loggers, caught_exceptions_are_logged, no_secret_stands_in_a_literal, privileged_mode_is_short};
pub use structure::{
    MAX_LINE_LENGTH, exported_methods_are_described, lines_are_short, methods_stand_in_standard_regions,
};

use crate::{Corpus, Finding, Script};

/// Every rule for every script of a corpus.
pub fn check(corpus: &Corpus) -> Vec<Finding> {
    type Rule = fn(&Script) -> Vec<Finding>;
    const EACH: [Rule; 8] = [
        exchange_load_comes_first,
        exported_methods_are_described,
        lines_are_short,
        methods_stand_in_standard_regions,
        no_secret_stands_in_a_literal,
        privileged_mode_is_short,
        queries_parse,
        transactions_are_closed,
    ];
    let loggers = Loggers::of(corpus.scripts());
    let mut findings = loops_hold_no_query(corpus.scripts());
    for script in corpus.scripts() {
        findings.extend(EACH.iter().flat_map(|rule| rule(script)));
        findings.extend(caught_exceptions_are_logged(script, &loggers));
    }
    findings
}

#[cfg(test)]
mod testing {
    use crate::{Finding, Kind, Script};

    pub(super) fn script(kind: Kind, text: &str) -> Script {
        Script::parse("bsl-examples/CommonModules/М/Ext/Module.bsl", 1, kind, text).unwrap()
    }

    pub(super) fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }
}
