//! The rule that the field's own linter lacks: how long privileged mode lasts.
//!
//! The rules of the 1C standards are for bsl-language-server, which `cargo xtask bsl` runs. It only reports that privileged
//! mode is used at all.

use tree_sitter::Node;

use crate::corpus::Corpus;
use crate::finding::Finding;
use crate::script::Script;
use crate::syntax::{self, calls, same_name};

/// Checks every script of a corpus.
pub fn check(corpus: &Corpus) -> Vec<Finding> {
    corpus.scripts().flat_map(privileged_mode_is_short).collect()
}

/// Methods that send a request to the service or make the component.
const OUTWARD: [&str; 9] = [
    "НоваяКомпонента",
    "CreateCard",
    "СоздатьКарту",
    "UpdateCard",
    "ОбновитьКарту",
    "UpdateCards",
    "ОбновитьКарты",
    "CallMethod",
    "ВызватьМетод",
];

/// Privileged mode is switched off again in the same method, and nothing is sent while it is on.
fn privileged_mode_is_short(script: &Script) -> Vec<Finding> {
    let mut findings = Vec::new();
    for method in script.methods() {
        let mut opened: Option<Node<'_>> = None;
        for call in calls(script, method.node) {
            if same_name(call.name, "УстановитьПривилегированныйРежим") {
                let on = syntax::argument_nodes(call.node).first().map(|node| script.text_of(*node));
                opened = on.is_some_and(|on| same_name(on, "Истина")).then_some(call.node);
            } else if opened.is_some() && OUTWARD.iter().any(|name| same_name(name, call.name)) {
                findings.push(script.finding(call.node, "обращение к сервису в привилегированном режиме"));
            }
        }
        findings.extend(opened.map(|node| script.finding(node, "привилегированный режим не выключен")));
    }
    findings
}

/// The literals that hold a query of several lines, with their texts.
pub fn queries(script: &Script) -> impl Iterator<Item = (Node<'_>, String)> {
    syntax::strings(script.root()).filter_map(|string| {
        let text = syntax::string_value(script, string);
        let text = text.trim().trim_end_matches(';').to_owned();
        (text.to_lowercase().starts_with("выбрать") && text.contains('\n')).then_some((string, text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Kind;

    fn privileged(body: &str) -> Vec<usize> {
        let text = format!("Процедура А()\n{body}\nКонецПроцедуры");
        let script = Script::parse("М.bsl", 1, Kind::Common, &text).unwrap();
        privileged_mode_is_short(&script).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn privileged_mode_around_storage_is_accepted() {
        let around =
            "УстановитьПривилегированныйРежим(Истина);\nБ();\nУстановитьПривилегированныйРежим(Ложь);\nК.CreateCard();";
        assert!(privileged(around).is_empty());
    }

    #[test]
    fn privileged_mode_left_on_or_around_a_request_is_found() {
        assert_eq!(privileged("УстановитьПривилегированныйРежим(Истина);\nБ();"), [2]);
        let around =
            "УстановитьПривилегированныйРежим(Истина);\nК.UpdateCard(1);\nУстановитьПривилегированныйРежим(Ложь);";
        assert_eq!(privileged(around), [3]);
    }
}
