//! The component's members: what scripts use, held against what the library exports.

use std::collections::HashSet;
use std::fmt;

use tree_sitter::Node;

use crate::finding::Finding;
use crate::script::Script;
use crate::syntax::{self, calls, descendants, same_name};

/// Everything BSL can name on the component's object.
#[derive(Debug, Clone, Default)]
pub struct MemberTable {
    /// Its properties.
    pub properties: Vec<Property>,
    /// Its methods.
    pub methods: Vec<Method>,
}

/// A property of the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// English and Russian name.
    pub names: [String; 2],
    /// Whether it can be read.
    pub readable: bool,
    /// Whether it can be written.
    pub writable: bool,
}

/// A method of the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// English and Russian name.
    pub names: [String; 2],
    /// How many parameters must be given.
    pub required: usize,
    /// How many parameters there are.
    pub parameters: usize,
    /// Whether it returns a value.
    pub returns: bool,
}

/// A place where a script uses the component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage<'s> {
    /// The node that names the member.
    pub node: Node<'s>,
    /// The name as written.
    pub name: &'s str,
    /// What is done with it.
    pub access: Access,
}

/// What is done with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `Значение = Компонента.Имя`
    Read,
    /// `Компонента.Имя = Значение`
    Write,
    /// `Компонента.Имя(…)`
    Call {
        /// How many parameters are given.
        arguments: usize,
        /// Whether it stands in an expression.
        in_expression: bool,
    },
}

/// Why a usage does not fit the member table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misuse {
    /// There is no member of that name.
    Unknown,
    /// A property is called, or a method used as a property.
    WrongKind,
    /// The property is write only.
    NotReadable,
    /// The property is read only.
    NotWritable,
    /// The method returns nothing.
    NoValue,
    /// The number of parameters does not fit.
    Arguments {
        /// How many are given.
        given: usize,
        /// How many must be given.
        required: usize,
        /// How many there are.
        parameters: usize,
    },
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misuse::Unknown => write!(f, "такого члена у компоненты нет"),
            Misuse::WrongKind => write!(f, "свойство и метод перепутаны"),
            Misuse::NotReadable => write!(f, "свойство только для записи"),
            Misuse::NotWritable => write!(f, "свойство только для чтения"),
            Misuse::NoValue => write!(f, "метод ничего не возвращает"),
            Misuse::Arguments { given, required, parameters } => {
                write!(f, "параметров {given}, а нужно от {required} до {parameters}")
            }
        }
    }
}

/// Everything a script does with the component.
///
/// A variable holds the component where it is called `Компонента` (`Component`), as the examples always do, or where it is
/// assigned a new `AddIn.…` object or what `НоваяКомпонента` returns.
pub fn usages(script: &Script) -> Vec<Usage<'_>> {
    let holders = holders(script);
    let holds = |receiver: &str| holders.contains(&receiver.to_lowercase());
    let called = calls(script, script.root()).filter(|call| call.receiver.is_some_and(holds)).map(|call| Usage {
        node: call.node,
        name: call.name,
        access: Access::Call { arguments: call.arguments, in_expression: !syntax::is_statement(call.node) },
    });
    let properties = descendants(script.root())
        .filter(|node| node.kind() == "property" && syntax::receiver(script, *node).is_some_and(holds))
        .map(|node| Usage {
            node,
            name: script.text_of(node),
            access: if is_assigned(node) { Access::Write } else { Access::Read },
        });
    let mut usages: Vec<_> = called.chain(properties).collect();
    usages.sort_by_key(|usage| usage.node.start_byte());
    usages
}

/// Lower-case names of the variables that hold the component.
fn holders(script: &Script) -> HashSet<String> {
    let mut names = HashSet::from(["компонента".to_owned(), "component".to_owned()]);
    for assignment in descendants(script.root()).filter(|node| node.kind() == "assignment_statement") {
        let (Some(left), Some(right)) =
            (assignment.child_by_field_name("left"), assignment.child_by_field_name("right"))
        else {
            continue;
        };
        if left.kind() == "identifier" && makes_component(script, right) {
            names.insert(script.text_of(left).to_lowercase());
        }
    }
    names
}

fn makes_component(script: &Script, expression: Node<'_>) -> bool {
    let Some(value) = expression.named_child(0) else { return false };
    match value.kind() {
        "new_expression_method" => script.text_of(value).contains("\"AddIn."),
        "method_call" | "call_expression" => {
            let outer = calls(script, value).next();
            outer.is_some_and(|call| same_name(call.name, "НоваяКомпонента"))
        }
        _ => false,
    }
}

