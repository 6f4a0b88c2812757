//! JSON: reading into values, token by token or whole, and writing.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::collections::{Array, Map, Structure};
use crate::date::Date;
use crate::enums;
use crate::error::{self, Failure, Res};
use crate::object::{Args, Object};
use crate::value::{Name, Value};
use crate::vm::Vm;

/// How deep objects and arrays may nest.
const DEEPEST: usize = 500;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Name(Arc<str>),
    Text(Arc<str>),
    Number(Decimal),
    Bool(bool),
    Null,
}

impl Token {
    fn kind(&self) -> &'static str {
        match self {
            Token::ObjectStart => "НачалоОбъекта",
            Token::ObjectEnd => "КонецОбъекта",
            Token::ArrayStart => "НачалоМассива",
            Token::ArrayEnd => "КонецМассива",
            Token::Name(_) => "ИмяСвойства",
            Token::Text(_) => "Строка",
            Token::Number(_) => "Число",
            Token::Bool(_) => "Булево",
            Token::Null => "Null",
        }
    }

    fn value(&self) -> Value {
        match self {
            Token::Name(text) | Token::Text(text) => Value::Str(text.clone()),
            Token::Number(number) => Value::Number(*number),
            Token::Bool(truth) => Value::Bool(*truth),
            _ => Value::Undefined,
        }
    }
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Value,
    FirstNameOrEnd,
    FirstValueOrEnd,
    CommaOrEnd,
    End,
}

#[derive(Debug)]
struct Parser {
    text: Arc<str>,
    at: usize,
    /// True for an object, false for an array.
    open: Vec<bool>,
    expects: Expects,
}

impl Parser {
    fn new(text: Arc<str>) -> Parser {
        Parser { text, at: 0, open: Vec::new(), expects: Expects::Value }
    }

    fn wrong<T>(&self, what: &str) -> Res<T> {
        let before = &self.text[..self.at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Err(Failure::new(format!("Ошибка разбора JSON (строка {line}, позиция {column}): {what}")))
    }

    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{feff}']).len();
        self.at += blank;
        self.text[self.at..].chars().next()
    }

    fn close(&mut self) {
        self.open.pop();
        self.expects = if self.open.is_empty() { Expects::End } else { Expects::CommaOrEnd };
    }

    /// The next token; nothing at the end of the text.
    fn next(&mut self) -> Res<Option<Token>> {
        let Some(c) = self.peek() else {
            return if self.expects == Expects::End
                || (self.open.is_empty() && self.at == self.text.len() && self.text.trim().is_empty())
            {
                Ok(None)
            } else {
                self.wrong("неожиданный конец текста")
            };
        };
        let in_object = self.open.last().copied();
        let ends = match in_object {
            Some(true) => c == '}',
            Some(false) => c == ']',
            None => false,
        };
        match self.expects {
            Expects::End => return self.wrong("лишние символы после значения"),
            Expects::FirstNameOrEnd | Expects::FirstValueOrEnd | Expects::CommaOrEnd if ends => {
                self.at += 1;
                self.close();
                return Ok(Some(if in_object == Some(true) { Token::ObjectEnd } else { Token::ArrayEnd }));
            }
            Expects::FirstNameOrEnd => return self.name().map(Some),
            Expects::CommaOrEnd => {
                if c != ',' {
                    return self.wrong("ожидается запятая или конец");
                }
                self.at += 1;
                let _ = self.peek();
                if in_object == Some(true) {
                    return self.name().map(Some);
                }
            }
            Expects::FirstValueOrEnd | Expects::Value => {}
        }
        self.value().map(Some)
    }

    fn name(&mut self) -> Res<Token> {
        if self.peek() != Some('"') {
            return self.wrong("ожидается имя свойства");
        }
        let name = self.string()?;
        if self.peek() != Some(':') {
            return self.wrong("ожидается двоеточие");
        }
        self.at += 1;
        self.expects = Expects::Value;
        Ok(Token::Name(name))
    }

