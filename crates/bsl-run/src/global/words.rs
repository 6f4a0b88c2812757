//! `ЧислоПрописью`, in Russian.

use rust_decimal::Decimal;
use rust_decimal::prelude::{RoundingStrategy, ToPrimitive};

use crate::error::{self, Failure, Res};
use crate::object::Args;
use crate::value::Value;

const HUNDREDS: [&str; 10] =
    ["", "сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот"];
const TENS: [&str; 10] =
    ["", "", "двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто"];
const TEENS: [&str; 10] = [
    "десять",
    "одиннадцать",
    "двенадцать",
    "тринадцать",
    "четырнадцать",
    "пятнадцать",
    "шестнадцать",
    "семнадцать",
    "восемнадцать",
    "девятнадцать",
];
const ONES: [&str; 10] = ["", "", "", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"];
/// Names of groups of three digits, the largest first, and their gender.
const GROUPS: [([&str; 3], Gender); 5] = [
    (["триллион", "триллиона", "триллионов"], Gender::Masculine),
    (["миллиард", "миллиарда", "миллиардов"], Gender::Masculine),
    (["миллион", "миллиона", "миллионов"], Gender::Masculine),
    (["тысяча", "тысячи", "тысяч"], Gender::Feminine),
    (["", "", ""], Gender::Masculine),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gender {
    Masculine,
    Feminine,
    Neuter,
}

/// What is counted: its forms for one, two and five, and its gender.
struct Subject<'a> {
    forms: [&'a str; 3],
    gender: Gender,
}

impl<'a> Subject<'a> {
    fn of(parts: &[&'a str]) -> Res<Subject<'a>> {
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        let gender = match part(3) {
            "" | "м" => Gender::Masculine,
            "ж" => Gender::Feminine,
            "с" => Gender::Neuter,
            _ => return Err(error::bad_argument_value(3)),
        };
        Ok(Subject { forms: [part(0), part(1), part(2)], gender })
    }

    fn form(&self, number: u64) -> &'a str {
        self.forms[form(number)]
    }
}

/// Which of three forms a number takes.
fn form(number: u64) -> usize {
    match (number % 100, number % 10) {
        (11..=14, _) => 2,
        (_, 1) => 0,
        (_, 2..=4) => 1,
        _ => 2,
    }
}

/// `ЧислоПрописью(Число, Формат, ПараметрыПредмета)`.
pub(super) fn in_words(arguments: &Args) -> Res<Value> {
    let number = arguments.number(0)?;
    let options = Options::parse(&arguments.text(1))?;
    let parameters = arguments.text(2);
    let parts: Vec<&str> = parameters.split(',').map(str::trim).collect();
    let whole_subject = Subject::of(&parts)?;
    let fraction_subject = Subject::of(parts.get(4..).unwrap_or_default())?;
    let digits: u32 = match parts.get(8) {
        None | Some(&"") => 2,
        Some(digits) => {
            digits.parse().ok().filter(|digits| *digits <= 9).ok_or_else(|| error::bad_argument_value(3))?
        }
    };
    let rounded = number.abs().round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    let whole = rounded.trunc().to_u64().filter(|whole| *whole < 1_000_000_000_000_000);
    let whole = whole.ok_or_else(|| error::bad_argument_value(1))?;
    let fraction = (rounded.fract() * Decimal::from(10_u64.pow(digits))).to_u64().unwrap_or_default();

    let mut words = Vec::new();
    if number.is_sign_negative() && !rounded.is_zero() {
        words.push("минус".to_owned());
    }
    words.extend(count(whole, whole_subject.gender));
    if options.subject {
        words.push(whole_subject.form(whole).to_owned());
    }
    if digits > 0 {
        match options.fraction_in_words {
            true => words.extend(count(fraction, fraction_subject.gender)),
            false => words.push(format!("{fraction:0width$}", width = digits as usize)),
        }
        if options.fraction_subject {
            words.push(fraction_subject.form(fraction).to_owned());
        }
    }
    let text = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    Ok(format!("{first}{}", letters.as_str()).into())
}

fn count(number: u64, gender: Gender) -> Vec<String> {
    if number == 0 {
        return vec!["ноль".to_owned()];
    }
    let mut words = Vec::new();
    for (at, (forms, own)) in GROUPS.iter().enumerate() {
        let three = number / 1000_u64.pow((GROUPS.len() - 1 - at) as u32) % 1000;
        if three == 0 {
            continue;
        }
        let last = at == GROUPS.len() - 1;
        words.extend(three_digits(three, if last { gender } else { *own }));
        words.push(forms[form(three)].to_owned());
    }
    words
}

fn three_digits(number: u64, gender: Gender) -> Vec<String> {
    let digit = |power: u64| (number / power % 10) as usize;
    let mut words = vec![HUNDREDS[digit(100)], TENS[digit(10)]];
    words.push(match (digit(10), digit(1), gender) {
        (1, ones, _) => TEENS[ones],
        (_, 1, Gender::Masculine) => "один",
        (_, 1, Gender::Feminine) => "одна",
        (_, 1, Gender::Neuter) => "одно",
        (_, 2, Gender::Feminine) => "две",
        (_, 2, _) => "два",
        (_, ones, _) => ONES[ones],
    });
    words.into_iter().map(str::to_owned).collect()
}

/// The format string: which language, and what is put into words.
struct Options {
    subject: bool,
    fraction_subject: bool,
    fraction_in_words: bool,
}

impl Options {
    fn parse(text: &str) -> Res<Options> {
        let mut options = Options { subject: true, fraction_subject: true, fraction_in_words: false };
        for setting in text.split(';').map(str::trim).filter(|setting| !setting.is_empty()) {
            let wrong = || Failure::new(format!("Неправильная форматная строка ({text})"));
            let (key, value) = setting.split_once('=').ok_or_else(wrong)?;
            let (key, value) = (key.trim().to_lowercase(), value.trim().to_lowercase());
            let truth = || match value.as_str() {
                "истина" | "true" => Ok(true),
                "ложь" | "false" => Ok(false),
                _ => Err(wrong()),
            };
            match key.as_str() {
                "л" | "l" if matches!(value.as_str(), "ru" | "ru_ru") => {}
                "нп" | "sn" => options.subject = truth()?,
                "нд" | "fn" => options.fraction_subject = truth()?,
                "дп" | "fs" => options.fraction_in_words = truth()?,
                _ => return Err(wrong()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(number: &str, format: &str, subject: &str) -> String {
        let number = Value::Number(number.parse().unwrap());
        let arguments = Args::new(vec![Some(number), Some(Value::str(format)), Some(Value::str(subject))]);
        in_words(&arguments).unwrap().text().to_string()
    }

    #[test]
    fn numbers_become_words_that_agree_with_what_is_counted() {
        let roubles = "рубль, рубля, рублей, м, копейка, копейки, копеек, ж, 2";
        assert_eq!(words("123.45", "Л=ru_RU", roubles), "Сто двадцать три рубля 45 копеек");
        assert_eq!(words("2001.02", "Л=ru_RU;ДП=Истина", roubles), "Две тысячи один рубль две копейки");
        assert_eq!(words("0", "", roubles), "Ноль рублей 00 копеек");
        assert_eq!(words("-11.1", "НД=Ложь", roubles), "Минус одиннадцать рублей 10");
        let dollars = "доллар,доллара,долларов,м,цент,цента,центов,м,2";
        assert_eq!(words("2341.56", "Л = ru_RU; ДП = Ложь", dollars), "Две тысячи триста сорок один доллар 56 центов");
        assert_eq!(words("1000000", "", "штука,штуки,штук,ж,,,,,0"), "Один миллион штук");
        assert_eq!(words("21", "", "штука,штуки,штук,ж,,,,,0"), "Двадцать одна штука");
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        let ask = |format: &str| in_words(&Args::new(vec![Some(Value::int(1)), Some(Value::str(format))]));
        assert!(ask("Л=en_US").is_err());
        assert!(ask("ЧЦ=2").is_err());
    }
}
