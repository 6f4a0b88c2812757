//! From the tree that `bsl-check` parses to what the interpreter runs.
//!
//! Names are resolved here, as the platform's compiler does it: a variable must be declared or assigned before the text
//! uses it, a method, a function or a property of the global context must be known, and a call may not have more
//! parameters than the method takes. The tree's own precedence of operators is not used, because its grammar binds `Не`
//! closer than a comparison.

use std::collections::HashMap;
use std::sync::Arc;

use bsl_check::{Kind as ScriptKind, Script, syntax};
use rust_decimal::Decimal;
use tree_sitter::Node;

use crate::date::Date;
use crate::error::CompileError;
use crate::global;
use crate::host::{Environment, Names};
use crate::ir::*;
use crate::stack;
use crate::value::Name;

/// How deep statements and expressions may nest.
const DEEPEST: usize = 600;

type Lowered<T> = Result<T, CompileError>;

impl ModuleCode {
    /// Compiles the text of a module. `file` is what errors name.
    ///
    /// # Errors
    /// If the text does not parse or uses a name that is not known.
    pub fn compile(file: &str, text: &str, names: Arc<dyn Names>) -> Result<Arc<ModuleCode>, CompileError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let script = parse(file, text)?;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.truncate(1_000_000);
        let mut outline = Outline::default();
        let mut definitions = Vec::new();
        let mut statements = Vec::new();
        let collector = Collector { file, script: &script, names: &*names };
        collector.collect(script.root(), &mut outline, &mut definitions, &mut statements, &mut Vec::new())?;

        let mut code = ModuleCode {
            file: file.to_owned(),
            lines,
            methods: Vec::new(),
            method_index: outline.method_index,
            vars: outline.vars,
            var_index: outline.var_index,
            body: empty_body(),
            names: names.clone(),
        };
        code.methods = outline.methods;
        for (at, node) in definitions.iter().enumerate() {
            let Some(node) = node else { continue };
            let mut lowerer = Lowerer::new(file, &script, &code, None);
            for parameter in parameter_nodes(*node) {
                lowerer.declare(&lowerer.name_of(parameter.child_by_field_name("name"), parameter)?);
            }
            let block = lowerer.block(&body_nodes(*node))?;
            let locals = lowerer.locals;
            code.methods[at].code = block;
            code.methods[at].locals = locals;
        }
        let mut lowerer = Lowerer::new(file, &script, &code, None);
        let block = lowerer.block(&statements)?;
        let locals = lowerer.locals;
        code.body.code = block;
        code.body.locals = locals;
        Ok(Arc::new(code))
    }

    /// Compiles the text of `Выполнить` or, as an expression, of `Вычислить`, which stands in a method of the module.
    pub(crate) fn fragment(
        &self,
        method: &MethodCode,
        text: &str,
        is_expression: bool,
    ) -> Result<Fragment, CompileError> {
        let wrapped = if is_expression { format!("Возврат {text}\n;") } else { text.to_owned() };
        let file = if is_expression { "Вычислить" } else { "Выполнить" };
        let script = parse(file, &wrapped)?;
        let mut lowerer = Lowerer::new(file, &script, self, Some(&method.locals));
        let nodes: Vec<_> = syntax::children(script.root()).collect();
        let code = lowerer.block(&nodes)?;
        let single = code.statements.len() == 1 && matches!(code.statements[0].kind, Kind::Return(Some(_)));
        if is_expression && !single {
            return Err(CompileError {
                file: file.to_owned(), line: 1, message: "Ожидается выражение".to_owned()
            });
        }
        Ok(Fragment { captures: lowerer.captures, locals: lowerer.locals.len(), code })
    }

    /// The module's exported methods, by name.
    pub fn exported_methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().filter(|method| method.exported).map(|method| method.name.text())
    }

    /// Whether the module has a method of this name, exported or not.
    pub fn has_method(&self, name: &str) -> bool {
        self.method_index.contains_key(name.to_lowercase().as_str())
    }

    /// The method that the module itself has for an event.
    pub(crate) fn own_handler(&self, event: &str) -> Option<&str> {
        let at = self.method_index.get(event.to_lowercase().as_str())?;
        Some(self.methods[*at].name.text())
    }

    /// The method that an extension puts before an event's handler, in its place or after it: `words` are the
    /// annotation's names.
    pub(crate) fn annotated(&self, words: [&str; 2], event: &str) -> Option<&str> {
        let event = event.to_lowercase();
        let fits = |method: &&MethodCode| {
            let mut annotations = method.annotations.iter();
            annotations.any(|one| words.contains(&one.word.as_str()) && one.target.as_deref() == Some(&event))
        };
        self.methods.iter().find(fits).map(|method| method.name.text())
    }

    /// How many parameters a method has.
    pub fn parameters(&self, name: &str) -> Option<usize> {
        let at = self.method_index.get(name.to_lowercase().as_str())?;
        Some(self.methods[*at].params.len())
    }
}

fn empty_body() -> MethodCode {
    MethodCode {
        name: Name::new("<тело модуля>"),
        params: Vec::new(),
        exported: false,
        is_function: false,
        annotations: Vec::new(),
        line: 1,
        locals: Vec::new(),
        code: Block::default(),
    }
}

