//! How much of its peer's bodies a connection holds for its handlers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proto::error::{Category, Code};
use proto::message::Failure;

use crate::session::CallError;
use crate::session::shared::Shared;
use crate::transport;

/// Bytes of bodies and items of several pieces, of all requests of a connection together.
///
/// Streams are limited one by one; without this, a peer that opens all that it may, and compresses what
/// it sends, would have us hold the limit of a stream as often as there are streams.
#[derive(Debug, Default)]
pub(super) struct Budget {
    held_bytes: AtomicUsize,
}

/// What one request has of its connection's budget. Dropping it gives that back.
pub(super) struct Share {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Budget {
    fn take(&self, bytes: usize, limit: usize) -> Result<(), usize> {
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        let with_more = |held: usize| held.checked_add(bytes).filter(|held| *held <= limit);
        let taken = self.held_bytes.fetch_update(order.0, order.1, with_more);
        taken.map(drop)
    }

    fn give_back(&self, bytes: usize) {
        self.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Share {
    /// Nothing yet.
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        let shared = Arc::clone(shared);
        Self { shared, bytes: 0 }
    }

    /// Takes more.
    ///
    /// # Errors
    ///
    /// The connection holds too much already; what was taken before stays taken.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), CallError> {
        let limit = self.shared.config.collected_bytes();
        let taken = self.shared.budget.take(bytes, limit);
        taken.map_err(|held| exhausted(bytes, held, limit))?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives everything back.
    pub(super) fn release(&mut self) {
        self.shared
            .budget
            .give_back(std::mem::take(&mut self.bytes));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Share").field(&self.bytes).finish()
    }
}

fn exhausted(bytes: usize, held: usize, limit: usize) -> CallError {
    let message = format!(
        "{bytes} bytes more than the {held} bytes that this connection's requests hold exceed the \
         limit of {limit} bytes"
    );
    let failure = Failure::new(Category::Limit, Code::BUSY, message);
    failure.retry_after(transport::RETRY_AFTER).into()
}
