//! What a session asks of the code above it: answers to requests, and somebody for events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
#[derive(Debug, Default)]
pub(crate) struct Placement {
    spawn: AtomicBool,
}

impl Placement {
    pub(crate) fn new(spawn: bool) -> Self {
        Self {
            spawn: AtomicBool::new(spawn),
        }
    }

    /// Whether it gets a task of its own at once.
    pub(crate) fn is_spawned(&self) -> bool {
        self.spawn.load(Ordering::Relaxed)
    }

    /// It took too long on the reader's task, where others wait for it.
    pub(crate) fn note_slow(&self) {
        self.spawn.store(true, Ordering::Relaxed);
    }
}

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
