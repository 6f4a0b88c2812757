//! The header `Retry-After`: how long an answer asks its reader to wait.

use std::time::{Duration, SystemTime};

use hyper::header::{DATE, HeaderMap, RETRY_AFTER};

/// The pause that an answer's headers ask for (RFC 9110, 10.2.3): seconds, or a date. `None` where they name none that can be
/// understood.
///
/// A date is compared with the answer's own `Date`, where there is one: the clock of the computer at hand may be wrong.
pub(super) fn pause(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than a number can hold are as good as for ever.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let now = date(headers).unwrap_or(now);
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The time at which an answer was made by its server's clock; `None` if it does not say.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Wed, 21 Oct 2015 07:28:00 GMT";
    const TEN_SECONDS_LATER: &str = "Wed, 21 Oct 2015 07:28:10 GMT";

    fn at(date: &str) -> SystemTime {
        httpdate::parse_http_date(date).expect(date)
    }

    fn asked(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().expect("a header"));
        if let Some(date) = date {
            headers.insert(DATE, date.parse().expect("a header"));
        }
        pause(&headers, at(NOW))
    }

    #[test]
    fn seconds_are_taken_as_they_are() {
        assert_eq!(asked("0", None), Some(Duration::ZERO));
        assert_eq!(asked(" 120 ", None), Some(Duration::from_secs(120)));
        assert_eq!(asked("99999999999999999999999", None), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn a_date_is_counted_from_now() {
        assert_eq!(asked(TEN_SECONDS_LATER, None), Some(Duration::from_secs(10)));
        assert_eq!(asked("Wednesday, 21-Oct-15 07:28:10 GMT", None), Some(Duration::from_secs(10)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:27:00 GMT", None), Some(Duration::ZERO), "past");
    }

    #[test]
    fn the_servers_clock_wins_over_a_wrong_one() {
        let date = "Wed, 21 Oct 2015 07:28:07 GMT";
        assert_eq!(asked(TEN_SECONDS_LATER, Some(date)), Some(Duration::from_secs(3)));
        assert_eq!(asked(TEN_SECONDS_LATER, Some("yesterday")), Some(Duration::from_secs(10)));
    }

    #[test]
    fn what_cannot_be_understood_names_no_pause() {
        for text in ["", "-1", "+5", "1.5", "soon", "10s", "٥", "Wed, 21 Oct"] {
            assert_eq!(asked(text, None), None, "{text:?}");
        }
        assert_eq!(pause(&HeaderMap::new(), at(NOW)), None);
    }
}
