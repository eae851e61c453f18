//! What waits for a receiver: bounded in messages and bytes, with a rule for when it is full.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use proto::frame::busrt::{DeliveryKind, Status};

use crate::bus::broker::flow::Flow;
use crate::bus::broker::memory::Memory;
use crate::bus::broker::message::{Message, Shared};
use crate::bus::{Overflow, QueueLimits};

/// The messages that wait for one subscription, or for one client that has a single stream of them.
pub(crate) struct Queue {
    /// Tells queues apart.
    pub(crate) id: u64,
    limits: QueueLimits,
    overflow: Overflow,
    state: Mutex<State>,
    /// Told when there is room again.
    room: Notify,
    outlet: Box<dyn Outlet>,
    dropped: AtomicU64,
    /// What left by it.
    pub(crate) sent: Flow,
    memory: Arc<Memory>,
}

/// Where a queue's messages leave.
pub(crate) trait Outlet: Send + Sync {
    /// Something waits in the queue.
    fn flush(&self, queue: &Queue);

    /// The queue is full, and its client is to be sent away for that.
    fn overflowed(&self);
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// How many of the items are messages, and what they cost.
    messages: usize,
    bytes: usize,
    /// Answers among the items.
    answers: usize,
    /// Who waits for room.
    waiting: usize,
    /// Nobody waits for it: somebody has, in vain.
    is_overflowing: bool,
    is_closed: bool,
}

/// What is to leave, in its order.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Message(Shared),
    /// An answer to what the client did, with the number that it gave it.
    Ack {
        id: u32,
        status: Status,
    },
    /// A sign of life.
    Ping,
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
}

impl Queue {
    pub(crate) fn new(
        id: u64,
        limits: QueueLimits,
        overflow: Overflow,
        memory: Arc<Memory>,
        outlet: Box<dyn Outlet>,
    ) -> Self {
        Self {
            id,
            limits,
            overflow,
            state: Mutex::default(),
            room: Notify::new(),
            outlet,
            dropped: AtomicU64::new(0),
            sent: Flow::default(),
            memory,
        }
    }

    /// Puts a message at the end, without waiting.
    pub(crate) fn push(&self, message: &Shared) -> Pushed {
        let mut state = self.lock();
        if state.is_closed {
            return Pushed::Lost;
        }
        let cost = message.cost();
        if self.overflow == Overflow::LatestOnly && self.replace(&mut state, message, cost) {
            return Pushed::Taken;
        }
        if self.fits(&state, cost) {
            self.append(&mut state, message, cost);
            return Pushed::Taken;
        }
        match self.overflow {
            Overflow::Block if !state.is_overflowing => return Pushed::Full,
            Overflow::Block => {
                self.count_loss();
                return Pushed::Lost;
            }
            Overflow::DropNewest => self.count_loss(),
            Overflow::DropOldest | Overflow::LatestOnly => {
                self.make_room(&mut state, cost);
                self.append(&mut state, message, cost);
            }
            Overflow::Disconnect => {
                self.count_loss();
                drop(state);
                self.outlet.overflowed();
            }
        }
        Pushed::Taken
    }

    /// Puts a message at the end as soon as there is room. At the deadline it is lost, and nobody
    /// waits for this queue any more until half of it is empty.
    pub(crate) async fn push_before(&self, message: &Shared, deadline: Instant) -> Pushed {
        let _waiting = Waiting::new(self);
        loop {
            let room = self.room.notified();
            let mut room = std::pin::pin!(room);
            room.as_mut().enable();
            match self.push(message) {
                Pushed::Full => {}
                pushed => return pushed,
            }
            if tokio::time::timeout_at(deadline.into(), room)
                .await
                .is_err()
            {
                let mut state = self.lock();
                state.is_overflowing = !state.is_closed;
                self.count_loss();
                drop(state);
                // Who waits as well need not wait longer.
                self.room.notify_waiters();
                return Pushed::Lost;
            }
        }
    }

    /// Puts an answer at the end. There is always room for it; whoever answers asks whether
    /// [`answers_taken`](Self::answers_taken).
    pub(crate) fn push_ack(&self, id: u32, status: Status) {
        let mut state = self.lock();
        if !state.is_closed {
            state.answers += 1;
            state.items.push_back(Item::Ack { id, status });
        }
    }

    /// Puts a sign of life at the end, unless something else is on its way.
    pub(crate) fn push_ping(&self) {
        let mut state = self.lock();
        if state.items.is_empty() && !state.is_closed {
            state.items.push_back(Item::Ping);
        }
    }