    fn value(&mut self) -> Res<Token> {
        let Some(c) = self.peek() else { return self.wrong("неожиданный конец текста") };
        if c == '{' || c == '[' {
            self.at += 1;
            self.open.push(c == '{');
            if self.open.len() > DEEPEST {
                return self.wrong("слишком глубокая вложенность");
            }
            self.expects = if c == '{' { Expects::FirstNameOrEnd } else { Expects::FirstValueOrEnd };
            return Ok(if c == '{' { Token::ObjectStart } else { Token::ArrayStart });
        }
        let token = match c {
            '"' => Token::Text(self.string()?),
            '-' | '0'..='9' => self.number()?,
            _ => {
                let rest = &self.text[self.at..];
                let words = [("true", Token::Bool(true)), ("false", Token::Bool(false)), ("null", Token::Null)];
                let Some((word, token)) = words.into_iter().find(|(word, _)| rest.starts_with(word)) else {
                    return self.wrong("ожидается значение");
                };
                self.at += word.len();
                if self.text[self.at..].starts_with(|c: char| c.is_alphanumeric()) {
                    return self.wrong("ожидается значение");
                }
                token
            }
        };
        self.expects = if self.open.is_empty() { Expects::End } else { Expects::CommaOrEnd };
        Ok(token)
    }

    fn number(&mut self) -> Res<Token> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let text = &rest[..length];
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = digits.split(['.', 'e', 'E']).next().unwrap_or_default();
        let well_formed = !whole.is_empty()
            && (whole.len() == 1 || !whole.starts_with('0'))
            && whole.bytes().all(|b| b.is_ascii_digit())
            && !digits.contains(".e")
            && !digits.ends_with('.');
        let parsed =
            if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { text.parse::<Decimal>().ok() };
        match parsed.filter(|_| well_formed) {
            Some(number) => {
                self.at += length;
                Ok(Token::Number(number.normalize()))
            }
            None => self.wrong("неправильное число"),
        }
    }

    fn string(&mut self) -> Res<Arc<str>> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') else {
                return self.wrong("строка не закончена");
            };
            value.push_str(&rest[..end]);
            let c = rest.as_bytes()[end];
            self.at += end + 1;
            match c {
                b'"' => return Ok(value.into()),
                b'\\' => self.escape(&mut value)?,
                // The platform takes line feeds and tabs in strings as they are.
                b'\n' | b'\t' | b'\r' => value.push(char::from(c)),
                _ => return self.wrong("недопустимый символ в строке"),
            }
        }
    }

    fn escape(&mut self, value: &mut String) -> Res<()> {
        let Some(c) = self.text[self.at..].chars().next() else {
            return self.wrong("строка не закончена");
        };
        self.at += c.len_utf8();
        let plain = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex()?;
                let second = if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    Some(self.hex()?)
                } else {
                    None
                };
                let units = [Some(first), second];
                value.extend(
                    char::decode_utf16(units.into_iter().flatten()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)),
                );
                return Ok(());
            }
            _ => return self.wrong("неизвестная последовательность в строке"),
        };
        value.push(plain);
        Ok(())
    }

    fn hex(&mut self) -> Res<u16> {
        let digits = self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => self.wrong("ожидаются четыре шестнадцатеричные цифры"),
        }
    }
}

/// `ЧтениеJSON`.
#[derive(Default)]
pub(crate) struct Reader {
    parser: RefCell<Option<Parser>>,
    current: RefCell<Option<Token>>,
}

impl Reader {
    fn advance(&self) -> Res<Option<Token>> {
        let mut parser = self.parser.borrow_mut();
        let parser = parser.as_mut().ok_or_else(|| Failure::new("Текст JSON не установлен"))?;
        let token = parser.next()?;
        *self.current.borrow_mut() = token.clone();
        Ok(token)
    }
}

