use std::collections::HashSet;

use tree_sitter::{Node, Parser};

use crate::linkage::module_name;
use crate::syntax::{self, Method, calls, children, descendants, same_name};
use crate::{Finding, Script};

/// No query runs once per element: neither in a loop nor in a method called there (standard 436).
///
/// `Для` and `Для Каждого` go over elements, and so does `Пока` over a selection. Another `Пока` goes over portions, each of
/// which is read by one query.
pub fn loops_hold_no_query<'s>(scripts: impl Iterator<Item = &'s Script> + Clone) -> Vec<Finding> {
    let querying = querying_methods(scripts.clone());
    let queries = |script: &Script, node: Node<'_>| {
        is_query(script, node)
            || (node.kind() == "method_call" && called(script, node).is_some_and(|name| querying.contains(&name)))
    };
    scripts
        .flat_map(|script| {
            let bodies = descendants(script.root()).filter(|node| goes_over_elements(script, *node)).flat_map(body);
            let found: HashSet<_> = bodies.flat_map(descendants).filter(|node| queries(script, *node)).collect();
            found.into_iter().map(|node| script.finding(node, "запрос в цикле"))
        })
        .collect()
}

/// `модуль.метод` of every method that runs a query, itself or through others.
fn querying_methods<'s>(scripts: impl Iterator<Item = &'s Script> + Clone) -> HashSet<String> {
    let methods: Vec<(&Script, Method<'_>)> =
        scripts.flat_map(|script| script.methods().into_iter().map(move |method| (script, method))).collect();
    let mut querying = HashSet::new();
    loop {
        let known = querying.len();
        for (script, method) in &methods {
            let runs = descendants(method.node).any(|node| {
                is_query(script, node)
                    || (node.kind() == "method_call"
                        && called(script, node).is_some_and(|name| querying.contains(&name)))
            });
            if runs {
                querying.insert(format!("{}.{}", module_name(script), method.name).to_lowercase());
            }
        }
        if querying.len() == known {
            return querying;
        }
    }
}

/// `модуль.метод` of a call.
fn called(script: &Script, call: Node<'_>) -> Option<String> {
    let name = script.text_of(call.child_by_field_name("name")?);
    let module = syntax::receiver(script, call).unwrap_or_else(|| module_name(script));
    Some(format!("{module}.{name}").to_lowercase())
}

fn is_query(script: &Script, node: Node<'_>) -> bool {
    let is_new = node.kind() == "new_expression";
    is_new && node.child_by_field_name("type").is_some_and(|kind| same_name(script.text_of(kind), "Запрос"))
}

fn goes_over_elements(script: &Script, node: Node<'_>) -> bool {
    let over_selection = |node: Node<'_>| {
        let condition = children(node).find(|child| child.kind() == "expression");
        condition.is_some_and(|condition| calls(script, condition).any(|call| same_name(call.name, "Следующий")))
    };
    match node.kind() {
        "for_statement" | "for_each_statement" => true,
        "while_statement" => over_selection(node),
        _ => false,
    }
}

fn body(cycle: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    children(cycle).skip_while(|node| node.kind() != "DO_KEYWORD")
}

/// `НачатьТранзакцию` is followed at once by a `Попытка` that commits last and rolls back first (standard 783).
pub fn transactions_are_closed(script: &Script) -> Vec<Finding> {
    let opened = calls(script, script.root()).filter(|call| same_name(call.name, "НачатьТранзакцию"));
    opened
        .filter(|call| !is_closed(script, call.node))
        .map(|call| script.finding(call.node, "транзакция не закрывается в Попытке"))
        .collect()
}

