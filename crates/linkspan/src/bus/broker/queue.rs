//! What waits for a receiver: bounded in messages and bytes, with a rule for when it is full.

use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use proto::frame::busrt::Status;
use tokio::sync::Notify;
use tokio::time::timeout_at;

pub(crate) use crate::bus::broker::backlog::Item;

use crate::bus::broker::backlog::Backlog;
use crate::bus::broker::flow::Flow;
use crate::bus::broker::memory::Memory;
use crate::bus::broker::message::{Message, Shared};
use crate::bus::{Overflow, QueueLimits};

/// The messages that wait for one subscription, or for one client that has a single stream of them.
pub(crate) struct Queue {
    /// Tells queues apart.
    pub(crate) id: u64,
    overflow: Overflow,
    state: Mutex<State>,
    /// Tells publishers that wait that something left.
    room: Notify,
    /// Tells the client's reader that answers left.
    answered: Notify,
    outlet: Box<dyn Outlet>,
    dropped: AtomicU64,
    /// Places where its client was told that something was dropped.
    gaps: AtomicU64,
    /// What left by it.
    pub(crate) sent: Flow,
    memory: Arc<Memory>,
}

/// Where a queue's messages leave.
///
/// Publishers keep queues of clients that are gone until they publish again, so what a connection
/// needs, its socket above all, must not live as long as its outlet.
pub(crate) trait Outlet: Send + Sync {
    /// Something waits in the queue.
    fn flush(&self, queue: &Queue);

    /// The queue is full, and its client is to be sent away for that.
    fn overflowed(&self);

    /// Its client may not have what the queue is for any more, and has been told by no other way.
    fn revoked(&self) {}
}

struct State {
    backlog: Backlog,
    /// Publishers that wait for room, the first one first.
    waiting: VecDeque<u64>,
    /// Who waits next.
    next_waiting: u64,
    /// Somebody waited in vain; until half of it is empty, nobody does and nothing is taken.
    is_overflowing: bool,
    is_closed: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits, or what is done about a full queue was done.
    Taken,
    /// Whoever brings it has to wait for room.
    Full,
    /// It was dropped, though it should not have been.
    Lost,
    /// It was dropped, and the receiver is sent away for that.
    Cut,
    /// The receiver is not there any more.
    Gone,
}

impl Queue {
    pub(crate) fn new(
        id: u64,
        limits: QueueLimits,
        overflow: Overflow,
        memory: Arc<Memory>,
        outlet: Box<dyn Outlet>,
        has_gaps: bool,
    ) -> Self {
        let backlog = Backlog::new(limits, Arc::clone(&memory), has_gaps);
        let state = State {
            backlog: match overflow {
                Overflow::LatestOnly => backlog.with_latest(),
                _ => backlog,
            },
            waiting: VecDeque::new(),
            next_waiting: 0,
            is_overflowing: false,
            is_closed: false,
        };
        Self {
            id,
            overflow,
            state: Mutex::new(state),
            room: Notify::new(),
            answered: Notify::new(),
            outlet,
            dropped: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            sent: Flow::default(),
            memory,
        }
    }

    /// Puts a message at the end, without waiting.
    pub(crate) fn push(&self, message: &Shared) -> Pushed {
        let mut state = self.lock();
        // Nobody overtakes those who wait.
        match state.waiting.is_empty() || state.is_over() {
            true => self.push_locked(&mut state, message),
            false => Pushed::Full,
        }
    }

    /// Puts a message at the end, or drops it where others would wait.
    pub(crate) fn push_or_drop(&self, message: &Shared) {
        if self.push(message) == Pushed::Full {
            self.lose_last(&mut self.lock());
        }
    }