impl Object for Reader {
    fn type_name(&self) -> Cow<'static, str> {
        "ЧтениеJSON".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        let current = self.current.borrow();
        match name.key() {
            "типтекущегозначения" | "currentvaluetype" => {
                Ok(enums::item("ТипЗначенияJSON", current.as_ref().map_or("Ничего", Token::kind)))
            }
            "текущеезначение" | "currentvalue" => match current.as_ref() {
                Some(Token::ObjectStart | Token::ObjectEnd | Token::ArrayStart | Token::ArrayEnd) | None => {
                    Err(Failure::new("Текущее значение JSON не может быть получено"))
                }
                Some(token) => Ok(token.value()),
            },
            _ => Err(error::no_property(name.text())),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "установитьстроку" | "setstring" => {
                arguments.count(1, 1)?;
                *self.parser.borrow_mut() = Some(Parser::new(arguments.string(0)?));
                *self.current.borrow_mut() = None;
                Ok(Value::Undefined)
            }
            "прочитать" | "read" => {
                arguments.count(0, 0)?;
                Ok(Value::Bool(self.advance()?.is_some()))
            }
            "пропустить" | "skip" => {
                arguments.count(0, 0)?;
                let mut depth = match *self.current.borrow() {
                    Some(Token::ObjectStart | Token::ArrayStart) => 1,
                    _ => 0,
                };
                while depth > 0 {
                    match self.advance()? {
                        Some(Token::ObjectStart | Token::ArrayStart) => depth += 1,
                        Some(Token::ObjectEnd | Token::ArrayEnd) => depth -= 1,
                        Some(_) => {}
                        None => return Ok(Value::Bool(false)),
                    }
                }
                Ok(Value::Bool(self.advance()?.is_some()))
            }
            "закрыть" | "close" => {
                arguments.count(0, 0)?;
                *self.parser.borrow_mut() = None;
                *self.current.borrow_mut() = None;
                Ok(Value::Undefined)
            }
            _ => Err(error::no_method(name.text())),
        }
    }
}

/// How `ПрочитатьJSON` makes values.
struct Reading {
    into_map: bool,
    date_names: Vec<String>,
    date_format: &'static str,
    restore: Option<(Arc<str>, Value, Value)>,
    restore_names: Option<Vec<String>>,
}

/// `ПрочитатьJSON`.
pub(crate) fn read(vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let source = arguments.value(0);
    let reader = source.as_object::<Reader>().ok_or_else(|| error::bad_argument(1))?;
    let names = |at: usize| -> Res<Vec<String>> {
        match arguments.get(at) {
            None | Some(Value::Undefined) => Ok(Vec::new()),
            Some(Value::Str(names)) => Ok(names.split(',').map(|name| name.trim().to_owned()).collect()),
            Some(value) => match value.as_object::<Array>() {
                Some(array) => Ok(array.values().iter().map(|name| name.text().to_string()).collect()),
                None => Err(error::bad_argument(at + 1)),
            },
        }
    };
    let restore = match arguments.get(4) {
        Some(Value::Str(name)) if !name.is_empty() => Some((name.clone(), arguments.value(5), arguments.value(6))),
        _ => None,
    };
    let reading = Reading {
        into_map: arguments.truth_or(1, false)?,
        date_names: names(2)?,
        date_format: arguments.get(3).and_then(Value::enum_name).unwrap_or("ISO"),
        restore,
        restore_names: arguments.get(7).map(|_| names(7)).transpose()?,
    };
    let deepest = arguments.integer_or(8, 500)?;
    let start = reader.current.borrow().clone();
    let first = match start {
        Some(token @ (Token::ObjectStart | Token::ArrayStart)) => Some(token),
        _ => reader.advance()?,
    };
    let Some(mut token) = first else {
        return Err(Failure::new("Ошибка разбора JSON: нет значения"));
    };
    // What is not closed yet, with the name of the property that is being read.
    let mut open: Vec<(Value, Option<Arc<str>>)> = Vec::new();
    let result = loop {
        let mut finished = None;
        match token {
            Token::ObjectStart => {
                let made = if reading.into_map { Value::object(Map::new()) } else { Value::object(Structure::new()) };
                open.push((made, None));
            }
            Token::ArrayStart => open.push((Array::value(Vec::new()), None)),
            Token::Name(name) => {
                if let Some(last) = open.last_mut() {
                    last.1 = Some(name);
                }
            }
            Token::ObjectEnd | Token::ArrayEnd => finished = open.pop().map(|(value, _)| value),
            ref simple => finished = Some(simple.value()),
        }
        if i64::try_from(open.len()).unwrap_or(i64::MAX) > deepest.max(1) {
            return Err(Failure::new("Превышена максимальная вложенность JSON"));
        }
        if let Some(value) = finished {
            match open.last_mut() {
                None => break reading.converted(vm, "", value)?,
                Some((container, name)) => {
                    let name = name.take();
                    let container = container.clone();
                    let value = reading.converted(vm, name.as_deref().unwrap_or_default(), value)?;
                    put(&container, name, value)?;
                }
            }
        }
        token = match reader.advance()? {
            Some(token) => token,
            None => return Err(Failure::new("Ошибка разбора JSON: неожиданный конец текста")),
        };
    };
    if reader.parser.borrow().as_ref().is_some_and(|parser| parser.expects == Expects::End) {
        // What follows the value makes the whole text wrong.
        reader.advance()?;
    }
    Ok(result)
}

