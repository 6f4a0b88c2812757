//! The platform's memory manager. It keeps a ledger: which blocks are allocated, what was freed wrongly, and writes past the end.

use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the add-in did with the memory manager so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryReport {
    /// Blocks that were allocated and not freed yet. After [`Object::destroy`](crate::Object::destroy) these are leaks.
    pub live_blocks: usize,
    /// The size of the live blocks together, in bytes.
    pub live_bytes: usize,
    /// Calls of `AllocMemory`, refused ones included.
    pub allocations: usize,
    /// Calls of `AllocMemory` for zero bytes, whose result differs between hosts.
    pub zero_allocations: usize,
    /// The size of the largest request, in bytes.
    pub largest_allocation: usize,
    /// Calls of `AllocMemory` that were refused, see [`Object::fail_allocation`](crate::Object::fail_allocation).
    pub refused_allocations: usize,
    /// Pointers freed, or handed over to be freed, that did not come from this object's memory manager.
    pub foreign_frees: usize,
    /// Pointers freed, or handed over to be freed, for the second time.
    pub double_frees: usize,
    /// Blocks that were written to past their end.
    pub overruns: usize,
    /// Strings and binary data that are longer than their block, and names without a terminating NUL.
    pub overlong_values: usize,
}

impl MemoryReport {
    /// Whether no block is allocated and no rule was broken.
    pub fn is_clean(&self) -> bool {
        self.live_blocks == 0
            && self.foreign_frees == 0
            && self.double_frees == 0
            && self.overruns == 0
            && self.overlong_values == 0
    }
}

/// The unit of storage. Its alignment is that of C's `malloc`.
type Word = u128;
const WORD: usize = size_of::<Word>();
/// Fills new memory, so that a test notices an add-in that does not.
const JUNK: u8 = 0xCD;
const CANARY: u8 = 0xA5;

/// A block that the add-in allocated: `size` bytes, then a canary up to the end of the storage.
pub(crate) struct Block {
    storage: Vec<Word>,
    size: usize,
}

impl Block {
    fn new(size: usize) -> Option<Block> {
        let words = size.checked_add(WORD)?.div_ceil(WORD);
        let mut storage: Vec<Word> = Vec::new();
        storage.try_reserve_exact(words).ok()?;
        storage.resize(words, Word::from_ne_bytes([JUNK; WORD]));
        bytemuck::cast_slice_mut::<Word, u8>(&mut storage)[size..].fill(CANARY);
        Some(Block { storage, size })
    }

    /// The content, without the canary.
    pub(crate) fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.storage)[..self.size]
    }

    fn is_overrun(&self) -> bool {
        bytemuck::cast_slice::<Word, u8>(&self.storage)[self.size..].iter().any(|&byte| byte != CANARY)
    }
}

/// Why an address could not be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotLive {
    /// It was already freed.
    Freed,
    /// It is not from this memory manager.
    Foreign,
}

#[derive(Default)]
struct State {
    live: HashMap<usize, Block>,
    freed: HashSet<usize>,
    counts: MemoryReport,
    /// Which of the next allocations is refused, counted from 1; 0 for none.
    refuse_nth: usize,
    refuse_all: bool,
}

/// The blocks of one object. Usable from any thread, as the platform's memory manager is.
pub(crate) struct Ledger {
    state: Mutex<State>,
    zero_allocation_is_null: bool,
}

impl Ledger {
    pub(crate) fn new(zero_allocation_is_null: bool) -> Ledger {
        Ledger { state: Mutex::default(), zero_allocation_is_null }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `AllocMemory`.
    pub(crate) fn allocate(&self, size: usize) -> Option<*mut c_void> {
        let mut state = self.state();
        state.counts.allocations += 1;
        state.counts.largest_allocation = state.counts.largest_allocation.max(size);
        state.counts.zero_allocations += usize::from(size == 0);
        let refused = state.refuse_all || state.refuse_nth == 1 || (size == 0 && self.zero_allocation_is_null);
        state.refuse_nth = state.refuse_nth.saturating_sub(1);
        let Some(mut block) = (!refused).then(|| Block::new(size)).flatten() else {
            state.counts.refused_allocations += 1;
            return None;
        };
        let pointer = block.storage.as_mut_ptr();
        state.freed.remove(&pointer.addr());
        state.live.insert(pointer.addr(), block);
        Some(pointer.cast())
    }

    /// `FreeMemory`, also for a value that the add-in handed over: removes the block from the ledger and returns it.
    pub(crate) fn take(&self, address: usize) -> Result<Block, NotLive> {
        let mut state = self.state();
        if let Some(block) = state.live.remove(&address) {
            state.counts.overruns += usize::from(block.is_overrun());
            state.freed.insert(address);
            return Ok(block);
        }
        if state.freed.contains(&address) {
            state.counts.double_frees += 1;
            Err(NotLive::Freed)
        } else {
            state.counts.foreign_frees += 1;
            Err(NotLive::Foreign)
        }
    }

    /// Counts a value whose length is larger than its block.
    pub(crate) fn note_overlong_value(&self) {
        self.state().counts.overlong_values += 1;
    }

    pub(crate) fn refuse_nth(&self, nth: usize) {
        self.state().refuse_nth = nth;
    }

    pub(crate) fn refuse_all(&self, refuse: bool) {
        self.state().refuse_all = refuse;
    }

    pub(crate) fn report(&self) -> MemoryReport {
        let state = self.state();
        MemoryReport {
            live_blocks: state.live.len(),
            live_bytes: state.live.values().map(|block| block.size).sum(),
            ..state.counts.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocate(ledger: &Ledger, size: usize) -> usize {
        ledger.allocate(size).expect("memory").addr()
    }

    #[test]
    fn a_block_lives_until_it_is_freed_and_a_second_free_is_told_from_a_foreign_one() {
        let ledger = Ledger::new(false);
        let address = allocate(&ledger, 100);
        assert_eq!(address % align_of::<Word>(), 0);
        assert_eq!((ledger.report().live_blocks, ledger.report().live_bytes), (1, 100));
        assert_eq!(ledger.take(address).map(|block| block.bytes().len()), Ok(100));
        assert!(ledger.report().is_clean());
        assert_eq!(ledger.take(address).err(), Some(NotLive::Freed));
        assert_eq!(ledger.take(8).err(), Some(NotLive::Foreign));
        let report = ledger.report();
        assert_eq!((report.double_frees, report.foreign_frees), (1, 1));
    }

    #[test]
    fn a_size_that_no_machine_has_is_refused() {
        let ledger = Ledger::new(false);
        assert_eq!(ledger.allocate(usize::MAX), None);
        assert_eq!(ledger.allocate(usize::MAX / 2), None);
        assert_eq!(ledger.report().refused_allocations, 2);
    }

    #[test]
    fn the_nth_allocation_from_now_is_refused_and_only_that_one() {
        let ledger = Ledger::new(false);
        ledger.refuse_nth(2);
        let outcomes: Vec<bool> = (0..3).map(|_| ledger.allocate(1).is_some()).collect();
        assert_eq!(outcomes, [true, false, true]);
    }

    #[test]
    fn no_bytes_at_all_are_null_only_where_the_host_is_of_that_kind() {
        assert_eq!(Ledger::new(true).allocate(0), None);
        assert!(Ledger::new(false).allocate(0).is_some());
    }
}
