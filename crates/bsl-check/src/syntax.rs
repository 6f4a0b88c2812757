//! Questions to the tree of a script.

use tree_sitter::Node;

pub use crate::nodes::{ancestors, children, descendants};
use crate::script::Script;

/// A procedure or a function.
pub struct Method<'s> {
    /// Its definition.
    pub node: Node<'s>,
    /// Its name.
    pub name: &'s str,
    /// Its parameters, in their order.
    pub parameters: Vec<Parameter<'s>>,
    /// Whether other modules can call it.
    pub exported: bool,
    /// Whether it returns a value.
    pub is_function: bool,
}

/// A parameter of a method.
pub struct Parameter<'s> {
    /// Its name.
    pub name: &'s str,
    /// Whether it can be left out.
    pub optional: bool,
}

/// A call of a method, `Имя(…)` or `Объект.Имя(…)`.
pub struct Call<'s> {
    /// The `method_call` node.
    pub node: Node<'s>,
    /// What the method is called on; nothing for a method of the module or the global context.
    pub receiver: Option<&'s str>,
    /// The method's name.
    pub name: &'s str,
    /// How many parameters it is given, those left out included.
    pub arguments: usize,
}

impl Script {
    /// Its procedures and functions, in their order.
    pub fn methods(&self) -> Vec<Method<'_>> {
        let definitions = descendants(self.root())
            .filter(|node| matches!(node.kind(), "procedure_definition" | "function_definition"));
        definitions
            .map(|node| Method {
                node,
                name: field(self, node, "name"),
                parameters: parameters(self, node),
                exported: node.child_by_field_name("export").is_some(),
                is_function: node.kind() == "function_definition",
            })
            .collect()
    }
}

impl Method<'_> {
    /// How many parameters a call must give and how many it may.
    pub fn arity(&self) -> (usize, usize) {
        (self.parameters.iter().filter(|parameter| !parameter.optional).count(), self.parameters.len())
    }
}

/// Whether two names are the same in BSL, where case does not count.
pub fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn parameters<'s>(script: &'s Script, definition: Node<'s>) -> Vec<Parameter<'s>> {
    let list = definition.child_by_field_name("parameters").into_iter().flat_map(children);
    list.filter(|node| node.kind() == "parameter")
        .map(|node| Parameter {
            name: field(script, node, "name"),
            optional: node.child_by_field_name("def").is_some(),
        })
        .collect()
}

/// Every call below a node.
pub fn calls<'s>(script: &'s Script, node: Node<'s>) -> impl Iterator<Item = Call<'s>> {
    descendants(node).filter(|node| node.kind() == "method_call").map(|node| Call {
        node,
        receiver: receiver(script, node),
        name: field(script, node, "name"),
        arguments: arguments(node),
    })
}

/// The call that is a whole statement, where the node is one.
pub fn statement_call<'s>(script: &'s Script, statement: Node<'s>) -> Option<Call<'s>> {
    (statement.kind() == "call_statement").then(|| calls(script, statement).find(|call| is_statement(call.node)))?
}

/// Whether a call is a statement of its own, so that what it returns is dropped.
pub fn is_statement(call: Node<'_>) -> bool {
    let expression = call.parent().filter(|parent| parent.kind() == "call_expression");
    let outer = expression.unwrap_or(call);
    let last = expression.is_none_or(|expression| children(expression).next_back() == Some(call));
    last && outer.parent().is_some_and(|parent| parent.kind() == "call_statement")
}

/// What a method call or a property stands on: the text before its point.
pub fn receiver<'s>(script: &'s Script, member: Node<'s>) -> Option<&'s str> {
    let point = member.prev_sibling().filter(|node| node.kind() == ".")?;
    Some(script.text_of(point.prev_sibling()?))
}

/// The parameters of a call, those left out too.
fn arguments(call: Node<'_>) -> usize {
    let Some(list) = call.child_by_field_name("arguments") else { return 0 };
    let commas = children(list).filter(|node| matches!(node.kind(), "," | "omitted_argument")).count();
    if list.named_child_count() == 0 { 0 } else { commas + 1 }
}

/// The expressions given to a call, in their order; those left out are not among them.
pub fn argument_nodes(call: Node<'_>) -> Vec<Node<'_>> {
    let list = call.child_by_field_name("arguments").into_iter().flat_map(children);
    list.filter(|node| node.kind() == "expression").collect()
}

/// The contents of a string literal, its lines joined by line feeds and its doubled quotes single.
pub fn string_value(script: &Script, string: Node<'_>) -> String {
    let parts: Vec<_> = children(string)
        .filter(|node| node.kind() == "string_content")
        .map(|node| script.text_of(node).replace("\"\"", "\""))
        .collect();
    parts.join("\n")
}

/// Every string literal below a node.
pub fn strings(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    descendants(node).filter(|node| node.kind() == "string" && node.is_named())
}

fn field<'s>(script: &'s Script, node: Node<'s>, name: &str) -> &'s str {
    node.child_by_field_name(name).map_or("", |node| script.text_of(node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Kind;

    fn script(text: &str) -> Script {
        Script::parse("a.bsl", 1, Kind::Common, text).unwrap()
    }

    #[test]
    fn calls_are_seen_with_receivers_and_every_parameter() {
        let script = script("А(1, , 3);\nБ.В();\nГ = Д.Е(1,).Ж(2);\nК.Л(,);");
        let seen: Vec<_> =
            calls(&script, script.root()).map(|call| (call.receiver, call.name, call.arguments)).collect();
        let expected =
            [(None, "А", 3), (Some("Б"), "В", 0), (Some("Д"), "Е", 2), (Some("Д.Е(1,)"), "Ж", 1), (Some("К"), "Л", 2)];
        assert_eq!(seen, expected);
    }

    #[test]
    fn only_the_last_call_of_a_statement_drops_its_value() {
        let script = script("А.Б().В();\nГ(Д());");
        let dropped: Vec<_> = calls(&script, script.root()).filter(|call| is_statement(call.node)).collect();
        assert_eq!(dropped.iter().map(|call| call.name).collect::<Vec<_>>(), ["В", "Г"]);
    }

    #[test]
    fn methods_are_seen_with_their_parameters() {
        let script =
            script("Функция А(Знач Б, В = 1) Экспорт\nВозврат 1;\nКонецФункции\nПроцедура Г()\nКонецПроцедуры");
        let methods = script.methods();
        assert_eq!(methods[0].arity(), (1, 2));
        assert!(methods[0].exported && methods[0].is_function);
        assert_eq!((methods[1].name, methods[1].exported, methods[1].is_function), ("Г", false, false));
    }

    #[test]
    fn a_string_over_several_lines_is_one_value() {
        let script = script("А = \"ВЫБРАТЬ\n\t|\t\"\"\"\" КАК Б\";");
        let string = strings(script.root()).next().unwrap();
        assert_eq!(string_value(&script, string), "ВЫБРАТЬ\n\t\"\" КАК Б");
    }
}
