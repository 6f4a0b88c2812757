//! A scheduler for stories: nothing runs beside a session, but for what a test lets happen at one of its calls.

use std::sync::{Mutex, PoisonError};

use bsl_run::platform::{Scheduler, Turn, Wait};
use infobase::SessionId;

/// What happens just before a call of the platform.
pub enum Moment {
    /// This, and then the call.
    Event(Box<dyn FnOnce() + Send>),
    /// The session ends.
    Crash,
}

/// Lets every session run; at one call something else happens first. A lock that another session holds times out at once.
#[derive(Default)]
pub struct Moments(Mutex<Option<(String, Moment)>>);

impl Moments {
    /// Sets what happens before the next call whose name begins so: `CreateCard` stands for `CreateCards` too.
    pub fn next(&self, call: &str, moment: Moment) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((call.to_owned(), moment));
    }

    fn take(&self, call: &str) -> Option<Moment> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if next.as_ref().is_some_and(|(wanted, _)| call.starts_with(wanted.as_str())) {
            next.take().map(|(_, moment)| moment)
        } else {
            None
        }
    }
}

impl Scheduler for Moments {
    fn point(&self, _: SessionId, call: &str) -> Turn {
        match self.take(call) {
            None => Turn::Go,
            Some(Moment::Event(event)) => {
                event();
                Turn::Go
            }
            Some(Moment::Crash) => Turn::Crash,
        }
    }

    fn wait(&self, _: SessionId, _: &[SessionId]) -> Wait {
        Wait::TimedOut
    }
}
