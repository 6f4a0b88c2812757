//! One try of a request: what came of it, and whether the service may have carried it out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::outcome::{Cause, Failure, Success};
use crate::reply::{CompleteResponse, Judgement, judge};
use crate::request::Expectation;

/// What one try came to.
pub(crate) struct Attempt {
    pub(crate) outcome: Result<Success, Failure>,
    /// As [`crate::Report::code`].
    pub(crate) code: i64,
    pub(crate) body: String,
    /// Whether not one byte of the request can have left.
    pub(crate) unsent: bool,
    /// Whether an answer says that the service has not carried the request out.
    pub(crate) refused: bool,
    /// As [`crate::Diagnosis::server_ahead`].
    pub(crate) server_ahead: Option<i64>,
}

impl Attempt {
    /// A try without a complete answer.
    pub(crate) fn failed(cause: Cause, unsent: bool) -> Attempt {
        let outcome = Err(Failure::new(cause));
        Attempt { outcome, code: 0, body: String::new(), unsent, refused: false, server_ahead: None }
    }

    /// A try that got an answer.
    pub(crate) fn answered(expectation: &Expectation, response: CompleteResponse) -> Attempt {
        let Judgement { outcome, code, refused } = judge(expectation, &response);
        let CompleteResponse { body, server_ahead, .. } = response;
        Attempt { outcome, code, body, unsent: false, refused, server_ahead }
    }

    /// Whether the service may have carried the request out although no answer says so.
    pub(crate) fn is_unknown(&self) -> bool {
        self.outcome.is_err() && !self.unsent && !self.refused
    }
}

/// Tells the one who may give a try up whether a byte of its request may have left. Clones share the answer.
#[derive(Clone, Default)]
pub(crate) struct Sent(Arc<AtomicBool>);

impl Sent {
    /// Notes that a byte of the request may have left.
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
