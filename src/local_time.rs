//! The local time with its offset, for the journal's lines.
//!
//! The time zone is found once: a host may change its environment at any time, and reading it then (`getenv` beside `setenv`) ends the
//! process. `chrono` would read the variable `TZ` for each line.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike};

/// Reads what says where the time zone is found. Called when the process makes its first object.
pub fn read_environment() {
    zone::read_environment();
}

/// The time as ISO 8601 writes it: `2026-11-24T19:40:12.345+03:00`.
pub fn now() -> String {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(0);
    let utc = DateTime::from_timestamp(seconds, since_epoch.subsec_nanos()).unwrap_or_default();
    text(utc.naive_utc(), zone::offset_at(seconds))
}

/// The time in UTC and the local offset, in seconds.
fn text(utc: NaiveDateTime, offset: i32) -> String {
    let local = utc + TimeDelta::seconds(offset.into());
    let (year, month, day) = (local.year(), local.month(), local.day());
    let (hour, minute, second) = (local.hour(), local.minute(), local.second());
    let millisecond = local.nanosecond() / 1_000_000;
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
    let (ahead_hours, ahead_minutes) = (minutes / 60, minutes % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}{sign}{ahead_hours:02}:{ahead_minutes:02}"
    )
}

#[cfg(unix)]
mod zone {
    use std::sync::OnceLock;

    use tz::TimeZone;

    /// The variable `TZ`.
    static SETTING: OnceLock<Option<String>> = OnceLock::new();
    static ZONE: OnceLock<TimeZone> = OnceLock::new();

    pub(super) fn read_environment() {
        if SETTING.get().is_none() {
            let _ = SETTING.set(std::env::var("TZ").ok());
        }
    }

    /// The offset at this time of the Unix epoch; both in seconds.
    pub(super) fn offset_at(seconds: i64) -> i32 {
        if ZONE.get().is_none() {
            // Not `get_or_init`, which others would wait for: a process that is forked meanwhile would wait for ever.
            let _ = ZONE.set(of(SETTING.get().and_then(Option::as_deref)));
        }
        let found = ZONE.get().and_then(|zone| zone.find_local_time_type(seconds).ok());
        found.map_or(0, |found| found.ut_offset())
    }

    /// The time zone of a value of `TZ`, as the C library reads it: UTC for one that it cannot read.
    pub(super) fn of(setting: Option<&str>) -> TimeZone {
        let zone = match setting {
            None => TimeZone::local().ok(),
            Some("" | ":") => None,
            Some(setting) => TimeZone::from_posix_tz(setting).ok(),
        };
        zone.unwrap_or_else(TimeZone::utc)
    }
}

/// Windows does not keep its time zone in the environment.
#[cfg(windows)]
mod zone {
    use chrono::{DateTime, Local, Offset, TimeZone};

    pub(super) fn read_environment() {}

    pub(super) fn offset_at(seconds: i64) -> i32 {
        let utc = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        Local.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMER: i64 = 1_782_907_200; // 2026-07-01T12:00:00Z

    #[test]
    fn the_text_is_local_time_with_its_offset() {
        let utc = DateTime::from_timestamp(SUMMER, 7_999_999).unwrap().naive_utc();
        assert_eq!(text(utc, 0), "2026-07-01T12:00:00.007+00:00");
        assert_eq!(text(utc, 3 * 3600), "2026-07-01T15:00:00.007+03:00");
        assert_eq!(text(utc, -(9 * 3600 + 1800)), "2026-07-01T02:30:00.007-09:30");
        assert_eq!(text(utc, 14 * 3600), "2026-07-02T02:00:00.007+14:00");
    }

    #[test]
    fn a_line_begins_with_a_time_that_others_can_read() {
        let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64;
        let read = DateTime::parse_from_rfc3339(&now()).unwrap();
        assert!((read.timestamp_millis() - before).abs() < 60_000);
    }

    #[cfg(unix)]
    #[test]
    fn the_setting_is_read_as_the_c_library_reads_it() {
        let winter = SUMMER + 180 * 24 * 3600;
        for (setting, in_summer, in_winter) in [
            ("MSK-3", 3, 3),
            ("<+07>-7", 7, 7),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 2, 1),
            ("", 0, 0),
            (":", 0, 0),
            ("No/Such_Place", 0, 0),
            ("\u{1f600}", 0, 0),
        ] {
            let zone = zone::of(Some(setting));
            let offset = |seconds| zone.find_local_time_type(seconds).unwrap().ut_offset();
            assert_eq!((offset(SUMMER), offset(winter)), (in_summer * 3600, in_winter * 3600), "{setting}");
        }
    }
}
