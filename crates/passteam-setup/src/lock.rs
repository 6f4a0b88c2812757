//! `1Cv8.cdn`, the file by which an administrator forbids sessions with a file base to begin:
//! `{1,20240101000000,20240101060000,"message","permission code","parameter"}`, from and to in the time of the shop.
//!
//! The time zone of the shop is not known here, so near its ends a lock may hold or not; the platform decides then.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Local time is at most so far behind UTC, and at most so far ahead of it.
const ZONES: (Duration, Duration) = (Duration::from_secs(12 * 3600), Duration::from_secs(14 * 3600));

/// Whether sessions may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// They may not.
    Holds,
    /// That depends on the time zone.
    MayHold,
    /// They may: it has not begun, or its end has passed.
    HoldsNot,
}

impl Lock {
    /// Reads the file's text; what cannot be read holds.
    pub(crate) fn read(text: &str, now: SystemTime) -> Lock {
        let mut fields = text.trim().trim_start_matches('{').split(',').skip(1).map(str::trim);
        let (Some(from), Some(to)) = (fields.next().and_then(moment), fields.next().and_then(moment)) else {
            return Lock::Holds;
        };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (earliest, latest) = (digits(now.saturating_sub(ZONES.0)), digits(now + ZONES.1));
        // The first year stands for no limit.
        let ends = !to.starts_with("0001");
        if from > latest.as_str() || (ends && to < earliest.as_str()) {
            Lock::HoldsNot
        } else if from <= earliest.as_str() && (!ends || to > latest.as_str()) {
            Lock::Holds
        } else {
            Lock::MayHold
        }
    }
}

/// Fourteen digits, which sort as the moments do.
fn moment(text: &str) -> Option<&str> {
    (text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// A time since 1970 as year, month, day, hour, minute and second.
fn digits(time: Duration) -> String {
    let (days, seconds) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    let (mut year, mut day) = (1970, days);
    let length = |year: u64| {
        if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) { 366 } else { 365 }
    };
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{:02}{hour:02}{minute:02}{second:02}", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// 10 March 2024, 12:00 UTC.
    const NOON: u64 = 1_710_072_000;

    #[test]
    fn a_moment_is_written_as_the_platform_writes_it() {
        for (seconds, written) in [
            (0, "19700101000000"),
            (951_782_399, "20000228235959"),
            (951_782_400, "20000229000000"),
            (1_709_251_199, "20240229235959"),
            (NOON, "20240310120000"),
            (1_735_689_599, "20241231235959"),
        ] {
            assert_eq!(digits(Duration::from_secs(seconds)), written);
        }
    }

    #[test]
    fn a_lock_holds_between_its_ends() {
        for (from, to, lock) in [
            ("20240101000000", "20240401000000", Lock::Holds),
            ("00010101000000", "00010101000000", Lock::Holds),
            ("20240101000000", "20240309000000", Lock::HoldsNot),
            ("20240401000000", "00010101000000", Lock::HoldsNot),
            ("20240310140000", "20240310200000", Lock::MayHold),
            ("20240101000000", "20240310110000", Lock::MayHold),
        ] {
            let text = format!("{{1,{from},{to},\"Обновление, до утра\",\"Код\",\"\"}}");
            assert_eq!(Lock::read(&text, at(NOON)), lock, "{from} {to}");
        }
    }

    #[test]
    fn what_cannot_be_read_holds() {
        for text in ["", "{1}", "{1,now,later}", "{1,20240101000000}"] {
            assert_eq!(Lock::read(text, at(NOON)), Lock::Holds, "{text}");
        }
    }
}
