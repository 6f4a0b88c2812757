//! What was made last, for the next who wants the same: on a server each call makes an object and gives it the settings of the one
//! before.

use std::sync::Mutex;

/// The last value that was made. It is never waited for: in a forked child the lock may stay locked for ever.
pub(crate) struct Last<T>(Mutex<Option<T>>);

impl<T: Clone> Last<T> {
    /// Nothing was made yet.
    pub(crate) const fn new() -> Last<T> {
        Last(Mutex::new(None))
    }

    /// What was made last if it fits, or else what `make` makes.
    ///
    /// # Errors
    /// That of `make`, which is made again the next time.
    pub(crate) fn or_make<E>(&self, fits: impl Fn(&T) -> bool, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Ok(last) = self.0.try_lock()
            && let Some(known) = last.as_ref().filter(|known| fits(known))
        {
            return Ok(known.clone());
        }
        let made = make()?;
        if let Ok(mut last) = self.0.try_lock() {
            *last = Some(made.clone());
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_made_once_and_an_error_is_not_kept() {
        let last = Last::new();
        let get = |number, made| last.or_make(|known: &(i32, &str)| known.0 == number, || Ok::<_, ()>((number, made)));
        assert_eq!(get(1, "first"), Ok((1, "first")));
        assert_eq!(get(1, "second"), Ok((1, "first")));
        assert_eq!(get(2, "third"), Ok((2, "third")));
        assert_eq!(last.or_make(|_| false, || Err("no")), Err("no"));
        assert_eq!(get(2, "fourth"), Ok((2, "third")));
        assert_eq!(get(1, "fifth"), Ok((1, "fifth")));
    }

    #[test]
    fn who_finds_it_locked_makes_its_own() {
        let last = Last::new();
        let locked = last.0.lock();
        assert_eq!(last.or_make(|_| true, || Ok::<_, ()>(1)), Ok(1));
        drop(locked);
        assert_eq!(last.or_make(|_| true, || Ok::<_, ()>(2)), Ok(2), "nor did it keep it");
    }
}
