//! The state that the handle, the service's methods, the control paths and the page share.
//!
//! It knows neither sockets nor HTTP. Everything that changes what the page shows goes through here or ends with
//! [`Shared::changed`].

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::fault::{Fault, InvalidFault, ReadyFault};
use crate::limits::{Limiter, Limits};
use crate::mutex::lock;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::request_log::RequestLog;
use crate::samples;
use crate::shape::Shape;
use crate::store::Store;

/// The path below which the service's methods are.
pub(crate) const BASE_PATH: &str = "/oapi/v1";

/// The state of one sandbox.
pub(crate) struct Shared {
    /// Scheme, host and port that a client on this machine uses.
    pub(crate) origin: String,
    pub(crate) token: String,
    pub(crate) latency: Duration,
    pub(crate) store: Mutex<Store>,
    pub(crate) faults: Mutex<VecDeque<ReadyFault>>,
    pub(crate) shape: Mutex<Shape>,
    pub(crate) limiter: Mutex<Limiter>,
    pub(crate) log: Arc<RequestLog>,
    /// Requests that wait until they are carried out late.
    pub(crate) late_requests: AtomicU64,
    /// Ends the wait of late requests.
    pub(crate) carry_out_late: Notify,
    /// Counted up at each change of what the page shows.
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) connections: AtomicU64,
    pub(crate) handshakes: AtomicU64,
    pub(crate) open_connections: AtomicU64,
    pub(crate) close_connections: Notify,
}

impl Shared {
    pub(crate) fn new(options: Options, origin: String) -> Self {
        Self {
            token: options.token,
            latency: options.latency,
            store: Mutex::new(Store::new(options.templates, options.unique, origin.clone())),
            origin,
            faults: Mutex::default(),
            shape: Mutex::new(options.shape),
            limiter: Mutex::new(Limiter::new(options.limits)),
            log: Arc::new(RequestLog::new(options.keep_requests, options.observer)),
            late_requests: AtomicU64::new(0),
            carry_out_late: Notify::new(),
            changes: watch::Sender::default(),
            connections: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            open_connections: AtomicU64::new(0),
            close_connections: Notify::new(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}{BASE_PATH}", self.origin)
    }

    /// False if there is no such card.
    pub(crate) fn set_installed(&self, card_id: &str, installed: bool) -> bool {
        let known = lock(&self.store).set_installed(card_id, installed);
        self.changed();
        known
    }

    /// False if there is no such card.
    pub(crate) fn delete_card(&self, card_id: &str) -> bool {
        let known = lock(&self.store).delete(card_id);
        self.changed();
        known
    }

    /// Adds sample cards.
    pub(crate) fn add_cards(&self, count: usize) -> Result<(), Refusal> {
        let added = samples::add(&mut lock(&self.store), count);
        self.changed();
        added
    }

    pub(crate) fn set_shape(&self, shape: Shape) {
        *lock(&self.shape) = shape;
        self.changed();
    }

    /// Counting starts anew.
    pub(crate) fn set_limits(&self, limits: Limits) {
        *lock(&self.limiter) = Limiter::new(limits);
        self.changed();
    }

    pub(crate) fn push_fault(&self, fault: Fault) -> Result<(), InvalidFault> {
        lock(&self.faults).push_back(fault.try_into()?);
        self.changed();
        Ok(())
    }

    pub(crate) fn clear_faults(&self) {
        lock(&self.faults).clear();
        self.changed();
    }

    pub(crate) fn clear_requests(&self) {
        self.log.clear();
        self.changed();
    }

    /// Takes the first fault for this method out of the queue; a fault that does nothing if there is none.
    pub(crate) fn take_fault(&self, method: &str) -> ReadyFault {
        let mut faults = lock(&self.faults);
        let place = faults.iter().position(|fault| fault.applies_to(method));
        place.and_then(|place| faults.remove(place)).unwrap_or_default()
    }

    /// Tells open pages that something they show has changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|version| *version += 1);
    }
}