fn put(container: &Value, name: Option<Arc<str>>, value: Value) -> Res<()> {
    if let Some(array) = container.as_object::<Array>() {
        array.push(value);
    } else if let Some(map) = container.as_object::<Map>() {
        map.put(Value::Str(name.unwrap_or_else(|| "".into())), value);
    } else if let Some(structure) = container.as_object::<Structure>() {
        let name = name.unwrap_or_else(|| "".into());
        let checked = crate::collections::checked_key(&name)
            .map_err(|_| Failure::new(format!("Недопустимое имя свойства структуры ({name})")))?;
        structure.put(&checked, value);
    }
    Ok(())
}

impl Reading {
    fn converted(&self, vm: &mut Vm, name: &str, value: Value) -> Res<Value> {
        let mut value = value;
        if self.date_names.iter().any(|known| known == name)
            && let Value::Str(text) = &value
        {
            value = Value::Date(parse_date(text, self.date_format)?);
        }
        let Some((function, module, extra)) = &self.restore else { return Ok(value) };
        if self.restore_names.as_ref().is_some_and(|names| !names.iter().any(|known| known == name)) {
            return Ok(value);
        }
        let Value::Object(object) = module else { return Err(error::bad_argument(6)) };
        let Some(instance) = object.module(vm)? else { return Err(error::bad_argument(6)) };
        vm.call_method(&instance, None, function, &mut [Value::str(name), value, extra.clone()])
    }
}

/// A date as JSON has it; a universal time stays as it is written, because the server's zone is UTC here.
pub(crate) fn parse_date(text: &str, format: &str) -> Res<Date> {
    let wrong = || Failure::new(format!("Неправильная дата JSON ({text})"));
    match format {
        "ISO" => {
            let text = text.trim();
            let (date, time) = text.split_once('T').or_else(|| text.split_once(' ')).unwrap_or((text, ""));
            let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
            let (clock, zone) = time.split_at(zone_at);
            let clock = clock.split('.').next().unwrap_or_default();
            let digits: String = format!("{date}{clock}").chars().filter(char::is_ascii_digit).collect();
            let local = Date::parse(&digits).ok_or_else(wrong)?;
            let offset = match zone.chars().next() {
                Some(sign @ ('+' | '-')) => {
                    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
                    let part =
                        |range: std::ops::Range<usize>| digits.get(range).and_then(|text| text.parse::<i64>().ok());
                    let seconds = part(0..2).ok_or_else(wrong)? * 3600 + part(2..4).unwrap_or(0) * 60;
                    if sign == '+' { -seconds } else { seconds }
                }
                _ => 0,
            };
            local.plus(offset).ok_or_else(wrong)
        }
        _ => {
            let digits: String = text
                .chars()
                .skip_while(|c| !c.is_ascii_digit() && *c != '-')
                .take_while(|c| c.is_ascii_digit() || *c == '-')
                .collect();
            let milliseconds: i64 = digits.parse().map_err(|_| wrong())?;
            let epoch = Date::from_parts((1970, 1, 1), (0, 0, 0)).ok_or_else(wrong)?;
            epoch.plus(milliseconds.div_euclid(1000)).ok_or_else(wrong)
        }
    }
}

