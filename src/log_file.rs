//! The lines of the log file (property `LogFile`): one per request and one per batch.
//!
//! Of a customer's data they hold nothing but the card's id. How they get to the disk is in [`crate::log_writer`].

use std::path::Path;
use std::time::Duration;

use passteam_client::outcome::{Report, Success};
use passteam_client::redact::hide_token;
use passteam_client::request::Request;
use passteam_client::settings::Settings;

use crate::{local_time, log_writer};

/// A card's id has 24 characters; a longer text is no id and is truncated.
const LONGEST_CARD_ID: usize = 64;

/// Where an object's lines go: a path, or nowhere if it is empty.
#[derive(Clone, Copy)]
pub struct LogFile<'a>(pub &'a str);

impl LogFile<'_> {
    /// Adds a line for a request that has ended.
    pub fn note_request(self, settings: &Settings, request: &Request, report: &Report, duration: Duration) {
        self.note(|| request_line(settings, request, report, duration));
    }

    /// Adds a line for a batch of `method` that has ended; `kinds` are its entries' `ErrorKind`s, empty for a success.
    pub fn note_batch<'a>(self, method: &str, kinds: impl Iterator<Item = &'a str>, duration: Duration) {
        self.note(|| batch_line(method, kinds, duration));
    }

    /// Waits a moment for the disk, so that the lines are there when the call returns.
    pub fn flush(self) {
        if !self.0.is_empty() {
            log_writer::flush();
        }
    }

    fn note(self, line: impl FnOnce() -> String) {
        if !self.0.is_empty() {
            log_writer::write(Path::new(self.0), format!("{} {}\n", local_time::now(), line()));
        }
    }
}

fn request_line(settings: &Settings, request: &Request, report: &Report, duration: Duration) -> String {
    let Report { outcome, code, tries, .. } = report;
    let word = outcome.as_ref().map_or_else(|failure| failure.kind().as_str(), |_| "OK");
    let created = outcome.as_ref().ok().and_then(|Success { card_id, .. }| card_id.as_deref());
    let card_id =
        created.or(request.card_id()).map_or_else(|| "-".to_owned(), |card_id| plain(&hide_token(card_id, settings)));
    // BSL may have passed the token where the method belongs.
    let method = hide_token(request.method_name(), settings);
    format!("{method} {word} code={code} tries={tries} ms={} card={card_id}", duration.as_millis())
}

/// Each outcome with its number of entries, in the order in which they first occur.
fn batch_line<'a>(method: &str, kinds: impl Iterator<Item = &'a str>, duration: Duration) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for kind in kinds {
        let word = if kind.is_empty() { "OK" } else { kind };
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let entries: usize = counts.iter().map(|(_, count)| count).sum();
    let outcomes: String = counts.iter().map(|(word, count)| format!(" {word}={count}")).collect();
    format!("{method} entries={entries} seconds={:.3}{outcomes}", duration.as_secs_f64())
}

/// An id that can neither break the line nor fill the disk.
fn plain(card_id: &str) -> String {
    let printable = |c: char| if c.is_control() || c.is_whitespace() { '?' } else { c };
    card_id.chars().take(LONGEST_CARD_ID).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use passteam_client::form::{Parameters, Variables};
    use passteam_client::outcome::{Cause, Failure};
    use passteam_client::settings::Token;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn settings() -> Settings {
        Settings { token: Token::parse(TOKEN).unwrap(), ..Settings::default() }
    }

    fn ended(request: &Request, outcome: Result<Success, Failure>, code: i64) -> String {
        request_line(
            &settings(),
            request,
            &Report { outcome, code, body: "secret body".to_owned(), tries: 2, unknown: false },
            Duration::from_millis(1234),
        )
    }

    #[test]
    fn a_line_describes_the_request_without_the_customers_data() {
        let mut variables = Variables::default();
        variables.set("PHONE", "+79161234567").unwrap();
        let update = Request::update_card("id\n5 x", &variables);
        assert_eq!(ended(&update, Ok(Success::default()), 200), "updatecard OK code=200 tries=2 ms=1234 card=id?5?x");
        let create = Request::create_card("template", &variables);
        let made = Success { card_id: Some("abc".to_owned()), ..Success::default() };
        assert_eq!(ended(&create, Ok(made), 200), "createcard OK code=200 tries=2 ms=1234 card=abc");
        let message = Some("secret".to_owned());
        let failure = Failure { message, ..Failure::new(Cause::Duplicate) };
        assert_eq!(ended(&create, Err(failure), 409), "createcard Duplicate code=409 tries=2 ms=1234 card=-");
        let mistaken = Request::update_card(TOKEN, &variables);
        assert_eq!(ended(&mistaken, Ok(Success::default()), 200), "updatecard OK code=200 tries=2 ms=1234 card=***");
        let mistaken = Request::method(TOKEN, &Parameters::default()).unwrap();
        let failure = Failure::new(Cause::NotFound);
        assert_eq!(ended(&mistaken, Err(failure), 404), "*** NotFound code=404 tries=2 ms=1234 card=-");
    }

    #[test]
    fn a_batch_has_one_line_with_its_outcomes() {
        let kinds = ["", "Duplicate", "", "NotSent", "", "NotSent"];
        assert_eq!(
            batch_line("CreateCards", kinds.into_iter(), Duration::from_millis(12_345)),
            "CreateCards entries=6 seconds=12.345 OK=3 Duplicate=1 NotSent=2"
        );
        assert_eq!(batch_line("UpdateCards", [].into_iter(), Duration::ZERO), "UpdateCards entries=0 seconds=0.000");
    }
}
