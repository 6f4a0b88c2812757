use tree_sitter::Node;

use crate::syntax::{children, same_name};
use crate::{Finding, Kind, Script};

/// Handlers of writing and deleting in modules of objects and record sets.
const HANDLERS: [&str; 6] = ["ПередЗаписью", "ПриЗаписи", "ПередУдалением", "BeforeWrite", "OnWrite", "BeforeDelete"];

/// A handler of writing first returns where `ОбменДанными.Загрузка` is set: data that an exchange loads is written as it is
/// (standard 773).
pub fn exchange_load_comes_first(script: &Script) -> Vec<Finding> {
    if !matches!(script.kind(), Kind::Object | Kind::Fragment) {
        return Vec::new();
    }
    let handlers =
        script.methods().into_iter().filter(|method| HANDLERS.iter().any(|name| same_name(name, method.name)));
    handlers
        .filter(|handler| !statements(handler.node).next().is_some_and(|first| leaves_on_load(script, first)))
        .map(|handler| script.finding(handler.node, "первой должна быть проверка ОбменДанными.Загрузка"))
        .collect()
}

fn leaves_on_load(script: &Script, statement: Node<'_>) -> bool {
    let condition = children(statement).find(|node| node.kind() == "expression");
    statement.kind() == "if_statement"
        && condition.is_some_and(|condition| {
            let condition = script.text_of(condition);
            same_name(condition, "ОбменДанными.Загрузка") || same_name(condition, "DataExchange.Load")
        })
        && statements(statement).next().is_some_and(|first| first.kind() == "return_statement")
}

fn statements(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    children(node).filter(|child| child.kind().ends_with("_statement"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{lines, script};

    const GOOD: &str = "Процедура ПередЗаписью(Отказ)\n\t// Почему.\n\tЕсли ОбменДанными.Загрузка Тогда\n\t\tВозврат;\n\
        \tКонецЕсли;\n\tА = 1;\nКонецПроцедуры";

    #[test]
    fn a_handler_that_leaves_on_load_is_accepted() {
        assert!(exchange_load_comes_first(&script(Kind::Object, GOOD)).is_empty());
        let english = "Procedure OnWrite(Cancel)\nIf DataExchange.Load Then\nReturn;\nEndIf;\nEndProcedure";
        assert!(exchange_load_comes_first(&script(Kind::Object, english)).is_empty());
    }

    #[test]
    fn a_handler_without_the_check_or_with_something_before_it_is_found() {
        let without = "Процедура ПриЗаписи(Отказ)\n\tА = 1;\nКонецПроцедуры";
        assert_eq!(lines(&exchange_load_comes_first(&script(Kind::Object, without))), [1]);
        let late = GOOD.replace("\t// Почему.", "\tБ = 1;");
        assert_eq!(lines(&exchange_load_comes_first(&script(Kind::Object, &late))), [1]);
        let inverted = GOOD.replace("Если Обмен", "Если Не Обмен");
        assert_eq!(lines(&exchange_load_comes_first(&script(Kind::Object, &inverted))), [1]);
        assert_eq!(lines(&exchange_load_comes_first(&script(Kind::Fragment, without))), [1]);
        let staying = GOOD.replace("Возврат", "Б = 1");
        assert_eq!(lines(&exchange_load_comes_first(&script(Kind::Object, &staying))), [1]);
    }

    #[test]
    fn other_methods_and_other_modules_are_free() {
        let other = "Процедура ПриКопировании(Объект)\n\tА = 1;\nКонецПроцедуры";
        assert!(exchange_load_comes_first(&script(Kind::Object, other)).is_empty());
        let common = "Процедура ПриЗаписи(Отказ)\n\tА = 1;\nКонецПроцедуры";
        assert!(exchange_load_comes_first(&script(Kind::Common, common)).is_empty());
    }
}
