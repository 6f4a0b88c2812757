//! Functions of the query language that SQLite does not have, on values as [`Datum::store`] writes them.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{Datelike, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Error};
use rust_decimal::Decimal;

use crate::datum::{Datum, fold_string, reference_type};
use crate::metadata::{Kind, Metadata, fold};
use crate::types::{DateParts, TypeSet, ValueType};

type SqlResult<T> = rusqlite::Result<T>;
type Stored = Option<String>;

/// Registers everything with a connection.
pub(crate) fn register(db: &Connection, metadata: &Metadata) -> SqlResult<()> {
    number_functions(db)?;
    date_functions(db)?;
    value_functions(db)?;
    presentation(db, metadata)?;
    db.create_aggregate_function("n_sum", 1, flags(), Total { average: false })?;
    db.create_aggregate_function("n_avg", 1, flags(), Total { average: true })
}

fn flags() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC
}

fn failure(message: &str) -> Error {
    Error::UserFunctionError(message.into())
}

fn value(context: &Context<'_>, index: usize) -> SqlResult<Datum> {
    let stored: Stored = context.get(index)?;
    stored.map_or(Ok(Datum::Null), |text| Datum::load(&text).ok_or_else(|| failure("значение не прочитано")))
}

/// A function of values that is NULL if one of them is.
fn strict(
    db: &Connection,
    name: &str,
    count: usize,
    function: impl Fn(&[Datum]) -> SqlResult<Datum> + Send + 'static,
) -> SqlResult<()> {
    db.create_scalar_function(name, count as i32, flags(), move |context| -> SqlResult<Stored> {
        let values = (0..count).map(|index| value(context, index)).collect::<SqlResult<Vec<_>>>()?;
        if values.contains(&Datum::Null) { Ok(None) } else { Ok(function(&values)?.store()) }
    })
}

fn number_functions(db: &Connection) -> SqlResult<()> {
    strict(db, "v_add", 2, |values| match values {
        [Datum::Number(left), Datum::Number(right)] => number(left.checked_add(*right)),
        [Datum::String(left), Datum::String(right)] => Ok(Datum::String(format!("{left}{right}"))),
        _ => Err(mismatch()),
    })?;
    strict(db, "n_sub", 2, |values| numbers(values, Decimal::checked_sub))?;
    strict(db, "n_mul", 2, |values| numbers(values, Decimal::checked_mul))?;
    strict(db, "n_div", 2, |values| match values {
        [Datum::Number(_), Datum::Number(divisor)] if divisor.is_zero() => Err(failure("Деление на 0")),
        _ => numbers(values, Decimal::checked_div),
    })?;
    strict(db, "n_neg", 1, |values| match values {
        [Datum::Number(number)] => Ok(Datum::Number(-*number)),
        _ => Err(mismatch()),
    })?;
    db.create_scalar_function("n_int", 1, flags(), |context| Ok(Datum::int(context.get::<i64>(0)?).store()))
}

fn mismatch() -> Error {
    failure("Несоответствие типов")
}

fn number(result: Option<Decimal>) -> SqlResult<Datum> {
    result.map(Datum::Number).ok_or_else(|| failure("Переполнение числа"))
}

fn numbers(values: &[Datum], function: impl Fn(Decimal, Decimal) -> Option<Decimal>) -> SqlResult<Datum> {
    match values {
        [Datum::Number(left), Datum::Number(right)] => number(function(*left, *right)),
        _ => Err(mismatch()),
    }
}

struct Total {
    average: bool,
}

