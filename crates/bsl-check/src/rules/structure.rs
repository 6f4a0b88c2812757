use tree_sitter::Node;

use crate::syntax::{Method, ancestors, children, same_name};
use crate::{Finding, Kind, Script};

/// Most characters in a line, a tab being four (standard 456).
pub const MAX_LINE_LENGTH: usize = 120;
const TAB_WIDTH: usize = 4;

/// No line is longer than [`MAX_LINE_LENGTH`].
pub fn lines_are_short(script: &Script) -> Vec<Finding> {
    let width = |line: &str| line.chars().map(|c| if c == '\t' { TAB_WIDTH } else { 1 }).sum::<usize>();
    let long = script.lines().filter(|(_, line)| width(line) > MAX_LINE_LENGTH);
    let message = |text: &str| format!("{} знаков в строке", width(text));
    long.map(|(line, text)| Finding { file: script.file().to_owned(), line, message: message(text) }).collect()
}

/// The sections of a module in their order (standard 455).
fn sections(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Object => &["ПрограммныйИнтерфейс", "ОбработчикиСобытий", "СлужебныйПрограммныйИнтерфейс", PRIVATE],
        Kind::Common => &["ПрограммныйИнтерфейс", "СлужебныйПрограммныйИнтерфейс", PRIVATE],
        Kind::Form => &[
            "ОписаниеПеременных",
            "ОбработчикиСобытийФормы",
            "ОбработчикиСобытийЭлементовШапкиФормы",
            "ОбработчикиКомандФормы",
            PRIVATE,
        ],
        Kind::OneScript | Kind::Fragment => &[],
    }
}

const PRIVATE: &str = "СлужебныеПроцедурыИФункции";

/// Every method stands in a section of the standard, sections come in its order, and what a common module exports is not
/// among its private methods.
pub fn methods_stand_in_standard_regions(script: &Script) -> Vec<Finding> {
    let sections = sections(script.kind());
    if sections.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut last = 0;
    for method in script.methods() {
        let region = outermost_region(script, method.node);
        let Some(place) = region.and_then(|name| sections.iter().position(|section| same_name(section, name))) else {
            findings.push(script.finding(method.node, "метод вне разделов стандарта"));
            continue;
        };
        if place < last {
            findings.push(script.finding(method.node, "раздел стоит не на своем месте"));
        }
        last = last.max(place);
        if method.exported && script.kind() == Kind::Common && sections[place] == PRIVATE {
            findings.push(script.finding(method.node, "экспортный метод среди служебных"));
        }
    }
    findings
}

fn outermost_region<'s>(script: &'s Script, node: Node<'s>) -> Option<&'s str> {
    ancestors(node).filter_map(|ancestor| region_name(script, ancestor)).last()
}

fn region_name<'s>(script: &'s Script, node: Node<'s>) -> Option<&'s str> {
    let is_region = children(node).next().is_some_and(|first| first.kind() == "PREPROC_REGION_KEYWORD");
    let name = is_region.then(|| node.child_by_field_name("name"))??;
    Some(script.text_of(name))
}

/// An exported method has a description before it: what it does, every parameter, and what a function returns (standard 453).
pub fn exported_methods_are_described(script: &Script) -> Vec<Finding> {
    // Exported methods of forms are call-backs of notifications, not an interface.
    if !matches!(script.kind(), Kind::Common | Kind::Object) {
        return Vec::new();
    }
    let exported = script.methods().into_iter().filter(|method| method.exported);
    exported
        .filter_map(|method| {
            let fault = description_fault(&method, &description(script, method.node))?;
            Some(script.finding(method.node, fault))
        })
        .collect()
}

fn description_fault(method: &Method<'_>, description: &[&str]) -> Option<String> {
    const PARAMETERS: &str = "Параметры:";
    const RETURNS: &str = "Возвращаемое значение:";
    let heading = |text: &str| description.iter().position(|line| *line == text);
    let first = description.first().copied().unwrap_or_default();
    if first.is_empty() || first == PARAMETERS || first == RETURNS {
        return Some("нет описания".to_owned());
    }
    if !method.parameters.is_empty() && heading(PARAMETERS).is_none() {
        return Some(format!("нет раздела «{PARAMETERS}»"));
    }
    let missing = method.parameters.iter().find(|parameter| {
        !description.iter().any(|line| line.strip_prefix(parameter.name).is_some_and(|rest| rest.starts_with(" - ")))
    });
    if let Some(parameter) = missing {
        return Some(format!("не описан параметр {}", parameter.name));
    }
    (method.is_function && heading(RETURNS).is_none()).then(|| format!("нет раздела «{RETURNS}»"))
}

