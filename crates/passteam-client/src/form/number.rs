//! JSON numbers without exponents, digit by digit: a number is never read as a double.

use std::borrow::Cow;

/// As many digits as any sum of money or number of a card could need, and few enough to be harmless.
const MOST_DIGITS: usize = 400;

/// A JSON number without its exponent and otherwise with the digits it was written with: `12.50e2` is `1250`.
///
/// `None` if the exponent stands for more than 400 digits.
pub(super) fn without_exponent(number: &str) -> Option<Cow<'_, str>> {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return Some(number.into()) };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if mantissa.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return Some(format!("{sign}0").into());
    }
    // An exponent that does not fit into a machine word stands for too many digits anyway.
    let exponent: isize = exponent.parse().ok()?;
    let digits = [whole, fraction].concat();
    let point = exponent.checked_add_unsigned(whole.len())?;
    if digits.len() > MOST_DIGITS || point.unsigned_abs() > MOST_DIGITS {
        return None;
    }
    let (whole, fraction) = match usize::try_from(point) {
        Ok(0) | Err(_) => ("0".to_owned(), "0".repeat(point.unsigned_abs()) + &digits),
        Ok(point) if point < digits.len() => (digits[..point].to_owned(), digits[point..].to_owned()),
        Ok(point) => (format!("{digits:0<point$}"), String::new()),
    };
    if whole.len() + fraction.len() > MOST_DIGITS {
        return None;
    }
    let significant = whole.trim_start_matches('0');
    let whole = if significant.is_empty() { "0" } else { significant };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}").into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_without_an_exponent_stays_as_it_was_written() {
        for number in ["0", "-0", "12.50", "-0.00", "79161234567", "123456789012345678901234567890.10"] {
            assert_eq!(without_exponent(number).as_deref(), Some(number));
        }
    }

    #[test]
    fn exponents_are_written_out() {
        for (number, expected) in [
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1e0", "1"),
            ("-1e2", "-100"),
            ("1.5E-3", "0.0015"),
            ("15e-1", "1.5"),
            ("12.50e2", "1250"),
            ("12.50e1", "125.0"),
            ("12.50e0", "12.50"),
            ("12.50e-1", "1.250"),
            ("12.50e-2", "0.1250"),
            ("0.015e1", "0.15"),
            ("0.015e2", "1.5"),
            ("0.015e3", "15"),
            ("0.010e5", "1000"),
            ("-0.5e-1", "-0.05"),
            ("7.9161234567e10", "79161234567"),
        ] {
            assert_eq!(without_exponent(number).as_deref(), Some(expected), "{number}");
        }
    }

    #[test]
    fn nothing_times_any_power_is_nothing() {
        for number in ["0e5", "0e-5", "0.00e1", "0e999999999999999999999"] {
            assert_eq!(without_exponent(number).as_deref(), Some("0"), "{number}");
        }
        assert_eq!(without_exponent("-0.0e7").as_deref(), Some("-0"));
    }

    #[test]
    fn more_than_400_digits_are_too_many() {
        assert_eq!(without_exponent("1e399").map(|digits| digits.len()), Some(400));
        assert_eq!(without_exponent("1e-399").map(|digits| digits.len()), Some(401), "400 digits and a point");
        for number in
            ["1e400", "1e-400", "1e999999999", "-1E-999999999", "1e99999999999999999999", "1e-99999999999999999999"]
        {
            assert_eq!(without_exponent(number), None, "{number}");
        }
        assert_eq!(without_exponent(&format!("{}e-1", "1".repeat(401))), None);
    }

    proptest! {
        #[test]
        fn what_is_written_out_is_the_same_number(number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}") {
            let digits = without_exponent(&number).expect("few digits");
            prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')), "{}", digits);
            prop_assert_eq!(digits.parse::<f64>(), number.parse::<f64>());
            prop_assert!(serde_json::from_str::<f64>(&digits).is_ok(), "still a JSON number: {}", digits);
        }
    }
}
