//! What a certificate says of itself (X.509, RFC 5280, 4.1): whom it is for, who has issued it, and when it is valid.
//!
//! This is for telling a person, and for finding out why a certificate was refused. Nothing is verified here.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a person needs to know of a certificate: the server's own words, unredacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it is for, such as `CN=getpass.passteam.ru`; empty if it does not say.
    pub subject: String,
    /// Who has issued it.
    pub issuer: String,
    /// The first second in which it is valid, counted from 1970 in UTC.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
}

impl Certificate {
    /// Reads a certificate in DER; `None` if that is none.
    pub(crate) fn read(der: &[u8]) -> Option<Certificate> {
        let Fields { issuer, validity, subject } = Fields::read(der)?;
        let mut times = Elements(validity);
        let (not_before, not_after) = (seconds(times.next()?)?, seconds(times.next()?)?);
        Some(Certificate { subject: name(subject), issuer: name(issuer), not_before, not_after })
    }

    /// Whether it is valid at that second.
    pub fn is_valid_at(&self, second: i64) -> bool {
        (self.not_before..=self.not_after).contains(&second)
    }
}

/// This second, counted as a certificate counts.
pub(crate) fn now() -> i64 {
    seconds_of(SystemTime::now())
}

/// A moment, counted as a certificate counts.
pub(crate) fn seconds_of(moment: SystemTime) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => seconds(since),
        Err(before) => -seconds(before.duration()),
    }
}

/// Parts of a certificate as they are encoded.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    validity: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Reads a certificate in DER; `None` if that is none.
    pub(crate) fn read(der: &'a [u8]) -> Option<Fields<'a>> {
        /// The version, which certificates of version 1 leave out.
        const VERSION: u8 = 0xa0;

        let certificate = Elements(der).of(SEQUENCE)?;
        let mut fields = Elements(Elements(certificate).of(SEQUENCE)?);
        let first = fields.next()?;
        if first.tag == VERSION {
            // The serial number.
            fields.next()?;
        }
        // The signature's algorithm.
        fields.of(SEQUENCE)?;
        let issuer = fields.of(SEQUENCE)?;
        let validity = fields.of(SEQUENCE)?;
        let subject = fields.of(SEQUENCE)?;
        Some(Fields { issuer, subject, validity })
    }

    /// Whether it names itself as its issuer, as a root does and a server that has certified itself.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

const SEQUENCE: u8 = 0x30;

/// An element of DER (X.690, 8.1).
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

/// Elements one after another.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The next element's content, if that has this tag.
    fn of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|element| element.tag == tag).map(|element| element.content)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    /// The next element; `None` at the end, and if what follows is no element.
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            // No certificate is that long.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Element { tag, content })
    }
}

/// A name as people write it: `CN=shop, O=Company`. Parts that tell a person nothing are left out.
fn name(encoded: &[u8]) -> String {
    /// The last byte of `id-at` (RFC 5280, A.1), and its short form.
    const ATTRIBUTES: [(u8, &str); 5] = [(3, "CN"), (10, "O"), (11, "OU"), (7, "L"), (6, "C")];

    let mut parts = Vec::new();
    for set in Elements(encoded) {
        for attribute in Elements(set.content) {
            let mut attribute = Elements(attribute.content);
            let (Some(kind), Some(value)) = (attribute.next(), attribute.next()) else { continue };
            let [0x55, 0x04, kind] = kind.content else { continue };
            let Some((_, short)) = ATTRIBUTES.iter().find(|(known, _)| known == kind) else { continue };
            parts.push(format!("{short}={}", text(&value)));
        }
    }
    parts.join(", ")
}

/// A string of any of the types that names have.
fn text<'a>(element: &Element<'a>) -> Cow<'a, str> {
    const BMP_STRING: u8 = 0x1e;

    if element.tag == BMP_STRING {
        let units: Vec<u16> = element.content.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
        return String::from_utf16_lossy(&units).into();
    }
    String::from_utf8_lossy(element.content)
}

/// A time (RFC 5280, 4.1.2.5) as seconds since 1970; `None` if it is malformed.
fn seconds(time: Element<'_>) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;

    let digits = time.content.strip_suffix(b"Z")?;
    let number = |from: usize, count: usize| -> Option<i64> {
        let digits = std::str::from_utf8(digits.get(from..from + count)?).ok()?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let (year, rest) = match time.tag {
        UTC_TIME => (number(0, 2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        GENERALIZED_TIME => (number(0, 4)?, 4),
        _ => return None,
    };
    let (month, day) = (number(rest, 2)?, number(rest + 2, 2)?);
    let (hour, minute, second) = (number(rest + 4, 2)?, number(rest + 6, 2)?, number(rest + 8, 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. The year is counted from March, so that a leap day ends it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    /// From 0000-03-01 to 1970-01-01.
    const UNTIL_1970: i64 = 719_468;
    year * 365 + leap_days + day_of_year - UNTIL_1970
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(adjust: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        adjust(&mut parameters);
        parameters.self_signed(&KeyPair::generate().expect("a key")).expect("a certificate").der().to_vec()
    }

    #[test]
    fn a_certificate_tells_whom_it_is_for_and_until_when() {
        let der = certificate(|parameters| {
            parameters.distinguished_name = Default::default();
            parameters.distinguished_name.push(DnType::CommonName, "Касса № 1");
            parameters
                .distinguished_name
                .push(DnType::OrganizationName, DnValue::BmpString("Ромашка".try_into().expect("text")));
            parameters.not_before = date_time_ymd(2024, 2, 29);
            parameters.not_after = date_time_ymd(2999, 12, 31);
        });
        let read = Certificate::read(&der).expect("a certificate");
        assert_eq!(read.subject, "CN=Касса № 1, O=Ромашка");
        assert_eq!(read.issuer, read.subject);
        assert_eq!((read.not_before, read.not_after), (1_709_164_800, 32_503_593_600));
        assert!(read.is_valid_at(1_709_164_800) && !read.is_valid_at(1_709_164_799));
        assert!(Fields::read(&der).expect("a certificate").is_self_issued());
    }

    #[test]
    fn times_of_both_types_are_read_and_others_refused() {
        let at = |tag, content: &str| seconds(Element { tag, content: content.as_bytes() });
        assert_eq!(at(0x17, "700101000000Z"), Some(0));
        assert_eq!(at(0x17, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(at(0x17, "500101000000Z"), Some(-631_152_000));
        assert_eq!(at(0x18, "20000301000000Z"), Some(951_868_800));
        assert_eq!(at(0x18, "00000101000000Z"), Some(-62_167_219_200));
        for (tag, content) in [
            (0x17, "700101000000"),
            (0x17, "701301000000Z"),
            (0x18, "2000+101000000Z"),
            (0x18, "Z"),
            (2, "700101000000Z"),
        ] {
            assert_eq!(at(tag, content), None, "{content}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let der = certificate(|_| ());
        for length in 0..der.len() {
            assert_eq!(Certificate::read(&der[..length]), None, "{length}");
        }
        assert_eq!(Certificate::read(b"-----BEGIN CERTIFICATE-----"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_do_any_harm(place in 0_usize..400, byte: u8, noise in proptest::collection::vec(any::<u8>(), 0..64)) {
            static CERTIFICATE: LazyLock<Vec<u8>> = LazyLock::new(|| certificate(|_| ()));
            let mut der = CERTIFICATE.clone();
            let place = place % der.len();
            der[place] = byte;
            let _ = Certificate::read(&der);
            let _ = Certificate::read(&noise);
        }
    }
}