impl Aggregate<Option<(Decimal, u64)>, Stored> for Total {
    fn init(&self, _: &mut Context<'_>) -> SqlResult<Option<(Decimal, u64)>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, total: &mut Option<(Decimal, u64)>) -> SqlResult<()> {
        match value(context, 0)? {
            Datum::Null => {}
            Datum::Number(number) => {
                let (sum, count) = total.unwrap_or_default();
                *total = Some((sum.checked_add(number).ok_or_else(|| failure("Переполнение числа"))?, count + 1));
            }
            _ => return Err(mismatch()),
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, total: Option<Option<(Decimal, u64)>>) -> SqlResult<Stored> {
        let Some((sum, count)) = total.flatten() else { return Ok(None) };
        let result = if self.average { sum.checked_div(Decimal::from(count)).unwrap_or(sum) } else { sum };
        Ok(Datum::Number(result).store())
    }
}

fn date_functions(db: &Connection) -> SqlResult<()> {
    strict(db, "d_make", 6, |values| {
        let part = |index: usize| match values.get(index) {
            Some(Datum::Number(number)) => u32::try_from(*number).unwrap_or(u32::MAX),
            _ => u32::MAX,
        };
        let date = NaiveDate::from_ymd_opt(i32::try_from(part(0)).unwrap_or(-1), part(1), part(2));
        let date = date.filter(|date| (1..=3999).contains(&date.year()));
        date.and_then(|date| date.and_hms_opt(part(3), part(4), part(5)))
            .map(Datum::Date)
            .ok_or_else(|| failure("Неправильная дата"))
    })?;
    strict(db, "d_part", 2, |values| with_date(values, |date, part| Some(Datum::int(date_part(date, part)?))))?;
    strict(db, "d_start", 2, |values| with_date(values, |date, part| Some(Datum::Date(period(date, part)?.0))))?;
    strict(db, "d_end", 2, |values| {
        with_date(values, |date, part| Some(Datum::Date(period(date, part)?.1 - Duration::seconds(1))))
    })?;
    strict(db, "d_add", 3, |values| match values {
        [date, part, Datum::Number(count)] => {
            let count = i64::try_from(count.trunc()).map_err(|_| failure("Переполнение числа"))?;
            with_date(&[date.clone(), part.clone()], |date, part| shifted(date, part, count).map(Datum::Date))
        }
        _ => Err(mismatch()),
    })?;
    strict(db, "d_diff", 3, |values| match values {
        [Datum::Date(from), Datum::Date(to), part] => {
            let (from, to) = (*from, *to);
            with_date(&[Datum::Date(from), part.clone()], |_, part| difference(from, to, part).map(Datum::int))
        }
        _ => Err(mismatch()),
    })
}

fn with_date(values: &[Datum], function: impl FnOnce(NaiveDateTime, &str) -> Option<Datum>) -> SqlResult<Datum> {
    match values {
        [Datum::Date(date), Datum::String(part)] => {
            function(*date, part).ok_or_else(|| failure("Неправильный период или дата"))
        }
        _ => Err(mismatch()),
    }
}

fn date_part(date: NaiveDateTime, part: &str) -> Option<i64> {
    Some(match part {
        "год" => i64::from(date.year()),
        "квартал" => i64::from((date.month0() / 3) + 1),
        "месяц" => i64::from(date.month()),
        "деньгода" => i64::from(date.ordinal()),
        "день" => i64::from(date.day()),
        "неделя" => i64::from(date.iso_week().week()),
        "деньнедели" => i64::from(date.weekday().number_from_monday()),
        "час" => i64::from(date.hour()),
        "минута" => i64::from(date.minute()),
        "секунда" => i64::from(date.second()),
        _ => return None,
    })
}

/// First moment of the period that holds a date, and the first moment after it.
fn period(date: NaiveDateTime, part: &str) -> Option<(NaiveDateTime, NaiveDateTime)> {
    let day = date.date();
    let start = match part {
        "секунда" => return Some((date, date + Duration::seconds(1))),
        "минута" => date.with_second(0)?,
        "час" => date.with_second(0)?.with_minute(0)?,
        "день" => day.and_time(NaiveTime::MIN),
        "неделя" => {
            let monday = day - Duration::days(i64::from(day.weekday().num_days_from_monday()));
            monday.and_time(NaiveTime::MIN)
        }
        "месяц" => day.with_day(1)?.and_time(NaiveTime::MIN),
        "квартал" => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1)?.and_time(NaiveTime::MIN),
        "год" => NaiveDate::from_ymd_opt(day.year(), 1, 1)?.and_time(NaiveTime::MIN),
        _ => return None,
    };
    Some((start, shifted(start, part, 1)?))
}

