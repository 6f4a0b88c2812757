//! Managed locks: who holds what, who would have to wait for whom, and when waiting would never end.
//!
//! A lock names a space (`Справочник.Х`, `РегистрНакопления.Х.НаборЗаписей`) and values or ranges of its fields; a
//! field that is not named stands for all values. Locks are held to the end of the transaction. Nothing here blocks:
//! the caller is told who stands in the way, and the scheduler that drives the sessions decides what runs next.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::datum::{Datum, compare_stored};
use crate::session_id::SessionId;

/// What a lock admits beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockMode {
    /// Other shared locks.
    Shared,
    /// Nothing.
    Exclusive,
}

/// A condition on a field of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockValue {
    /// One value.
    Is(Datum),
    /// A range, both ends included; `None`: open.
    Between(Option<Datum>, Option<Datum>),
}

impl LockValue {
    fn ends(&self) -> (Option<String>, Option<String>) {
        let end = |value: &Option<Datum>| value.as_ref().and_then(Datum::store);
        match self {
            LockValue::Is(value) => (value.store(), value.store()),
            LockValue::Between(from, to) => (end(from), end(to)),
        }
    }

    fn meets(&self, other: &LockValue) -> bool {
        // Nearly all locks are on references, which need no text to be compared.
        if let (LockValue::Is(Datum::Ref(one)), LockValue::Is(Datum::Ref(other))) = (self, other) {
            return one == other;
        }
        let ((from, to), (other_from, other_to)) = (self.ends(), other.ends());
        let reaches = |from: &Option<String>, to: &Option<String>| match (from, to) {
            (Some(from), Some(to)) => compare_stored(from, to).is_le(),
            _ => true,
        };
        reaches(&from, &other_to) && reaches(&other_from, &to)
    }
}

/// One element of a data lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockItem {
    /// Name of the lock space.
    pub space: String,
    /// Conditions by field.
    pub fields: BTreeMap<String, LockValue>,
    /// The mode.
    pub mode: LockMode,
}

impl LockItem {
    /// An exclusive lock on a whole space.
    pub fn exclusive(space: &str) -> Self {
        LockItem { space: space.into(), fields: BTreeMap::new(), mode: LockMode::Exclusive }
    }

    /// A lock on a whole space that admits other shared ones.
    pub fn shared(space: &str) -> Self {
        LockItem { mode: LockMode::Shared, ..LockItem::exclusive(space) }
    }

    /// Narrows the lock to one value of a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: Datum) -> Self {
        self.fields.insert(field.into(), LockValue::Is(value));
        self
    }

    fn conflicts(&self, other: &LockItem) -> bool {
        (self.mode == LockMode::Exclusive || other.mode == LockMode::Exclusive)
            && self.space == other.space
            && self.fields.iter().all(|(name, value)| other.fields.get(name).is_none_or(|known| known.meets(value)))
    }
}

/// All locks that are held, and the waits that are known.
#[derive(Debug, Default)]
pub(crate) struct LockTable {
    held: BTreeMap<SessionId, HashSet<LockItem>>,
    waits: BTreeMap<SessionId, BTreeSet<SessionId>>,
}

/// Why a lock was not granted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// These sessions hold what is asked for.
    Wait(Vec<SessionId>),
    /// One of them waits for the asking session.
    Deadlock,
}

impl LockTable {
    /// Takes all of the items or none.
    pub(crate) fn acquire(&mut self, session: SessionId, items: &[LockItem]) -> Result<(), Refusal> {
        let stands_in_the_way =
            |held: &HashSet<LockItem>| held.iter().any(|held| items.iter().any(|item| item.conflicts(held)));
        let others = self.held.iter().filter(|(holder, held)| **holder != session && stands_in_the_way(held));
        let holders: BTreeSet<SessionId> = others.map(|(holder, _)| *holder).collect();
        if !holders.is_empty() {
            return Err(self.wait(session, holders));
        }
        self.waits.remove(&session);
        self.held.entry(session).or_default().extend(items.iter().cloned());
        Ok(())
    }

