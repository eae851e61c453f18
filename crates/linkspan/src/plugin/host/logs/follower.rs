//! Reading what a plugin says while it says it.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::plugin::host::logs::ring::Next;
use crate::plugin::host::logs::{LogEntry, Logs};

/// What a plugin says from now on, as a stream; it ends when its host has given up the plugin.
///
/// It takes no memory of its own: whoever is slower than the plugin misses what is no longer kept, and
/// is told how much that was.
pub struct LogFollower {
    logs: Logs,
    /// The number of the entry that comes next.
    next: u64,
    /// Which of the followers it is.
    name: u64,
}

/// What a follower reads.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Followed {
    /// The next entry.
    Entry(Arc<LogEntry>),
    /// So many entries came and went since the last one.
    Missed(u64),
}

impl LogFollower {
    pub(super) fn new(logs: Logs, recent: usize) -> Self {
        let mut ring = logs.ring();
        let (next, name) = (ring.number_of_recent(recent), ring.add_follower());
        drop(ring);
        Self { logs, next, name }
    }

    /// What comes next; `None` when nothing will.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Followed> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for LogFollower {
    type Item = Followed;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Followed>> {
        let mut ring = self.logs.ring();
        let followed = match ring.next(self.next) {
            Next::Over => return Poll::Ready(None),
            Next::Nothing => {
                ring.wait(self.name, cx.waker());
                return Poll::Pending;
            }
            Next::Missed(missed) => Followed::Missed(missed),
            Next::Entry(entry) => Followed::Entry(entry),
        };
        drop(ring);
        self.next += match &followed {
            Followed::Entry(_) => 1,
            Followed::Missed(missed) => *missed,
        };
        Poll::Ready(Some(followed))
    }
}

impl Drop for LogFollower {
    fn drop(&mut self) {
        self.logs.ring().remove_follower(self.name);
    }
}

impl fmt::Debug for LogFollower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFollower")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
