//! `Формат`: numbers, dates and truth values by a format string.

use chrono::{Datelike, Timelike};
use rust_decimal::Decimal;
use rust_decimal::prelude::RoundingStrategy;

use crate::date::Date;
use crate::error::{Failure, Res};
use crate::value::{Value, grouped};

/// A format string taken apart: its keys in Russian, in lower case.
struct Options(Vec<(&'static str, String)>);

/// Keys in both languages.
const KEYS: &[(&str, &str)] = &[
    ("л", "l"),
    ("чц", "nd"),
    ("чдц", "nfd"),
    ("чс", "ns"),
    ("чрд", "nds"),
    ("чрг", "ngs"),
    ("чн", "nz"),
    ("чвн", "nlz"),
    ("чг", "ng"),
    ("чо", "nn"),
    ("чф", "nf"),
    ("дф", "df"),
    ("длф", "dlf"),
    ("дп", "de"),
    ("бл", "bf"),
    ("би", "bt"),
];

impl Options {
    fn parse(text: &str) -> Res<Options> {
        let wrong = || Failure::new(format!("Неправильная форматная строка ({text})"));
        let mut found = Vec::new();
        let mut rest = text.trim_start_matches([' ', ';']);
        while !rest.is_empty() {
            let end = rest.find(['=', ';']).unwrap_or(rest.len());
            let key = known(&rest[..end]).ok_or_else(wrong)?;
            // A key without a value is a key with an empty one.
            let (text, after) = match rest[end..].strip_prefix('=') {
                Some(after) => value(after),
                None => (String::new(), &rest[end..]),
            };
            found.push((key, text));
            rest = after.trim_start_matches([' ', ';']);
        }
        Ok(Options(found))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }
}

fn known(key: &str) -> Option<&'static str> {
    let key = key.trim().to_lowercase();
    KEYS.iter().find(|(russian, english)| *russian == key || *english == key).map(|(russian, _)| *russian)
}

/// The value of a key, which may stand in quotes, and what follows it.
fn value(text: &str) -> (String, &str) {
    let trimmed = text.trim_start();
    for quote in ['\'', '"'] {
        let Some(inner) = trimmed.strip_prefix(quote) else { continue };
        let mut value = String::new();
        let mut rest = inner;
        while let Some((part, after)) = rest.split_once(quote) {
            value.push_str(part);
            rest = after;
            match rest.strip_prefix(quote) {
                Some(after) => {
                    value.push(quote);
                    rest = after;
                }
                None => return (value, rest),
            }
        }
    }
    match text.split_once(';') {
        Some((value, after)) => (value.to_owned(), after),
        None => (text.to_owned(), ""),
    }
}

/// The text of a value by a format string.
pub(crate) fn format(value: &Value, text: &str) -> Res<String> {
    let options = Options::parse(text)?;
    match value {
        Value::Number(value) => number(*value, &options),
        Value::Date(value) => Ok(date(*value, &options)),
        Value::Bool(truth) => {
            let own = options.get(if *truth { "би" } else { "бл" });
            Ok(own.map_or_else(|| value.text().to_string(), str::to_owned))
        }
        other => Ok(other.text().to_string()),
    }
}

fn number(value: Decimal, options: &Options) -> Res<String> {
    let count = |key: &str| -> Res<Option<u32>> {
        match options.get(key).map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => {
                text.parse().map(Some).map_err(|_| Failure::new(format!("Неправильная форматная строка ({text})")))
            }
        }
    };
    let shift = options.get("чс").and_then(|text| text.trim().parse::<i32>().ok()).unwrap_or(0);
    let mut value = value;
    for _ in 0..shift.unsigned_abs().min(28) {
        value = if shift > 0 { value / Decimal::TEN } else { value * Decimal::TEN };
    }
    let digits = count("чц")?;
    let fraction = count("чдц")?.or(digits.filter(|digits| *digits > 0).map(|_| 0));
    let mut value = match fraction {
        Some(places) => value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero),
        None => value.normalize(),
    };
    if value.is_zero() {
        value.set_sign_positive(true);
        match options.get("чн") {
            None => return Ok(String::new()),
            Some("") => {}
            Some(zero) => return Ok(zero.to_owned()),
        }
    }
    let plain = value.abs().to_string();
    let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut whole = whole.to_owned();
    let mut decimals = match fraction {
        Some(places) => format!("{decimals:0<width$}", width = places.min(1000) as usize),
        None => decimals.to_owned(),
    };
    if let Some(digits) = digits.filter(|digits| *digits > 0) {
        let width = digits.saturating_sub(fraction.unwrap_or(0)).min(1000) as usize;
        if whole.len() > width && whole != "0" {
            // The number does not fit: the platform shows the greatest one that does.
            whole = "9".repeat(width);
            decimals = "9".repeat(decimals.len());
        }
        if options.get("чвн").is_some() {
            whole = format!("{whole:0>width$}");
        }
    }
    let separator = match options.get("чрг") {
        None | Some("") => "\u{a0}",
        Some(separator) => separator,
    };
    let sizes: Vec<usize> = match options.get("чг") {
        None => vec![3],
        Some(text) => text.split([',', ' ']).filter_map(|size| size.trim().parse().ok()).collect(),
    };
    let mut text = if sizes.is_empty() { whole } else { grouped(&whole, separator, &sizes) };
    if !decimals.is_empty() {
        text.push_str(match options.get("чрд") {
            None | Some("") => match options.get("л") {
                Some(locale) if locale.starts_with("en") => ".",
                _ => ",",
            },
            Some(separator) => separator,
        });
        text.push_str(&decimals);
    }
    if value.is_sign_negative() {
        text = match options.get("чо").map(str::trim) {
            Some("0") => format!("({text})"),
            Some("2") => format!("- {text}"),
            Some("3") => format!("{text}-"),
            Some("4") => format!("{text} -"),
            _ => format!("-{text}"),
        };
    }
    Ok(text)
}

