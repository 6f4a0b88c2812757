//! What the sandbox was asked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::Observer;
use crate::server::lock;

/// One service request, answered or not.
///
/// The token is kept for tests to check, and masked in `Debug` and `Display`.
#[derive(Clone)]
pub struct RecordedRequest {
    /// Counts all requests of this sandbox from 1, in the order of their arrival.
    pub number: u64,
    /// The method of the service, such as `createcard`; the whole path where it is not below the base path.
    pub method: String,
    /// Names in lower case and values, in the order received; bytes that are not UTF-8 become U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The body as far as it was received.
    pub body: Vec<u8>,
    /// The body as a standard `application/x-www-form-urlencoded` parser reads it.
    pub form: Vec<(String, String)>,
    /// Whether the whole body arrived; the headers of a recorded request always did.
    pub complete: bool,
    /// Which connection it came over; connections count from 1 in the order in which they were accepted.
    pub connection: u64,
    /// HTTP status of the answer; `None` while there is no answer and where none was sent.
    pub status: Option<u16>,
    /// `code` of the answer's envelope, where there is one.
    pub code: Option<i64>,
    /// The card that was made or changed.
    pub card_id: Option<String>,
}

impl RecordedRequest {
    /// The first header of this name, whose case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first form field of exactly this name, such as `values[%PHONE%]`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The headers with the token replaced by `***`.
    pub fn masked_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| {
            let secret = name.eq_ignore_ascii_case(AUTHORIZATION.as_str());
            (name.as_str(), if secret { "***" } else { value })
        })
    }
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedRequest")
            .field("number", &self.number)
            .field("method", &self.method)
            .field("headers", &self.masked_headers().collect::<Vec<_>>())
            .field("body", &String::from_utf8_lossy(&self.body))
            .field("form", &self.form)
            .field("complete", &self.complete)
            .field("connection", &self.connection)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("card_id", &self.card_id)
            .finish()
    }
}

impl fmt::Display for RecordedRequest {
    /// One line without personal data: method, HTTP status, code and card id, `-` for what there is not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}", self.number, self.method.escape_debug())?;
        write!(f, " HTTP {}", Shown(self.status))?;
        write!(f, " code {}", Shown(self.code))?;
        write!(f, " card {}", Shown(self.card_id.as_deref()))
    }
}

struct Shown<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The latest requests.
pub(crate) struct RequestLog {
    keep: usize,
    observer: Option<Observer>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    last_number: u64,
    kept: VecDeque<Entry>,
}

/// Shared by the log and the request that is still under way.
type Entry = Arc<Mutex<RecordedRequest>>;

impl RequestLog {
    pub(crate) fn new(keep: usize, observer: Option<Observer>) -> Self {
        Self { keep, observer, entries: Mutex::default() }
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        lock(&self.entries).kept.iter().map(|entry| lock(entry).clone()).collect()
    }

    /// The last `count`, newest first.
    pub(crate) fn latest(&self, count: usize) -> Vec<RecordedRequest> {
        lock(&self.entries).kept.iter().rev().take(count).map(|entry| lock(entry).clone()).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.entries).kept.clear();
    }

    /// Enters a request whose headers have arrived.
    pub(crate) fn open(&self, method: &str, headers: &HeaderMap, connection: u64) -> Recording<'_> {
        let recorded = self.keep > 0 || self.observer.is_some();
        Recording { log: self, entry: recorded.then(|| self.enter(method, headers, connection)) }
    }

    fn enter(&self, method: &str, headers: &HeaderMap, connection: u64) -> Entry {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.as_str().into(), text(value.as_bytes()))).collect();
        let mut entries = lock(&self.entries);
        entries.last_number += 1;
        let entry = Arc::new(Mutex::new(RecordedRequest {
            number: entries.last_number,
            method: method.into(),
            headers,
            body: Vec::new(),
            form: Vec::new(),
            complete: false,
            connection,
            status: None,
            code: None,
            card_id: None,
        }));
        entries.kept.push_back(Arc::clone(&entry));
        if entries.kept.len() > self.keep {
            entries.kept.pop_front();
        }
        entry
    }
}

/// An entry that is still being written; the observer is told when it is dropped, however the request ended.
pub(crate) struct Recording<'a> {
    log: &'a RequestLog,
    entry: Option<Entry>,
}

impl Recording<'_> {
    /// Changes the entry; `change` is not called where nothing is recorded.
    pub(crate) fn update(&self, change: impl FnOnce(&mut RecordedRequest)) {
        if let Some(entry) = &self.entry {
            change(&mut lock(entry));
        }
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        if let (Some(entry), Some(observer)) = (&self.entry, &self.log.observer) {
            let request = lock(entry).clone();
            observer(&request);
        }
    }
}
