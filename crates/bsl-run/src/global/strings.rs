//! Functions of strings. Characters are counted as UTF-16 has them, as the platform does.

use std::cmp::Ordering;

use crate::collections::Array;
use crate::error::{self, Failure, Res};
use crate::global::{Function, function};
use crate::object::Args;
use crate::value::{Value, compare_text};
use crate::vm::LONGEST_TEXT;

pub(super) const FUNCTIONS: &[Function] = &[
    function("СтрДлина", "StrLen", 1, 1, |_, a| Ok(Value::count(length(&a.text(0))))),
    function("СокрЛ", "TrimL", 1, 1, |_, a| Ok(Value::str(a.text(0).trim_start_matches(blank)))),
    function("СокрП", "TrimR", 1, 1, |_, a| Ok(Value::str(a.text(0).trim_end_matches(blank)))),
    function("СокрЛП", "TrimAll", 1, 1, |_, a| Ok(Value::str(a.text(0).trim_matches(blank)))),
    function("Лев", "Left", 2, 2, |_, a| {
        let count = a.integer(1)?;
        Ok(part(&a.text(0), 0, count).into())
    }),
    function("Прав", "Right", 2, 2, |_, a| {
        let text = a.text(0);
        let count = a.integer(1)?.max(0);
        let length = i64::try_from(length(&text)).unwrap_or(i64::MAX);
        Ok(part(&text, (length - count).max(0), count).into())
    }),
    function("Сред", "Mid", 2, 3, |_, a| {
        let start = a.integer(1)?.max(1) - 1;
        let count = a.integer_or(2, i64::MAX)?;
        Ok(part(&a.text(0), start, count).into())
    }),
    function("СтрНайти", "StrFind", 2, 5, |_, a| find(a)),
    function("Найти", "Find", 2, 2, |_, a| find(a)),
    function("ВРег", "Upper", 1, 1, |_, a| Ok(a.text(0).to_uppercase().into())),
    function("НРег", "Lower", 1, 1, |_, a| Ok(a.text(0).to_lowercase().into())),
    function("ТРег", "Title", 1, 1, |_, a| Ok(title(&a.text(0)).into())),
    function("Символ", "Char", 1, 1, |_, a| {
        let code = u32::try_from(a.integer(0)?).map_err(|_| error::bad_argument_value(1))?;
        let c = char::from_u32(code).ok_or_else(|| error::bad_argument_value(1))?;
        Ok(c.to_string().into())
    }),
    function("КодСимвола", "CharCode", 1, 2, |_, a| {
        let text = a.text(0);
        let at = usize::try_from(a.integer_or(1, 1)?).ok().and_then(|at| at.checked_sub(1));
        let code = at.and_then(|at| text.encode_utf16().nth(at));
        Ok(Value::int(code.map_or(-1, i64::from)))
    }),
    function("ПустаяСтрока", "IsBlankString", 1, 1, |_, a| {
        Ok(a.text(0).trim_matches(blank).is_empty().into())
    }),
    function("СтрЗаменить", "StrReplace", 3, 3, |_, a| {
        let (text, from, to) = (a.text(0), a.text(1), a.text(2));
        if from.is_empty() {
            return Ok(Value::Str(text));
        }
        let count = text.matches(&*from).count();
        if text.len() + count.saturating_mul(to.len()) > LONGEST_TEXT {
            return Err(Failure::new("Строка слишком велика"));
        }
        Ok(text.replace(&*from, &to).into())
    }),
    function("СтрЧислоСтрок", "StrLineCount", 1, 1, |_, a| {
        Ok(Value::count(a.text(0).split('\n').count()))
    }),
    function("СтрПолучитьСтроку", "StrGetLine", 2, 2, |_, a| {
        let text = a.text(0);
        let at = usize::try_from(a.integer(1)?).ok().and_then(|at| at.checked_sub(1));
        Ok(Value::str(at.and_then(|at| text.split('\n').nth(at)).unwrap_or_default()))
    }),
    function("СтрЧислоВхождений", "StrOccurrenceCount", 2, 2, |_, a| {
        let wanted = a.text(1);
        Ok(Value::count(if wanted.is_empty() { 0 } else { a.text(0).matches(&*wanted).count() }))
    }),
    function("СтрСравнить", "StrCompare", 2, 2, |_, a| {
        Ok(Value::int(match compare_text(&a.text(0), &a.text(1)) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }))
    }),
    function("СтрНачинаетсяС", "StrStartsWith", 2, 2, |_, a| {
        Ok(a.text(0).starts_with(&*needle(a)?).into())
    }),
    function("СтрЗаканчиваетсяНа", "StrEndsWith", 2, 2, |_, a| {
        Ok(a.text(0).ends_with(&*needle(a)?).into())
    }),
    function("СтрРазделить", "StrSplit", 2, 3, |_, a| {
        let (text, separators) = (a.text(0), a.text(1));
        let keep = a.truth_or(2, true)?;
        let parts: Vec<&str> =
            if separators.is_empty() { vec![&text] } else { text.split(|c| separators.contains(c)).collect() };
        Ok(Array::value(parts.into_iter().filter(|part| keep || !part.is_empty()).map(Value::from).collect()))
    }),
    function("СтрСоединить", "StrConcat", 1, 2, |_, a| {
        let list = a.value(0);
        let array = list.as_object::<Array>().ok_or_else(|| error::bad_argument(1))?;
        let texts: Vec<_> = array.values().iter().map(Value::text).collect();
        let separator = a.text(1);
        if texts.iter().map(|text| text.len() + separator.len()).sum::<usize>() > LONGEST_TEXT {
            return Err(Failure::new("Строка слишком велика"));
        }
        Ok(texts.join(&*separator).into())
    }),
    function("СтрШаблон", "StrTemplate", 1, 11, |_, a| template(a)),
    function("НСтр", "NStr", 1, 2, |_, a| Ok(localized(&a.text(0), &a.text(1)).into())),
    function("Формат", "Format", 2, 2, |_, a| Ok(crate::format::format(&a.value(0), &a.text(1))?.into())),
    function("КодироватьСтроку", "EncodeString", 2, 3, |_, a| {
        crate::misc::text_encoding(a, 2)?;
        let method = a.get(1).and_then(Value::enum_name).ok_or_else(|| error::bad_argument(2))?;
        Ok(percent_encoded(&a.text(0), method == "URLВКодировкеURL").into())
    }),
    function("РаскодироватьСтроку", "DecodeString", 2, 3, |_, a| {
        crate::misc::text_encoding(a, 2)?;
        a.get(1).and_then(Value::enum_name).ok_or_else(|| error::bad_argument(2))?;
        Ok(percent_decoded(&a.text(0)).into())
    }),
];

