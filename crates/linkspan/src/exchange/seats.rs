//! Who has a place at a server, what they are doing, and how they end.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The connections of one listener.
#[derive(Debug, Default)]
pub(super) struct Seats {
    list: Mutex<List>,
}

#[derive(Debug, Default)]
struct List {
    seats: HashMap<u64, Arc<Seat>>,
    next_number: u64,
    is_stopping: bool,
    report: Ended,
}

/// What ended since the listener was stopped.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ended {
    pub(super) connections: usize,
    /// Exchanges that were under way.
    pub(super) cut: usize,
}

/// One connection. Its task tells what it does; others may end it.
#[derive(Debug, Default)]
pub(super) struct Seat {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Whether it ends instead of waiting for another question.
    is_last: bool,
    task: Option<Waker>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// It has sent nothing yet.
    #[default]
    Silent,
    /// It waits for a question since then.
    Idle(Instant),
    /// A question is being read, handled or answered.
    Busy,
    /// Others ended it.
    Ended,
}

impl Seats {
    /// Gives a connection its seat, until the guard is dropped.
    pub(super) fn take(self: &Arc<Self>) -> SeatGuard {
        let mut list = lock(&self.list);
        let number = list.next_number;
        list.next_number += 1;
        let seat = Arc::new(Seat {
            state: Mutex::new(State {
                phase: Phase::Silent,
                is_last: list.is_stopping,
                task: None,
            }),
        });
        list.seats.insert(number, Arc::clone(&seat));
        SeatGuard {
            seats: Arc::clone(self),
            seat,
            number,
        }
    }

    /// Ends the connection that has waited longest for a question, if it has for `least`.
    pub(super) fn evict(&self, now: Instant, least: Duration) -> bool {
        let list = lock(&self.list);
        let mut idle: Vec<_> = list
            .seats
            .values()
            .filter_map(|seat| seat.idle_since().map(|since| (since, seat)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= least)
            .collect();
        idle.sort_by_key(|(since, _)| *since);
        // One that just got a question is passed over.
        idle.into_iter().any(|(_, seat)| seat.end_if_idle())
    }

    /// Ends who waits for a question, and lets the others come to the end of theirs.
    pub(super) fn stop(&self) {
        let mut list = lock(&self.list);
        list.is_stopping = true;
        for seat in list.seats.values() {
            lock(&seat.state).is_last = true;
            seat.end_if_idle();
        }
    }

    /// Ends all at once.
    pub(super) fn cut(&self) {
        let mut list = lock(&self.list);
        let seats = list.seats.values();
        let cut = seats
            .filter(|seat| seat.end_if(|_| true) == Some(Phase::Busy))
            .count();
        list.report.cut += cut;
    }

    /// What ended since the stop.
    pub(super) fn report(&self) -> Ended {
        lock(&self.list).report
    }

    /// Whether no question is under way.
    pub(super) fn is_idle(&self) -> bool {
        let list = lock(&self.list);
        !list.seats.values().any(|seat| seat.phase() == Phase::Busy)
    }
}

/// The seat of a connection that is there.
#[derive(Debug)]
pub(super) struct SeatGuard {
    seats: Arc<Seats>,
    pub(super) seat: Arc<Seat>,
    number: u64,
}

impl Drop for SeatGuard {
    fn drop(&mut self) {
        let mut list = lock(&self.seats.list);
        list.seats.remove(&self.number);
        if list.is_stopping {
            list.report.connections += 1;
        }
    }
}

impl Seat {
    /// A question has begun; false if the connection was ended before.
    pub(super) fn begin(&self) -> bool {
        let mut state = lock(&self.state);
        let goes_on = state.phase != Phase::Ended;
        if goes_on {
            state.phase = Phase::Busy;
        }
        goes_on
    }

    /// The question is answered; false if the connection shall end now.
    pub(super) fn rest(&self, now: Instant) -> bool {
        let mut state = lock(&self.state);
        let goes_on = state.phase != Phase::Ended && !state.is_last;
        if goes_on {
            state.phase = Phase::Idle(now);
        }
        goes_on
    }

    /// Runs a future until it is done, or dropped because others end the connection.
    pub(super) async fn until_ended<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| match self.is_ended(cx) {
            true => Poll::Ready(None),
            false => future.as_mut().poll(cx).map(Some),
        })
        .await
    }

    fn is_ended(&self, cx: &Context<'_>) -> bool {
        let mut state = lock(&self.state);
        match &mut state.task {
            Some(task) => task.clone_from(cx.waker()),
            task => *task = Some(cx.waker().clone()),
        }
        state.phase == Phase::Ended
    }

    fn phase(&self) -> Phase {
        lock(&self.state).phase
    }

    fn idle_since(&self) -> Option<Instant> {
        match self.phase() {
            Phase::Idle(since) => Some(since),
            _ => None,
        }
    }

    fn end_if_idle(&self) -> bool {
        self.end_if(|phase| matches!(phase, Phase::Idle(_)))
            .is_some()
    }

    /// Ends it if it does what is asked for; gives what it did until then.
    fn end_if(&self, is_meant: impl Fn(Phase) -> bool) -> Option<Phase> {
        let mut state = lock(&self.state);
        let before = state.phase;
        if !is_meant(before) {
            return None;
        }
        state.phase = Phase::Ended;
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Some(before)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
