//! A future that is polled now by this thread, now by that.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::plugin::guest::crew::Crew;
use crate::session::{BoxFuture, Placement};

/// A future of a crew's, by its state in the queue. It is done by giving who waits for it.
pub(super) struct Task {
    crew: Weak<Crew>,
    /// The call that it belongs to.
    stream: Option<u64>,
    pub(super) pace: Arc<Placement>,
    state: Mutex<State>,
}

/// The future of a [`Task`].
pub(super) type Work = BoxFuture<Option<Waker>>;

enum State {
    /// It waits to be woken.
    Waiting(Work),
    /// It is in the queue.
    Queued(Work),
    /// A thread polls it, and it may have been woken meanwhile.
    Polled { again: bool },
    /// It is done, or nobody wants it.
    Over,
}

impl Task {
    /// A task that is about to be queued.
    pub(super) fn new(
        crew: &Arc<Crew>,
        stream: Option<u64>,
        pace: &Arc<Placement>,
        work: Work,
    ) -> Arc<Self> {
        Arc::new(Self {
            crew: Arc::downgrade(crew),
            stream,
            pace: Arc::clone(pace),
            state: Mutex::new(State::Queued(work)),
        })
    }

    /// Whether it is known to keep its thread for long.
    pub(super) fn is_slow(&self) -> bool {
        self.pace.is_moved()
    }

    /// Polls it, which was taken out of the queue; gives who waits for it, if it is done.
    pub(super) fn poll(self: &Arc<Self>) -> Option<Waker> {
        let mut work = {
            let mut state = self.lock();
            match mem::replace(&mut *state, State::Polled { again: false }) {
                State::Queued(work) => work,
                other => {
                    *state = other;
                    return None;
                }
            }
        };
        let waker = Waker::from(Arc::clone(self));
        let before = CURRENT.replace(self.stream);
        let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
        CURRENT.set(before);
        match polled {
            Poll::Ready(waiting) => {
                *self.lock() = State::Over;
                waiting
            }
            Poll::Pending => {
                self.put_back(work);
                None
            }
        }
    }

    /// Keeps a future that is not done, unless nobody wants it any more.
    fn put_back(self: &Arc<Self>, work: Work) {
        let mut state = self.lock();
        match *state {
            State::Polled { again: false } => *state = State::Waiting(work),
            State::Polled { again: true } => {
                *state = State::Queued(work);
                drop(state);
                self.queue();
            }
            // It is dropped without the lock.
            _ => drop(state),
        }
    }

    /// Drops the future, or has it dropped once it was polled.
    pub(super) fn cancel(&self) {
        let state = mem::replace(&mut *self.lock(), State::Over);
        drop(state);
    }

    fn queue(self: &Arc<Self>) {
        if let Some(crew) = self.crew.upgrade() {
            crew.push(Arc::clone(self));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        match mem::replace(&mut *state, State::Over) {
            State::Waiting(work) => {
                *state = State::Queued(work);
                drop(state);
                self.queue();
            }
            State::Polled { .. } => *state = State::Polled { again: true },
            other => *state = other,
        }
    }
}

/// What came of a future, for whoever waits for it.
pub(super) struct Outcome<T>(Mutex<Stage<T>>);

enum Stage<T> {
    Open(Option<Waker>),
    Done(Result<T, Panic>),
    Taken,
}

/// What a handler panicked with.
type Panic = Box<dyn Any + Send>;

impl<T> Default for Outcome<T> {
    fn default() -> Self {
        Self(Mutex::new(Stage::Open(None)))
    }
}

impl<T: Send + 'static> Outcome<T> {
    /// Runs a future to its end; gives who waits for it.
    pub(super) async fn filled_by(self: Arc<Self>, mut future: BoxFuture<T>) -> Option<Waker> {
        let outcome = poll_fn(|cx| {
            // What it shares with others is its own matter, as with a thread that panics.
            let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
            match poll {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        });
        let outcome = outcome.await;
        // Whoever looks at the outcome may take it for the end of everything that the future had.
        drop(future);
        let before = mem::replace(&mut *self.lock(), Stage::Done(outcome));
        match before {
            Stage::Open(waker) => waker,
            _ => None,
        }
    }
}

impl<T> Outcome<T> {
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Result<T, Panic>> {
        let mut stage = self.lock();
        match mem::replace(&mut *stage, Stage::Taken) {
            Stage::Done(outcome) => Poll::Ready(outcome),
            Stage::Open(_) => {
                *stage = Stage::Open(Some(cx.waker().clone()));
                Poll::Pending
            }
            Stage::Taken => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream of the call that this thread works for.
pub(in crate::plugin::guest) fn current_stream() -> Option<u64> {
    CURRENT.get()
}

thread_local! {
    static CURRENT: Cell<Option<u64>> = const { Cell::new(None) };
}
