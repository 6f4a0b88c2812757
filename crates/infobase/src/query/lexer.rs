//! Splits a query's text into words, keeping where each stands.

use crate::error::{Error, Result};

/// A word of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword, as written.
    Word(String),
    /// A number, as written.
    Number(String),
    /// A string's content.
    Text(String),
    /// `&Имя` without the ampersand.
    Parameter(String),
    /// A sign: one of `( ) , . ; = <> <= >= < > + - * /`.
    Sign(&'static str),
    /// After the last word.
    End,
}

/// A word with its place in the text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) at: usize,
}

/// An error at a place of the text.
pub(super) fn error_at(text: &str, at: usize, message: impl Into<String>) -> Error {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::Query { line, column, message: message.into() }
}

const SIGNS: [&str; 15] = ["<>", "<=", ">=", "(", ")", ",", ".", ";", "=", "<", ">", "+", "-", "*", "/"];

/// Splits the whole text; the last word is [`Token::End`].
pub(super) fn split(text: &str) -> Result<Vec<Lexeme>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        let (token, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if first.is_alphabetic() || first == '_' {
            let word = word(rest);
            (Some(Token::Word(word.into())), word.len())
        } else if first.is_ascii_digit() {
            let number = number(rest);
            (Some(Token::Number(number.into())), number.len())
        } else if first == '"' {
            let (content, length) = string(rest).ok_or_else(|| error_at(text, at, "Не закрыта строка"))?;
            (Some(Token::Text(content)), length)
        } else if first == '&' {
            let name = word(rest.get(1..).unwrap_or_default());
            if name.is_empty() {
                return Err(error_at(text, at, "Ожидается имя параметра"));
            }
            (Some(Token::Parameter(name.into())), name.len() + 1)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Some(Token::Sign(sign)), sign.len())
        } else {
            return Err(error_at(text, at, format!("Синтаксическая ошибка \"{first}\"")));
        };
        found.extend(token.map(|token| Lexeme { token, at }));
        at += length;
    }
    found.push(Lexeme { token: Token::End, at: text.len() });
    Ok(found)
}

fn word(rest: &str) -> &str {
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn number(rest: &str) -> &str {
    let digits = |from: &str| from.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(from.len());
    let whole = digits(rest);
    let fraction = rest.get(whole..).and_then(|tail| tail.strip_prefix('.')).map_or(0, digits);
    let end = if fraction == 0 { whole } else { whole + 1 + fraction };
    rest.get(..end).unwrap_or_default()
}

/// Content of a string literal and its length with the quotes; a doubled quote stands for one.
fn string(rest: &str) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((index, letter)) = letters.next() {
        if letter != '"' {
            content.push(letter);
        } else if letters.next_if(|(_, next)| *next == '"').is_some() {
            content.push('"');
        } else {
            return Some((content, index + 1));
        }
    }
    None
}