fn shifted(date: NaiveDateTime, part: &str, count: i64) -> Option<NaiveDateTime> {
    let months = |count: i64| {
        let size = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
        if count < 0 { date.checked_sub_months(size) } else { date.checked_add_months(size) }
    };
    match part {
        "секунда" => date.checked_add_signed(Duration::try_seconds(count)?),
        "минута" => date.checked_add_signed(Duration::try_minutes(count)?),
        "час" => date.checked_add_signed(Duration::try_hours(count)?),
        "день" => date.checked_add_signed(Duration::try_days(count)?),
        "неделя" => date.checked_add_signed(Duration::try_weeks(count)?),
        "месяц" => months(count),
        "квартал" => months(count.checked_mul(3)?),
        "год" => months(count.checked_mul(12)?),
        _ => None,
    }
}

/// How many borders of periods lie between two dates.
fn difference(from: NaiveDateTime, to: NaiveDateTime, part: &str) -> Option<i64> {
    let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month());
    let between = period(to, part)?.0 - period(from, part)?.0;
    Some(match part {
        "секунда" => between.num_seconds(),
        "минута" => between.num_minutes(),
        "час" => between.num_hours(),
        "день" => between.num_days(),
        "месяц" => months,
        "квартал" => {
            i64::from(to.year() - from.year()) * 4 + i64::from(to.month0() / 3) - i64::from(from.month0() / 3)
        }
        "год" => i64::from(to.year() - from.year()),
        _ => return None,
    })
}

fn value_functions(db: &Connection) -> SqlResult<()> {
    strict(db, "v_substr", 3, |values| match values {
        [Datum::String(text), Datum::Number(from), Datum::Number(length)] => {
            let from = usize::try_from(from.trunc()).unwrap_or(0).max(1);
            let length = usize::try_from(length.trunc()).unwrap_or(0);
            Ok(Datum::String(text.chars().skip(from - 1).take(length).collect()))
        }
        _ => Err(mismatch()),
    })?;
    db.create_scalar_function("v_type", 1, flags(), |context| Ok(Datum::Type(value(context, 0)?.type_name()).store()))?;
    db.create_scalar_function("v_like", 3, flags(), |context| -> SqlResult<Option<i64>> {
        let (text, pattern, escape) = (value(context, 0)?, value(context, 1)?, value(context, 2)?);
        let escape = match &escape {
            Datum::String(text) => text.chars().next(),
            _ => None,
        };
        Ok(match (&text, &pattern) {
            (Datum::String(text), Datum::String(pattern)) => {
                let pattern = like_pattern(&fold_string(pattern), escape);
                let text: Vec<char> = fold_string(text).chars().collect();
                Some(i64::from(pattern.is_some_and(|pattern| like(&text, &pattern))))
            }
            (Datum::Null, _) | (_, Datum::Null) => None,
            _ => Some(0),
        })
    })?;
    db.create_scalar_function("v_cast", 4, flags(), |context| -> SqlResult<Stored> {
        let kind: String = context.get(1)?;
        let (first, second): (u32, u32) = (context.get(2)?, context.get(3)?);
        let wanted = match kind.as_str() {
            "Булево" => ValueType::Boolean,
            "Дата" => ValueType::Date(DateParts::DateTime),
            "Строка" => ValueType::String { length: first, fixed: false },
            "Число" => ValueType::Number { digits: first, scale: second, nonnegative: false },
            object if kind.starts_with("Перечисление.") => ValueType::Enum(object.into()),
            object => ValueType::Ref(object.into()),
        };
        let types = TypeSet::one(wanted);
        let value = value(context, 0)?;
        Ok(if types.admits(&value) { types.adjust(value).store() } else { None })
    })?;
    db.create_scalar_function("v_is", 2, flags(), |context| -> SqlResult<Option<i64>> {
        let object: String = context.get(1)?;
        Ok(match value(context, 0)? {
            Datum::Null => None,
            value => Some(i64::from(value.type_name() == reference_type(&object))),
        })
    })
}

/// A piece of a pattern of `ПОДОБНО`.
enum Piece {
    Any,
    One,
    Letter(char),
    Set(bool, Vec<(char, char)>),
}

/// `%` any text, `_` a letter, `[a-z]` one of a set, `[^a-z]` none of it; `None` if a bracket is not closed.
fn like_pattern(pattern: &str, escape: Option<char>) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            _ if Some(letter) == escape => Piece::Letter(letters.next()?),
            '%' => Piece::Any,
            '_' => Piece::One,
            '[' => {
                let negated = letters.next_if_eq(&'^').is_some();
                let mut set = Vec::new();
                loop {
                    let from = letters.next()?;
                    if from == ']' {
                        break;
                    }
                    let to = if letters.next_if_eq(&'-').is_some() { letters.next()? } else { from };
                    set.push((from, to));
                }
                Piece::Set(negated, set)
            }
            _ => Piece::Letter(letter),
        });
    }
    Some(pieces)
}

