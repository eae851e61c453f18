//! Events of a connection: handled one after the other, in the order in which they came.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use proto::StreamId;
use proto::error::SessionError;
use proto::session::Send;
use tokio::task::AbortHandle;
use tracing::error;

use crate::session::Event;
use crate::session::handler::{BoxFuture, Handler, Panicked, caught, poll_caught};
use crate::session::shared::Shared;
use crate::session::slot::Slot;

/// Has events handled in order: at once while handlers are done at once, else by one task.
///
/// What waits is bounded by the connection's credit, which goes back as events are handled.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    handler: Arc<dyn Handler>,
    waiting: Arc<Mutex<Waiting>>,
    /// Credit of events that were handled in this read.
    handled: u64,
    /// A handler that was not done at once, and its event's credit.
    begun: Option<(BoxFuture<()>, u64)>,
    task: Option<AbortHandle>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(Event, u64)>,
    /// Whether the task takes them.
    is_running: bool,
}

impl Lane {
    pub(crate) fn new(shared: Arc<Shared>, handler: Arc<dyn Handler>) -> Self {
        Self {
            shared,
            handler,
            waiting: Arc::default(),
            handled: 0,
            begun: None,
            task: None,
        }
    }

    /// Handles an event, or has it wait for those before it.
    ///
    /// # Errors
    ///
    /// It does not inflate.
    pub(crate) fn handle(
        &mut self,
        mut event: Event,
        cost: u64,
        cx: &mut Context<'_>,
    ) -> Result<(), SessionError> {
        let mut waiting = lock(&self.waiting);
        if waiting.is_running {
            event.body = compact(event.body);
            waiting.events.push_back((event, cost));
            return Ok(());
        }
        let Some(mut future) = begin(&*self.handler, event)? else {
            self.handled = self.handled.saturating_add(cost);
            return Ok(());
        };
        match poll_caught(&mut future, cx) {
            Poll::Pending => {
                waiting.is_running = true;
                self.begun = Some((future, cost));
            }
            Poll::Ready(result) => {
                if result.is_err() {
                    error!("the handler of an event panicked");
                }
                self.handled = self.handled.saturating_add(cost);
            }
        }
        Ok(())
    }

    /// Gives credit back and begins the task, if there is something for it.
    pub(crate) fn settle(&mut self, send: &mut Send<Slot>) {
        let handled = mem::take(&mut self.handled);
        if handled > 0 {
            send.consume(StreamId::CONNECTION, handled);
        }
        if let Some(begun) = self.begun.take() {
            let (shared, handler) = (Arc::clone(&self.shared), Arc::clone(&self.handler));
            let task = run(shared, handler, Arc::clone(&self.waiting), begun);
            self.task = Some(tokio::spawn(task).abort_handle());
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Handles the event that was begun and all that wait, then ends.
async fn run(
    shared: Arc<Shared>,
    handler: Arc<dyn Handler>,
    waiting: Arc<Mutex<Waiting>>,
    begun: (BoxFuture<()>, u64),
) {
    let mut next = Some((Some(begun.0), begun.1));
    while let Some((future, cost)) = next {
        if let Some(mut future) = future
            && poll_fn(|cx| poll_caught(&mut future, cx)).await.is_err()
        {
            error!("the handler of an event panicked");
        }
        shared.consume(StreamId::CONNECTION, cost);
        let Some((event, cost)) = take_next(&waiting) else {
            return;
        };
        next = match begin(&*handler, event) {
            Ok(future) => Some((future, cost)),
            Err(error) => return shared.break_off(error),
        };
    }
}

fn take_next(waiting: &Mutex<Waiting>) -> Option<(Event, u64)> {
    let mut waiting = lock(waiting);
    let next = waiting.events.pop_front();
    waiting.is_running = next.is_some();
    next
}

/// The work that is left to do for an event, if there is any.
fn begin(handler: &dyn Handler, event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
    let topic = event.topic.clone();
    caught(|| handler.event(event)).unwrap_or_else(|Panicked| {
        error!(topic = %topic, "the handler of an event panicked");
        Ok(None)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A small body that waits would keep the whole buffer that it was read into; it is copied out.
fn compact(bytes: Bytes) -> Bytes {
    if bytes.len() < COPY_BYTES {
        Bytes::copy_from_slice(&bytes)
    } else {
        bytes
    }
}

const COPY_BYTES: usize = 4096;