/// A date as JSON writes it.
pub(crate) fn date_text(date: Date, format: &str, variant: &str) -> String {
    let epoch = Date::from_parts((1970, 1, 1), (0, 0, 0)).unwrap_or_default();
    let milliseconds = (date.seconds() - epoch.seconds()) * 1000;
    match format {
        "JavaScript" => format!("new Date({milliseconds})"),
        "Microsoft" => format!("/Date({milliseconds})/"),
        _ => {
            let zone = match variant {
                "УниверсальнаяДата" => "Z",
                "ЛокальнаяДатаСоСмещением" => "+00:00",
                _ => "",
            };
            format!("{}{zone}", date.chrono().format("%Y-%m-%dT%H:%M:%S"))
        }
    }
}

/// `ПараметрыЗаписиJSON`.
#[derive(Debug, Clone)]
pub(crate) struct WriterSettings {
    line_break: &'static str,
    indent: String,
    double_quotes: bool,
    escape: &'static str,
    escape_slash: bool,
    escape_angle: bool,
    escape_lines: bool,
    escape_ampersand: bool,
    escape_single: bool,
}

impl Default for WriterSettings {
    fn default() -> WriterSettings {
        WriterSettings {
            line_break: "Авто",
            indent: String::new(),
            double_quotes: true,
            escape: "Нет",
            escape_slash: false,
            escape_angle: false,
            escape_lines: true,
            escape_ampersand: false,
            escape_single: false,
        }
    }
}

impl WriterSettings {
    pub fn create(arguments: &Args) -> Res<Value> {
        arguments.count(0, 9)?;
        let plain = WriterSettings::default();
        Ok(Value::object(WriterSettings {
            line_break: match arguments.get(0) {
                None | Some(Value::Undefined) => "Авто",
                Some(value) => value.enum_name().ok_or_else(|| error::bad_argument(1))?,
            },
            indent: arguments.text(1).to_string(),
            double_quotes: arguments.truth_or(2, plain.double_quotes)?,
            escape: arguments.get(3).and_then(Value::enum_name).unwrap_or(plain.escape),
            escape_angle: arguments.truth_or(4, plain.escape_angle)?,
            escape_lines: arguments.truth_or(5, plain.escape_lines)?,
            escape_ampersand: arguments.truth_or(6, plain.escape_ampersand)?,
            escape_single: arguments.truth_or(7, plain.escape_single)?,
            escape_slash: arguments.truth_or(8, plain.escape_slash)?,
        }))
    }

    fn new_line(&self) -> Option<&'static str> {
        match self.line_break {
            "Нет" => None,
            "Windows" => Some("\r\n"),
            _ => Some("\n"),
        }
    }

    fn quoted(&self, text: &str, out: &mut String) {
        let quote = if self.double_quotes { '"' } else { '\'' };
        out.push(quote);
        for c in text.chars() {
            let escaped = match c {
                '"' if self.double_quotes => Some("\\\""),
                '\\' => Some("\\\\"),
                '\n' => Some("\\n"),
                '\r' => Some("\\r"),
                '\t' => Some("\\t"),
                '\u{8}' => Some("\\b"),
                '\u{c}' => Some("\\f"),
                '/' if self.escape_slash => Some("\\/"),
                _ => None,
            };
            let by_code = c < ' '
                || (self.escape == "СимволыВнеASCII" && !c.is_ascii())
                || (self.escape == "СимволыВнеBMP" && c > '\u{ffff}')
                || (self.escape_lines && matches!(c, '\u{2028}' | '\u{2029}'))
                || (self.escape_angle && matches!(c, '<' | '>'))
                || (self.escape_ampersand && c == '&')
                || ((self.escape_single || !self.double_quotes) && c == '\'');
            match escaped {
                Some(escaped) => out.push_str(escaped),
                None if by_code => {
                    let mut units = [0; 2];
                    for unit in c.encode_utf16(&mut units) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                None => out.push(c),
            }
        }
        out.push(quote);
    }
}

