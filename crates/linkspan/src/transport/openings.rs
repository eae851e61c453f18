//! Peers with whom a listener is agreeing on what its transport needs. They have no place yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// Whoever is slow at it harms nobody: one more than the limit ends the oldest.
#[derive(Debug, Default)]
pub(super) struct Openings(Mutex<Begun>);

#[derive(Debug, Default)]
struct Begun {
    next_number: u64,
    /// The oldest first.
    tasks: VecDeque<(u64, AbortHandle)>,
}

impl Openings {
    /// Begins one more; its task is told its number. Says how many were ended for it.
    pub(super) fn begin(&self, limit: usize, spawn: impl FnOnce(u64) -> AbortHandle) -> usize {
        let mut begun = self.lock();
        let number = begun.next_number;
        begun.next_number += 1;
        // Under the lock, so that a task that ends at once is found.
        let task = spawn(number);
        begun.tasks.push_back((number, task));
        let excess = begun.tasks.len().saturating_sub(limit.max(1));
        for (_, task) in begun.tasks.drain(..excess) {
            task.abort();
        }
        excess
    }

    /// Ends one that has agreed or failed; false if it was given up before.
    pub(super) fn end(&self, number: u64) -> bool {
        let mut begun = self.lock();
        let place = begun.tasks.iter().position(|(other, _)| *other == number);
        place.is_some_and(|place| begun.tasks.remove(place).is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Begun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
