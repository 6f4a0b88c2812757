//! The member reference, held against the member table.
//!
//! Each member has a section of the third level whose heading shows its Russian and its English name as code, a method's with
//! its parameters, those in brackets being optional: `` ### `ОбновитьКарту(ИдентификаторКарты[, Значения])` /
//! `UpdateCard(CardId[, Values])` ``. The section has a `bsl` block that uses the member.

use std::collections::HashSet;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::finding::Finding;
use crate::members::{MemberTable, usages};
use crate::script::{Kind, Script};
use crate::syntax::same_name;

/// A section of the reference.
#[derive(Debug, Default)]
struct Section {
    line: usize,
    /// The code in its heading: Russian and English signature.
    signatures: Vec<String>,
    blocks: Vec<String>,
}

/// A signature as a heading shows it.
#[derive(Debug, PartialEq, Eq)]
struct Signature<'s> {
    name: &'s str,
    /// How many parameters must be given and how many there are; nothing for a property.
    arity: Option<(usize, usize)>,
}

/// Where a reference and the member table differ.
pub fn findings(table: &MemberTable, file: &str, markdown: &str) -> Vec<Finding> {
    let finding = |line, message: String| Finding { file: file.to_owned(), line, message };
    let mut documented = HashSet::new();
    let mut findings = Vec::new();
    for section in sections(markdown) {
        match section.fault(table) {
            Some(fault) => findings.push(finding(section.line, fault)),
            None => {
                let name = signature(&section.signatures[1]).name.to_owned();
                if !documented.insert(name) {
                    findings.push(finding(section.line, "член описан дважды".to_owned()));
                }
            }
        }
    }
    let members = table.properties.iter().map(|property| &property.names);
    for [english, russian] in members.chain(table.methods.iter().map(|method| &method.names)) {
        if !documented.contains(english) {
            findings.push(finding(1, format!("не описан член {russian} / {english}")));
        }
    }
    findings
}

impl Section {
    fn fault(&self, table: &MemberTable) -> Option<String> {
        let [russian, english] = self.signatures.as_slice() else {
            return Some("в заголовке нужны русское и английское имя".to_owned());
        };
        let (russian, english) = (signature(russian), signature(english));
        let (names, arity) = match (table.property(english.name), table.method(english.name)) {
            (Some(property), _) => (&property.names, None),
            (_, Some(method)) => (&method.names, Some((method.required, method.parameters))),
            (None, None) => return Some(format!("члена {} у компоненты нет", english.name)),
        };
        if [english.name, russian.name] != [names[0].as_str(), names[1].as_str()] {
            return Some(format!("имена члена — {} и {}", names[1], names[0]));
        }
        if [english.arity, russian.arity] != [arity, arity] {
            return Some(format!("параметры {} не те: {arity:?}", english.name));
        }
        let shown = self.blocks.iter().any(|block| uses(block, names));
        (!shown).then(|| format!("нет примера с {}", english.name))
    }
}

fn uses(block: &str, names: &[String; 2]) -> bool {
    let Ok(script) = Script::parse("", 1, Kind::Fragment, block) else { return false };
    usages(&script).iter().any(|usage| names.iter().any(|name| same_name(name, usage.name)))
}

fn signature(code: &str) -> Signature<'_> {
    let Some((name, parameters)) = code.split_once('(') else { return Signature { name: code, arity: None } };
    let parameters = parameters.trim_end_matches(')');
    let count = |text: &str| text.split([',', '[', ']']).filter(|part| !part.trim().is_empty()).count();
    let required = parameters.split('[').next().unwrap_or_default();
    Signature { name, arity: Some((count(required), count(parameters))) }
}

fn sections(markdown: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut in_heading = false;
    let mut in_block = false;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H3, .. }) => {
                in_heading = true;
                let line = markdown[..range.start].matches('\n').count() + 1;
                sections.push(Section { line, ..Section::default() });
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if language.as_ref() == "bsl" => {
                in_block = true;
                if let Some(section) = sections.last_mut() {
                    section.blocks.push(String::new());
                }
            }
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Code(code) if in_heading => {
                if let Some(section) = sections.last_mut() {
                    section.signatures.push(code.into_string());
                }
            }
            Event::Text(text) if in_block => {
                if let Some(block) = sections.last_mut().and_then(|section| section.blocks.last_mut()) {
                    block.push_str(&text);
                }
            }
            _ => {}
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::tests::table;

    const REFERENCE: &str = "# Члены\n\n### `Токен` / `Token`\n\n```bsl\nКомпонента.Токен = Т;\n```\n\n\
        ### `ИдентификаторКарты` / `CardId`\n\n```bsl\nА = Компонента.CardId;\n```\n\n\
        ### `УстановитьЗначение(Имя, Значение)` / `SetValue(Name, Value)`\n\n```bsl\nКомпонента.SetValue(1, 2);\n```\n\n\
        ### `ОбновитьКарту(ИдентификаторКарты[, Значения])` / `UpdateCard(CardId[, Values])`\n\n\
        ```bsl\nА = Компонента.ОбновитьКарту(1);\n```\n";

    #[test]
    fn a_reference_that_says_what_the_table_says_is_accepted() {
        assert_eq!(findings(&table(), "a.md", REFERENCE), []);
    }

    #[test]
    fn a_reference_that_differs_from_the_table_is_found() {
        for (part, fault) in [
            ("### `Токен` / `Token`", "### `Токин` / `Token`"),
            ("### `Токен` / `Token`", "### `Token`"),
            ("`Token`", "`Tokens`"),
            ("Имя, Значение", "Имя"),
            ("CardId[, Values]", "CardId, Values"),
            ("А = Компонента.CardId;", "А = 1;"),
            ("### `ИдентификаторКарты` / `CardId`", "### `Токен` / `Token`\n```bsl\nКомпонента.Токен = Т;\n```\n"),
        ] {
            let text = REFERENCE.replacen(part, fault, 1);
            assert_ne!(text, REFERENCE);
            assert!(!findings(&table(), "a.md", &text).is_empty(), "{text}");
        }
    }

    #[test]
    fn signatures_tell_required_from_optional_parameters() {
        assert_eq!(signature("A"), Signature { name: "A", arity: None });
        assert_eq!(signature("A()"), Signature { name: "A", arity: Some((0, 0)) });
        assert_eq!(signature("A([B])"), Signature { name: "A", arity: Some((0, 1)) });
        assert_eq!(signature("A(B[, C[, D]])"), Signature { name: "A", arity: Some((1, 3)) });
    }
}