impl Object for WriterSettings {
    fn type_name(&self) -> Cow<'static, str> {
        "ПараметрыЗаписиJSON".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "переносстрок" | "newlines" => Ok(enums::item("ПереносСтрокJSON", self.line_break)),
            "символыотступа" | "paddingsymbols" => Ok(Value::str(&self.indent)),
            "использоватьдвойныекавычки" | "usedoublequotes" => Ok(self.double_quotes.into()),
            "экранированиесимволов" | "escapecharacters" => {
                Ok(enums::item("ЭкранированиеСимволовJSON", self.escape))
            }
            _ => Err(error::no_property(name.text())),
        }
    }
}

/// `ЗаписьJSON`.
#[derive(Default)]
pub(crate) struct Writer {
    settings: RefCell<WriterSettings>,
    text: RefCell<Option<String>>,
    /// True for an object, and how many elements it has.
    open: RefCell<Vec<(bool, usize)>>,
    named: Cell<bool>,
    done: Cell<bool>,
}

impl Writer {
    fn with(&self, write: impl FnOnce(&mut String, &WriterSettings)) -> Res<()> {
        let mut text = self.text.borrow_mut();
        let text = text.as_mut().ok_or_else(|| Failure::new("Запись JSON не начата"))?;
        write(text, &self.settings.borrow());
        if text.len() > crate::vm::LONGEST_TEXT {
            return Err(Failure::new("Строка слишком велика"));
        }
        Ok(())
    }

    /// What stands before a value or a name.
    fn separate(&self, is_name: bool) -> Res<()> {
        if self.named.take() {
            return if is_name { Err(Failure::new("Ожидается значение JSON")) } else { Ok(()) };
        }
        let mut open = self.open.borrow_mut();
        let depth = open.len();
        match open.last_mut() {
            None if is_name || self.done.get() => Err(Failure::new("Неверная последовательность записи JSON")),
            None => Ok(()),
            Some((true, _)) if !is_name => Err(Failure::new("Ожидается имя свойства JSON")),
            Some((false, _)) if is_name => Err(Failure::new("Имя свойства JSON вне объекта")),
            Some((_, count)) => {
                *count += 1;
                let first = *count == 1;
                self.with(|text, settings| {
                    if !first {
                        text.push(',');
                    }
                    if let Some(new_line) = settings.new_line() {
                        text.push_str(new_line);
                        text.push_str(&settings.indent.repeat(depth));
                    }
                })
            }
        }
    }

    fn start(&self, is_object: bool) -> Res<()> {
        self.separate(false)?;
        if self.open.borrow().len() >= DEEPEST {
            return Err(Failure::new("Превышена максимальная вложенность JSON"));
        }
        self.open.borrow_mut().push((is_object, 0));
        self.with(|text, _| text.push(if is_object { '{' } else { '[' }))
    }

    fn end(&self, is_object: bool) -> Res<()> {
        let last = self.open.borrow_mut().pop();
        match last {
            Some((own, count)) if own == is_object && !self.named.get() => {
                let depth = self.open.borrow().len();
                self.done.set(depth == 0);
                self.with(|text, settings| {
                    if count > 0
                        && let Some(new_line) = settings.new_line()
                    {
                        text.push_str(new_line);
                        text.push_str(&settings.indent.repeat(depth));
                    }
                    text.push(if is_object { '}' } else { ']' });
                })
            }
            _ => Err(Failure::new("Неверная последовательность записи JSON")),
        }
    }