fn is_closed(script: &Script, call: Node<'_>) -> bool {
    let statement = syntax::ancestors(call).find(|node| node.kind() == "call_statement");
    let Some(attempt) = statement.and_then(|node| node.next_named_sibling()) else { return false };
    let statements = |from: &str, to: &str| -> Vec<_> {
        children(attempt)
            .skip_while(|node| node.kind() != from)
            .take_while(|node| node.kind() != to)
            .filter(|node| node.kind().ends_with("_statement"))
            .collect()
    };
    let calls = |node: Option<&Node<'_>>, name| {
        let called = node.and_then(|node| syntax::statement_call(script, *node));
        called.is_some_and(|call| same_name(call.name, name))
    };
    attempt.kind() == "try_statement"
        && calls(statements("TRY_KEYWORD", "EXCEPT_KEYWORD").last(), "ЗафиксироватьТранзакцию")
        && calls(statements("EXCEPT_KEYWORD", "ENDTRY_KEYWORD").first(), "ОтменитьТранзакцию")
}

/// Every query parses as one. Of a query that is put together of several literals each whole part is checked.
pub fn queries_parse(script: &Script) -> Vec<Finding> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bsl::SDBL_LANGUAGE.into()).expect("the grammar fits the parser's version");
    let mut is_broken = |query: &str| parser.parse(query, None).is_none_or(|tree| tree.root_node().has_error());
    queries(script)
        .filter(|(_, query)| is_broken(query))
        .map(|(string, _)| script.finding(string, "запрос не разбирается"))
        .collect()
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
    use crate::Kind;
    use crate::rules::testing::{lines, script};

    fn in_loops(text: &str) -> Vec<usize> {
        let script = script(Kind::Common, text);
        lines(&loops_hold_no_query(std::iter::once(&script)))
    }

    #[test]
    fn a_query_before_a_loop_or_per_portion_is_accepted() {
        assert!(in_loops("А = Новый Запрос(Б);\nДля Каждого В Из Г Цикл\nД(В);\nКонецЦикла;").is_empty());
        assert!(in_loops("Пока Есть Цикл\nА = Новый Запрос(Б);\nКонецЦикла").is_empty());
    }

    #[test]
    fn a_query_in_a_loop_is_found_also_through_methods_and_modules() {
        assert_eq!(in_loops("Для Каждого В Из Г Цикл\nА = Новый Запрос(Б);\nКонецЦикла;"), [2]);
        assert_eq!(in_loops("Пока Выборка.Следующий() Цикл\nА = Новый Запрос(Б);\nКонецЦикла"), [2]);
        let through = "Для Ж = 1 По 2 Цикл\nБ(Ж);\nМ.Б(Ж);\nКонецЦикла;\nФункция Б(Л)\nВозврат Д(Л);\nКонецФункции\n\
            Функция Д(Л)\nВозврат Новый Запрос(Л);\nКонецФункции";
        let mut found = in_loops(through);
        found.sort_unstable();
        assert_eq!(found, [2, 3]);
    }

    const TRANSACTION: &str = "НачатьТранзакцию();\nПопытка\nА();\nЗафиксироватьТранзакцию();\nИсключение\n\
        ОтменитьТранзакцию();\nВызватьИсключение;\nКонецПопытки;";

    #[test]
    fn a_transaction_in_an_attempt_is_accepted() {
        assert!(transactions_are_closed(&script(Kind::Common, TRANSACTION)).is_empty());
    }

    #[test]
    fn a_transaction_that_may_stay_open_is_found() {
        for (part, fault) in [
            ("ОтменитьТранзакцию();\n", ""),
            ("ЗафиксироватьТранзакцию();\n", ""),
            ("ЗафиксироватьТранзакцию();\n", "ЗафиксироватьТранзакцию();\nБ();\n"),
            ("Попытка", "Б();\nПопытка"),
        ] {
            let text = TRANSACTION.replacen(part, fault, 1);
            assert_eq!(transactions_are_closed(&script(Kind::Common, &text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_query_that_does_not_parse_is_found() {
        let good = "А = \"ВЫБРАТЬ\n|\tБ.В КАК В\n|ИЗ\n|\tСправочник.Б КАК Б\n|ГДЕ\n|\tБ.В = &Г\";";
        assert!(queries_parse(&script(Kind::Common, good)).is_empty());
        let bad = good.replace("КАК Б\n", "КАК\n");
        assert_eq!(lines(&queries_parse(&script(Kind::Common, &bad))), [1]);
    }
}
