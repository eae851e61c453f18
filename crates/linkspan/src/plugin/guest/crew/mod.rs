//! Threads for handlers: none of them can keep the connection waiting, and a quick one costs no thread.
//!
//! One thread *leads*: it drives the session's runtime, and when a handler is to be polled it leaves
//! the runtime for that and comes back. If it stays away for long, whoever [watches](Crew::look) has
//! another thread lead in its place, so that the connection goes on; the first goes on with its handler,
//! and is one of those that wait when that is done. A method that is known to take long gets its own
//! thread at once.
//!
//! So the polls of handlers may block, up to a limit of threads at once; what is beyond waits. What
//! handlers spawn runs on a runtime of its own, for the same reason.

mod items;
mod shift;
mod task;

use std::io;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::clock;
use crate::session::{BoxFuture, Placement};

use shift::{Duty, Shift};
use task::{Outcome, Task};

pub(super) use items::Elsewhere;
pub(super) use task::current_stream;

/// Threads that poll handlers, and drive the session when they do not.
pub(super) struct Crew {
    shift: Mutex<Shift>,
    /// Those who wait for something to do wait here.
    bell: Condvar,
    /// Of the session; who leads drives it.
    runtime: Runtime,
    /// Where things run that handlers spawn.
    work: Handle,
    /// Has whoever watches come back.
    caller: os::Caller,
}

impl Crew {
    /// A crew in which at most `limit` threads poll handlers at once, and its first thread.
    pub(super) fn start(limit: usize, caller: os::Caller) -> io::Result<Arc<Self>> {
        let runtime = || Builder::new_current_thread().enable_all().build();
        let work = runtime()?;
        let crew = Arc::new(Self {
            shift: Mutex::new(Shift::new(limit)),
            bell: Condvar::new(),
            runtime: runtime()?,
            work: work.handle().clone(),
            caller,
        });
        let driven = thread::Builder::new().name("work".to_owned());
        // It ends with the process.
        driven.spawn(move || work.block_on(std::future::pending::<()>()))?;
        crew.hire(0)?;
        Ok(crew)
    }

    /// Has the session's runtime run a future that never blocks.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(future));
    }

    /// Has somebody of the crew poll a future, for the call of this stream; it begins at once, and is
    /// dropped with what this gives. A panic in it goes on where that is polled.
    pub(super) fn run<T: Send + 'static>(
        self: &Arc<Self>,
        stream: Option<u64>,
        pace: &Arc<Placement>,
        future: BoxFuture<T>,
    ) -> Away<T> {
        let outcome = Arc::new(Outcome::default());
        let work = Arc::clone(&outcome).filled_by(future);
        let task = Task::new(self, stream, pace, Box::pin(work));
        self.push(Arc::clone(&task));
        Away { outcome, task }
    }

    /// Takes a task into the queue.
    fn push(&self, task: Arc<Task>) {
        let woken = self.lock().push(task);
        if let Some(waker) = woken {
            waker.wake();
        }
    }

    /// How long whoever watches should wait at most until it [looks](Self::look).
    pub(super) fn tick(&self) -> Option<Duration> {
        self.lock().is_watched.then_some(TICK)
    }

    /// Has another thread lead if the one that does is away for a whole tick.
    pub(super) fn look(self: &Arc<Self>) {
        let mut shift = self.lock();
        if shift.look() {
            self.promote(shift);
        }
    }

    /// Has whoever watches come back: there is news.
    pub(super) fn call_watch(&self) {
        self.caller.call();
    }

    /// Whether handlers keep threads.
    pub(super) fn is_polling(&self) -> bool {
        self.lock().polling > 0
    }

    /// Has another thread lead; if the system has none, nothing changes.
    fn promote(self: &Arc<Self>, mut shift: MutexGuard<'_, Shift>) {
        if shift.parked > 0 {
            shift.vacate();
            self.bell.notify_one();
            return;
        }
        let term = shift.next_term();
        // Whoever is hired waits for the lock.
        if self.hire(term).is_ok() {
            shift.take_over(term);
        }
    }

    /// Has a new thread lead.
    fn hire(self: &Arc<Self>, term: u64) -> io::Result<()> {
        let crew = Arc::clone(self);
        let hired = thread::Builder::new().name("crew".to_owned());
        hired.spawn(move || crew.serve(term)).map(drop)
    }

    /// What a thread of the crew does.
    fn serve(self: Arc<Self>, term: u64) {
        let mut duty = Some(Duty::Lead(term));
        while let Some(now) = duty {
            duty = match now {
                Duty::Lead(term) => self.lead(term),
                Duty::Poll(task) => {
                    self.poll(&task).into_iter().for_each(Waker::wake);
                    self.lock().done();
                    self.next_duty()
                }
            };
        }
    }

    /// Drives the runtime, and polls what comes, as long as this thread leads.
    fn lead(self: &Arc<Self>, term: u64) -> Option<Duty> {
        let mut woken = None;
        loop {
            let task = self.runtime.block_on(Next {
                crew: self,
                woken: woken.take(),
            });
            if task.is_slow() {
                self.promote(self.lock());
            }
            woken = self.poll(&task);
            if !self.lock().come_back(term) {
                woken.into_iter().for_each(Waker::wake);
                return self.next_duty();
            }
        }
    }

    /// Polls a task once; gives who waits for it, if it is done.
    fn poll(&self, task: &Arc<Task>) -> Option<Waker> {
        let _entered = self.work.enter();
        let began = clock::now();
        let woken = task.poll();
        task.pace.note(clock::now() - began, SLOW);
        woken
    }

    /// Waits for something to do; nothing for long, and the thread ends.
    fn next_duty(&self) -> Option<Duty> {
        let mut shift = self.lock();
        loop {
            if let Some(duty) = shift.duty() {
                return Some(duty);
            }
            shift.parked += 1;
            let waited = self.bell.wait_timeout(shift, IDLE);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            shift = back;
            shift.parked -= 1;
            if timeout.timed_out() {
                return shift.duty();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shift> {
        self.shift.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits within the runtime for the next task that its leader is to poll.
struct Next<'a> {
    crew: &'a Arc<Crew>,
    /// Who waits for what the leader polled last; woken from here it costs no system call.
    woken: Option<Waker>,
}

impl Future for Next<'_> {
    type Output = Arc<Task>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Arc<Task>> {
        if let Some(waker) = self.woken.take() {
            waker.wake();
        }
        let mut shift = self.crew.lock();
        let Some(task) = shift.begin(cx) else {
            return Poll::Pending;
        };
        let is_unwatched = !std::mem::replace(&mut shift.is_watched, true);
        drop(shift);
        if is_unwatched {
            self.crew.call_watch();
        }
        Poll::Ready(task)
    }
}

/// A future that the crew polls. Dropping it drops that, as soon as it is not being polled.
pub(super) struct Away<T> {
    outcome: Arc<Outcome<T>>,
    task: Arc<Task>,
}

impl<T> Future for Away<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.outcome.poll(cx).map(|outcome| match outcome {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        })
    }
}

impl<T> Drop for Away<T> {
    fn drop(&mut self) {
        self.task.cancel();
    }
}

/// How long a leader may be away before another one takes its place: between one and two of these.
const TICK: Duration = Duration::from_millis(2);
/// What takes longer than this holds up others; see [`Placement`].
const SLOW: Duration = Duration::from_millis(1);
/// A thread that had nothing to do for this long ends.
const IDLE: Duration = Duration::from_secs(10);