    fn name(&self, name: &str) -> Res<()> {
        self.separate(true)?;
        self.named.set(true);
        self.with(|text, settings| {
            settings.quoted(name, text);
            text.push_str(if settings.new_line().is_some() { ": " } else { ":" });
        })
    }

    fn simple(&self, value: &Value) -> Res<()> {
        let plain = match value {
            Value::Undefined | Value::Null => "null".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) => number.normalize().to_string(),
            Value::Str(text) => {
                self.separate(false)?;
                self.done.set(self.open.borrow().is_empty());
                return self.with(|out, settings| settings.quoted(text, out));
            }
            other => {
                return Err(Failure::new(format!("Значение типа {} не может быть записано в JSON", other.type_name())));
            }
        };
        self.separate(false)?;
        self.done.set(self.open.borrow().is_empty());
        self.with(|out, _| out.push_str(&plain))
    }
}

impl Object for Writer {
    fn type_name(&self) -> Cow<'static, str> {
        "ЗаписьJSON".into()
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "установитьстроку" | "setstring" => {
                arguments.count(0, 1)?;
                *self.settings.borrow_mut() = match arguments.get(0) {
                    None | Some(Value::Undefined) => WriterSettings::default(),
                    Some(value) => {
                        value.as_object::<WriterSettings>().cloned().ok_or_else(|| error::bad_argument(1))?
                    }
                };
                *self.text.borrow_mut() = Some(String::new());
                self.open.borrow_mut().clear();
                self.named.set(false);
                self.done.set(false);
            }
            "закрыть" | "close" => {
                arguments.count(0, 0)?;
                let text = self.text.borrow_mut().take().unwrap_or_default();
                return Ok(text.into());
            }
            "записатьначалообъекта" | "writestartobject" => {
                arguments.count(0, 0)?;
                self.start(true)?;
            }
            "записатьконецобъекта" | "writeendobject" => {
                arguments.count(0, 0)?;
                self.end(true)?;
            }
            "записатьначаломассива" | "writestartarray" => {
                arguments.count(0, 0)?;
                self.start(false)?;
            }
            "записатьконецмассива" | "writeendarray" => {
                arguments.count(0, 0)?;
                self.end(false)?;
            }
            "записатьимясвойства" | "writepropertyname" => {
                arguments.count(1, 1)?;
                self.name(&arguments.string(0)?)?;
            }
            "записатьзначение" | "writevalue" => {
                arguments.count(1, 2)?;
                self.simple(&arguments.value(0))?;
            }
            "записатьбезобработки" | "writeraw" => {
                arguments.count(1, 1)?;
                let raw = arguments.string(0)?;
                self.separate(false)?;
                self.with(|text, _| text.push_str(&raw))?;
            }
            _ => return Err(error::no_method(name.text())),
        }
        Ok(Value::Undefined)
    }
}

/// `НастройкиСериализацииJSON`.
pub(crate) struct SerializerSettings {
    as_iso: RefCell<Value>,
    variant: RefCell<Value>,
}

impl SerializerSettings {
    pub fn create(arguments: &Args) -> Res<Value> {
        arguments.count(0, 0)?;
        Ok(Value::object(SerializerSettings {
            as_iso: RefCell::new(enums::item("ФорматДатыJSON", "ISO")),
            variant: RefCell::new(enums::item("ВариантЗаписиДатыJSON", "ЛокальнаяДата")),
        }))
    }
}