    /// Waits until few answers are left.
    pub(crate) async fn answers_taken(&self) {
        loop {
            let room = self.room.notified();
            let mut room = std::pin::pin!(room);
            room.as_mut().enable();
            if self.lock().answers < MOST_ANSWERS {
                return;
            }
            let _waiting = Waiting::new(self);
            room.await;
        }
    }

    /// Moves the first items to `taken`, as many as about `bytes` hold.
    pub(crate) fn take(&self, taken: &mut Vec<Item>, bytes: usize) {
        let mut state = self.lock();
        let mut sum = 0;
        while sum < bytes
            && let Some(item) = state.items.pop_front()
        {
            sum += self.note_taken(&mut state, &item);
            taken.push(item);
        }
        state.is_overflowing &= !self.is_filled_to(&state, 2);
        let wakes = state.waiting > 0 && self.is_filled_to(&state, 3);
        drop(state);
        if wakes {
            self.room.notify_waiters();
        }
    }

    /// Whether a message would be taken now, and none be dropped for it.
    pub(crate) fn has_room(&self, message: &Message) -> bool {
        let state = self.lock();
        let fits = state.messages == 0
            || (state.messages < self.limits.messages
                && state.bytes + message.cost() <= self.limits.bytes);
        fits && !state.is_closed && !state.is_overflowing
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    /// Items that wait: messages and answers.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Messages that were dropped, ever.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes nothing any more, and forgets what waits.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.memory.give_back(state.bytes);
        (state.messages, state.bytes) = (0, 0);
        let items = std::mem::take(&mut state.items);
        drop(state);
        drop(items);
        self.room.notify_waiters();
    }

    /// Has what waits leave.
    pub(crate) fn flush(&self) {
        self.outlet.flush(self);
    }

    /// Counts an item that leaves; says what it is worth.
    fn note_taken(&self, state: &mut State, item: &Item) -> usize {
        match item {
            Item::Message(message) => {
                self.sent.add(1, message.body_bytes());
                self.release(state, message.cost())
            }
            Item::Ack { .. } => {
                state.answers -= 1;
                self.sent.add(1, ACK_BYTES);
                ACK_BYTES
            }
            Item::Ping => ACK_BYTES,
        }
    }

    /// Whether at most so many quarters are full.
    fn is_filled_to(&self, state: &State, quarters: usize) -> bool {
        state.messages <= self.limits.messages / 4 * quarters
            && state.bytes <= self.limits.bytes / 4 * quarters
    }

    fn fits(&self, state: &State, cost: usize) -> bool {
        // A message that is longer than the whole queue gets through alone.
        let is_room = state.messages == 0
            || (state.messages < self.limits.messages && state.bytes + cost <= self.limits.bytes);
        is_room && self.memory.take(cost)
    }

    fn append(&self, state: &mut State, message: &Shared, cost: usize) {
        state.messages += 1;
        state.bytes += cost;
        state.items.push_back(Item::Message(Arc::clone(message)));
    }

    /// Puts a message into the place of the one of the same topic that waits.
    fn replace(&self, state: &mut State, message: &Shared, cost: usize) -> bool {
        if message.kind() != DeliveryKind::Publication {
            return false;
        }
        let is_same =
            |item: &&mut Item| matches!(item, Item::Message(other) if other.is_of_topic(message));
        let Some(Item::Message(place)) = state.items.iter_mut().rev().find(is_same) else {
            return false;
        };
        let old = std::mem::replace(place, Arc::clone(message));
        self.memory.give_back(old.cost());
        self.memory.take_anyway(cost);
        state.bytes = state.bytes + cost - old.cost();
        self.count_loss();
        true
    }

    /// Drops the oldest messages until one of this cost fits.
    fn make_room(&self, state: &mut State, cost: usize) {
        while !self.fits(state, cost) {
            let is_message = |item: &Item| matches!(item, Item::Message(_));
            let oldest = state.items.iter().position(is_message);
            let Some(Item::Message(oldest)) = oldest.and_then(|at| state.items.remove(at)) else {
                // Others have all the memory; one message is always allowed.
                return self.memory.take_anyway(cost);
            };
            self.release(state, oldest.cost());
            self.count_loss();
        }
    }

    fn release(&self, state: &mut State, cost: usize) -> usize {
        state.messages -= 1;
        state.bytes -= cost;
        self.memory.give_back(cost);
        cost
    }

    fn count_loss(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Somebody who waits for room.
struct Waiting<'a>(&'a Queue);

impl<'a> Waiting<'a> {
    fn new(queue: &'a Queue) -> Self {
        queue.lock().waiting += 1;
        Self(queue)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// What an answer takes on the wire.
const ACK_BYTES: usize = 6;
/// Answers that a client may leave unread before nothing more is read from it.
const MOST_ANSWERS: usize = 1024;