fn is_assigned(property: Node<'_>) -> bool {
    let access = property.parent().filter(|parent| parent.kind() == "property_access");
    let statement = access.and_then(|access| access.parent()).filter(|parent| parent.kind() == "assignment_statement");
    statement.is_some_and(|statement| statement.child_by_field_name("left") == access)
}

impl MemberTable {
    /// What a script does with the component and the component does not offer.
    pub fn findings(&self, script: &Script) -> Vec<Finding> {
        let usages = usages(script).into_iter();
        usages
            .filter_map(|usage| {
                let misuse = self.check(usage.name, usage.access).err()?;
                Some(script.finding(usage.node, misuse))
            })
            .collect()
    }

    /// Whether a member can be used so.
    ///
    /// # Errors
    /// With the reason where it cannot.
    pub fn check(&self, name: &str, access: Access) -> Result<(), Misuse> {
        match access {
            Access::Call { arguments, in_expression } => self.check_call(name, arguments, in_expression),
            Access::Read | Access::Write => self.check_property(name, access),
        }
    }

    fn check_property(&self, name: &str, access: Access) -> Result<(), Misuse> {
        let Some(property) = self.property(name) else {
            return Err(if self.method(name).is_some() { Misuse::WrongKind } else { Misuse::Unknown });
        };
        match access {
            Access::Read if !property.readable => Err(Misuse::NotReadable),
            Access::Write if !property.writable => Err(Misuse::NotWritable),
            _ => Ok(()),
        }
    }

    fn check_call(&self, name: &str, arguments: usize, in_expression: bool) -> Result<(), Misuse> {
        if let Some(method) = self.method(name) {
            if in_expression && !method.returns {
                return Err(Misuse::NoValue);
            }
            return method.check_arguments(arguments);
        }
        if let Some(result) = self.check_asynchronous(name, arguments) {
            return result;
        }
        Err(if self.property(name).is_some() { Misuse::WrongKind } else { Misuse::Unknown })
    }

    /// The platform's asynchronous forms: `НачатьВызовИмя(Оповещение, …)`, `НачатьПолучениеИмя(Оповещение)`,
    /// `НачатьУстановкуИмя(Оповещение, Значение)`, and `ИмяАсинх(…)`, `ПолучитьИмяАсинх()`, `УстановитьИмяАсинх(Значение)`.
    fn check_asynchronous(&self, name: &str, arguments: usize) -> Option<Result<(), Misuse>> {
        let lower = name.to_lowercase();
        let exactly = |wanted: usize| {
            let fits = arguments == wanted;
            if fits {
                Ok(())
            } else {
                Err(Misuse::Arguments { given: arguments, required: wanted, parameters: wanted })
            }
        };
        let property = |name: &str, access, wanted| {
            let known = self.property(name).is_some();
            known.then(|| exactly(wanted).and_then(|()| self.check_property(name, access)))
        };
        if let Some(method) = after(&lower, &["начатьвызов", "begincalling"]) {
            let method = self.method(method)?;
            return Some(arguments.checked_sub(1).map_or(exactly(1), |given| method.check_arguments(given)));
        }
        if let Some(name) = after(&lower, &["начатьполучение", "begingetting"]) {
            return property(name, Access::Read, 1);
        }
        if let Some(name) = after(&lower, &["начатьустановку", "beginsetting"]) {
            return property(name, Access::Write, 2);
        }
        let awaited = ["асинх", "async"].iter().find_map(|suffix| lower.strip_suffix(suffix))?;
        if let Some(method) = self.method(awaited) {
            return Some(method.check_arguments(arguments));
        }
        after(awaited, &["получить", "get"])
            .and_then(|name| property(name, Access::Read, 0))
            .or_else(|| after(awaited, &["установить", "set"]).and_then(|name| property(name, Access::Write, 1)))
    }

    /// The property of that name, in either language.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.names.iter().any(|known| same_name(known, name)))
    }

    /// The method of that name, in either language.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.names.iter().any(|known| same_name(known, name)))
    }
}

impl Method {
    fn check_arguments(&self, given: usize) -> Result<(), Misuse> {
        if (self.required..=self.parameters).contains(&given) {
            return Ok(());
        }
        Err(Misuse::Arguments { given, required: self.required, parameters: self.parameters })
    }
}