fn blank(c: char) -> bool {
    c.is_whitespace() || c <= ' '
}

fn needle(arguments: &Args) -> Res<std::sync::Arc<str>> {
    let text = arguments.text(1);
    if text.is_empty() { Err(error::bad_argument_value(2)) } else { Ok(text) }
}

/// Whether every character is one unit of UTF-16.
fn is_plain(text: &str) -> bool {
    // Only characters beyond the basic plane start with these bytes.
    !text.bytes().any(|byte| byte >= 0xF0)
}

fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// `count` characters from a place on.
fn part(text: &str, start: i64, count: i64) -> String {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if text.is_ascii() {
        let start = start.min(text.len());
        return text[start..start.saturating_add(count).min(text.len())].to_owned();
    }
    if is_plain(text) {
        return text.chars().skip(start).take(count).collect();
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(count).collect();
    String::from_utf16_lossy(&units)
}

fn find(arguments: &Args) -> Res<Value> {
    let (text, wanted) = (arguments.text(0), arguments.text(1));
    let backwards = match arguments.get(2) {
        None | Some(Value::Undefined) => false,
        Some(value) => value.enum_name().ok_or_else(|| error::bad_argument(3))? == "СКонца",
    };
    let total = length(&text);
    let default = if backwards { total.max(1) } else { 1 };
    let start = arguments.integer_or(3, i64::try_from(default).unwrap_or(i64::MAX))?;
    let occurrence = arguments.integer_or(4, 1)?;
    if wanted.is_empty() {
        return Ok(Value::int(if arguments.len() > 2 { 0 } else { 1 }));
    }
    let given = arguments.get(3).is_some();
    let start = usize::try_from(start).ok().filter(|start| *start >= 1 && (*start <= total || !given));
    let start = start.ok_or_else(|| error::bad_argument_value(4))?;
    let occurrence = usize::try_from(occurrence).ok().and_then(|n| n.checked_sub(1));
    let occurrence = occurrence.ok_or_else(|| error::bad_argument_value(5))?;
    // Overlapping occurrences count, as each place is looked at.
    let units: Vec<u16> = text.encode_utf16().collect();
    let wanted: Vec<u16> = wanted.encode_utf16().collect();
    let matches = |at: &usize| units[*at..].starts_with(&wanted);
    let found = if backwards {
        (0..start.min(units.len())).rev().filter(matches).nth(occurrence)
    } else {
        (start - 1..units.len()).filter(matches).nth(occurrence)
    };
    Ok(Value::count(found.map_or(0, |at| at + 1)))
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut made = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || (inside && c == '\'') {
            if inside {
                made.extend(c.to_lowercase())
            } else {
                made.extend(c.to_uppercase())
            }
            inside = true;
        } else {
            made.push(c);
            inside = false;
        }
    }
    made
}

