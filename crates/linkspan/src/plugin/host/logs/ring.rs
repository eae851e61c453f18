//! What is kept of what a plugin says.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use crate::plugin::host::logs::{LogConfig, LogEntry};

/// The latest entries, and who waits for more.
#[derive(Debug, Default)]
pub(super) struct Ring {
    entries: VecDeque<Arc<LogEntry>>,
    bytes: usize,
    next_number: u64,
    waiting: BTreeMap<u64, Waker>,
    next_follower: u64,
    is_closed: bool,
}

/// What there is for a follower.
pub(super) enum Next {
    Entry(Arc<LogEntry>),
    /// So many are gone already.
    Missed(u64),
    /// Nothing yet.
    Nothing,
    /// Nothing will come any more.
    Over,
}

impl Ring {
    /// Adds an entry; those who have to be woken, once nothing is locked.
    pub(super) fn push(&mut self, mut entry: LogEntry, config: &LogConfig) -> Vec<Waker> {
        entry.number = self.next_number;
        self.next_number += 1;
        self.bytes = self.bytes.saturating_add(entry.cost());
        self.entries.push_back(Arc::new(entry));
        while self.entries.len() > config.max_entries.max(1) || self.bytes > config.max_bytes {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.cost();
        }
        self.take_waiting()
    }

    /// The latest entries, in their order.
    pub(super) fn recent(&self, most: usize) -> Vec<Arc<LogEntry>> {
        let first = self.entries.len().saturating_sub(most);
        self.entries.range(first..).cloned().collect()
    }

    /// What a follower that has seen all before `number` gets next.
    pub(super) fn next(&self, number: u64) -> Next {
        let first = match self.entries.front() {
            Some(entry) => entry.number,
            None => self.next_number,
        };
        if let missed @ 1.. = first.saturating_sub(number) {
            return Next::Missed(missed);
        }
        let place = usize::try_from(number - first).ok();
        match place.and_then(|place| self.entries.get(place)) {
            Some(entry) => Next::Entry(Arc::clone(entry)),
            None if self.is_closed => Next::Over,
            None => Next::Nothing,
        }
    }

    /// The number of the first of the latest entries.
    pub(super) fn number_of_recent(&self, most: usize) -> u64 {
        let kept = self.entries.len().min(most);
        self.next_number - u64::try_from(kept).unwrap_or_default()
    }

    /// A name for one more follower.
    pub(super) fn add_follower(&mut self) -> u64 {
        self.next_follower += 1;
        self.next_follower
    }

    /// Has a follower woken by the next entry.
    pub(super) fn wait(&mut self, follower: u64, waker: &Waker) {
        self.waiting.insert(follower, waker.clone());
    }

    pub(super) fn remove_follower(&mut self, follower: u64) {
        self.waiting.remove(&follower);
    }

    /// Nothing comes any more; those who have to be woken.
    pub(super) fn close(&mut self) -> Vec<Waker> {
        self.is_closed = true;
        self.take_waiting()
    }

    /// Entries and bytes that are kept, and how many entries there ever were.
    pub(super) fn size(&self) -> (usize, usize, u64) {
        (self.entries.len(), self.bytes, self.next_number)
    }

    fn take_waiting(&mut self) -> Vec<Waker> {
        mem::take(&mut self.waiting).into_values().collect()
    }
}