const MONTHS: [(&str, &str); 12] = [
    ("Январь", "января"),
    ("Февраль", "февраля"),
    ("Март", "марта"),
    ("Апрель", "апреля"),
    ("Май", "мая"),
    ("Июнь", "июня"),
    ("Июль", "июля"),
    ("Август", "августа"),
    ("Сентябрь", "сентября"),
    ("Октябрь", "октября"),
    ("Ноябрь", "ноября"),
    ("Декабрь", "декабря"),
];
const SHORT_MONTHS: [&str; 12] = ["янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"];
const DAYS: [(&str, &str); 7] = [
    ("понедельник", "Пн"),
    ("вторник", "Вт"),
    ("среда", "Ср"),
    ("четверг", "Чт"),
    ("пятница", "Пт"),
    ("суббота", "Сб"),
    ("воскресенье", "Вс"),
];

fn date(value: Date, options: &Options) -> String {
    if value == Date::EMPTY {
        return options.get("дп").unwrap_or_default().to_owned();
    }
    let pattern = match (options.get("дф"), options.get("длф")) {
        (Some(pattern), _) if !pattern.is_empty() => pattern.to_owned(),
        (_, Some(named)) => match named.trim().to_uppercase().as_str() {
            "Д" | "D" => "dd.MM.yyyy".to_owned(),
            "ДД" | "DD" => "d MMMM yyyy 'г.'".to_owned(),
            "В" | "T" => "H:mm:ss".to_owned(),
            "ДДВ" | "DDT" => "d MMMM yyyy 'г.' H:mm:ss".to_owned(),
            _ => "dd.MM.yyyy H:mm:ss".to_owned(),
        },
        _ => "dd.MM.yyyy H:mm:ss".to_owned(),
    };
    by_pattern(value, &pattern)
}

fn by_pattern(value: Date, pattern: &str) -> String {
    let date = value.chrono();
    let letters: Vec<char> = pattern.chars().collect();
    let has_day = letters.iter().any(|c| *c == 'd' || *c == 'д');
    let mut text = String::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        if letter == '\'' || letter == '"' {
            let inner: String = letters[at + 1..].iter().take_while(|c| **c != letter).collect();
            at += inner.chars().count() + 2;
            text.push_str(&inner);
            continue;
        }
        let count = letters[at..].iter().take_while(|c| **c == letter).count();
        at += count;
        let padded = |number: u32| if count == 1 { number.to_string() } else { format!("{number:0count$}") };
        let month = date.month0() as usize;
        let piece = match letter {
            'd' | 'д' => match count {
                1 | 2 => padded(date.day()),
                3 => DAYS[date.weekday().num_days_from_monday() as usize].1.to_owned(),
                _ => DAYS[date.weekday().num_days_from_monday() as usize].0.to_owned(),
            },
            'M' | 'М' => match count {
                1 | 2 => padded(date.month()),
                3 => SHORT_MONTHS[month].to_owned(),
                // With a day the month stands in the genitive.
                _ if has_day => MONTHS[month].1.to_owned(),
                _ => MONTHS[month].0.to_owned(),
            },
            'y' | 'г' => match count {
                1 => date.year().to_string(),
                2 => format!("{:02}", date.year() % 100),
                _ => format!("{:0count$}", date.year()),
            },
            'q' | 'к' => (date.month0() / 3 + 1).to_string(),
            'H' | 'Ч' => padded(date.hour()),
            'h' | 'ч' => padded((date.hour() + 11) % 12 + 1),
            'm' | 'м' => padded(date.minute()),
            's' | 'с' => padded(date.second()),
            't' | 'в' => (if date.hour() < 12 { "AM" } else { "PM" }).to_owned(),
            other => other.to_string().repeat(count),
        };
        text.push_str(&piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_as(number: &str, format_string: &str) -> String {
        format(&Value::Number(number.parse().unwrap()), format_string).unwrap()
    }

    #[test]
    fn numbers_follow_their_keys() {
        for (number, keys, text) in [
            ("1234567.891", "ЧДЦ=2", "1\u{a0}234\u{a0}567,89"),
            ("1234567.891", "NFD=1;NDS=.;NGS=' '", "1 234 567.9"),
            ("0", "ЧДЦ=2;ЧН=", "0,00"),
            ("0.004", "ЧДЦ=2;ЧН=ноль", "ноль"),
            ("-5", "ЧО=0", "(5)"),
            ("-5", "ЧО=3", "5-"),
            ("12345", "ЧЦ=4;ЧГ=", "9999"),
            ("5", "ЧЦ=5;ЧДЦ=2;ЧВН=;ЧГ=;ЧРД=.", "005.00"),
            ("1234567", "ЧГ=3,2", "12\u{a0}34\u{a0}567"),
            ("12345", "ЧС=3;ЧРД=.", "12.345"),
        ] {
            assert_eq!(number_as(number, keys), text, "{number} {keys}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(format(&Value::int(1), "ЧЧ=1").is_err());
    }
}
