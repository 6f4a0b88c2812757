//! Certificates in PEM (RFC 7468), read in two steps: a system's store holds most certificates twice, and to compare texts costs a
//! fraction of what decoding them does.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr2;
use rustls::pki_types::CertificateDer;

/// As lenient at a text's end as other readers of PEM are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The certificates in a text, each as the base64 between its marks. What else stands there is left out, and so is a certificate
/// without an end.
pub(crate) fn certificates(text: &[u8]) -> Certificates<'_> {
    Certificates { text, place: 0 }
}

/// What [`certificates`] gives.
pub(crate) struct Certificates<'a> {
    text: &'a [u8],
    /// Where the next line begins; beyond the text after its last line.
    place: usize,
}

impl<'a> Iterator for Certificates<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut begin = None;
        while let Some(rest) = self.text.get(self.place..) {
            let start = self.place;
            let line = &rest[..line_length(rest)];
            self.place += line.len() + 1;
            if !line.starts_with(b"-----") {
                continue;
            }
            match (line.trim_ascii_end(), begin) {
                (b"-----BEGIN CERTIFICATE-----", _) => begin = Some(self.place),
                (b"-----END CERTIFICATE-----", Some(begin)) => return self.text.get(begin..start),
                _ => begin = None,
            }
        }
        None
    }
}

/// The certificate that this base64 stands for; `None` if it is malformed.
pub(crate) fn decode(base64: &[u8]) -> Option<CertificateDer<'static>> {
    let mut digits = Vec::with_capacity(base64.len());
    let mut rest = base64;
    while !rest.is_empty() {
        let (line, next) = rest.split_at(line_length(rest));
        digits.extend_from_slice(line);
        rest = next.get(1..).unwrap_or_default();
    }
    let decoded = BASE64.decode(&digits).or_else(|_| {
        // Hardly anybody writes blanks into a line.
        digits.retain(|digit| !digit.is_ascii_whitespace());
        BASE64.decode(&digits)
    });
    decoded.ok().map(Into::into)
}

/// How long the first line of a text is, without its end.
fn line_length(text: &[u8]) -> usize {
    memchr2(b'\n', b'\r', text).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    fn read(text: &str) -> Vec<Option<Vec<u8>>> {
        certificates(text.as_bytes()).map(|base64| decode(base64).map(|der| der.to_vec())).collect()
    }

    fn pem(base64: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn every_certificate_is_read_and_nothing_else() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let text = format!("subject=CN = x\n{}{key}# comment\n{}", pem("AQID"), pem("BAUG"));
        assert_eq!(read(&text), [Some(vec![1, 2, 3]), Some(vec![4, 5, 6])]);
        for nothing in ["", "AQID", "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n", key] {
            assert_eq!(read(nothing), [], "{nothing:?}");
        }
        let broken_off = format!("-----BEGIN CERTIFICATE-----\nAQID\n{key}{}", pem("BAUG"));
        assert_eq!(read(&broken_off), [Some(vec![4, 5, 6])]);
    }

    #[test]
    fn spellings_that_other_programs_write_are_read() {
        let plain = pem("AQID\nBAUG");
        for text in [
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            plain.replace("-----\n", "----- \n"),
            plain.replace("AQ", " A\tQ"),
            plain.trim_end().to_owned(),
        ] {
            assert_eq!(read(&text), [Some(vec![1, 2, 3, 4, 5, 6])], "{text:?}");
        }
        assert_eq!(read(&pem("AQ")), [Some(vec![1])], "without padding");
        assert_eq!(read(&pem("A?ID")), [None]);
    }

    proptest! {
        /// The TLS library's own reader is slower, and secret to timing, which a public certificate need not be.
        #[test]
        fn it_reads_what_the_tls_librarys_reader_reads(
            der in proptest::collection::vec(any::<u8>(), 0..200), width in 1_usize..80, noise in "[a-z \n-]{0,40}",
        ) {
            let base64 = BASE64.encode(&der);
            let lines: Vec<_> = base64.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
            let text = format!("{noise}\n{}", pem(&lines.join("\n")));
            let expected: Vec<_> =
                CertificateDer::pem_slice_iter(text.as_bytes()).filter_map(Result::ok).map(|der| der.to_vec()).collect();
            prop_assert_eq!(read(&text).into_iter().flatten().collect::<Vec<_>>(), expected);
        }
    }
}