/// The lines of the comment right before a method, without the slashes.
fn description<'s>(script: &'s Script, method: Node<'s>) -> Vec<&'s str> {
    let mut lines = Vec::new();
    let mut below = method;
    for node in std::iter::successors(method.prev_sibling(), |node| node.prev_sibling()) {
        let adjacent = node.end_position().row + 1 >= below.start_position().row;
        if !adjacent || !matches!(node.kind(), "line_comment" | "preprocessor") {
            break;
        }
        if node.kind() == "line_comment" {
            lines.push(script.text_of(node).trim_start_matches('/').trim());
        }
        below = node;
    }
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{lines, script};

    #[test]
    fn a_line_of_121_characters_is_found_and_a_tab_counts_as_four() {
        let text = format!("// {}\n// {}\n\t// {}", "я".repeat(117), "я".repeat(118), "я".repeat(114));
        assert_eq!(lines(&lines_are_short(&script(Kind::Fragment, &text))), [2, 3]);
    }

    #[test]
    fn methods_in_the_sections_of_the_standard_are_accepted() {
        let text = "#Если Сервер Тогда\n#Область ПрограммныйИнтерфейс\nПроцедура А() Экспорт\nКонецПроцедуры\n#КонецОбласти\n\
            #Область СлужебныеПроцедурыИФункции\n#Область Своя\nПроцедура Б()\nКонецПроцедуры\n#КонецОбласти\n\
            #КонецОбласти\n#КонецЕсли";
        assert!(methods_stand_in_standard_regions(&script(Kind::Common, text)).is_empty());
    }

    #[test]
    fn methods_outside_sections_in_a_wrong_order_or_wrongly_exported_are_found() {
        let outside = "Процедура А()\nКонецПроцедуры";
        assert_eq!(lines(&methods_stand_in_standard_regions(&script(Kind::Common, outside))), [1]);
        let unknown = "#Область Разное\nПроцедура А()\nКонецПроцедуры\n#КонецОбласти";
        assert_eq!(lines(&methods_stand_in_standard_regions(&script(Kind::Common, unknown))), [2]);
        let order = "#Область СлужебныеПроцедурыИФункции\nПроцедура А()\nКонецПроцедуры\n#КонецОбласти\n\
            #Область ПрограммныйИнтерфейс\nПроцедура Б()\nКонецПроцедуры\n#КонецОбласти";
        assert_eq!(lines(&methods_stand_in_standard_regions(&script(Kind::Common, order))), [6]);
        let exported = "#Область СлужебныеПроцедурыИФункции\nПроцедура А() Экспорт\nКонецПроцедуры\n#КонецОбласти";
        assert_eq!(lines(&methods_stand_in_standard_regions(&script(Kind::Common, exported))), [2]);
    }

    const DESCRIBED: &str = "// Складывает.\n//\n// Параметры:\n//  А - Число - первое.\n//\n// Возвращаемое значение:\n\
        //  Число - сумма.\n//\nФункция Сумма(А) Экспорт\n\tВозврат А;\nКонецФункции";

    #[test]
    fn a_whole_description_is_accepted_and_private_methods_need_none() {
        assert!(exported_methods_are_described(&script(Kind::Common, DESCRIBED)).is_empty());
        assert!(exported_methods_are_described(&script(Kind::Common, "Процедура А()\nКонецПроцедуры")).is_empty());
    }

    #[test]
    fn a_description_with_a_gap_is_found() {
        for (part, gap) in [
            ("// Складывает.\n//\n", ""),
            ("//  А - Число - первое.\n", ""),
            ("// Параметры:\n", ""),
            ("// Возвращаемое значение:\n", ""),
            ("//\nФункция", "//\n\nФункция"),
        ] {
            let text = DESCRIBED.replacen(part, gap, 1);
            assert_ne!(text, DESCRIBED);
            assert_eq!(exported_methods_are_described(&script(Kind::Common, &text)).len(), 1, "{text}");
        }
    }
}