/// Matches by rows of a table, so that no pattern takes exponential time.
fn like(text: &[char], pattern: &[Piece]) -> bool {
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for piece in pattern {
        let mut next = vec![false; text.len() + 1];
        for index in 0..=text.len() {
            let step = |letter: char| match piece {
                Piece::Any | Piece::One => true,
                Piece::Letter(wanted) => *wanted == letter,
                Piece::Set(negated, set) => set.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *negated,
            };
            let earlier = index > 0 && text.get(index - 1).is_some_and(|letter| step(*letter));
            next[index] = match piece {
                Piece::Any => reachable[index] || (index > 0 && next[index - 1]),
                _ => earlier && reachable[index - 1],
            };
        }
        reachable = next;
    }
    reachable[text.len()]
}

/// `v_present`: the presentation of a value that needs no look at the tables; of a reference that leads nowhere.
fn presentation(db: &Connection, metadata: &Metadata) -> SqlResult<()> {
    let mut synonyms: HashMap<(String, String), String> = HashMap::new();
    for object in metadata.of_kind(Kind::Enumeration) {
        for (name, synonym) in &object.values {
            synonyms.insert((fold(&object.full_name()), fold(name)), synonym.clone());
        }
    }
    let synonyms = Arc::new(synonyms);
    strict(db, "v_present", 1, move |values| {
        Ok(Datum::String(match values {
            [Datum::Undefined] => String::new(),
            [Datum::Ref(reference)] if reference.is_empty() => String::new(),
            [Datum::Ref(reference)] => format!("<Объект не найден> ({})", reference.id),
            [Datum::Enum(value)] => {
                synonyms.get(&(fold(&value.enumeration), fold(&value.value))).cloned().unwrap_or_default()
            }
            [Datum::Boolean(flag)] => if *flag { "Да" } else { "Нет" }.into(),
            [other] => other.to_string(),
            _ => String::new(),
        }))
    })?;
    let documents: HashMap<String, String> =
        metadata.of_kind(Kind::Document).map(|object| (object.full_name(), object.synonym.clone())).collect();
    strict(db, "d_present", 3, move |values| match values {
        [Datum::Ref(reference), Datum::String(number), Datum::Date(date)] => {
            let name = documents.get(&*reference.object).map_or("", String::as_str);
            Ok(Datum::String(format!("{name} {number} от {}", date.format("%d.%m.%Y %-H:%M:%S"))))
        }
        _ => Err(mismatch()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, pattern: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        like_pattern(pattern, Some('\\')).is_some_and(|pattern| like(&text, &pattern))
    }

    #[test]
    fn patterns_match_as_documented() {
        assert!(matches("79161234567", "7%67"));
        assert!(matches("кот", "к_т"));
        assert!(matches("кот", "[а-к]__"));
        assert!(!matches("кот", "[^а-к]__"));
        assert!(matches("100%", r"100\%"));
        assert!(!matches("1000", r"100\%"));
        assert!(!matches("кот", "[к"));
        assert!(matches("", "%"));
        assert!(!matches(&"а".repeat(500), &"%а".repeat(300).replace("а%", "б%")));
    }

    #[test]
    fn a_period_ends_a_second_before_the_next() {
        let date = NaiveDate::from_ymd_opt(2026, 2, 15).unwrap().and_hms_opt(10, 20, 30).unwrap();
        let end = |part| period(date, part).unwrap().1 - Duration::seconds(1);
        assert_eq!(end("месяц").to_string(), "2026-02-28 23:59:59");
        assert_eq!(end("квартал").to_string(), "2026-03-31 23:59:59");
        assert_eq!(end("неделя").to_string(), "2026-02-15 23:59:59");
        assert_eq!(shifted(date, "месяц", -12).unwrap().to_string(), "2025-02-15 10:20:30");
        assert_eq!(difference(date, date + Duration::hours(14), "день"), Some(1));
    }
}
