//! Handlers that compute for long: polled on threads that may be kept, so that they hold up neither
//! the connection nor anything else on the runtime.

use std::mem;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::clock;
use crate::session::handler::{BoxFuture, Method};

/// A future whose every poll runs on one of the runtime's threads for blocking work.
///
/// Between polls it needs neither a thread nor the right to one, however long it waits: what it waits
/// for may need them.
struct Offload<T> {
    state: State<T>,
    threads: Arc<Semaphore>,
    /// When it first got a thread.
    begun: Arc<OnceLock<Instant>>,
    method: Arc<dyn Method>,
    budget: Duration,
    /// Set when the future asks to be polled again, even while it is being polled.
    woken: Arc<Woken>,
}

enum State<T> {
    Here(BoxFuture<T>),
    /// Until there is a permit for a thread.
    Queued(BoxFuture<T>, BoxFuture<Option<OwnedSemaphorePermit>>),
    Away(JoinHandle<(BoxFuture<T>, Poll<T>)>),
    Done,
}

/// Runs a handler of `method` off the runtime's own threads, each poll as soon as `threads` has a
/// permit; polls within `budget` speak for taking it back. `begun` is set at the first of them.
pub(crate) fn offload<T: Send + 'static>(
    future: BoxFuture<T>,
    method: Arc<dyn Method>,
    budget: Duration,
    threads: Arc<Semaphore>,
    begun: Arc<OnceLock<Instant>>,
) -> impl Future<Output = T> + Send {
    Offload {
        state: State::Here(future),
        threads,
        begun,
        method,
        budget,
        woken: Arc::new(Woken {
            again: AtomicBool::new(true),
            task: Waker::noop().clone(),
        }),
    }
}

impl<T: Send + 'static> Offload<T> {
    /// Waits for the right to a thread.
    fn queue(&mut self, future: BoxFuture<T>) {
        let threads = Arc::clone(&self.threads);
        // It is never closed.
        let permit = async move { threads.acquire_owned().await.ok() };
        self.state = State::Queued(future, Box::pin(permit));
    }

    /// Sends the future away to be polled; a poll that nobody waits for any more still holds its
    /// permit.
    fn send_away(
        &mut self,
        future: BoxFuture<T>,
        permit: Option<OwnedSemaphorePermit>,
        cx: &Context<'_>,
    ) {
        self.begun.get_or_init(clock::now);
        self.woken = Arc::new(Woken {
            again: AtomicBool::new(false),
            task: cx.waker().clone(),
        });
        let waker = Waker::from(Arc::clone(&self.woken));
        let (method, budget) = (Arc::clone(&self.method), self.budget);
        let poll = spawn_blocking(move || {
            let polled = poll_here(future, &waker, &*method, budget);
            drop(permit);
            polled
        });
        self.state = State::Away(poll);
    }

    /// Takes back what a poll gave.
    fn take_back(&mut self, polled: Result<(BoxFuture<T>, Poll<T>), JoinError>) -> Poll<T> {
        match polled {
            Ok((future, Poll::Pending)) => self.state = State::Here(future),
            Ok((_, output)) => return output,
            // A panic goes on where it is caught; a runtime that shuts down drops us.
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    resume_unwind(panic);
                }
            }
        }
        Poll::Pending
    }
}

impl<T: Send + 'static> Future for Offload<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        loop {
            let output = match mem::replace(&mut this.state, State::Done) {
                State::Here(future) if this.woken.again.load(Ordering::Acquire) => {
                    this.queue(future);
                    Poll::Pending
                }
                State::Queued(future, mut permit) => match permit.as_mut().poll(cx) {
                    Poll::Ready(permit) => {
                        this.send_away(future, permit, cx);
                        Poll::Pending
                    }
                    Poll::Pending => {
                        this.state = State::Queued(future, permit);
                        return Poll::Pending;
                    }
                },
                State::Away(mut poll) => match Pin::new(&mut poll).poll(cx) {
                    Poll::Ready(polled) => this.take_back(polled),
                    Poll::Pending => {
                        this.state = State::Away(poll);
                        return Poll::Pending;
                    }
                },
                waiting => {
                    this.state = waiting;
                    return Poll::Pending;
                }
            };
            if output.is_ready() {
                return output;
            }
        }
    }
}

/// Polls once, and notes how long that took.
fn poll_here<T>(
    mut future: BoxFuture<T>,
    waker: &Waker,
    method: &dyn Method,
    budget: Duration,
) -> (BoxFuture<T>, Poll<T>) {
    let began = clock::now();
    let poll = future.as_mut().poll(&mut Context::from_waker(waker));
    method.placement().note(clock::now() - began, budget);
    (future, poll)
}

/// Remembers a wake-up, and passes it on.
struct Woken {
    again: AtomicBool,
    task: Waker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.again.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}
