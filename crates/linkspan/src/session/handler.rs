//! What a session asks of the code above it: answers to requests, and somebody for events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::session::{CallError, Event, Request, Response, SessionError};

/// A future on the heap that can be sent to another thread.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Everything that a side of a session serves.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The method of this name; for an unknown name, one that says so.
    fn method(&self, name: &str) -> Arc<dyn Method>;

    /// Takes an event; gives what is left to do, unless it is done or nobody wants it.
    ///
    /// Whoever has it handled [inflates](Event::inflate) it, after all who may not want it were asked.
    ///
    /// # Errors
    ///
    /// It does not inflate.
    fn event(&self, event: Event) -> Result<Option<BoxFuture<()>>, SessionError>;

    /// Whether the method or the handler of events of this name sees to it that its callers keep to
    /// their quotas.
    fn keeps_own_quotas(&self, _name: &str) -> bool {
        false
    }
}

/// A method that can be called.
pub(crate) trait Method: Send + Sync {
    /// Begins to answer a request.
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>>;

    /// Where it runs.
    fn placement(&self) -> &Placement;
}

/// Where a method runs: on the reader's own task, or on threads that may be kept.
///
/// A method that keeps the reader waiting is moved, and comes back when it has been quick for long:
/// a call that is a little slow may have been the system's doing.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    always_moved: bool,
    /// Rises with every slow call, falls with every quick one.
    slowness: AtomicU32,
}

impl Placement {
    pub(crate) fn new(always_moved: bool) -> Self {
        Self {
            always_moved,
            slowness: AtomicU32::new(0),
        }
    }

    /// Whether it is kept off the reader's task and the runtime's threads.
    pub(crate) fn is_moved(&self) -> bool {
        self.always_moved || self.slowness.load(Ordering::Relaxed) >= MOVED_FROM
    }

    /// Takes note of how long a poll kept its thread, where `budget` is no trouble.
    pub(crate) fn note(&self, took: Duration, budget: Duration) {
        let slowness = self.slowness.load(Ordering::Relaxed);
        // Calls that are counted at the same time may miss each other; it is a rule of thumb.
        let noted = if took <= budget {
            match slowness {
                0 => return,
                _ => slowness - 1,
            }
        } else if took <= budget * VERY_SLOW {
            (slowness + SLOW_COSTS).min(MOST_SLOWNESS)
        } else {
            MOST_SLOWNESS
        };
        self.slowness.store(noted, Ordering::Relaxed);
    }
}

/// This many quick calls make up for a slow one.
const SLOW_COSTS: u32 = 100;
/// The slowness from which on a method is moved.
const MOVED_FROM: u32 = 250;
const MOST_SLOWNESS: u32 = MOVED_FROM + SLOW_COSTS;
/// So many times the budget is not the system's doing.
const VERY_SLOW: u32 = 100;

/// The handler panicked; what it said is for this side's log alone.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Polls a future; a panic in it ends only the future.
pub(crate) fn poll_caught<T>(
    future: &mut BoxFuture<T>,
    cx: &mut Context<'_>,
) -> Poll<Result<T, Panicked>> {
    match caught(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    }
}

/// Runs something; a panic in it ends only that.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    // What the handler shares with others is its own matter, as with a thread that panics.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}
