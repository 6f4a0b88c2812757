//! Reads the query language, in Russian and English, without case.

use super::ast::{
    Aggregate, CastType, Expr, InList, Item, Join, Node, Operation, Select, Source, Statement, Total, Totals, Union,
};
use super::lexer::{Lexeme, Token, error_at, split};
use crate::error::{Error, Result};
use crate::metadata::fold;

/// How deep expressions and queries may be nested: beyond it the stack would overflow.
const DEEPEST: u32 = 60;
/// How many operands of `+`, `И` and the like may stand in a row, for the same reason.
const LONGEST: u32 = 250;

/// Words that cannot be an alias without `КАК`.
const RESERVED: [(&str, &str); 33] = [
    ("выбрать", "select"),
    ("поместить", "into"),
    ("из", "from"),
    ("где", "where"),
    ("сгруппировать", "group"),
    ("имеющие", "having"),
    ("упорядочить", "order"),
    ("объединить", "union"),
    ("итоги", "totals"),
    ("индексировать", "index"),
    ("для", "for"),
    ("левое", "left"),
    ("правое", "right"),
    ("полное", "full"),
    ("внутреннее", "inner"),
    ("внешнее", "outer"),
    ("соединение", "join"),
    ("по", "on"),
    ("как", "as"),
    ("и", "and"),
    ("или", "or"),
    ("не", "not"),
    ("в", "in"),
    ("между", "between"),
    ("подобно", "like"),
    ("есть", "is"),
    ("ссылка", "refs"),
    ("когда", "when"),
    ("тогда", "then"),
    ("иначе", "else"),
    ("конец", "end"),
    ("убыв", "desc"),
    ("автоупорядочивание", "autoorder"),
];

/// Functions with one spelling inside: Russian, English.
const FUNCTIONS: [(&str, &str, &str); 19] = [
    ("ЕСТЬNULL", "естьnull", "isnull"),
    ("ПОДСТРОКА", "подстрока", "substring"),
    ("ДАТАВРЕМЯ", "датавремя", "datetime"),
    ("ГОД", "год", "year"),
    ("КВАРТАЛ", "квартал", "quarter"),
    ("МЕСЯЦ", "месяц", "month"),
    ("ДЕНЬГОДА", "деньгода", "dayofyear"),
    ("ДЕНЬ", "день", "day"),
    ("НЕДЕЛЯ", "неделя", "week"),
    ("ДЕНЬНЕДЕЛИ", "деньнедели", "weekday"),
    ("ЧАС", "час", "hour"),
    ("МИНУТА", "минута", "minute"),
    ("СЕКУНДА", "секунда", "second"),
    ("НАЧАЛОПЕРИОДА", "началопериода", "beginofperiod"),
    ("КОНЕЦПЕРИОДА", "конецпериода", "endofperiod"),
    ("ДОБАВИТЬКДАТЕ", "добавитькдате", "dateadd"),
    ("РАЗНОСТЬДАТ", "разностьдат", "datediff"),
    ("ТИПЗНАЧЕНИЯ", "типзначения", "valuetype"),
    ("ПРЕДСТАВЛЕНИЕ", "представление", "presentation"),
];

const AGGREGATES: [(Aggregate, &str, &str); 5] = [
    (Aggregate::Sum, "сумма", "sum"),
    (Aggregate::Count, "количество", "count"),
    (Aggregate::Maximum, "максимум", "max"),
    (Aggregate::Minimum, "минимум", "min"),
    (Aggregate::Average, "среднее", "avg"),
];

pub(super) struct Parser<'a> {
    text: &'a str,
    lexemes: Vec<Lexeme>,
    next: usize,
    depth: u32,
}

