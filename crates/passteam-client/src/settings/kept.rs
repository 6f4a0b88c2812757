//! A place beside the settings for what follows from them.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What somebody has derived from the settings and keeps for the next call. Clones share it. Who takes it out checks that it belongs
/// to the settings as they are now: nothing here notices a change.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Option<Arc<dyn Any + Send + Sync>>>>);

impl Kept {
    /// What was kept last, if it is of this type.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Arc::downcast(kept).ok()
    }

    /// Keeps this instead.
    pub(crate) fn set<T: Send + Sync + 'static>(&self, value: &Arc<T>) {
        let value: Arc<dyn Any + Send + Sync> = Arc::clone(value) as _;
        let old = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(value);
        // Outside the lock: it may own much.
        drop(old);
    }
}

/// It may hold the token.
impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Kept")
    }
}