fn parse(file: &str, text: &str) -> Lowered<Script> {
    // tree-sitter counts bytes in 32 bits.
    if text.len() > 64 << 20 {
        let message = "Текст модуля слишком велик".to_owned();
        return Err(CompileError { file: file.to_owned(), line: 1, message });
    }
    Script::parse(file, 1, ScriptKind::Fragment, text).map_err(|error| {
        // An error node spans everything up to where parsing goes on again; the last one that starts is the closest.
        let finding = error.findings.iter().max_by_key(|finding| finding.line);
        let (line, words) = finding.map_or((1, String::new()), |finding| (finding.line, finding.message.clone()));
        CompileError {
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            message: format!("Синтаксическая ошибка: {words}"),
        }
    })
}

fn parameter_nodes(definition: Node<'_>) -> Vec<Node<'_>> {
    let list = definition.child_by_field_name("parameters").into_iter().flat_map(syntax::children);
    list.filter(|node| node.kind() == "parameter").collect()
}

/// The statements of a definition: what follows its header.
fn body_nodes(definition: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = definition.walk();
    let children: Vec<_> = definition.children(&mut cursor).collect();
    let header = children
        .iter()
        .rposition(|node| matches!(node.kind(), "parameters" | "EXPORT_KEYWORD"))
        .map_or(0, |header| header + 1);
    children[header..children.len().saturating_sub(1)].to_vec()
}

#[derive(Default)]
struct Outline {
    methods: Vec<MethodCode>,
    method_index: HashMap<Arc<str>, usize>,
    vars: Vec<(Name, bool)>,
    var_index: HashMap<Arc<str>, usize>,
}

/// Finds methods, variables and statements of a module, through its regions and conditions.
struct Collector<'a> {
    file: &'a str,
    script: &'a Script,
    names: &'a dyn Names,
}

impl<'a> Collector<'a> {
    fn error(&self, node: Node<'_>, message: impl Into<String>) -> CompileError {
        error_at(self.file, node, message)
    }

    fn collect<'t>(
        &self,
        parent: Node<'t>,
        outline: &mut Outline,
        definitions: &mut Vec<Option<Node<'t>>>,
        statements: &mut Vec<Node<'t>>,
        annotations: &mut Vec<Annotation>,
    ) -> Lowered<()> {
        let mut cursor = parent.walk();
        let children: Vec<_> = parent.children(&mut cursor).collect();
        self.collect_all(&children, outline, definitions, statements, annotations)
    }

    fn collect_all<'t>(
        &self,
        nodes: &[Node<'t>],
        outline: &mut Outline,
        definitions: &mut Vec<Option<Node<'t>>>,
        statements: &mut Vec<Node<'t>>,
        annotations: &mut Vec<Annotation>,
    ) -> Lowered<()> {
        if !stack::has_room() {
            return Err(self.error(nodes[0], "Слишком глубокая вложенность"));
        }
        for node in nodes {
            match node.kind() {
                "procedure_definition" | "function_definition" => {
                    let method = self.header(*node, std::mem::take(annotations))?;
                    if !runs_here(&method.annotations, self.names.environment()) {
                        continue;
                    }
                    let key = method.name.shared_key();
                    if outline.method_index.contains_key(&key) {
                        let message =
                            format!("Процедура или функция с указанным именем уже определена ({})", method.name);
                        return Err(self.error(*node, message));
                    }
                    outline.method_index.insert(key, outline.methods.len());
                    outline.methods.push(method);
                    definitions.push(Some(*node));
                }
                "var_definition" => {
                    let annotations = std::mem::take(annotations);
                    if runs_here(&annotations, self.names.environment()) {
                        self.variables(*node, outline)?;
                    }
                }
                "preprocessor" => match annotation(self.script, *node) {
                    Some(text) => annotations.push(text),
                    None if is_code_conditional(*node) => statements.push(*node),
                    None => {
                        let inner = active_branch(self.file, self.script, *node, self.names.environment())?;
                        self.collect_all(&inner, outline, definitions, statements, annotations)?;
                    }
                },
                _ => statements.push(*node),
            }
        }
        Ok(())
    }

    fn header(&self, node: Node<'_>, annotations: Vec<Annotation>) -> Lowered<MethodCode> {
        if syntax::children(node).any(|child| child.kind() == "ASYNC_KEYWORD") {
            return Err(self.error(node, "Асинхронные методы не поддерживаются"));
        }
        let name = node.child_by_field_name("name").map_or("", |name| self.script.original(name));
        let mut params = Vec::new();
        let mut seen = Vec::new();
        for parameter in parameter_nodes(node) {
            let own = parameter.child_by_field_name("name").map_or("", |name| self.script.original(name));
            if seen.contains(&own.to_lowercase()) {
                return Err(self.error(parameter, format!("Переменная с указанным именем уже определена ({own})")));
            }
            seen.push(own.to_lowercase());
            let default = match parameter.child_by_field_name("def") {
                None => None,
                Some(value) => {
                    let mut constant = constant(self.file, self.script, value)?;
                    if let Const::Number(number) = &mut constant
                        && self
                            .script
                            .original(parameter)
                            .split('=')
                            .nth(1)
                            .is_some_and(|text| text.trim().starts_with('-'))
                    {
                        *number = -*number;
                    }
                    Some(constant)
                }
            };
            params.push(Param { by_value: parameter.child_by_field_name("val").is_some(), default });
        }
        Ok(MethodCode {
            name: Name::new(name),
            params,
            exported: node.child_by_field_name("export").is_some(),
            is_function: node.kind() == "function_definition",
            annotations,
            line: line_of(node),
            locals: Vec::new(),
            code: Block::default(),
        })
    }

    fn variables(&self, node: Node<'_>, outline: &mut Outline) -> Lowered<()> {
        let all_exported = node.child_by_field_name("export").is_some();
        for spec in syntax::children(node).filter(|child| child.kind() == "variable_spec") {
            let name = spec.child_by_field_name("name").map_or("", |name| self.script.original(name));
            let name = Name::new(name);
            if outline.var_index.contains_key(name.key()) {
                return Err(self.error(spec, format!("Переменная с указанным именем уже определена ({name})")));
            }
            let exported = spec.child_by_field_name("export").is_some();
            outline.var_index.insert(name.shared_key(), outline.vars.len());
            outline.vars.push((name, exported));
        }
        // `Перем А, Б Экспорт;` exports the last one only.
        if all_exported && let Some(last) = outline.vars.last_mut() {
            last.1 = true;
        }
        Ok(())
    }
}

