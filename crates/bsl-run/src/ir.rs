//! Modules as the interpreter runs them: the tree with its names resolved, once per module.

use std::collections::HashMap;
use std::sync::Arc;

use crate::date::Date;
use crate::error::Place;
use crate::global::Function;
use crate::host::Names;
use crate::value::{Name, Value};
use rust_decimal::Decimal;

/// A module that can run in any session.
pub struct ModuleCode {
    /// Its file or name, for messages.
    pub(crate) file: String,
    /// Its text's lines, for messages.
    pub(crate) lines: Vec<String>,
    pub(crate) methods: Vec<MethodCode>,
    pub(crate) method_index: HashMap<Arc<str>, usize>,
    pub(crate) vars: Vec<(Name, bool)>,
    pub(crate) var_index: HashMap<Arc<str>, usize>,
    pub(crate) body: MethodCode,
    pub(crate) names: Arc<dyn Names>,
}

impl ModuleCode {
    /// A line of the text.
    pub(crate) fn place(&self, line: u32) -> Place {
        let text = self.lines.get(line.saturating_sub(1) as usize).map_or("", |line| line.trim());
        Place { module: self.file.clone(), line, text: text.to_owned() }
    }

    /// Whether there is an exported method of this name.
    pub fn is_exported(&self, name: &str) -> bool {
        let at = self.method_index.get(name.to_lowercase().as_str());
        at.is_some_and(|at| self.methods[*at].exported)
    }

    /// The first line of a method.
    pub fn method_place(&self, name: &str) -> Option<Place> {
        let at = self.method_index.get(name.to_lowercase().as_str())?;
        Some(self.place(self.methods[*at].line))
    }
}

/// A procedure, a function, or the statements outside of them.
pub struct MethodCode {
    pub(crate) name: Name,
    pub(crate) params: Vec<Param>,
    pub(crate) exported: bool,
    pub(crate) is_function: bool,
    /// `&НаСервере` and the like.
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) line: u32,
    pub(crate) locals: Vec<Name>,
    pub(crate) code: Block,
}

/// A directive before a method, in lower case without the sign, and the name in its parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    pub word: String,
    pub target: Option<String>,
}

pub(crate) struct Param {
    pub by_value: bool,
    pub default: Option<Const>,
}

/// The text of `Выполнить` or `Вычислить`, which sees the variables of the method around it.
pub(crate) struct Fragment {
    /// The method's variable and the fragment's own of the same name.
    pub captures: Vec<(usize, usize)>,
    pub locals: usize,
    pub code: Block,
}

#[derive(Debug, Clone)]
pub(crate) enum Const {
    Undefined,
    Null,
    Bool(bool),
    Number(Decimal),
    Date(Date),
    Str(Arc<str>),
}

impl Const {
    pub fn value(&self) -> Value {
        match self {
            Const::Undefined => Value::Undefined,
            Const::Null => Value::Null,
            Const::Bool(truth) => Value::Bool(*truth),
            Const::Number(number) => Value::Number(*number),
            Const::Date(date) => Value::Date(*date),
            Const::Str(text) => Value::Str(text.clone()),
        }
    }
}

#[derive(Default)]
pub(crate) struct Block {
    pub statements: Vec<Statement>,
    /// Labels and the statement that they stand before.
    pub labels: Vec<(u32, usize)>,
}

pub(crate) struct Statement {
    pub line: u32,
    pub kind: Kind,
}

pub(crate) enum Kind {
    Assign(Target, Expr),
    Call(Expr),
    If(Vec<(u32, Expr, Block)>, Block),
    While(Expr, Block),
    For(Target, Expr, Expr, Block),
    ForEach(Target, Expr, Block),
    Return(Option<Expr>),
    Break,
    Continue,
    Try(Block, Block),
    Raise(Expr),
    RaiseWith(Vec<Arg>),
    Reraise,
    Goto(u32),
    Execute(Expr),
}

pub(crate) enum Target {
    Local(usize),
    ModuleVar(usize),
    Context(Name),
    Member(Expr, Name),
    Index(Expr, Expr),
}

pub(crate) enum Arg {
    Omitted,
    Expr(Expr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub(crate) enum Expr {
    Const(Const),
    Local(usize),
    ModuleVar(usize),
    /// A property of the global context.
    Global(Name),
    /// A property of the object whose module this is.
    Context(Name),
    This,
    Member(Box<Expr>, Name),
    Index(Box<Expr>, Box<Expr>),
    CallOwn(usize, Vec<Arg>),
    CallGlobal(&'static Function, Vec<Arg>),
    CallHost(Name, Vec<Arg>),
    CallContext(Name, Vec<Arg>),
    CallMember(Box<Expr>, Name, Vec<Arg>),
    Evaluate(Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Ternary(Box<(Expr, Expr, Expr)>),
    New(Name, Vec<Arg>),
    NewOf(Box<Expr>, Option<Box<Expr>>),
}
