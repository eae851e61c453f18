//! The memory that all queues of a broker share.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Bytes that wait in queues, and how many may.
#[derive(Debug)]
pub(crate) struct Memory {
    used: AtomicUsize,
    limit: usize,
    /// Who waits for some.
    waiting: AtomicUsize,
    room: Notify,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit,
            waiting: AtomicUsize::new(0),
            room: Notify::new(),
        }
    }

    /// Takes some; false if there is not enough left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed);
        let is_taken = used.saturating_add(bytes) <= self.limit;
        if !is_taken {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        is_taken
    }

    /// Takes some in exchange for other; false if there is not enough left.
    pub(crate) fn exchange(&self, old: usize, new: usize) -> bool {
        if new > old {
            return self.take(new - old);
        }
        self.give_back(old - new);
        true
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.room.notify_waiters();
        }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Waits until some is given back. A return may be missed that comes just when this begins, so
    /// whoever waits looks again at its deadline.
    pub(crate) async fn given_back(&self) {
        let _waiting = Waiting::new(&self.waiting);
        self.room.notified().await;
    }
}

/// Somebody who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
