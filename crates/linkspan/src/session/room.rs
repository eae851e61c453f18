//! Waiting for room to send something.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where those wait who found no room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    notify: Notify,
    waiting: AtomicUsize,
    /// How often there was room again.
    openings: AtomicU64,
}

/// Somebody who may have to wait.
pub(crate) struct Place<'a> {
    room: &'a Room,
    /// The opening of which the next one in line was told.
    passed_on: u64,
}

impl Room {
    /// Counts somebody who may have to wait, as long as the place is kept.
    pub(crate) fn wait(&self) -> Place<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Place {
            room: self,
            passed_on: self.openings.load(Ordering::Relaxed),
        }
    }

    /// Whether anybody may be waiting.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// There is room: the first in line may try.
    pub(crate) fn open(&self) {
        self.openings.fetch_add(1, Ordering::Relaxed);
        self.notify.notify_one();
    }

    /// Everybody has to look.
    pub(crate) fn open_for_all(&self) {
        self.notify.notify_waiters();
    }
}

impl<'a> Place<'a> {
    /// Waits for the next opening; one that comes from now on counts.
    pub(crate) fn notified(&self) -> Notified<'a> {
        self.room.notify.notified()
    }

    /// Has the next one in line try what this one could not do: what it wants may be smaller. Each
    /// opening is passed on once by each, so that it does not go around for ever.
    pub(crate) fn pass_on(&mut self) {
        let openings = self.room.openings.load(Ordering::Relaxed);
        if openings != self.passed_on {
            self.passed_on = openings;
            self.room.notify.notify_one();
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.room.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