impl Object for SerializerSettings {
    fn type_name(&self) -> Cow<'static, str> {
        "НастройкиСериализацииJSON".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        match name.key() {
            "форматсериализациидаты" | "dateserializationformat" => {
                Ok(self.as_iso.borrow().clone())
            }
            "вариантзаписидаты" | "datewritingvariant" => Ok(self.variant.borrow().clone()),
            _ => Err(error::no_property(name.text())),
        }
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "форматсериализациидаты" | "dateserializationformat" => {
                *self.as_iso.borrow_mut() = value
            }
            "вариантзаписидаты" | "datewritingvariant" => *self.variant.borrow_mut() = value,
            _ => return Err(error::no_property(name.text())),
        }
        Ok(())
    }
}

/// What the program's own function makes of values that JSON does not have.
struct Conversion {
    function: Arc<str>,
    module: Value,
    extra: Value,
}

/// `ЗаписатьJSON`.
pub(crate) fn write(vm: &mut Vm, arguments: &mut Args) -> Res<Value> {
    let target = arguments.value(0);
    let writer = target.as_object::<Writer>().ok_or_else(|| error::bad_argument(1))?;
    let settings = arguments.value(2);
    let (format, variant) = match settings.as_object::<SerializerSettings>() {
        Some(settings) => (
            settings.as_iso.borrow().enum_name().unwrap_or("ISO"),
            settings.variant.borrow().enum_name().unwrap_or("ЛокальнаяДата"),
        ),
        None if matches!(settings, Value::Undefined) => ("ISO", "ЛокальнаяДата"),
        None => return Err(error::bad_argument(3)),
    };
    let conversion = match arguments.get(3) {
        Some(Value::Str(name)) if !name.is_empty() => {
            Some(Conversion { function: name.clone(), module: arguments.value(4), extra: arguments.value(5) })
        }
        _ => None,
    };
    enum Step {
        Value(String, Value),
        Name(String),
        End(bool),
    }
    let mut steps = vec![Step::Value(String::new(), arguments.value(1))];
    while let Some(step) = steps.pop() {
        let (name, value) = match step {
            Step::Name(name) => {
                writer.name(&name)?;
                continue;
            }
            Step::End(is_object) => {
                writer.end(is_object)?;
                continue;
            }
            Step::Value(name, value) => (name, value),
        };
        if let Value::Date(date) = value {
            writer.simple(&date_text(date, format, variant).into())?;
            continue;
        }
        let items = if let Some(structure) = value.as_object::<Structure>() {
            structure.fields().into_iter().map(|(name, value)| (Some(name.to_string()), value)).collect::<Vec<_>>()
        } else if let Some(map) = value.as_object::<Map>() {
            let mut items = Vec::new();
            for (key, value) in map.entries() {
                let Value::Str(key) = key else {
                    return Err(Failure::new("Ключ соответствия, записываемого в JSON, должен быть строкой"));
                };
                items.push((Some(key.to_string()), value));
            }
            items
        } else if let Some(array) = value.as_object::<Array>() {
            array.values().into_iter().map(|value| (None, value)).collect()
        } else if matches!(value, Value::Object(_) | Value::Type(_) | Value::Enum(_)) {
            let Some(conversion) = &conversion else { return writer.simple(&value).map(|()| Value::Undefined) };
            let Value::Object(object) = &conversion.module else { return Err(error::bad_argument(5)) };
            let Some(instance) = object.module(vm)? else { return Err(error::bad_argument(5)) };
            let mut passed = [Value::str(&name), value, conversion.extra.clone(), Value::Bool(false)];
            let converted = vm.call_method(&instance, None, &conversion.function, &mut passed)?;
            if !passed[3].truth().unwrap_or(false) {
                writer.simple(&converted)?;
            }
            continue;
        } else {
            writer.simple(&value)?;
            continue;
        };
        let is_object = value.as_object::<Array>().is_none();
        writer.start(is_object)?;
        steps.push(Step::End(is_object));
        for (name, value) in items.into_iter().rev() {
            steps.push(Step::Value(name.clone().unwrap_or_default(), value));
            if let Some(name) = name {
                steps.push(Step::Name(name));
            }
        }
    }
    Ok(Value::Undefined)
}