/// `%1` to `%10` stand for parameters, `%%` for a percent sign, `%(1)` for a parameter before a digit.
fn template(arguments: &Args) -> Res<Value> {
    let pattern = arguments.string(0)?;
    let mut made = String::with_capacity(pattern.len());
    let mut rest: &str = &pattern;
    let mut used = 0;
    while let Some(at) = rest.find('%') {
        made.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            made.push('%');
            rest = after;
            continue;
        }
        let (number, after) = if let Some(inner) = rest.strip_prefix('(') {
            let Some((number, after)) = inner.split_once(')') else { return Err(wrong_template(&pattern)) };
            (number, after)
        } else {
            let digits =
                if rest.starts_with("10") { 2 } else { rest.bytes().take(1).filter(u8::is_ascii_digit).count() };
            rest.split_at(digits)
        };
        let number: usize = number.parse().map_err(|_| wrong_template(&pattern))?;
        if !(1..=10).contains(&number) {
            return Err(wrong_template(&pattern));
        }
        used = used.max(number);
        made.push_str(&arguments.text(number));
        if made.len() > LONGEST_TEXT {
            return Err(Failure::new("Строка слишком велика"));
        }
        rest = after;
    }
    made.push_str(rest);
    if arguments.len() > used + 1 {
        return Err(error::too_many());
    }
    Ok(made.into())
}

fn wrong_template(pattern: &str) -> Failure {
    Failure::new(format!("Неправильный формат строки шаблона ({pattern})"))
}

/// The text of a language, of Russian if none is named, and of the first one if there is none of it.
fn localized(text: &str, language: &str) -> String {
    let wanted = if language.is_empty() { "ru" } else { language };
    let mut first = None;
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_matches([' ', ';', '\n', '\r', '\t', '|']);
        let after = after.trim_start();
        let (value, next) = match after.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            Some(quote) => {
                let mut value = String::new();
                let mut inner = &after[1..];
                loop {
                    let Some((part, next)) = inner.split_once(quote) else {
                        value.push_str(inner);
                        break (value, "");
                    };
                    value.push_str(part);
                    match next.strip_prefix(quote) {
                        Some(next) => {
                            value.push(quote);
                            inner = next;
                        }
                        None => break (value, next),
                    }
                }
            }
            None => {
                let (value, next) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), next)
            }
        };
        if key.eq_ignore_ascii_case(wanted) {
            return value;
        }
        first.get_or_insert(value);
        rest = next;
    }
    match first {
        Some(first) => first,
        None => text.to_owned(),
    }
}

fn percent_encoded(text: &str, whole_url: bool) -> String {
    let kept = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || (whole_url && b":/?#[]@!$&'()*+,;=%".contains(&byte))
    };
    let piece = |byte: u8| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(piece).collect()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut made = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                made.push(byte);
                at += 3;
            }
            None => {
                made.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&made).into_owned()
}