    /// Puts a message at the end as soon as there is room. At the deadline it is lost, and nobody
    /// waits for this queue any more until half of it is empty.
    pub(crate) async fn push_before(&self, message: &Shared, deadline: Instant) -> Pushed {
        let waiting = Waiting::new(self);
        let mut is_late = false;
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            match self.push_waiting(message, waiting.number, is_late) {
                Pushed::Full => {}
                pushed => return pushed,
            }
            let given = async {
                tokio::select! {
                    () = room => {}
                    () = self.memory.given_back() => {}
                }
            };
            is_late = timeout_at(deadline.into(), given).await.is_err();
        }
    }

    /// Puts a message at the end that has waited; one that did so for too long is lost.
    fn push_waiting(&self, message: &Shared, number: u64, is_late: bool) -> Pushed {
        let mut state = self.lock();
        let pushed = match state.waiting.front() == Some(&number) || state.is_over() {
            true => self.push_locked(&mut state, message),
            false => Pushed::Full,
        };
        if !is_late || pushed != Pushed::Full {
            return pushed;
        }
        state.is_overflowing = true;
        self.lose_last(&mut state);
        drop(state);
        // Who waits as well need not wait longer.
        self.room.notify_waiters();
        Pushed::Lost
    }

    fn push_locked(&self, state: &mut State, message: &Shared) -> Pushed {
        if state.is_closed {
            return Pushed::Gone;
        }
        if self.overflow == Overflow::LatestOnly && state.backlog.replace(message) {
            self.count_losses(1);
            return Pushed::Taken;
        }
        let may_add = !state.is_overflowing || state.backlog.is_half_empty();
        if may_add && state.backlog.try_add(message) {
            state.is_overflowing = false;
            return Pushed::Taken;
        }
        match self.overflow {
            Overflow::Block if !state.is_overflowing => return Pushed::Full,
            Overflow::DropOldest | Overflow::LatestOnly => {
                self.count_losses(state.backlog.add_dropping(message));
                return Pushed::Taken;
            }
            Overflow::Block | Overflow::DropNewest | Overflow::Disconnect => self.lose_last(state),
        }
        match self.overflow {
            Overflow::Block => Pushed::Lost,
            Overflow::Disconnect => {
                self.outlet.overflowed();
                Pushed::Cut
            }
            _ => Pushed::Taken,
        }
    }

    /// Puts an answer at the end. There is always room for it; whoever answers asks whether
    /// [`answers_taken`](Self::answers_taken).
    pub(crate) fn push_ack(&self, id: u32, status: Status) {
        let mut state = self.lock();
        if !state.is_closed {
            state.backlog.add_answer(id, status);
        }
    }

    /// Puts a sign of life at the end, unless something else is on its way.
    pub(crate) fn push_ping(&self) {
        let mut state = self.lock();
        if state.backlog.is_empty() && !state.is_closed {
            state.backlog.add_ping();
        }
    }

    /// Waits until few answers are left.
    pub(crate) async fn answers_taken(&self) {
        while self.lock().backlog.answers() >= MOST_ANSWERS {
            self.answered.notified().await;
        }
    }

    /// Moves the first items to `taken`, as many as about `bytes` hold.
    pub(crate) fn take(&self, taken: &mut Vec<Item>, bytes: usize) {
        let mut state = self.lock();
        let answers = state.backlog.answers();
        let mut sum = 0;
        while sum < bytes
            && let Some(item) = state.backlog.next()
        {
            sum += self.note_sent(&item);
            taken.push(item);
        }
        let wakes = !state.waiting.is_empty();
        let has_answered = answers >= MOST_ANSWERS && state.backlog.answers() < MOST_ANSWERS;
        drop(state);
        if wakes {
            self.room.notify_waiters();
        }
        if has_answered {
            self.answered.notify_one();
        }
    }

    /// Whether a message would be taken now, and none be dropped for it.
    pub(crate) fn has_room(&self, message: &Message) -> bool {
        let state = self.lock();
        let may_add = !state.is_overflowing || state.backlog.is_half_empty();
        let is_open = !state.is_closed && may_add && state.waiting.is_empty();
        is_open && state.backlog.fits(message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().backlog.is_empty()
    }

    /// Items that wait, messages and answers, and the bytes of the messages.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let state = self.lock();
        (state.backlog.len(), state.backlog.bytes())
    }

    /// Whether its client is no member any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Messages that were dropped, ever.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(crate) fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    /// Takes nothing any more, and forgets what waits.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let forgotten = state.backlog.clear();
        drop(state);
        drop(forgotten);
        self.room.notify_waiters();
        self.answered.notify_one();
    }

    /// Tells its client that it may not have it any more.
    pub(crate) fn revoke(&self) {
        self.outlet.revoked();
    }

    /// Has what waits leave.
    pub(crate) fn flush(&self) {
        self.outlet.flush(self);
    }

    /// Counts an item that leaves; says what it is worth.
    fn note_sent(&self, item: &Item) -> usize {
        match item {
            Item::Message(message) => {
                self.sent.add(1, message.body_bytes());
                message.cost()
            }
            Item::Ack { .. } => {
                self.sent.add(1, ACK_BYTES);
                ACK_BYTES
            }
            Item::Gap(_) => {
                self.gaps.fetch_add(1, Ordering::Relaxed);
                ACK_BYTES
            }
            Item::Ping => ACK_BYTES,
        }
    }

    /// Counts and marks the loss of a message that would have been the last.
    fn lose_last(&self, state: &mut State) {
        self.count_losses(1);
        state.backlog.mark_end();
    }

    fn count_losses(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Whether there is no use in waiting.
    fn is_over(&self) -> bool {
        self.is_overflowing || self.is_closed
    }
}

/// A publisher that waits for room.
struct Waiting<'a> {
    queue: &'a Queue,
    number: u64,
}

impl<'a> Waiting<'a> {
    fn new(queue: &'a Queue) -> Self {
        let mut state = queue.lock();
        let number = state.next_waiting;
        state.next_waiting += 1;
        state.waiting.push_back(number);
        Self { queue, number }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.waiting.retain(|number| *number != self.number);
        // Others may wait only because this one was first.
        let wakes = !state.waiting.is_empty() && !state.backlog.is_full();
        drop(state);
        if wakes {
            self.queue.room.notify_waiters();
        }
    }
}

/// What an answer takes on the wire.
const ACK_BYTES: usize = 6;
/// Answers that a client may leave unread before nothing more is read from it: as many as BUS/RT keeps
/// before it cuts a client off.
const MOST_ANSWERS: usize = 8192;