fn after<'n>(name: &'n str, prefixes: &[&str]) -> Option<&'n str> {
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::script::Kind;

    pub(crate) fn table() -> MemberTable {
        let names = |en: &str, ru: &str| [en.to_owned(), ru.to_owned()];
        MemberTable {
            properties: vec![
                Property { names: names("Token", "Токен"), readable: false, writable: true },
                Property {
                    names: names("CardId", "ИдентификаторКарты"), readable: true, writable: false
                },
            ],
            methods: vec![
                Method {
                    names: names("SetValue", "УстановитьЗначение"), required: 2, parameters: 2, returns: false
                },
                Method {
                    names: names("UpdateCard", "ОбновитьКарту"), required: 1, parameters: 2, returns: true
                },
            ],
        }
    }

    fn script(text: &str) -> Script {
        Script::parse("a.bsl", 1, Kind::Fragment, text).unwrap()
    }

    fn misuses(text: &str) -> Vec<Misuse> {
        let script = script(text);
        let table = table();
        usages(&script).iter().filter_map(|usage| table.check(usage.name, usage.access).err()).collect()
    }

    #[test]
    fn usages_of_the_component_are_found_wherever_it_is_held() {
        let text = "Карта = Новый(\"AddIn.Passteam.Passteam\");\nКарта.Token = 1;\nЕсли Карта.UpdateCard(2, ) Тогда\n\
            КонецЕсли;\nДругая = М.НоваяКомпонента();\nА = Другая.CardId.Б;\nКОМПОНЕНТА.SetValue(1, 2);\nЧужая.Token = 1;";
        let script = script(text);
        let found: Vec<_> = usages(&script).into_iter().map(|usage| (usage.name, usage.access)).collect();
        let expected = [
            ("Token", Access::Write),
            ("UpdateCard", Access::Call { arguments: 2, in_expression: true }),
            ("CardId", Access::Read),
            ("SetValue", Access::Call { arguments: 2, in_expression: false }),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn right_usages_in_both_languages_are_accepted() {
        let text = "Компонента.токен = 1;\nКомпонента.SETVALUE(1, 2);\nА = Компонента.ОбновитьКарту(1);\n\
            Компонента.UpdateCard(1, 2);\nБ = Компонента.CardId;\nКомпонента.НачатьУстановкуТокен(О, 1);\n\
            Компонента.НачатьВызовUpdateCard(О, 1, 2);\nКомпонента.НачатьПолучениеCardId(О);";
        assert_eq!(misuses(text), []);
        let awaited = "В = Ждать Компонента.UpdateCardАсинх(1);\nГ = Ждать Компонента.ПолучитьCardIdАсинх();\n\
            Ждать Компонента.УстановитьТокенАсинх(1);\nЖдать Компонента.УстановитьЗначениеАсинх(1, 2);";
        assert_eq!(misuses(awaited), []);
    }

    #[test]
    fn wrong_usages_are_found() {
        let arguments = |given, required, parameters| Misuse::Arguments { given, required, parameters };
        for (text, expected) in [
            ("Компонента.Нет();", Misuse::Unknown),
            ("А = Компонента.Нет;", Misuse::Unknown),
            ("А = Компонента.Token;", Misuse::NotReadable),
            ("Компонента.CardId = 1;", Misuse::NotWritable),
            ("А = Компонента.SetValue(1, 2);", Misuse::NoValue),
            ("Компонента.SetValue(1);", arguments(1, 2, 2)),
            ("Компонента.UpdateCard();", arguments(0, 1, 2)),
            ("Компонента.UpdateCard(1, 2, 3);", arguments(3, 1, 2)),
            ("Компонента.Token();", Misuse::WrongKind),
            ("А = Компонента.UpdateCard;", Misuse::WrongKind),
            ("Компонента.НачатьВызовUpdateCard(О);", arguments(0, 1, 2)),
            ("Компонента.НачатьВызовUpdateCard();", arguments(0, 1, 1)),
            ("Компонента.НачатьПолучениеToken(О);", Misuse::NotReadable),
            ("Компонента.НачатьУстановкуCardId(О, 1);", Misuse::NotWritable),
            ("Компонента.НачатьВызовНет(О);", Misuse::Unknown),
            ("Ждать Компонента.НетАсинх();", Misuse::Unknown),
        ] {
            assert_eq!(misuses(text), [expected], "{text}");
        }
    }
}
