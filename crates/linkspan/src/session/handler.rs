//! What a session asks of the code above it: answers to requests, and somebody for events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use crate::session::{CallError, Event, Request, Response};

/// A future on the heap that can be sent to another thread.
pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Everything that a side of a session serves.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The method of this name; for an unknown name, one that says so.
    fn method(&self, name: &str) -> Arc<dyn Method>;

    /// Takes an event; none if nobody wants it.
    fn event(&self, event: Event) -> Option<BoxFuture<()>>;
}

/// A method that can be called.
pub(crate) trait Method: Send + Sync {
    /// Begins to answer a request.
    fn call(&self, request: Request) -> BoxFuture<Result<Response, CallError>>;

    /// Where it runs.
    fn placement(&self) -> &Placement;
}

/// Where a method runs: on the reader's own task, or on a new one.
///
/// A method that keeps the reader waiting is moved to tasks of its own, and comes back when it has
/// been quick for long: a single slow call may have been the system's doing.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    always_spawned: bool,
    /// Rises with every slow call, falls with every quick one.
    slowness: AtomicU32,
}

impl Placement {
    pub(crate) fn new(always_spawned: bool) -> Self {
        Self {
            always_spawned,
            slowness: AtomicU32::new(0),
        }
    }

    /// Whether it gets a task of its own at once.
    pub(crate) fn is_spawned(&self) -> bool {
        self.always_spawned || self.slowness.load(Ordering::Relaxed) >= SPAWN_FROM
    }

    /// Takes note of how long a call kept its thread.
    pub(crate) fn note(&self, was_slow: bool) {
        let slowness = self.slowness.load(Ordering::Relaxed);
        // Calls that are counted at the same time may miss each other; it is a rule of thumb.
        let noted = match was_slow {
            true => slowness
                .saturating_add(SLOW_COSTS)
                .min(SPAWN_FROM + SLOW_COSTS),
            false if slowness == 0 => return,
            false => slowness - 1,
        };
        self.slowness.store(noted, Ordering::Relaxed);
    }
}

/// This many quick calls make up for a slow one.
const SLOW_COSTS: u32 = 100;
/// The slowness from which on a method gets tasks of its own.
const SPAWN_FROM: u32 = 250;

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
