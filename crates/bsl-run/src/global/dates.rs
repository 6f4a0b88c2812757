//! Functions of dates.

use chrono::Datelike;

use crate::date::{Date, Part};
use crate::error::{Failure, Res};
use crate::global::{Function, function};
use crate::object::Args;
use crate::value::Value;
use crate::vm::Vm;

pub(super) const FUNCTIONS: &[Function] = &[
    function("Год", "Year", 1, 1, |_, a| Ok(Value::int(a.date(0)?.chrono().year()))),
    function("Месяц", "Month", 1, 1, |_, a| Ok(Value::int(a.date(0)?.chrono().month()))),
    function("День", "Day", 1, 1, |_, a| Ok(Value::int(a.date(0)?.chrono().day()))),
    function("Час", "Hour", 1, 1, |_, a| Ok(Value::int(a.date(0)?.seconds() % 86_400 / 3600))),
    function("Минута", "Minute", 1, 1, |_, a| Ok(Value::int(a.date(0)?.seconds() % 3600 / 60))),
    function("Секунда", "Second", 1, 1, |_, a| Ok(Value::int(a.date(0)?.seconds() % 60))),
    function("НачалоГода", "BegOfYear", 1, 1, |_, a| start(a, Part::Year)),
    function("НачалоКвартала", "BegOfQuarter", 1, 1, |_, a| start(a, Part::Quarter)),
    function("НачалоМесяца", "BegOfMonth", 1, 1, |_, a| start(a, Part::Month)),
    function("НачалоНедели", "BegOfWeek", 1, 1, |_, a| start(a, Part::Week)),
    function("НачалоДня", "BegOfDay", 1, 1, |_, a| start(a, Part::Day)),
    function("НачалоЧаса", "BegOfHour", 1, 1, |_, a| start(a, Part::Hour)),
    function("НачалоМинуты", "BegOfMinute", 1, 1, |_, a| start(a, Part::Minute)),
    function("КонецГода", "EndOfYear", 1, 1, |_, a| end(a, Part::Year)),
    function("КонецКвартала", "EndOfQuarter", 1, 1, |_, a| end(a, Part::Quarter)),
    function("КонецМесяца", "EndOfMonth", 1, 1, |_, a| end(a, Part::Month)),
    function("КонецНедели", "EndOfWeek", 1, 1, |_, a| end(a, Part::Week)),
    function("КонецДня", "EndOfDay", 1, 1, |_, a| end(a, Part::Day)),
    function("КонецЧаса", "EndOfHour", 1, 1, |_, a| end(a, Part::Hour)),
    function("КонецМинуты", "EndOfMinute", 1, 1, |_, a| end(a, Part::Minute)),
    function("НеделяГода", "WeekOfYear", 1, 1, |_, a| {
        // Weeks start on Monday; the first one holds the first of January.
        let date = a.date(0)?.chrono().date();
        let first = date.with_ordinal(1).unwrap_or(date).weekday().num_days_from_monday();
        Ok(Value::int((date.ordinal0() + first) / 7 + 1))
    }),
    function("ДеньГода", "DayOfYear", 1, 1, |_, a| Ok(Value::int(a.date(0)?.chrono().ordinal()))),
    function("ДеньНедели", "WeekDay", 1, 1, |_, a| {
        Ok(Value::int(a.date(0)?.chrono().weekday().number_from_monday()))
    }),
    function("ДобавитьМесяц", "AddMonth", 2, 2, |_, a| {
        let date = a.date(0)?.plus_months(a.integer(1)?);
        date.map(Value::Date).ok_or_else(|| Failure::new("Неправильное значение даты"))
    }),
    function("ТекущаяДата", "CurrentDate", 0, 0, |vm, _| Ok(vm.surroundings().now().into())),
    function("ТекущаяУниверсальнаяДата", "CurrentUniversalDate", 0, 0, |vm, _| {
        let seconds = vm.surroundings().universal_milliseconds().div_euclid(1000);
        Ok(Date::from_seconds(seconds).unwrap_or_default().into())
    }),
    function(
        "ТекущаяУниверсальнаяДатаВМиллисекундах",
        "CurrentUniversalDateInMilliseconds",
        0,
        0,
        |vm, _| Ok(Value::int(vm.surroundings().universal_milliseconds())),
    ),
    function("МестноеВремя", "ToLocalTime", 1, 1, |vm, a| shifted(a, zone(vm))),
    function("УниверсальноеВремя", "ToUniversalTime", 1, 1, |vm, a| shifted(a, -zone(vm))),
];

/// By how many seconds the local time is ahead of the universal one. Zones differ by quarters of an hour; the two
/// clocks are read one after the other.
fn zone(vm: &Vm) -> i64 {
    const QUARTER: i64 = 900;
    let ahead = vm.surroundings().now().seconds() - vm.surroundings().universal_milliseconds().div_euclid(1000);
    (ahead + QUARTER / 2).div_euclid(QUARTER) * QUARTER
}

fn shifted(arguments: &Args, seconds: i64) -> Res<Value> {
    let shifted = arguments.date(0)?.plus(seconds);
    shifted.map(Value::Date).ok_or_else(|| Failure::new("Неправильное значение даты"))
}

fn start(arguments: &Args, part: Part) -> Res<Value> {
    Ok(arguments.date(0)?.start_of(part).into())
}

fn end(arguments: &Args, part: Part) -> Res<Value> {
    Ok(arguments.date(0)?.end_of(part).into())
}
