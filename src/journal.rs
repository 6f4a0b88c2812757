//! The optional journal (property `LogFile`): a line per request, and nothing of a customer but the card's id.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Datelike, Local, Timelike};
use passteam_client::form::Request;
use passteam_client::reply::{Report, Success};

/// A journal of this size becomes the old one, and a new one begins.
const LARGEST: u64 = 5 * 1024 * 1024;
/// A card's id has 24 characters; what is longer is none, and is cut.
const LONGEST_CARD_ID: usize = 64;
/// Another process that rotates the journal on Windows keeps it locked for a moment.
const WRITE_TRIES: usize = 3;

/// Adds a line for a request that has ended. Nothing happens where `path` is empty, and a journal that cannot be written is
/// left alone: it never makes a call fail.
pub fn note(path: &str, request: &Request, report: &Report, duration: Duration) {
    if !path.is_empty() {
        // The call has succeeded or failed already; a full disk must not change that.
        let _ = append(Path::new(path), &format!("{} {}\n", now(), line(request, report, duration)), LARGEST);
    }
}

/// Local time with its offset, as ISO 8601 writes it: `2026-11-24T19:40:12.345+03:00`.
fn now() -> String {
    let now = Local::now();
    let (year, month, day) = (now.year(), now.month(), now.day());
    let (hour, minute, second) = (now.hour(), now.minute(), now.second());
    // A leap second counts milliseconds on from 1000.
    let millisecond = now.timestamp_subsec_millis().min(999);
    let offset = now.offset().local_minus_utc();
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
    let (ahead_hours, ahead_minutes) = (minutes / 60, minutes % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}{sign}{ahead_hours:02}:{ahead_minutes:02}"
    )
}

fn line(request: &Request, report: &Report, duration: Duration) -> String {
    let Report { outcome, code, tries, .. } = report;
    let word = outcome.as_ref().map_or_else(|failure| failure.kind.as_str(), |_| "OK");
    let created = outcome.as_ref().ok().and_then(|Success { card_id, .. }| card_id.as_deref());
    let card_id = created.or(request.card_id()).map_or_else(|| "-".to_owned(), plain);
    let method = request.method_name();
    format!("{method} {word} code={code} tries={tries} ms={} card={card_id}", duration.as_millis())
}

/// An id that can neither break the line nor fill the disk.
fn plain(card_id: &str) -> String {
    let printable = |c: char| if c.is_control() || c.is_whitespace() { '?' } else { c };
    card_id.chars().take(LONGEST_CARD_ID).map(printable).collect()
}

/// Appends in one write, which keeps the lines of several processes apart, and rotates a journal that has grown to `largest`.
fn append(path: &Path, line: &str, largest: u64) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        // Opening a named pipe would wait for its reader.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut written = file.write_all(line.as_bytes());
    for _ in 1..WRITE_TRIES {
        if written.is_ok() {
            break;
        }
        written = file.write_all(line.as_bytes());
    }
    written?;
    if file.metadata()?.len() >= largest { rotate(path, &file, largest) } else { Ok(()) }
}

/// Makes the journal the old one, unless another process has just done so or is doing so.
fn rotate(path: &Path, file: &File, largest: u64) -> io::Result<()> {
    if file.try_lock().is_ok() && fs::metadata(path).is_ok_and(|current| current.len() >= largest) {
        fs::rename(path, old(path))?;
    }
    Ok(())
}

/// `journal.log` → `journal.log.old`.
fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use passteam_client::form::Variables;
    use passteam_client::reply::{Cause, Failure, Kind};

    use super::*;

    fn ended(request: &Request, outcome: Result<Success, Failure>, code: i64) -> String {
        line(request, &Report { outcome, code, body: "secret body".to_owned(), tries: 2 }, Duration::from_millis(1234))
    }

    #[test]
    fn a_line_tells_the_request_and_nothing_of_the_customer() {
        let mut variables = Variables::default();
        variables.set("PHONE", "+79161234567").unwrap();
        let update = Request::update_card("id\n5 x", &variables);
        assert_eq!(ended(&update, Ok(Success::default()), 200), "updatecard OK code=200 tries=2 ms=1234 card=id?5?x");
        let create = Request::create_card("template", &variables);
        let made = Success { card_id: Some("abc".to_owned()), ..Success::default() };
        assert_eq!(ended(&create, Ok(made), 200), "createcard OK code=200 tries=2 ms=1234 card=abc");
        let message = Some("secret".to_owned());
        let failure = Failure { kind: Kind::Duplicate, cause: Cause::Service, message, retry_after: None };
        assert_eq!(ended(&create, Err(failure), 409), "createcard Duplicate code=409 tries=2 ms=1234 card=-");
    }

    #[test]
    fn a_line_begins_with_a_time_that_others_can_read() {
        let before = Local::now();
        let read = chrono::DateTime::parse_from_rfc3339(&now()).unwrap();
        assert!((read.timestamp_millis() - before.timestamp_millis()).abs() < 60_000);
        assert_eq!(read.offset().local_minus_utc(), before.offset().local_minus_utc());
    }

    #[test]
    fn many_writers_lose_no_line_and_one_old_journal_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("журнал.log");
        let (writers, lines, largest) = (8, 200, 10_000);
        thread::scope(|scope| {
            for writer in 0..writers {
                let path = &path;
                scope.spawn(move || {
                    for number in 0..lines {
                        append(path, &format!("{writer} {number:06}\n"), largest).unwrap();
                    }
                });
            }
        });
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let all = read(&old(&path)) + &read(&path);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(all.lines().all(|line| line.len() == "0 000000".len()), "no line is torn");
        let total = writers * lines * "0 000000\n".len();
        assert!(total < 2 * largest as usize && all.len() <= total, "one rotation at most keeps every line");
        assert_eq!(all.len(), total);
    }

    #[test]
    fn a_journal_that_cannot_be_written_is_an_error_here_and_nothing_more_outside() {
        let folder = tempfile::tempdir().unwrap();
        assert!(append(folder.path(), "x\n", LARGEST).is_err());
        assert!(append(&folder.path().join("missing/journal.log"), "x\n", LARGEST).is_err());
        let request = Request::update_card("id", &Variables::default());
        let report = Report { outcome: Ok(Success::default()), code: 200, body: String::new(), tries: 1 };
        note(folder.path().to_str().unwrap(), &request, &report, Duration::ZERO);
        note("", &request, &report, Duration::ZERO);
    }
}
