use std::collections::HashSet;

use tree_sitter::Node;

use crate::syntax::{self, calls, children, descendants, same_name};
use crate::{Finding, Kind, Script};

/// Methods that always write to the event log (журнал регистрации).
pub struct Loggers(HashSet<String>);

impl Loggers {
    /// `ЗаписьЖурналаРегистрации`, and every method of the scripts one of whose own statements calls a logger.
    pub fn of<'s>(scripts: impl Iterator<Item = &'s Script> + Clone) -> Loggers {
        let mut names = HashSet::from(["записьжурналарегистрации".to_owned(), "writelogevent".to_owned()]);
        loop {
            let found: Vec<_> = scripts
                .clone()
                .flat_map(|script| script.methods().into_iter().map(move |method| (script, method)))
                .filter(|(script, method)| {
                    let called = children(method.node).filter_map(|node| syntax::statement_call(script, node));
                    called.into_iter().any(|call| names.contains(&call.name.to_lowercase()))
                })
                .map(|(_, method)| method.name.to_lowercase())
                .filter(|name| !names.contains(name))
                .collect();
            if found.is_empty() {
                return Loggers(names);
            }
            names.extend(found);
        }
    }

    fn hold(&self, name: &str) -> bool {
        self.0.contains(&name.to_lowercase())
    }
}

/// An exception that is caught is logged or raised on (standard 499). In OneScript, which has no event log, it is shown.
pub fn caught_exceptions_are_logged(script: &Script, loggers: &Loggers) -> Vec<Finding> {
    let reports = |node: Node<'_>| {
        let raised = descendants(node).any(|node| node.kind() == "rise_error_statement");
        let shown = |name| script.kind() == Kind::OneScript && same_name(name, "Сообщить");
        raised || calls(script, node).any(|call| loggers.hold(call.name) || shown(call.name))
    };
    descendants(script.root())
        .filter(|node| node.kind() == "try_statement")
        .filter(|attempt| !children(*attempt).skip_while(|node| node.kind() != "EXCEPT_KEYWORD").any(reports))
        .map(|attempt| script.finding(attempt, "исключение проглочено без записи в журнал"))
        .collect()
}

/// Names of what must not be written down.
const SECRETS: [&str; 6] = ["токен", "token", "пароль", "password", "secret", "секрет"];
/// Shorter words can be anything.
const SECRET_LENGTH: usize = 20;

/// No token or password stands in the code: not assigned to a property of that name, not as a word that looks like one,
/// not in a proxy's address.
pub fn no_secret_stands_in_a_literal(script: &Script) -> Vec<Finding> {
    let assigned =
        descendants(script.root()).filter(|node| node.kind() == "assignment_statement").filter(|assignment| {
            let named = |node| SECRETS.contains(&last_name(script.text_of(node)).to_lowercase().as_str());
            let literal = |node| literal(script, node).is_some_and(|value| !value.is_empty());
            assignment.child_by_field_name("left").is_some_and(named)
                && assignment.child_by_field_name("right").is_some_and(literal)
        });
    let looking = syntax::strings(script.root()).filter(|string| {
        let value = syntax::string_value(script, *string);
        value.split(|c: char| !(c.is_ascii_alphanumeric() || "-_./+=".contains(c))).any(looks_secret)
            || has_password(&value)
    });
    assigned.chain(looking).map(|node| script.finding(node, "секрет в тексте модуля")).collect()
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn literal(script: &Script, expression: Node<'_>) -> Option<String> {
    let whole = syntax::strings(expression).find(|string| string.byte_range() == expression.byte_range())?;
    Some(syntax::string_value(script, whole))
}

fn looks_secret(word: &str) -> bool {
    let has = |class: fn(&char) -> bool| word.chars().any(|c| class(&c));
    word.len() >= SECRET_LENGTH
        && !word.contains('/')
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && word.matches('.').count() < 3
}

fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    authority.and_then(|authority| authority.split_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

/// What goes out to the service or makes the component.
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
pub fn privileged_mode_is_short(script: &Script) -> Vec<Finding> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{lines, script};

    fn swallowed(text: &str) -> Vec<usize> {
        let script = script(Kind::Common, text);
        lines(&caught_exceptions_are_logged(&script, &Loggers::of(std::iter::once(&script))))
    }

    #[test]
    fn an_exception_that_is_logged_or_raised_on_is_accepted() {
        assert!(swallowed("Попытка\nА();\nИсключение\nЗаписьЖурналаРегистрации(\"Б\");\nКонецПопытки;").is_empty());
        assert!(swallowed("Попытка\nА();\nИсключение\nВызватьИсключение;\nКонецПопытки;").is_empty());
        let through = "Процедура Записать()\n\tВнести();\nКонецПроцедуры\nПроцедура Внести()\n\
            \tЗаписьЖурналаРегистрации(\"Б\");\nКонецПроцедуры\nПопытка\nА();\nИсключение\nМ.Записать();\nКонецПопытки;";
        assert!(swallowed(through).is_empty());
    }

    #[test]
    fn an_exception_that_is_swallowed_is_found() {
        assert_eq!(swallowed("А();\nПопытка\nА();\nИсключение\nКонецПопытки;"), [2]);
        assert_eq!(
            swallowed("Попытка\nЗаписьЖурналаРегистрации(\"Б\");\nИсключение\nСообщить(1);\nКонецПопытки;"),
            [1]
        );
        let sometimes = "Процедура Внести()\n\tЕсли Я Тогда\n\tЗаписьЖурналаРегистрации(\"Б\");\n\tКонецЕсли;\n\
            КонецПроцедуры\nПопытка\nА();\nИсключение\nВнести();\nКонецПопытки;";
        assert_eq!(swallowed(sometimes), [6]);
    }

    #[test]
    fn secrets_are_found() {
        for text in [
            "Компонента.Токен = \"abc\";",
            "Пароль = \"1\";",
            "А = \"5d3f1a9be4b0c7a1f2e86c40\";",
            "А = Новый Структура(\"А\", \"Bearer ab12cd34ef56ab12cd34\");",
            "Компонента.Прокси = \"http://user:word@proxy:3128\";",
        ] {
            assert_eq!(no_secret_stands_in_a_literal(&script(Kind::Common, text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn names_addresses_and_variables_are_no_secrets() {
        for text in [
            "Компонента.Токен = Настройки.Токен;",
            "Компонента.Токен = \"\";",
            "А = \"Токен,ИдентификаторШаблона\";",
            "А = \"https://getpass.passteam.ru/oapi/v1\";",
            "А = \"http://proxy.example:3128\";",
            "А = \"000000000000000000000000\";",
        ] {
            assert!(no_secret_stands_in_a_literal(&script(Kind::Common, text)).is_empty(), "{text}");
        }
    }

    fn privileged(body: &str) -> Vec<usize> {
        let text = format!("Процедура А()\n{body}\nКонецПроцедуры");
        lines(&privileged_mode_is_short(&script(Kind::Common, &text)))
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
