//! What a query's text says.

/// An expression and its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) node: Node,
}

impl PartialEq for Expr {
    /// The place does not count: `СГРУППИРОВАТЬ ПО` repeats an expression of the list.
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// An operation of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Undefined,
    Boolean(bool),
    Number(String),
    Text(String),
    Parameter(String),
    Field(Vec<String>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operation, Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>, bool),
    In {
        value: Box<Expr>,
        negated: bool,
        hierarchy: bool,
        list: InList,
    },
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    Like {
        value: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<String>,
    },
    IsType(Box<Expr>, Vec<String>),
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast(Box<Expr>, CastType),
    /// Fields of a reference that `ВЫРАЗИТЬ` gives.
    Member(Box<Expr>, Vec<String>),
    /// `ЗНАЧЕНИЕ(...)`.
    Value(Vec<String>),
    /// `ТИП(...)`.
    Type(Vec<String>),
    /// A function by its Russian name in capitals.
    Call(&'static str, Vec<Expr>),
    Aggregate {
        function: Aggregate,
        distinct: bool,
        argument: Option<Box<Expr>>,
    },
    Tuple(Vec<Expr>),
}

/// What stands after `В`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum InList {
    Values(Vec<Expr>),
    Query(Box<Union>),
}

/// A type after `ВЫРАЗИТЬ(… КАК`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CastType {
    Boolean,
    Date,
    Number(u32, u32),
    String(u32),
    Object(Vec<String>),
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Count,
    Maximum,
    Minimum,
    Average,
}

/// A column of the result.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// `*` or `Т.*`.
    All(Option<String>, usize),
    Expr(Expr, Option<String>),
}

/// A table of the query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Table { at: usize, name: Vec<String>, arguments: Option<Vec<Option<Expr>>>, alias: Option<String> },
    Parameter { at: usize, name: String, alias: Option<String> },
    Query { query: Box<Union>, alias: String },
    Join { kind: Join, left: Box<Source>, right: Box<Source>, on: Expr },
}

/// A kind of join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Inner,
    Left,
    Right,
    Full,
}

/// `ВЫБРАТЬ` up to `ИМЕЮЩИЕ`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Select {
    pub(super) at: usize,
    pub(super) distinct: bool,
    pub(super) top: Option<u64>,
    pub(super) items: Vec<Item>,
    pub(super) from: Vec<Source>,
    pub(super) filter: Option<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) having: Option<Expr>,
}

/// Selects joined by `ОБЪЕДИНИТЬ`, with their common order. The flag of a part says `ВСЕ`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Union {
    pub(super) first: Select,
    pub(super) others: Vec<(bool, Select)>,
    /// Expressions and whether they go down.
    pub(super) order: Vec<(Expr, bool)>,
    /// Name after `ПОМЕСТИТЬ`.
    pub(super) into: Option<(String, usize)>,
    /// `ИТОГИ`.
    pub(super) totals: Option<Totals>,
}

/// What `ИТОГИ` sums up, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) sums: Vec<Total>,
    /// `ОБЩИЕ`.
    pub(super) overall: bool,
    /// Columns and their places in the text.
    pub(super) groups: Vec<(String, usize)>,
}

/// A column that is summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) at: usize,
    pub(super) function: Aggregate,
    pub(super) distinct: bool,
    pub(super) column: String,
}

/// A query of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    Select(Box<Union>),
    Drop(String, usize),
}

impl Union {
    /// All selects, in order.
    pub(super) fn selects(&self) -> impl Iterator<Item = &Select> {
        std::iter::once(&self.first).chain(self.others.iter().map(|(_, select)| select))
    }
}

impl Select {
    /// Calls `visit` with every field that the select names outside its tables, subqueries in conditions included.
    pub(super) fn visit_fields(&self, visit: &mut dyn FnMut(&[String])) {
        for item in &self.items {
            match item {
                Item::Expr(expr, _) => expr.visit_fields(visit),
                Item::All(..) => {}
            }
        }
        self.from.iter().for_each(|source| source.visit_fields(visit));
        let conditions = self.filter.iter().chain(&self.groups).chain(&self.having);
        conditions.for_each(|expr| expr.visit_fields(visit));
    }
}

impl Source {
    fn visit_fields(&self, visit: &mut dyn FnMut(&[String])) {
        if let Source::Join { left, right, on, .. } = self {
            left.visit_fields(visit);
            right.visit_fields(visit);
            on.visit_fields(visit);
        }
    }
}

impl Expr {
    /// Calls `visit` with every field that the expression names.
    pub(super) fn visit_fields(&self, visit: &mut dyn FnMut(&[String])) {
        if let Node::Field(path) = &self.node {
            visit(path);
        }
        if let Node::In { list: InList::Query(query), .. } = &self.node {
            query.selects().for_each(|select| select.visit_fields(visit));
        }
        self.children().into_iter().for_each(|child| child.visit_fields(visit));
    }

    /// Whether an aggregate function stands in the expression, not counting subqueries.
    pub(super) fn has_aggregate(&self) -> bool {
        matches!(self.node, Node::Aggregate { .. }) || self.children().into_iter().any(Expr::has_aggregate)
    }

    fn children(&self) -> Vec<&Expr> {
        match &self.node {
            Node::Not(inner)
            | Node::Negate(inner)
            | Node::IsNull(inner, _)
            | Node::IsType(inner, _)
            | Node::Cast(inner, _)
            | Node::Member(inner, _) => vec![inner],
            Node::Binary(_, left, right) => vec![left, right],
            Node::In { value, list, .. } => {
                let values: &[Expr] = if let InList::Values(values) = list { values } else { &[] };
                std::iter::once(&**value).chain(values).collect()
            }
            Node::Between(value, from, to) => vec![value, from, to],
            Node::Like { value, pattern, .. } => vec![value, pattern],
            Node::Case { branches, otherwise } => {
                let pairs = branches.iter().flat_map(|(condition, result)| [condition, result]);
                pairs.chain(otherwise.as_deref()).collect()
            }
            Node::Call(_, arguments) | Node::Tuple(arguments) => arguments.iter().collect(),
            Node::Aggregate { argument, .. } => argument.as_deref().into_iter().collect(),
            Node::Null
            | Node::Undefined
            | Node::Boolean(_)
            | Node::Number(_)
            | Node::Text(_)
            | Node::Parameter(_)
            | Node::Field(_)
            | Node::Value(_)
            | Node::Type(_) => Vec::new(),
        }
    }
}
