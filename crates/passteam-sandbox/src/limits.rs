//! Limits on requests per minute, hour and day, as the vendor's tariffs have them.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How many requests the service accepts. `Default` has no limits.
///
/// It is written as `key=number[,key=number…]` with the keys `minute`, `hour` and `day`: `minute=60,day=5000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests per minute; `None`: no limit.
    pub per_minute: Option<NonZeroU32>,
    /// Requests per hour; `None`: no limit.
    pub per_hour: Option<NonZeroU32>,
    /// Requests per day; `None`: no limit.
    pub per_day: Option<NonZeroU32>,
}

/// A part of a text that is not a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLimits(pub String);

impl fmt::Display for InvalidLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "«{}» is not minute=, hour= or day= with a number from 1", self.0)
    }
}

impl std::error::Error for InvalidLimits {}

impl FromStr for Limits {
    type Err = InvalidLimits;

    fn from_str(text: &str) -> Result<Self, InvalidLimits> {
        let mut limits = Self::default();
        for setting in text.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let invalid = || InvalidLimits(setting.into());
            let (key, number) = setting.split_once('=').ok_or_else(invalid)?;
            let limit = match key {
                "minute" => &mut limits.per_minute,
                "hour" => &mut limits.per_hour,
                "day" => &mut limits.per_day,
                _ => return Err(invalid()),
            };
            *limit = Some(number.parse().map_err(|_| invalid())?);
        }
        Ok(limits)
    }
}

/// Counts requests. Each period begins with its first request and then has its fixed length: the sandbox's choice.
#[derive(Debug)]
pub(crate) struct Limiter {
    limits: Limits,
    minute: Period,
    hour: Period,
    day: Period,
}

#[derive(Debug)]
struct Period {
    length: Duration,
    begun: Option<Instant>,
    used: u32,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        let period = |minutes: u64| Period { length: Duration::from_secs(minutes * 60), begun: None, used: 0 };
        Self { limits, minute: period(1), hour: period(60), day: period(24 * 60) }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Requests that count in the minute, the hour and the day at `now`.
    pub(crate) fn used(&self, now: Instant) -> [u32; 3] {
        [&self.minute, &self.hour, &self.day].map(|period| if period.is_over(now) { 0 } else { period.used })
    }

    /// Counts a request, or returns the time after which no limit forbids it. A request that is refused does not count:
    /// the sandbox's choice.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        let Self { limits, minute, hour, day } = self;
        let periods = [(minute, limits.per_minute), (hour, limits.per_hour), (day, limits.per_day)];
        let wait = periods.iter().filter_map(|(period, limit)| period.wait(now, *limit)).max();
        match wait {
            Some(wait) => Err(wait),
            None => {
                periods.into_iter().for_each(|(period, _)| period.count(now));
                Ok(())
            }
        }
    }
}

impl Period {
    fn is_over(&self, now: Instant) -> bool {
        self.begun.is_none_or(|begun| now.saturating_duration_since(begun) >= self.length)
    }

    /// The rest of the period if its limit is reached.
    fn wait(&self, now: Instant, limit: Option<NonZeroU32>) -> Option<Duration> {
        let begun = self.begun.filter(|_| !self.is_over(now))?;
        let reached = self.used >= limit?.get();
        reached.then(|| self.length.saturating_sub(now.saturating_duration_since(begun)))
    }

    fn count(&mut self, now: Instant) {
        if self.is_over(now) {
            self.begun = Some(now);
            self.used = 0;
        }
        self.used = self.used.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limiter(text: &str) -> Limiter {
        Limiter::new(text.parse().unwrap())
    }

    #[test]
    fn a_limit_holds_until_its_period_is_over() {
        for (text, seconds) in [("minute=2", 60), ("hour=2", 3600), ("day=2", 86_400)] {
            let mut limiter = limiter(text);
            let start = Instant::now();
            assert_eq!(limiter.admit(start), Ok(()));
            assert_eq!(limiter.admit(start + 10 * SECOND), Ok(()));
            assert_eq!(limiter.admit(start + 20 * SECOND), Err((seconds - 20) * SECOND), "{text}");
            assert_eq!(limiter.admit(start + (seconds - 1) * SECOND), Err(SECOND), "a refused request does not count");
            assert_eq!(limiter.admit(start + seconds * SECOND), Ok(()), "{text}");
        }
    }

    #[test]
    fn the_longest_wait_of_several_limits_is_told() {
        let mut limiter = limiter("minute=1,hour=2,day=3");
        let start = Instant::now();
        assert_eq!(limiter.admit(start), Ok(()));
        assert_eq!(limiter.admit(start), Err(60 * SECOND));
        assert_eq!(limiter.admit(start + 60 * SECOND), Ok(()));
        assert_eq!(limiter.admit(start + 60 * SECOND), Err(3540 * SECOND), "the hour's, not the minute's");
        assert_eq!(limiter.admit(start + 3600 * SECOND), Ok(()));
        assert_eq!(limiter.admit(start + 3600 * SECOND), Err(82_800 * SECOND), "the day's");
        assert_eq!(limiter.used(start + 3600 * SECOND), [1, 1, 3]);
        assert_eq!(limiter.used(start + 90_000 * SECOND), [0, 0, 0]);
    }

    #[test]
    fn without_limits_every_request_is_admitted() {
        let mut limiter = limiter("");
        let now = Instant::now();
        assert!((0..1000).all(|_| limiter.admit(now).is_ok()));
        assert_eq!(limiter.used(now), [1000; 3]);
    }

    #[test]
    fn limits_are_read_from_a_command_line() {
        let limits = Limits { per_minute: NonZeroU32::new(60), per_hour: None, per_day: NonZeroU32::new(5000) };
        assert_eq!("minute=60, day=5000".parse(), Ok(limits));
        for text in ["minute", "minute=0", "minute=-1", "second=5", "day=x"] {
            assert_eq!(text.parse::<Limits>(), Err(InvalidLimits(text.into())));
        }
    }
}