/// Whether a method with these directives exists in this environment.
fn runs_here(annotations: &[Annotation], environment: Environment) -> bool {
    annotations.iter().all(|annotation| {
        let on_server = environment == Environment::Server;
        match annotation.word.as_str() {
            "наклиенте" | "atclient" => !on_server,
            "насервере" | "atserver" | "насерверебезконтекста" | "atservernocontext" => {
                on_server
            }
            _ => true,
        }
    })
}

fn annotation(script: &Script, node: Node<'_>) -> Option<Annotation> {
    let inner = syntax::children(node).find(|child| child.kind() == "annotation")?;
    let target = syntax::children(node).find(|child| child.kind() == "string");
    Some(Annotation {
        word: script.text_of(inner).trim_start_matches('&').to_lowercase(),
        target: target.map(|target| string_value(script, target).to_lowercase()),
    })
}

/// Whether a condition of the preprocessor holds statements only, so that it stays where it is among them.
fn is_code_conditional(node: Node<'_>) -> bool {
    let mut definitions = syntax::descendants(node)
        .filter(|inner| matches!(inner.kind(), "procedure_definition" | "function_definition" | "var_definition"));
    let is_plain = definitions.next().is_none();
    let has_statement = syntax::children(node).any(|child| child.kind().ends_with("_statement"));
    is_plain && has_statement
}

/// What a region holds, or the branch of a condition that is compiled.
fn active_branch<'t>(file: &str, script: &Script, node: Node<'t>, environment: Environment) -> Lowered<Vec<Node<'t>>> {
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).collect();
    let Some(first) = children.first() else { return Ok(Vec::new()) };
    match first.kind() {
        "PREPROC_REGION_KEYWORD" => Ok(children[2..children.len() - 1].to_vec()),
        "PREPROC_IF_KEYWORD" => {
            let mut taken = false;
            let mut active = false;
            let mut kept = Vec::new();
            for child in children {
                match child.kind() {
                    "PREPROC_IF_KEYWORD" | "PREPROC_ELSIF_KEYWORD" | "THEN_KEYWORD" | "PREPROC_ENDIF_KEYWORD" => {
                        active = active && child.kind() == "THEN_KEYWORD";
                    }
                    "PREPROC_ELSE_KEYWORD" => active = !taken,
                    // Statements never are bare expressions, so an expression here is a condition.
                    "expression" if !active => {
                        active = !taken && condition(file, script, child, environment)?;
                        taken = taken || active;
                    }
                    _ if active => kept.push(child),
                    _ => {}
                }
            }
            Ok(kept)
        }
        _ => Err(error_at(file, node, format!("Инструкция не поддерживается: {}", script.text_of(node)))),
    }
}

fn condition(file: &str, script: &Script, node: Node<'_>, environment: Environment) -> Lowered<bool> {
    let text = script.text_of(node).to_lowercase();
    let server = environment == Environment::Server;
    match node.kind() {
        "expression" | "parenthesized_expression" => {
            let inner = syntax::children(node).find(|child| child.is_named());
            inner.map_or(Ok(false), |inner| condition(file, script, inner, environment))
        }
        "identifier" => match text.as_str() {
            "сервер" | "server" | "насервере" | "atserver" => Ok(server),
            "клиент" | "client" | "наклиенте" | "atclient" | "тонкийклиент" | "thinclient" => {
                Ok(!server)
            }
            "вебклиент"
            | "webclient"
            | "толстыйклиентобычноеприложение"
            | "thickclientordinaryapplication"
            | "толстыйклиентуправляемоеприложение"
            | "thickclientmanagedapplication"
            | "внешнеесоединение"
            | "externalconnection"
            | "мобильноеприложениеклиент"
            | "mobileappclient"
            | "мобильноеприложениесервер"
            | "mobileappserver"
            | "мобильныйклиент"
            | "mobileclient"
            | "мобильныйавтономныйсервер"
            | "mobilestandaloneserver" => Ok(false),
            _ => Err(error_at(file, node, format!("Неизвестное имя препроцессора ({text})"))),
        },
        "unary_expression" => {
            let argument = node.child_by_field_name("argument");
            argument.map_or(Ok(false), |argument| condition(file, script, argument, environment).map(|held| !held))
        }
        "binary_expression" => {
            let side = |name| {
                let side = node.child_by_field_name(name);
                side.map_or(Ok(false), |side| condition(file, script, side, environment))
            };
            let operator = node.child_by_field_name("operator").map(|node| script.text_of(node).to_lowercase());
            match operator.as_deref() {
                Some("и" | "and") => Ok(side("left")? && side("right")?),
                Some("или" | "or") => Ok(side("left")? || side("right")?),
                _ => Err(error_at(file, node, "Недопустимое условие препроцессора")),
            }
        }
        _ => Err(error_at(file, node, "Недопустимое условие препроцессора")),
    }
}

fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1)
}

fn error_at(file: &str, node: Node<'_>, message: impl Into<String>) -> CompileError {
    CompileError { file: file.to_owned(), line: line_of(node), message: message.into() }
}

fn constant(file: &str, script: &Script, node: Node<'_>) -> Lowered<Const> {
    match node.kind() {
        "const_expression" | "boolean" | "expression" => {
            let inner = syntax::children(node).next();
            inner.map_or(Ok(Const::Undefined), |inner| constant(file, script, inner))
        }
        "number" => {
            let text = script.text_of(node);
            let number = Decimal::from_str_exact(text).or_else(|_| text.parse());
            number
                .map(Const::Number)
                .map_err(|_| error_at(file, node, format!("Число не может быть представлено ({text:.40})")))
        }
        "date" => {
            let text = script.text_of(node);
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let date = Date::parse(&digits);
            date.map(Const::Date).ok_or_else(|| error_at(file, node, format!("Неверная константа типа Дата ({text})")))
        }
        "string" => Ok(Const::Str(string_value(script, node).into())),
        "TRUE_KEYWORD" => Ok(Const::Bool(true)),
        "FALSE_KEYWORD" => Ok(Const::Bool(false)),
        "UNDEFINED_KEYWORD" => Ok(Const::Undefined),
        "NULL_KEYWORD" => Ok(Const::Null),
        other => Err(error_at(file, node, format!("Конструкция не поддерживается ({other})"))),
    }
}

/// The contents of a string literal: names inside keep their `ё`.
fn string_value(script: &Script, node: Node<'_>) -> String {
    let parts: Vec<_> = syntax::children(node)
        .filter(|child| child.kind() == "string_content")
        .map(|child| script.original(child).replace("\"\"", "\""))
        .collect();
    parts.join("\n")
}

struct Lowerer<'a> {
    file: &'a str,
    script: &'a Script,
    module: &'a ModuleCode,
    /// The variables of the method around a fragment.
    outer: Option<&'a [Name]>,
    captures: Vec<(usize, usize)>,
    locals: Vec<Name>,
    index: HashMap<Arc<str>, usize>,
    labels: HashMap<String, u32>,
    loops: usize,
    handlers: usize,
    depth: usize,
}