    /// Notes that a session waits for others.
    pub(crate) fn wait(&mut self, session: SessionId, holders: BTreeSet<SessionId>) -> Refusal {
        self.waits.insert(session, holders.clone());
        if holders.iter().any(|holder| self.leads_to(*holder, session, &mut BTreeSet::new())) {
            self.waits.remove(&session);
            return Refusal::Deadlock;
        }
        Refusal::Wait(holders.into_iter().collect())
    }

    fn leads_to(&self, from: SessionId, target: SessionId, seen: &mut BTreeSet<SessionId>) -> bool {
        let Some(next) = self.waits.get(&from) else { return false };
        next.contains(&target) || next.iter().any(|holder| seen.insert(*holder) && self.leads_to(*holder, target, seen))
    }

    /// The session no longer waits.
    pub(crate) fn stop_waiting(&mut self, session: SessionId) {
        self.waits.remove(&session);
    }

    /// The sessions that a session waits for.
    pub(crate) fn waits_for(&self, session: SessionId) -> Vec<SessionId> {
        self.waits.get(&session).into_iter().flatten().copied().collect()
    }

    /// Releases everything that a session holds.
    pub(crate) fn release(&mut self, session: SessionId) {
        self.held.remove(&session);
        self.waits.remove(&session);
    }

    /// What a session holds, for tests and messages.
    pub(crate) fn held_by(&self, session: SessionId) -> Vec<LockItem> {
        self.held.get(&session).into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: SessionId = SessionId(1);
    const SECOND: SessionId = SessionId(2);

    fn card(number: i64) -> LockItem {
        LockItem::exclusive("РегистрСведений.Очередь").with("Карта", Datum::int(number))
    }

    #[test]
    fn other_values_of_a_field_do_not_conflict() {
        let mut locks = LockTable::default();
        assert_eq!(locks.acquire(FIRST, &[card(1)]), Ok(()));
        assert_eq!(locks.acquire(SECOND, &[card(2)]), Ok(()));
        assert_eq!(locks.acquire(SECOND, &[card(1)]), Err(Refusal::Wait(vec![FIRST])));
        let whole = LockItem::exclusive("РегистрСведений.Очередь");
        assert_eq!(locks.acquire(SECOND, &[whole]), Err(Refusal::Wait(vec![FIRST])));
        locks.release(FIRST);
        assert_eq!(locks.acquire(SECOND, &[card(1)]), Ok(()));
    }

    #[test]
    fn shared_locks_go_together_and_ranges_meet() {
        let shared = |range: LockValue| LockItem {
            space: "РегистрНакопления.Баллы".into(),
            fields: [("Период".to_owned(), range)].into(),
            mode: LockMode::Shared,
        };
        let mut locks = LockTable::default();
        let early = shared(LockValue::Between(None, Some(Datum::int(5))));
        let late = LockItem { mode: LockMode::Exclusive, ..shared(LockValue::Between(Some(Datum::int(6)), None)) };
        let middle = LockItem { mode: LockMode::Exclusive, ..shared(LockValue::Is(Datum::int(5))) };
        assert_eq!(locks.acquire(FIRST, std::slice::from_ref(&early)), Ok(()));
        assert_eq!(locks.acquire(SECOND, &[early, late]), Ok(()));
        assert_eq!(locks.acquire(SECOND, &[middle]), Err(Refusal::Wait(vec![FIRST])));
    }

    #[test]
    fn a_circle_of_waits_is_a_deadlock() {
        let mut locks = LockTable::default();
        assert_eq!(locks.acquire(FIRST, &[card(1)]), Ok(()));
        assert_eq!(locks.acquire(SECOND, &[card(2)]), Ok(()));
        assert_eq!(locks.acquire(FIRST, &[card(2)]), Err(Refusal::Wait(vec![SECOND])));
        assert_eq!(locks.acquire(SECOND, &[card(1)]), Err(Refusal::Deadlock));
        locks.release(SECOND);
        assert_eq!(locks.acquire(FIRST, &[card(2)]), Ok(()));
    }
}
