//! Dates of the language: whole seconds from 0001-01-01 to 3999-12-31.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A moment in seconds since 0001-01-01 00:00:00, which is the empty date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Date(i64);

const DAY: i64 = 86_400;
/// 3999-12-31 23:59:59.
const LAST: i64 = 1_460_604 * DAY - 1;

impl Date {
    /// The empty date.
    pub const EMPTY: Date = Date(0);

    /// A date so many seconds after the empty one; nothing outside of the years 1 to 3999.
    pub fn from_seconds(seconds: i64) -> Option<Date> {
        (0..=LAST).contains(&seconds).then_some(Date(seconds))
    }

    /// The seconds since the empty date.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// The date of its parts; nothing if there is no such date.
    pub fn from_parts(date: (i64, i64, i64), time: (i64, i64, i64)) -> Option<Date> {
        let (year, month, day) = date;
        let (hour, minute, second) = time;
        let in_range = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        let number = |value: i64| u32::try_from(value).ok();
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month)?, number(day)?)?;
        let days = i64::from(date.num_days_from_ce()) - 1;
        Date::from_seconds(days * DAY + hour * 3600 + minute * 60 + second).filter(|_| in_range)
    }

    /// The date that digits spell: `yyyyMMdd`, `yyyyMMddHHmm` or `yyyyMMddHHmmss`. All zeros are the empty date.
    pub fn parse(digits: &str) -> Option<Date> {
        if !digits.bytes().all(|b| b.is_ascii_digit()) || !matches!(digits.len(), 8 | 12 | 14) {
            return None;
        }
        let part = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |text| text.parse::<i64>().ok());
        let date = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
        let time = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
        if date == (0, 0, 0) && time == (0, 0, 0) { Some(Date::EMPTY) } else { Date::from_parts(date, time) }
    }

    /// The same as chrono's date.
    pub fn chrono(self) -> NaiveDateTime {
        let days = i32::try_from(self.0 / DAY).unwrap_or_default() + 1;
        let seconds = u32::try_from(self.0 % DAY).unwrap_or_default();
        let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap_or_default();
        date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default())
    }

    /// The date of chrono's, without parts of a second.
    pub fn from_chrono(date: NaiveDateTime) -> Option<Date> {
        let days = i64::from(date.date().num_days_from_ce()) - 1;
        Date::from_seconds(days * DAY + i64::from(date.time().num_seconds_from_midnight()))
    }

    /// So many seconds later.
    pub fn plus(self, seconds: i64) -> Option<Date> {
        Date::from_seconds(self.0.checked_add(seconds)?)
    }

    /// So many months later; the day is the month's last if it has no such day.
    pub fn plus_months(self, months: i64) -> Option<Date> {
        let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        let from = self.chrono();
        Date::from_chrono(if months < 0 { from.checked_sub_months(count)? } else { from.checked_add_months(count)? })
    }

    /// The first second of the part of the calendar that the date lies in.
    pub fn start_of(self, part: Part) -> Date {
        let date = self.chrono().date();
        let first = |year: i32, month: u32| NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(date);
        let of_day = |date: NaiveDate| Date::from_chrono(date.and_time(NaiveTime::MIN)).unwrap_or_default();
        match part {
            Part::Year => of_day(first(date.year(), 1)),
            Part::Quarter => of_day(first(date.year(), (date.month0() / 3) * 3 + 1)),
            Part::Month => of_day(first(date.year(), date.month())),
            Part::Week => {
                let back = i64::from(date.weekday().num_days_from_monday());
                Date(((self.0 / DAY - back) * DAY).max(0))
            }
            Part::Day => Date(self.0 / DAY * DAY),
            Part::Hour => Date(self.0 / 3600 * 3600),
            Part::Minute => Date(self.0 / 60 * 60),
        }
    }

    /// The last second of the part of the calendar that the date lies in.
    pub fn end_of(self, part: Part) -> Date {
        let start = self.start_of(part);
        let next = match part {
            Part::Year => start.plus_months(12),
            Part::Quarter => start.plus_months(3),
            Part::Month => start.plus_months(1),
            Part::Week => start.plus(7 * DAY),
            Part::Day => start.plus(DAY),
            Part::Hour => start.plus(3600),
            Part::Minute => start.plus(60),
        };
        next.map_or(Date(LAST), |next| Date(next.0 - 1))
    }
}

/// A part of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A year.
    Year,
    /// A quarter of a year.
    Quarter,
    /// A month.
    Month,
    /// A week from Monday.
    Week,
    /// A day.
    Day,
    /// An hour.
    Hour,
    /// A minute.
    Minute,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_date_is_the_last_second_of_3999() {
        assert_eq!(Date::parse("39991231235959"), Some(Date(LAST)));
        assert_eq!(Date::parse("39991231235959").unwrap().plus(1), None);
        assert_eq!(Date::parse("39991231").unwrap().end_of(Part::Year), Date(LAST));
    }

    #[test]
    fn weeks_start_on_monday() {
        let thursday = Date::parse("20240229120000").unwrap();
        assert_eq!(thursday.start_of(Part::Week), Date::parse("20240226").unwrap());
        assert_eq!(thursday.end_of(Part::Week), Date::parse("20240303235959").unwrap());
    }
}
