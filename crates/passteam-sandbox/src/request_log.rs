//! The log of service requests: what was sent, what was answered.
//!
//! The sandbox's own paths are not logged.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::mutex::lock;

/// Called after each service request, on the sandbox's thread: it must not block and must not drop the
/// [`Sandbox`](crate::Sandbox).
pub type Observer = Arc<dyn Fn(&RecordedRequest) + Send + Sync>;

/// One service request, answered or not.
///
/// The token is kept, so that tests can check it, but `Debug` and `Display` mask it.
#[derive(Clone)]
pub struct RecordedRequest {
    /// Counts all requests of this sandbox from 1, in the order of their arrival.
    pub number: u64,
    /// The method of the service, such as `createcard`; the whole path if it is not below the base path.
    pub method: String,
    /// Names in lower case and values, in the order received; bytes that are not UTF-8 become U+FFFD.
    pub headers: Vec<(String, String)>,
    /// The received part of the body.
    pub body: Vec<u8>,
    /// The body as a standard `application/x-www-form-urlencoded` parser reads it.
    pub form: Vec<(String, String)>,
    /// Whether the whole body arrived. A request whose headers did not arrive whole is not recorded at all.
    pub complete: bool,
    /// Number of its connection; connections are numbered from 1 in the order in which they were accepted.
    pub connection: u64,
    /// HTTP status of the answer; `None` before the answer, or if none was sent.
    pub status: Option<u16>,
    /// `code` of the answer's envelope; `None` if the answer is not an envelope.
    pub code: Option<i64>,
    /// `message` of the answer's envelope; `None` if the answer is not an envelope.
    pub message: Option<String>,
    /// The card that was created or changed.
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
            .field("message", &self.message)
            .field("card_id", &self.card_id)
            .finish()
    }
}

impl fmt::Display for RecordedRequest {
    /// One line without personal data: method, HTTP status, code and card id, `-` if there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {}", self.number, self.method.escape_debug())?;
        write!(f, " HTTP {}", OrDash(self.status))?;
        write!(f, " code {}", OrDash(self.code))?;
        write!(f, " card {}", OrDash(self.card_id.as_deref()))
    }
}

/// A value, or `-`.
struct OrDash<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrDash<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The latest requests. Old ones are removed when there are more than `keep`.
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

/// Shared by the log and by the request while it is being answered.
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

    /// Adds a request whose headers have arrived.
    pub(crate) fn open(self: &Arc<Self>, method: &str, headers: &HeaderMap, connection: u64) -> Recording {
        let recorded = self.keep > 0 || self.observer.is_some();
        Recording { log: Arc::clone(self), entry: recorded.then(|| self.add(method, headers, connection)) }
    }

    fn add(&self, method: &str, headers: &HeaderMap, connection: u64) -> Entry {
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
            message: None,
            card_id: None,
        }));
        entries.kept.push_back(Arc::clone(&entry));
        if entries.kept.len() > self.keep {
            entries.kept.pop_front();
        }
        entry
    }
}

/// An entry whose request is not finished. Dropping it calls the observer, also if the request broke off.
pub(crate) struct Recording {
    log: Arc<RequestLog>,
    entry: Option<Entry>,
}

impl Recording {
    /// Changes the entry; `change` is not called if nothing is recorded.
    pub(crate) fn update(&self, change: impl FnOnce(&mut RecordedRequest)) {
        if let Some(entry) = &self.entry {
            change(&mut lock(entry));
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let (Some(entry), Some(observer)) = (&self.entry, &self.log.observer) {
            let request = lock(entry).clone();
            observer(&request);
        }
    }
}
