//! The state of the platform's connection object: what one add-in object has raised, sent and shown.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// One call of `AddError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedError {
    /// The kind of message, one of `ADDIN_E_*` (1000 to 1009).
    pub wcode: u16,
    /// The name of the sender, as the add-in gives it.
    pub source: String,
    /// The text for a person.
    pub description: String,
    /// Any value except zero raises a BSL exception when the call returns.
    pub scode: i64,
}

impl fmt::Display for RaisedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.description)
    }
}

/// One call of `ExternalEvent` that found room in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalEvent {
    /// The name of the sender, as the add-in gives it.
    pub source: String,
    /// The name of the event.
    pub message: String,
    /// Its data.
    pub data: String,
}

/// The platform's queue of external events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventQueue {
    /// False as on a 1C server, which discards external events.
    pub accepts: bool,
    /// The maximum number of waiting events, until the add-in sets another depth.
    pub depth: i32,
}

impl Default for EventQueue {
    /// A client's queue: one event deep.
    fn default() -> EventQueue {
        EventQueue { accepts: true, depth: 1 }
    }
}

/// Uses of the connection object that the Native API does not allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MisuseReport {
    /// Calls made while the platform was not calling the object.
    pub calls_outside: usize,
    /// Calls made after `Done`.
    pub calls_after_done: usize,
    /// Calls made during a call of the platform, but from another thread.
    pub calls_from_other_threads: usize,
    /// The threads that made these calls, each once.
    pub threads: Vec<ThreadId>,
}

impl MisuseReport {
    /// Whether there was no such call.
    pub fn is_clean(&self) -> bool {
        *self == MisuseReport::default()
    }
}

struct State {
    /// The platform's current calls by their threads, and what each raises when it returns.
    calls: HashMap<ThreadId, Option<RaisedError>>,
    is_done: bool,
    misuse: MisuseReport,
    errors: Vec<RaisedError>,
    events: VecDeque<ExternalEvent>,
    depth: i32,
    status_line: Option<String>,
    dialogs: Vec<String>,
}

/// The platform's side of one object. Usable from any thread.
pub(crate) struct Connection {
    state: Mutex<State>,
    accepts_events: bool,
}

impl Connection {
    pub(crate) fn new(queue: EventQueue) -> Connection {
        Connection {
            state: Mutex::new(State {
                calls: HashMap::new(),
                is_done: false,
                misuse: MisuseReport::default(),
                errors: Vec::new(),
                events: VecDeque::new(),
                depth: queue.depth,
                status_line: None,
                dialogs: Vec::new(),
            }),
            accepts_events: queue.accepts,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, for a call that comes from the add-in. A call that is not allowed is counted.
    fn called(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        let thread = thread::current().id();
        let misuse = if state.is_done {
            Some(&mut state.misuse.calls_after_done)
        } else if state.calls.is_empty() {
            Some(&mut state.misuse.calls_outside)
        } else if state.calls.contains_key(&thread) {
            None
        } else {
            Some(&mut state.misuse.calls_from_other_threads)
        };
        if let Some(count) = misuse {
            *count += 1;
            if !state.misuse.threads.contains(&thread) {
                state.misuse.threads.push(thread);
            }
        }
        state
    }

    /// The platform starts calling the object on this thread.
    pub(crate) fn begin_call(&self) {
        self.state().calls.insert(thread::current().id(), None);
    }

    /// The call has returned; returns the exception to raise.
    pub(crate) fn end_call(&self) -> Option<RaisedError> {
        self.state().calls.remove(&thread::current().id()).flatten()
    }

    pub(crate) fn set_done(&self) {
        self.state().is_done = true;
    }

    pub(crate) fn add_error(&self, error: RaisedError) {
        let mut state = self.called();
        if error.scode != 0
            && let Some(exception) = state.calls.get_mut(&thread::current().id())
        {
            *exception = Some(error.clone());
        }
        state.errors.push(error);
    }

    pub(crate) fn external_event(&self, event: ExternalEvent) -> bool {
        let mut state = self.called();
        let depth = usize::try_from(state.depth).unwrap_or(0);
        let has_room = self.accepts_events && !state.is_done && state.events.len() < depth;
        if has_room {
            state.events.push_back(event);
        }
        has_room
    }

    pub(crate) fn clean_event_buffer(&self) {
        self.called().events.clear();
    }

    pub(crate) fn set_event_buffer_depth(&self, depth: i32) -> bool {
        let mut state = self.called();
        if depth >= 0 {
            state.depth = depth;
        }
        depth >= 0
    }

    pub(crate) fn event_buffer_depth(&self) -> i32 {
        self.called().depth
    }

    pub(crate) fn set_status_line(&self, text: Option<String>) {
        self.called().status_line = text;
    }

    pub(crate) fn show_dialog(&self, text: String) {
        self.called().dialogs.push(text);
    }

    /// Counts a call that does not use the state.
    pub(crate) fn note_call(&self) {
        drop(self.called());
    }

    pub(crate) fn errors(&self) -> Vec<RaisedError> {
        self.state().errors.clone()
    }

    pub(crate) fn take_errors(&self) -> Vec<RaisedError> {
        std::mem::take(&mut self.state().errors)
    }

    pub(crate) fn events(&self) -> Vec<ExternalEvent> {
        self.state().events.iter().cloned().collect()
    }

    pub(crate) fn take_events(&self) -> Vec<ExternalEvent> {
        self.state().events.drain(..).collect()
    }

    pub(crate) fn status_line(&self) -> Option<String> {
        self.state().status_line.clone()
    }

    pub(crate) fn dialogs(&self) -> Vec<String> {
        self.state().dialogs.clone()
    }

    pub(crate) fn misuse(&self) -> MisuseReport {
        self.state().misuse.clone()
    }
}
