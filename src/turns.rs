//! One call of the service at a time per object: threads take turns in the order in which they come.
//!
//! The platform's asynchronous methods may call one object from several threads. Only calls of the service take a turn;
//! properties do not.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The turns of one object.
#[derive(Default)]
pub struct Turns {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// The number that the next thread gets.
    next: u64,
    /// The threads that wait, by their numbers.
    waiting: VecDeque<u64>,
    /// [`thread_id`] of the thread whose turn it is.
    holder: Option<usize>,
    /// How many calls are under way that take no turn.
    visits: usize,
    /// How many threads are in [`Turns::close`].
    closing: usize,
    /// How many threads wait for a change.
    asleep: usize,
}

/// The turn did not come in time, or would have to wait for the very thread that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// A call that takes no turn, which ends when this is dropped.
pub struct Visit<'a> {
    turns: &'a Turns,
}

/// A turn, which ends when this is dropped.
pub struct Turn<'a> {
    turns: &'a Turns,
    /// How long it was waited for.
    pub waited: Duration,
}

impl Turns {
    /// Waits for a turn, for `timeout` at most.
    pub fn take(&self, timeout: Duration) -> Result<Turn<'_>, Busy> {
        let mut queue = self.queue();
        if queue.holder == Some(thread_id()) {
            return Err(Busy);
        }
        let number = queue.next;
        queue.next += 1;
        queue.waiting.push_back(number);
        let may_go = |queue: &Queue| queue.holder.is_none() && queue.waiting.front() == Some(&number);
        let refused = |queue: &Queue| !queue.waiting.contains(&number);
        // Most turns are free, and need no look at the clock.
        let mut began: Option<Instant> = None;
        while !may_go(&queue) && !refused(&queue) {
            let left = timeout.saturating_sub(began.get_or_insert_with(Instant::now).elapsed());
            if left.is_zero() {
                queue.waiting.retain(|waiting| *waiting != number);
                // The next in the queue may go if nobody holds the turn.
                self.wake(&queue);
                return Err(Busy);
            }
            queue.asleep += 1;
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
            queue.asleep -= 1;
        }
        if refused(&queue) {
            return Err(Busy);
        }
        queue.waiting.pop_front();
        queue.holder = Some(thread_id());
        Ok(Turn { turns: self, waited: began.map_or(Duration::ZERO, |began| began.elapsed()) })
    }

    /// Begins a call that takes no turn, but is waited for by [`Turns::close`]. Must not call back into the platform.
    pub fn visit(&self) -> Visit<'_> {
        self.queue().visits += 1;
        Visit { turns: self }
    }

    /// Whether some call has its turn now.
    pub fn are_taken(&self) -> bool {
        self.queue().holder.is_some()
    }

    /// Refuses every thread that waits, and waits until no turn is held and no visit is under way; a turn that this very thread holds
    /// is not waited for.
    pub fn close(&self) {
        let mut queue = self.queue();
        queue.waiting.clear();
        queue.closing += 1;
        self.wake(&queue);
        while queue.visits > 0 || queue.holder.is_some_and(|holder| holder != thread_id()) {
            queue.asleep += 1;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep -= 1;
        }
        queue.closing -= 1;
    }

    /// Whether [`Turns::close`] waits for a call that is under way.
    pub fn are_closing(&self) -> bool {
        self.queue().closing > 0
    }

    /// Wakes the threads that wait. To wake nobody would be a call of the operating system all the same.
    fn wake(&self, queue: &Queue) {
        if queue.asleep > 0 {
            self.changed.notify_all();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut queue = self.turns.queue();
        queue.visits -= 1;
        self.turns.wake(&queue);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.turns.queue();
        queue.holder = None;
        self.turns.wake(&queue);
    }
}

/// The current thread's id; `usize::MAX` during teardown, when thread-locals no longer exist.
///
/// It is the address of a thread-local, which no other living thread shares: `std::thread::current` would allocate a handle in
/// threads that the platform made.
fn thread_id() -> usize {
    thread_local! {
        static OWN: u8 = const { 0 };
    }
    OWN.try_with(|own| std::ptr::from_ref(own).addr()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const FAR: Duration = Duration::from_secs(60);

    #[test]
    fn turns_are_taken_in_the_order_of_asking() {
        let turns = Turns::default();
        let (said, heard) = mpsc::channel();
        thread::scope(|scope| {
            let turn = turns.take(FAR).unwrap();
            for number in 0..4 {
                let (turns, said) = (&turns, said.clone());
                scope.spawn(move || {
                    let _turn = turns.take(FAR).unwrap();
                    said.send(number).unwrap();
                });
                while turns.queue().waiting.len() <= number {
                    thread::yield_now();
                }
            }
            drop(turn);
        });
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_turn_that_does_not_come_in_time_leaves_the_queue() {
        let turns = Turns::default();
        let turn = turns.take(FAR).unwrap();
        thread::scope(|scope| {
            let late = scope.spawn(|| turns.take(Duration::ZERO).err());
            assert_eq!(late.join().unwrap(), Some(Busy));
        });
        assert!(turns.queue().waiting.is_empty());
        drop(turn);
        assert!(turns.take(FAR).is_ok_and(|turn| turn.waited.is_zero()));
    }

    #[test]
    fn the_thread_that_holds_the_turn_is_refused_at_once() {
        let turns = Turns::default();
        let _turn = turns.take(FAR).unwrap();
        assert_eq!(turns.take(FAR).err(), Some(Busy));
        turns.close();
    }

    #[test]
    fn closing_waits_for_a_visit_which_sees_that() {
        let turns = Turns::default();
        thread::scope(|scope| {
            let visit = turns.visit();
            assert!(!turns.are_taken() && !turns.are_closing());
            let closing = scope.spawn(|| turns.close());
            while !turns.are_closing() {
                thread::yield_now();
            }
            assert!(!closing.is_finished());
            drop(visit);
            closing.join().unwrap();
            assert!(!turns.are_closing());
        });
    }

    #[test]
    fn closing_refuses_who_waits_and_waits_for_who_goes() {
        let turns = Turns::default();
        thread::scope(|scope| {
            let turn = turns.take(FAR).unwrap();
            let waiting = scope.spawn(|| turns.take(FAR).err());
            while turns.queue().waiting.is_empty() {
                thread::yield_now();
            }
            let closing = scope.spawn(|| turns.close());
            assert_eq!(waiting.join().unwrap(), Some(Busy));
            assert!(!closing.is_finished());
            drop(turn);
        });
        assert!(turns.take(FAR).is_ok());
    }
}