/// Reads a whole batch.
pub(super) fn parse(text: &str) -> Result<Vec<Statement>> {
    let mut parser = Parser { text, lexemes: split(text)?, next: 0, depth: 0 };
    let mut statements = Vec::new();
    loop {
        while parser.take_sign(";") {}
        if *parser.peek() == Token::End {
            break;
        }
        statements.push(parser.statement()?);
        if *parser.peek() != Token::End && !parser.take_sign(";") {
            return Err(parser.unexpected());
        }
    }
    if statements.is_empty() {
        return Err(error_at(text, 0, "Пустой текст запроса"));
    }
    Ok(statements)
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> &Token {
        self.lexemes.get(self.next + count).map_or(&Token::End, |lexeme| &lexeme.token)
    }

    fn at(&self) -> usize {
        self.lexemes.get(self.next).map_or(self.text.len(), |lexeme| lexeme.at)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next = (self.next + 1).min(self.lexemes.len());
        token
    }

    fn unexpected(&self) -> Error {
        let what = match self.peek() {
            Token::End => "конец текста".to_owned(),
            Token::Word(text) | Token::Number(text) | Token::Text(text) => text.clone(),
            Token::Parameter(name) => format!("&{name}"),
            Token::Sign(sign) => (*sign).to_owned(),
        };
        error_at(self.text, self.at(), format!("Синтаксическая ошибка \"{what}\""))
    }

    fn is_word(&self, count: usize, russian: &str, english: &str) -> bool {
        matches!(self.ahead(count), Token::Word(word) if { let word = fold(word); word == russian || word == english })
    }

    fn take(&mut self, russian: &str, english: &str) -> bool {
        let found = self.is_word(0, russian, english);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, russian: &str, english: &str) -> Result<()> {
        if self.take(russian, english) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(known) if *known == sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<String> {
        match self.peek().clone() {
            Token::Word(word) => {
                self.advance();
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn path(&mut self) -> Result<Vec<String>> {
        let mut path = vec![self.name()?];
        while self.take_sign(".") {
            path.push(self.name()?);
        }
        Ok(path)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(error_at(self.text, self.at(), "Слишком большая вложенность запроса"));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn chained(&mut self, count: &mut u32, read: impl FnOnce(&mut Self) -> Result<Expr>) -> Result<Expr> {
        *count += 1;
        if *count > LONGEST {
            return Err(error_at(self.text, self.at(), "Слишком длинное выражение"));
        }
        read(self)
    }

    fn statement(&mut self) -> Result<Statement> {
        let at = self.at();
        if self.take("уничтожить", "drop") {
            return Ok(Statement::Drop(self.name()?, at));
        }
        let mut query = self.union()?;
        if self.take("итоги", "totals") {
            if let Some((_, at)) = &query.into {
                return Err(error_at(self.text, *at, "ИТОГИ не помещаются во временную таблицу"));
            }
            query.totals = Some(self.totals()?);
        }
        Ok(Statement::Select(Box::new(query)))
    }

    fn union(&mut self) -> Result<Union> {
        self.deeper(|parser| {
            let mut into = None;
            let first = parser.select(&mut into)?;
            let mut others = Vec::new();
            while parser.take("объединить", "union") {
                let all = parser.take("все", "all");
                others.push((all, parser.select(&mut into)?));
            }
            let mut order = Vec::new();
            if parser.take("упорядочить", "order") {
                parser.expect("по", "by")?;
                order = parser.list(Self::order_item)?;
            }
            if parser.take("индексировать", "index") {
                parser.expect("по", "by")?;
                parser.list(Self::path)?;
            }
            if parser.is_word(0, "автоупорядочивание", "autoorder") {
                return Err(error_at(parser.text, parser.at(), "автоупорядочивание: не поддерживается"));
            }
            Ok(Union { first, others, order, into, totals: None })
        })
    }

    /// What follows `ИТОГИ`: sums of columns, `ПО`, `ОБЩИЕ` and columns.
    fn totals(&mut self) -> Result<Totals> {
        let sums = if self.is_word(0, "по", "by") { Vec::new() } else { self.list(Self::total)? };
        self.expect("по", "by")?;
        let mut overall = false;
        let groups = self.list(|parser| {
            let at = parser.at();
            if parser.take("общие", "overall") {
                overall = true;
                return Ok(None);
            }
            Ok(Some((parser.one_column(at)?, at)))
        })?;
        Ok(Totals { sums, overall, groups: groups.into_iter().flatten().collect() })
    }

    fn total(&mut self) -> Result<Total> {
        let at = self.at();
        let expr = self.expr()?;
        let Node::Aggregate { function, distinct, argument: Some(argument) } = expr.node else {
            return Err(error_at(self.text, at, "ИТОГИ: ожидается функция от поля"));
        };
        let Node::Field(path) = argument.node else {
            return Err(error_at(self.text, at, "ИТОГИ: выражение вместо поля не поддерживается"));
        };
        let [column] = path.as_slice() else {
            return Err(error_at(self.text, at, "ИТОГИ: ожидается псевдоним поля"));
        };
        let column = column.clone();
        if self.take("как", "as") && self.path()?.as_slice() != std::slice::from_ref(&column) {
            return Err(error_at(self.text, at, "ИТОГИ: другой псевдоним не поддерживается"));
        }
        Ok(Total { at, function, distinct, column })
    }

    fn one_column(&mut self, at: usize) -> Result<String> {
        let path = self.path()?;
        for (russian, english) in [("иерархия", "hierarchy"), ("только", "only"), ("периодами", "periods")]
        {
            if self.is_word(0, russian, english) {
                return Err(error_at(self.text, self.at(), format!("{russian}: не поддерживается")));
            }
        }
        match path.as_slice() {
            [column] => Ok(column.clone()),
            _ => Err(error_at(self.text, at, "ИТОГИ: ожидается псевдоним поля")),
        }
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take_sign(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn order_item(&mut self) -> Result<(Expr, bool)> {
        let expr = self.expr()?;
        if self.is_word(0, "иерархия", "hierarchy") {
            return Err(error_at(self.text, self.at(), "ИЕРАРХИЯ: не поддерживается"));
        }
        let down = self.take("убыв", "desc");
        if !down {
            self.take("возр", "asc");
        }
        Ok((expr, down))
    }

    fn select(&mut self, into: &mut Option<(String, usize)>) -> Result<Select> {
        let at = self.at();
        self.expect("выбрать", "select")?;
        let (mut distinct, mut top) = (false, None);
        loop {
            if self.take("различные", "distinct") {
                distinct = true;
            } else if (self.is_word(0, "первые", "top")) && matches!(self.ahead(1), Token::Number(_)) {
                self.advance();
                top = Some(self.whole_number()?);
            } else if !self.take("разрешенные", "allowed") {
                break;
            }
        }
        let items = self.list(Self::item)?;
        if self.take("поместить", "into") {
            let at = self.at();
            *into = Some((self.name()?, at));
        }
        let from = if self.take("из", "from") { self.list(Self::source)? } else { Vec::new() };
        let filter = if self.take("где", "where") { Some(self.expr()?) } else { None };
        let mut groups = Vec::new();
        if self.take("сгруппировать", "group") {
            self.expect("по", "by")?;
            groups = self.list(Self::expr)?;
        }
        let having = if self.take("имеющие", "having") { Some(self.expr()?) } else { None };
        self.for_update()?;
        Ok(Select { at, distinct, top, items, from, filter, groups, having })
    }

    /// `ДЛЯ ИЗМЕНЕНИЯ [Таблица, …]`: under managed locks and versions of rows it locks nothing.
    fn for_update(&mut self) -> Result<()> {
        if self.take("для", "for") {
            self.expect("изменения", "update")?;
            if matches!(self.peek(), Token::Word(word) if !is_reserved(word)) {
                self.list(Self::path)?;
            }
        }
        Ok(())
    }

    fn whole_number(&mut self) -> Result<u64> {
        let at = self.at();
        match self.advance() {
            Token::Number(text) => text.parse().map_err(|_| error_at(self.text, at, "Ожидается целое число")),
            _ => Err(error_at(self.text, at, "Ожидается число")),
        }
    }

    fn item(&mut self) -> Result<Item> {
        let at = self.at();
        if self.take_sign("*") {
            return Ok(Item::All(None, at));
        }
        if let (Token::Word(alias), Token::Sign("."), Token::Sign("*")) = (self.peek(), self.ahead(1), self.ahead(2)) {
            let alias = alias.clone();
            (0..3).for_each(|_| drop(self.advance()));
            return Ok(Item::All(Some(alias), at));
        }
        let expr = self.expr()?;
        Ok(Item::Expr(expr, self.alias()?))
    }

    fn alias(&mut self) -> Result<Option<String>> {
        if self.take("как", "as") {
            return self.name().map(Some);
        }
        match self.peek() {
            Token::Word(word) if !is_reserved(word) => self.name().map(Some),
            _ => Ok(None),
        }
    }

    fn source(&mut self) -> Result<Source> {
        self.deeper(|parser| {
            let mut left = parser.primary_source()?;
            while let Some(kind) = parser.join()? {
                let right = parser.joined_source()?;
                parser.expect("по", "on")?;
                let on = parser.expr()?;
                left = Source::Join { kind, left: Box::new(left), right: Box::new(right), on };
            }
            Ok(left)
        })
    }

    /// The right side of a join: a further join that comes before `ПО` belongs to it.
    fn joined_source(&mut self) -> Result<Source> {
        let first = self.primary_source()?;
        let Some(kind) = self.join()? else { return Ok(first) };
        let right = self.deeper(Self::joined_source)?;
        self.expect("по", "on")?;
        let on = self.expr()?;
        Ok(Source::Join { kind, left: Box::new(first), right: Box::new(right), on })
    }

    fn join(&mut self) -> Result<Option<Join>> {
        let kinds = [
            (Join::Left, "левое", "left"),
            (Join::Right, "правое", "right"),
            (Join::Full, "полное", "full"),
            (Join::Inner, "внутреннее", "inner"),
        ];
        for (kind, russian, english) in kinds {
            if self.take(russian, english) {
                self.take("внешнее", "outer");
                self.expect("соединение", "join")?;
                return Ok(Some(kind));
            }
        }
        Ok(self.take("соединение", "join").then_some(Join::Inner))
    }

    fn primary_source(&mut self) -> Result<Source> {
        let at = self.at();
        if self.take_sign("(") {
            let query = self.union()?;
            self.expect_sign(")")?;
            let alias = self.alias()?.ok_or_else(|| self.unexpected())?;
            return Ok(Source::Query { query: Box::new(query), alias });
        }
        if let Token::Parameter(name) = self.peek().clone() {
            self.advance();
            return Ok(Source::Parameter { at, name, alias: self.alias()? });
        }
        let name = self.path()?;
        let arguments = if self.take_sign("(") { Some(self.arguments()?) } else { None };
        Ok(Source::Table { at, name, arguments, alias: self.alias()? })
    }

    /// Arguments of a virtual table, each may be left out.
    fn arguments(&mut self) -> Result<Vec<Option<Expr>>> {
        let mut arguments = Vec::new();
        loop {
            let left_out = matches!(self.peek(), Token::Sign("," | ")"));
            arguments.push(if left_out { None } else { Some(self.expr()?) });
            if self.take_sign(")") {
                return Ok(arguments);
            }
            self.expect_sign(",")?;
        }
    }

    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.deeper(|parser| {
            let mut left = parser.conjunction()?;
            let mut count = 0;
            while parser.take("или", "or") {
                let right = parser.chained(&mut count, Self::conjunction)?;
                left = binary(Operation::Or, left, right);
            }
            Ok(left)
        })
    }

    fn conjunction(&mut self) -> Result<Expr> {
        let mut left = self.negation()?;
        let mut count = 0;
        while self.take("и", "and") {
            let right = self.chained(&mut count, Self::negation)?;
            left = binary(Operation::And, left, right);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.take("не", "not") {
            let inner = self.deeper(Self::negation)?;
            return Ok(Expr { at, node: Node::Not(Box::new(inner)) });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr> {
        let left = self.sum()?;
        let signs = [
            ("=", Operation::Equal),
            ("<>", Operation::NotEqual),
            ("<=", Operation::LessOrEqual),
            (">=", Operation::GreaterOrEqual),
            ("<", Operation::Less),
            (">", Operation::Greater),
        ];
        for (sign, operation) in signs {
            if self.take_sign(sign) {
                let right = self.sum()?;
                return Ok(binary(operation, left, right));
            }
        }
        let at = left.at;
        let value = Box::new(left);
        let negated = self.is_word(0, "не", "not")
            && (self.is_word(1, "в", "in")
                || self.is_word(1, "между", "between")
                || self.is_word(1, "подобно", "like"));
        if negated {
            self.advance();
        }
        let node = if self.take("есть", "is") {
            let not = self.take("не", "not");
            self.expect("null", "null")?;
            Node::IsNull(value, not)
        } else if self.take("в", "in") {
            let hierarchy = self.take("иерархии", "hierarchy");
            Node::In { value, negated, hierarchy, list: self.in_list()? }
        } else if self.take("между", "between") {
            let from = self.sum()?;
            self.expect("и", "and")?;
            let to = self.sum()?;
            negate(negated, at, Node::Between(value, Box::new(from), Box::new(to)))
        } else if self.take("подобно", "like") {
            let pattern = Box::new(self.sum()?);
            let escape = if self.take("спецсимвол", "escape") { Some(self.text()?) } else { None };
            negate(negated, at, Node::Like { value, pattern, escape })
        } else if self.is_word(0, "ссылка", "refs") {
            self.advance();
            Node::IsType(value, self.path()?)
        } else {
            return Ok(*value);
        };
        Ok(Expr { at, node })
    }

    fn text(&mut self) -> Result<String> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.advance();
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn in_list(&mut self) -> Result<InList> {
        self.expect_sign("(")?;
        let list = if self.is_word(0, "выбрать", "select") {
            InList::Query(Box::new(self.union()?))
        } else {
            InList::Values(self.list(Self::expr)?)
        };
        self.expect_sign(")")?;
        Ok(list)
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        let mut count = 0;
        loop {
            let operation = match self.peek() {
                Token::Sign("+") => Operation::Add,
                Token::Sign("-") => Operation::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.chained(&mut count, Self::product)?;
            left = binary(operation, left, right);
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        let mut count = 0;
        loop {
            let operation = match self.peek() {
                Token::Sign("*") => Operation::Multiply,
                Token::Sign("/") => Operation::Divide,
                _ => return Ok(left),
            };
            self.advance();
            let right = self.chained(&mut count, Self::unary)?;
            left = binary(operation, left, right);
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        let at = self.at();
        if self.take_sign("-") {
            let inner = self.deeper(Self::unary)?;
            return Ok(Expr { at, node: Node::Negate(Box::new(inner)) });
        }
        if self.take_sign("+") {
            return self.deeper(Self::unary);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Expr> {
        let at = self.at();
        let node = match self.peek().clone() {
            Token::Number(text) => {
                self.advance();
                Node::Number(text)
            }
            Token::Text(text) => {
                self.advance();
                Node::Text(text)
            }
            Token::Parameter(name) => {
                self.advance();
                Node::Parameter(name)
            }
            Token::Sign("(") => {
                self.advance();
                let mut items = self.list(Self::expr)?;
                self.expect_sign(")")?;
                match (items.pop(), items.is_empty()) {
                    (Some(only), true) => return Ok(only),
                    (last, _) => Node::Tuple(items.into_iter().chain(last).collect()),
                }
            }
            Token::Word(word) => self.word(&fold(&word))?,
            _ => return Err(self.unexpected()),
        };
        Ok(Expr { at, node })
    }

    fn word(&mut self, word: &str) -> Result<Node> {
        let called = matches!(self.ahead(1), Token::Sign("("));
        match word {
            "истина" | "true" => Ok(self.literal(Node::Boolean(true))),
            "ложь" | "false" => Ok(self.literal(Node::Boolean(false))),
            "null" => Ok(self.literal(Node::Null)),
            "неопределено" | "undefined" => Ok(self.literal(Node::Undefined)),
            "выбор" | "case" if !matches!(self.ahead(1), Token::Sign(".")) => self.case(),
            _ if called => self.call(word),
            _ if is_reserved(word) && !matches!(self.ahead(1), Token::Sign(".")) && word != "ссылка" => {
                Err(self.unexpected())
            }
            _ => Ok(Node::Field(self.path()?)),
        }
    }

    fn literal(&mut self, node: Node) -> Node {
        self.advance();
        node
    }

    fn case(&mut self) -> Result<Node> {
        self.advance();
        let mut branches = Vec::new();
        while self.take("когда", "when") {
            let condition = self.expr()?;
            self.expect("тогда", "then")?;
            branches.push((condition, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = if self.take("иначе", "else") { Some(Box::new(self.expr()?)) } else { None };
        self.expect("конец", "end")?;
        Ok(Node::Case { branches, otherwise })
    }

    fn call(&mut self, word: &str) -> Result<Node> {
        let at = self.at();
        let unknown = error_at(self.text, at, format!("Неизвестная функция \"{word}\""));
        self.advance();
        self.expect_sign("(")?;
        let aggregate = AGGREGATES.iter().find(|row| row.1 == word || row.2 == word);
        let node = match word {
            _ if let Some((function, ..)) = aggregate => {
                let distinct = self.take("различные", "distinct");
                let argument = if self.take_sign("*") { None } else { Some(Box::new(self.expr()?)) };
                if argument.is_none() && *function != Aggregate::Count {
                    return Err(self.unexpected());
                }
                Node::Aggregate { function: *function, distinct, argument }
            }
            "значение" | "value" => Node::Value(self.path()?),
            "тип" | "type" => Node::Type(self.path()?),
            "выразить" | "cast" => {
                let value = Box::new(self.expr()?);
                self.expect("как", "as")?;
                Node::Cast(value, self.cast_type()?)
            }
            "представлениессылки" | "refpresentation" => {
                Node::Call("ПРЕДСТАВЛЕНИЕ", vec![self.expr()?])
            }
            _ => {
                let known = FUNCTIONS.iter().find(|row| row.1 == word || row.2 == word).ok_or(unknown)?;
                Node::Call(known.0, self.list(Self::expr)?)
            }
        };
        self.expect_sign(")")?;
        if matches!(node, Node::Cast(..)) && self.take_sign(".") {
            return Ok(Node::Member(Box::new(Expr { at, node }), self.path()?));
        }
        Ok(node)
    }

    fn cast_type(&mut self) -> Result<CastType> {
        let path = self.path()?;
        let mut sizes = Vec::new();
        if path.len() == 1 && self.take_sign("(") {
            sizes = self.list(Self::whole_number)?;
            self.expect_sign(")")?;
        }
        let size = |index: usize| sizes.get(index).map_or(0, |size| u32::try_from(*size).unwrap_or(u32::MAX));
        match (path.as_slice(), path.first().map(|name| fold(name)).as_deref()) {
            ([_], Some("булево" | "boolean")) => Ok(CastType::Boolean),
            ([_], Some("дата" | "date")) => Ok(CastType::Date),
            ([_], Some("строка" | "string")) => Ok(CastType::String(size(0))),
            ([_], Some("число" | "number")) => Ok(CastType::Number(size(0), size(1))),
            ([_, _], _) => Ok(CastType::Object(path)),
            _ => Err(self.unexpected()),
        }
    }
}

fn is_reserved(word: &str) -> bool {
    let word = fold(word);
    RESERVED.iter().any(|(russian, english)| word == *russian || word == *english)
}

fn binary(operation: Operation, left: Expr, right: Expr) -> Expr {
    Expr { at: left.at, node: Node::Binary(operation, Box::new(left), Box::new(right)) }
}

fn negate(negated: bool, at: usize, node: Node) -> Node {
    if negated { Node::Not(Box::new(Expr { at, node })) } else { node }
}