/// An operand or an operator of an expression without parentheses.
enum Item<'t> {
    Operand(Node<'t>),
    Operator(Node<'t>),
}

impl<'a> Lowerer<'a> {
    fn new(file: &'a str, script: &'a Script, module: &'a ModuleCode, outer: Option<&'a [Name]>) -> Lowerer<'a> {
        Lowerer {
            file,
            script,
            module,
            outer,
            captures: Vec::new(),
            locals: Vec::new(),
            index: HashMap::new(),
            labels: HashMap::new(),
            loops: 0,
            handlers: 0,
            depth: 0,
        }
    }

    fn error(&self, node: Node<'_>, message: impl Into<String>) -> CompileError {
        error_at(self.file, node, message)
    }

    fn name_of(&self, node: Option<Node<'_>>, around: Node<'_>) -> Lowered<Name> {
        let node = node.ok_or_else(|| self.error(around, "Ожидается имя"))?;
        Ok(Name::new(self.script.original(node)))
    }

    fn declare(&mut self, name: &Name) -> usize {
        if let Some(at) = self.index.get(name.key()) {
            return *at;
        }
        self.index.insert(name.shared_key(), self.locals.len());
        self.locals.push(name.clone());
        self.locals.len() - 1
    }

    /// The variable of this name: the method's, or the one of the method around a fragment.
    fn variable(&mut self, name: &Name) -> Option<usize> {
        if let Some(at) = self.index.get(name.key()) {
            return Some(*at);
        }
        let outer = self.outer?.iter().position(|known| known.key() == name.key())?;
        let own = self.declare(name);
        self.captures.push((outer, own));
        Some(own)
    }

    fn deeper(&mut self, node: Node<'_>) -> Lowered<()> {
        self.depth += 1;
        if self.depth > DEEPEST || !stack::has_room() {
            return Err(self.error(node, "Слишком глубокая вложенность"));
        }
        Ok(())
    }

    fn block(&mut self, nodes: &[Node<'_>]) -> Lowered<Block> {
        if let Some(first) = nodes.first() {
            self.deeper(*first)?;
        } else {
            return Ok(Block::default());
        }
        let mut block = Block::default();
        self.statements(nodes, &mut block)?;
        self.depth -= 1;
        Ok(block)
    }

    fn statements(&mut self, nodes: &[Node<'_>], block: &mut Block) -> Lowered<()> {
        let mut deleted = false;
        for node in nodes {
            if node.kind() == "preprocessor" {
                let text = self.script.text_of(*node).trim().to_lowercase();
                match text.as_str() {
                    "#удаление" | "#delete" => deleted = true,
                    "#конецудаления" | "#enddelete" => deleted = false,
                    "#вставка" | "#insert" | "#конецвставки" | "#endinsert" => {}
                    _ if deleted => {}
                    _ if annotation(self.script, *node).is_some() => {
                        return Err(self.error(*node, "Директива компиляции стоит не перед методом"));
                    }
                    _ => {
                        let environment = self.module.names.environment();
                        let inner = active_branch(self.file, self.script, *node, environment)?;
                        self.deeper(*node)?;
                        self.statements(&inner, block)?;
                        self.depth -= 1;
                    }
                }
                continue;
            }
            if deleted || !node.is_named() {
                continue;
            }
            match node.kind() {
                "line_comment" => {}
                "var_statement" | "var_definition" => self.declarations(*node)?,
                "label_statement" => {
                    let name = syntax::children(*node).find(|child| child.kind() == "identifier");
                    let name = self.name_of(name, *node)?;
                    let label = self.label(&name);
                    block.labels.push((label, block.statements.len()));
                }
                _ => {
                    let kind = self.statement(*node)?;
                    block.statements.push(Statement { line: line_of(*node), kind });
                }
            }
        }
        Ok(())
    }

    fn label(&mut self, name: &Name) -> u32 {
        let next = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        *self.labels.entry(name.key().to_owned()).or_insert(next)
    }

    fn declarations(&mut self, node: Node<'_>) -> Lowered<()> {
        let specs = syntax::descendants(node).filter(|child| child.kind() == "identifier");
        for name in specs {
            let own = Name::new(self.script.original(name));
            if self.index.contains_key(own.key()) {
                return Err(self.error(name, format!("Переменная с указанным именем уже определена ({own})")));
            }
            self.declare(&own);
        }
        Ok(())
    }

    fn statement(&mut self, node: Node<'_>) -> Lowered<Kind> {
        let children: Vec<Node<'_>> = {
            let mut cursor = node.walk();
            node.children(&mut cursor).filter(|child| child.kind() != "line_comment").collect()
        };
        let expressions: Vec<_> = children.iter().filter(|child| child.kind() == "expression").copied().collect();
        let between = |from: &str, ends: &[&str]| -> Vec<Node<'_>> {
            let start = children.iter().position(|child| child.kind() == from).map_or(0, |at| at + 1);
            children[start..].iter().take_while(|child| !ends.contains(&child.kind())).copied().collect()
        };
        let first = |this: &Self, at: usize| {
            expressions.get(at).copied().ok_or_else(|| this.error(node, "Ожидается выражение"))
        };
        match node.kind() {
            "assignment_statement" => {
                let right = node.child_by_field_name("right").ok_or_else(|| self.error(node, "Ожидается выражение"))?;
                let value = self.expression(right)?;
                let left = node.child_by_field_name("left").ok_or_else(|| self.error(node, "Ожидается переменная"))?;
                Ok(Kind::Assign(self.target(left)?, value))
            }
            "call_statement" => {
                let call = children.iter().find(|child| child.is_named()).copied();
                let call = call.ok_or_else(|| self.error(node, "Ожидается вызов"))?;
                if self.script.is_bare_raise(node) {
                    return self.reraise(node);
                }
                let call = self.access(call)?;
                if !matches!(
                    call,
                    Expr::CallOwn(..)
                        | Expr::CallGlobal(..)
                        | Expr::CallHost(..)
                        | Expr::CallContext(..)
                        | Expr::CallMember(..)
                        | Expr::Evaluate(_)
                ) {
                    return Err(self.error(node, "Ожидается вызов процедуры"));
                }
                Ok(Kind::Call(call))
            }
            "return_statement" => {
                let value = node.child_by_field_name("result");
                Ok(Kind::Return(value.map(|value| self.expression(value)).transpose()?))
            }
            "if_statement" => self.if_statement(node, &children),
            "while_statement" => {
                let condition = self.expression(first(self, 0)?)?;
                let body = self.loop_body(&between("DO_KEYWORD", &["ENDDO_KEYWORD"]))?;
                Ok(Kind::While(condition, body))
            }
            "for_statement" => {
                let from = self.expression(first(self, 0)?)?;
                let to = self.expression(first(self, 1)?)?;
                let target = self.loop_variable(node, &children)?;
                let body = self.loop_body(&between("DO_KEYWORD", &["ENDDO_KEYWORD"]))?;
                Ok(Kind::For(target, from, to, body))
            }
            "for_each_statement" => {
                let collection = self.expression(first(self, 0)?)?;
                let target = self.loop_variable(node, &children)?;
                let body = self.loop_body(&between("DO_KEYWORD", &["ENDDO_KEYWORD"]))?;
                Ok(Kind::ForEach(target, collection, body))
            }
            "break_statement" if self.loops > 0 => Ok(Kind::Break),
            "continue_statement" if self.loops > 0 => Ok(Kind::Continue),
            "break_statement" | "continue_statement" => {
                Err(self.error(node, "Прервать и Продолжить допустимы только внутри цикла"))
            }
            "try_statement" => {
                let body = self.block(&between("TRY_KEYWORD", &["EXCEPT_KEYWORD"]))?;
                self.handlers += 1;
                let handler = self.block(&between("EXCEPT_KEYWORD", &["ENDTRY_KEYWORD"]))?;
                self.handlers -= 1;
                Ok(Kind::Try(body, handler))
            }
            "rise_error_statement" => {
                if self.script.is_bare_raise(node) {
                    return self.reraise(node);
                }
                if let Some(list) = children.iter().find(|child| child.kind() == "arguments") {
                    let arguments = self.arguments(*list)?;
                    if arguments.len() > 5 {
                        return Err(self.error(node, "Слишком много фактических параметров"));
                    }
                    return Ok(Kind::RaiseWith(arguments));
                }
                Ok(Kind::Raise(self.expression(first(self, 0)?)?))
            }
            "goto_statement" => {
                let name = children.iter().find(|child| child.kind() == "identifier").copied();
                let name = self.name_of(name, node)?;
                Ok(Kind::Goto(self.label(&name)))
            }
            "execute_statement" => Ok(Kind::Execute(self.expression(first(self, 0)?)?)),
            other => Err(self.error(node, format!("Конструкция не поддерживается ({other})"))),
        }
    }

    fn reraise(&self, node: Node<'_>) -> Lowered<Kind> {
        if self.handlers == 0 {
            return Err(self.error(node, "ВызватьИсключение без текста допустимо только в обработчике исключения"));
        }
        Ok(Kind::Reraise)
    }

    fn if_statement(&mut self, node: Node<'_>, children: &[Node<'_>]) -> Lowered<Kind> {
        let mut branches = Vec::new();
        let mut otherwise = Block::default();
        let ends = ["elseif_clause", "else_clause", "ENDIF_KEYWORD"];
        let branch = |this: &mut Self, nodes: &[Node<'_>]| -> Lowered<(u32, Expr, Block)> {
            let condition = nodes.iter().find(|child| child.kind() == "expression").copied();
            let condition = condition.ok_or_else(|| this.error(node, "Ожидается выражение"))?;
            let line = line_of(condition);
            let lowered = this.expression(condition)?;
            let start = nodes.iter().position(|child| child.kind() == "THEN_KEYWORD").map_or(0, |at| at + 1);
            let body: Vec<_> =
                nodes[start..].iter().take_while(|child| !ends.contains(&child.kind())).copied().collect();
            Ok((line, lowered, this.block(&body)?))
        };
        branches.push(branch(self, children)?);
        for clause in children {
            let inner: Vec<_> = syntax::children(*clause).collect();
            match clause.kind() {
                "elseif_clause" => branches.push(branch(self, &inner)?),
                "else_clause" => otherwise = self.block(&inner[1..])?,
                _ => {}
            }
        }
        Ok(Kind::If(branches, otherwise))
    }

    fn loop_body(&mut self, nodes: &[Node<'_>]) -> Lowered<Block> {
        self.loops += 1;
        let body = self.block(nodes);
        self.loops -= 1;
        body
    }

    fn loop_variable(&mut self, node: Node<'_>, children: &[Node<'_>]) -> Lowered<Target> {
        let name = children.iter().find(|child| child.kind() == "identifier").copied();
        let name = name.ok_or_else(|| self.error(node, "Ожидается переменная цикла"))?;
        self.assigned(name)
    }

    /// What an assignment to a name gives a value; a new name becomes a variable of the method.
    fn assigned(&mut self, node: Node<'_>) -> Lowered<Target> {
        let name = Name::new(self.script.original(node));
        if let Some(at) = self.variable(&name) {
            return Ok(Target::Local(at));
        }
        if let Some(at) = self.module.var_index.get(name.key()) {
            return Ok(Target::ModuleVar(*at));
        }
        if self.module.names.own_property(name.key()) {
            return Ok(Target::Context(name));
        }
        if global::is_property(name.key()) || self.module.names.property(name.key()) {
            return Err(self.error(node, format!("Поле объекта недоступно для записи ({name})")));
        }
        Ok(Target::Local(self.declare(&name)))
    }

    fn target(&mut self, node: Node<'_>) -> Lowered<Target> {
        match node.kind() {
            "identifier" => self.assigned(node),
            "property_access" => match self.access(node)? {
                Expr::Member(object, name) => Ok(Target::Member(*object, name)),
                Expr::Index(object, key) => Ok(Target::Index(*object, *key)),
                _ => Err(self.error(node, "Выражение не может стоять слева от знака присваивания")),
            },
            _ => Err(self.error(node, "Выражение не может стоять слева от знака присваивания")),
        }
    }

    /// An expression: its operators are put in order anew, by the language's own precedence.
    fn expression(&mut self, node: Node<'_>) -> Lowered<Expr> {
        self.deeper(node)?;
        let mut items = Vec::new();
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            match node.kind() {
                "expression" | "index" | "binary_expression" | "unary_expression" => {
                    pending.extend(syntax::children(node).rev().filter(|child| child.kind() != "line_comment"));
                }
                "operator" => items.push(Item::Operator(node)),
                _ => items.push(Item::Operand(node)),
            }
        }
        let mut items = items.into_iter().peekable();
        let lowered = self.operators(&mut items, 0)?;
        self.depth -= 1;
        Ok(lowered)
    }

    fn operators<'t>(
        &mut self,
        items: &mut std::iter::Peekable<std::vec::IntoIter<Item<'t>>>,
        least: u8,
    ) -> Lowered<Expr> {
        let mut left = match items.next() {
            Some(Item::Operand(node)) => self.operand(node)?,
            Some(Item::Operator(node)) => {
                self.deeper(node)?;
                let operator = self.script.text_of(node).to_lowercase();
                let lowered = match operator.as_str() {
                    "не" | "not" => Expr::Not(Box::new(self.operators(items, 3)?)),
                    "-" => match self.operators(items, 7)? {
                        Expr::Const(Const::Number(number)) => Expr::Const(Const::Number(-number)),
                        other => Expr::Negate(Box::new(other)),
                    },
                    "+" => Expr::Plus(Box::new(self.operators(items, 7)?)),
                    _ => return Err(self.error(node, format!("Ожидается выражение ({operator})"))),
                };
                self.depth -= 1;
                lowered
            }
            None => {
                return Err(CompileError {
                    file: self.file.to_owned(),
                    line: 1,
                    message: "Ожидается выражение".to_owned(),
                });
            }
        };
        let mut chain = 0;
        while let Some(Item::Operator(node)) = items.peek() {
            let node = *node;
            let operator = self.script.text_of(node).to_lowercase();
            let binding = match operator.as_str() {
                "или" | "or" => 1,
                "и" | "and" => 2,
                "=" | "<>" | "<" | ">" | "<=" | ">=" => 4,
                "+" | "-" => 5,
                "*" | "/" | "%" => 6,
                _ => return Err(self.error(node, format!("Неизвестная операция ({operator})"))),
            };
            if binding < least {
                break;
            }
            // A chain nests to the left, and evaluating it recurses as deep.
            chain += 1;
            if chain > 4 * DEEPEST {
                return Err(self.error(node, "Слишком длинное выражение"));
            }
            items.next();
            let right = self.operators(items, binding + 1)?;
            let (left_box, right_box) = (Box::new(left), Box::new(right));
            let binary = |operator| Expr::Binary(operator, left_box, right_box);
            left = match operator.as_str() {
                "или" | "or" | "и" | "and" => {
                    let Expr::Binary(_, left, right) = binary(Binary::Add) else {
                        return Err(self.error(node, "Ожидается выражение"));
                    };
                    if binding == 1 { Expr::Or(left, right) } else { Expr::And(left, right) }
                }
                "=" => binary(Binary::Equal),
                "<>" => binary(Binary::NotEqual),
                "<" => binary(Binary::Less),
                ">" => binary(Binary::Greater),
                "<=" => binary(Binary::LessOrEqual),
                ">=" => binary(Binary::GreaterOrEqual),
                "+" => binary(Binary::Add),
                "-" => binary(Binary::Subtract),
                "*" => binary(Binary::Multiply),
                "/" => binary(Binary::Divide),
                _ => binary(Binary::Remainder),
            };
        }
        Ok(left)
    }

    fn operand(&mut self, node: Node<'_>) -> Lowered<Expr> {
        match node.kind() {
            "const_expression" => Ok(Expr::Const(constant(self.file, self.script, node)?)),
            "identifier" => self.identifier(node),
            "parenthesized_expression" => {
                let inner = syntax::children(node).find(|child| child.kind() == "expression");
                self.expression(inner.ok_or_else(|| self.error(node, "Ожидается выражение"))?)
            }
            "ternary_expression" => {
                let part = |this: &mut Self, name| {
                    let part = node.child_by_field_name(name);
                    this.expression(part.ok_or_else(|| this.error(node, "Ожидается выражение"))?)
                };
                let condition = part(self, "condition")?;
                let consequence = part(self, "consequence")?;
                Ok(Expr::Ternary(Box::new((condition, consequence, part(self, "alternative")?))))
            }
            "new_expression" => {
                let name = self.name_of(node.child_by_field_name("type"), node)?;
                let arguments = node.child_by_field_name("arguments");
                let arguments = arguments.map_or(Ok(Vec::new()), |list| self.arguments(list))?;
                Ok(Expr::New(name, arguments))
            }
            "new_expression_method" => {
                let name = node.child_by_field_name("type");
                let name = self.expression(name.ok_or_else(|| self.error(node, "Ожидается выражение"))?)?;
                let arguments = node.child_by_field_name("arguments");
                let arguments = arguments.map(|arguments| self.expression(arguments)).transpose()?;
                Ok(Expr::NewOf(Box::new(name), arguments.map(Box::new)))
            }
            "method_call" | "call_expression" | "property_access" | "access" => self.access(node),
            other => Err(self.error(node, format!("Конструкция не поддерживается ({other})"))),
        }
    }

    fn identifier(&mut self, node: Node<'_>) -> Lowered<Expr> {
        let name = Name::new(self.script.original(node));
        if let Some(at) = self.variable(&name) {
            return Ok(Expr::Local(at));
        }
        if let Some(at) = self.module.var_index.get(name.key()) {
            return Ok(Expr::ModuleVar(*at));
        }
        let names = &self.module.names;
        if names.has_this() && matches!(name.key(), "этотобъект" | "thisobject") {
            return Ok(Expr::This);
        }
        if names.own_property(name.key()) {
            return Ok(Expr::Context(name));
        }
        if global::is_property(name.key()) || names.property(name.key()) {
            return Ok(Expr::Global(name));
        }
        let why = names.unavailable(name.key());
        Err(self.error(node, why.unwrap_or_else(|| format!("Переменная не определена ({name})"))))
    }

    /// A chain of points, brackets and calls, from its start.
    fn access(&mut self, node: Node<'_>) -> Lowered<Expr> {
        let mut links = Vec::new();
        let mut at = node;
        let start = loop {
            match at.kind() {
                "access" | "call_expression" | "property_access" => {
                    let children: Vec<_> =
                        syntax::children(at).filter(|child| child.kind() != "line_comment").collect();
                    if let [only] = children.as_slice() {
                        at = *only;
                        continue;
                    }
                    let (Some(first), Some(last)) = (children.first(), children.iter().rfind(|child| child.is_named()))
                    else {
                        return Err(self.error(at, "Ожидается выражение"));
                    };
                    links.push(*last);
                    at = *first;
                }
                _ => break at,
            }
        };
        let mut expression = match start.kind() {
            "identifier" => self.identifier(start)?,
            "method_call" => self.own_call(start)?,
            _ => self.operand(start)?,
        };
        if links.len() > DEEPEST {
            return Err(self.error(node, "Слишком длинное выражение"));
        }
        for link in links.into_iter().rev() {
            expression = match link.kind() {
                "method_call" => {
                    let name = self.name_of(link.child_by_field_name("name"), link)?;
                    let arguments = self.call_arguments(link)?;
                    Expr::CallMember(Box::new(expression), name, arguments)
                }
                "property" => {
                    let name = Name::new(self.script.original(link));
                    Expr::Member(Box::new(expression), name)
                }
                "index" => Expr::Index(Box::new(expression), Box::new(self.expression(link)?)),
                other => return Err(self.error(link, format!("Конструкция не поддерживается ({other})"))),
            };
        }
        Ok(expression)
    }

    fn call_arguments(&mut self, call: Node<'_>) -> Lowered<Vec<Arg>> {
        call.child_by_field_name("arguments").map_or(Ok(Vec::new()), |list| self.arguments(list))
    }

    fn own_call(&mut self, node: Node<'_>) -> Lowered<Expr> {
        let name = self.name_of(node.child_by_field_name("name"), node)?;
        let arguments = self.call_arguments(node)?;
        if let Some(at) = self.module.method_index.get(name.key()) {
            let method = &self.module.methods[*at];
            self.check_count(node, &arguments, required(method), method.params.len())?;
            return Ok(Expr::CallOwn(*at, arguments));
        }
        let names = self.module.names.clone();
        if names.own_method(name.key()) {
            return Ok(Expr::CallContext(name, arguments));
        }
        if matches!(name.key(), "вычислить" | "eval") {
            self.check_count(node, &arguments, 1, 1)?;
            if let Some(Arg::Expr(text)) = arguments.into_iter().next() {
                return Ok(Expr::Evaluate(Box::new(text)));
            }
            return Err(self.error(node, "Недостаточно фактических параметров"));
        }
        if let Some((least, most)) = names.function(name.key()) {
            self.check_count(node, &arguments, least, most)?;
            return Ok(Expr::CallHost(name, arguments));
        }
        if let Some(function) = global::function_named(name.key()) {
            self.check_count(node, &arguments, function.least, function.most)?;
            return Ok(Expr::CallGlobal(function, arguments));
        }
        let why = names.unavailable(name.key());
        let message = why.unwrap_or_else(|| format!("Процедура или функция с указанным именем не определена ({name})"));
        Err(self.error(node, message))
    }

    fn check_count(&self, node: Node<'_>, arguments: &[Arg], least: usize, most: usize) -> Lowered<()> {
        if arguments.len() > most {
            return Err(self.error(node, "Слишком много фактических параметров"));
        }
        let given = arguments.iter().take(least).filter(|argument| matches!(argument, Arg::Expr(_))).count();
        if given < least {
            return Err(self.error(node, "Недостаточно фактических параметров"));
        }
        Ok(())
    }

    /// The parameters of a call; a place without an expression is left out.
    fn arguments(&mut self, list: Node<'_>) -> Lowered<Vec<Arg>> {
        let mut arguments = Vec::new();
        let mut current: Option<Arg> = None;
        let mut seen_any = false;
        for child in syntax::children(list) {
            match child.kind() {
                "(" | ")" | "line_comment" => {}
                "expression" => {
                    seen_any = true;
                    current = Some(Arg::Expr(self.expression(child)?));
                }
                _ => {
                    seen_any = true;
                    arguments.push(current.take().unwrap_or(Arg::Omitted));
                }
            }
        }
        if seen_any {
            arguments.push(current.unwrap_or(Arg::Omitted));
        }
        Ok(arguments)
    }
}

fn required(method: &MethodCode) -> usize {
    method.params.iter().rposition(|param| param.default.is_none()).map_or(0, |last| last + 1)
}
