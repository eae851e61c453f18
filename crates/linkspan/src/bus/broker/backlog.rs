//! What waits in a queue, in its order and within its limits.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use proto::frame::busrt::Status;

use crate::bus::QueueLimits;
use crate::bus::broker::latest::Latest;
use crate::bus::broker::memory::Memory;
use crate::bus::broker::message::{Message, Shared};

/// Messages within limits, and what needs none.
#[derive(Debug)]
pub(super) struct Backlog {
    items: VecDeque<Item>,
    /// The place of the first of them; see [`Latest`].
    first: u64,
    /// Where publications wait, if of each topic only the latest does.
    latest: Option<Latest>,
    /// How many of the items are messages, and what they cost.
    messages: usize,
    bytes: usize,
    /// Answers among the items.
    answers: usize,
    limits: QueueLimits,
    memory: Arc<Memory>,
    /// Whether its reader is told where something was dropped.
    has_gaps: bool,
}

/// What is to leave.
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
    /// So many messages were dropped here.
    Gap(u64),
}

impl Backlog {
    pub(super) fn new(limits: QueueLimits, memory: Arc<Memory>, has_gaps: bool) -> Self {
        Self {
            items: VecDeque::new(),
            first: MIDDLE,
            latest: None,
            messages: 0,
            bytes: 0,
            answers: 0,
            limits,
            memory,
            has_gaps,
        }
    }

    /// The same for one that is asked to [`replace`](Self::replace).
    pub(super) fn with_latest(mut self) -> Self {
        self.latest = Some(Latest::default());
        self
    }

    /// Puts a message at the end, if there is room for it.
    pub(super) fn try_add(&mut self, message: &Shared) -> bool {
        let cost = message.cost();
        let is_taken = self.fits(message) && self.memory.take(cost);
        if is_taken {
            self.messages += 1;
            self.bytes += cost;
            if let Some(latest) = &mut self.latest {
                latest.note(message, self.first + self.items.len() as u64);
            }
            self.items.push_back(Item::Message(Arc::clone(message)));
        }
        is_taken
    }

    /// Whether there is room for a message, if others leave enough memory.
    pub(super) fn fits(&self, message: &Message) -> bool {
        // A message that is longer than the whole queue gets through alone.
        let is_room = |cost| self.bytes.saturating_add(cost) <= self.limits.bytes;
        self.messages == 0 || (self.messages < self.limits.messages && is_room(message.cost()))
    }

    /// Puts a message at the end and drops as many of the oldest as it needs, or itself if others
    /// have all the memory; says how many were dropped.
    pub(super) fn add_dropping(&mut self, message: &Shared) -> u64 {
        let mut dropped = 0;
        while !self.try_add(message) {
            dropped += 1;
            if !self.drop_oldest() {
                self.mark_end();
                break;
            }
        }
        dropped
    }

    /// Drops either a message or the one of the same topic that waits, and keeps its place; false if
    /// none waits.
    pub(super) fn replace(&mut self, message: &Shared) -> bool {
        let place = self.latest.as_ref().and_then(|it| it.place(message));
        let index = place.and_then(|place| usize::try_from(place - self.first).ok());
        let item = index.and_then(|index| self.items.get_mut(index));
        let Some(Item::Message(place)) = item else {
            return false;
        };
        let (old, new) = (place.cost(), message.cost());
        if self.memory.exchange(old, new) {
            *place = Arc::clone(message);
            self.bytes = self.bytes + new - old;
        }
        true
    }

    pub(super) fn add_answer(&mut self, id: u32, status: Status) {
        self.answers += 1;
        self.items.push_back(Item::Ack { id, status });
    }

    pub(super) fn add_ping(&mut self) {
        self.items.push_back(Item::Ping);
    }

    /// Takes what is to leave next.
    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.first += 1;
        match &item {
            Item::Message(message) => self.release(message),
            Item::Ack { .. } => self.answers -= 1,
            Item::Ping | Item::Gap(_) => {}
        }
        // What a burst needed is not kept.
        if self.items.is_empty() && self.items.capacity() > KEPT_ITEMS {
            self.items = VecDeque::new();
        }
        Some(item)
    }

    /// Forgets everything; what it was is for the caller to drop, where no lock is held.
    pub(super) fn clear(&mut self) -> impl Drop + use<> {
        self.memory.give_back(self.bytes);
        (self.messages, self.bytes, self.answers) = (0, 0, 0);
        self.latest = self.latest.take().map(|_| Latest::default());
        mem::take(&mut self.items)
    }

    /// Whether at most half of it is full.
    pub(super) fn is_half_empty(&self) -> bool {
        self.messages <= self.limits.messages / 2 && self.bytes <= self.limits.bytes / 2
    }

    /// Whether no further message has room, however short.
    pub(super) fn is_full(&self) -> bool {
        self.messages >= self.limits.messages || self.bytes >= self.limits.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Messages, answers and signs of life.
    /// Bytes that its messages take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn answers(&self) -> usize {
        self.answers
    }

    fn drop_oldest(&mut self) -> bool {
        let is_message = |item: &Item| matches!(item, Item::Message(_));
        let Some(at) = self.items.iter().position(is_message) else {
            return false;
        };
        if let Some(Item::Message(oldest)) = self.items.remove(at) {
            // All other messages are behind it.
            self.first += 1;
            self.release(&oldest);
            self.mark(at);
        }
        true
    }

    /// A message was dropped that should have been the last.
    pub(super) fn mark_end(&mut self) {
        self.mark(self.items.len());
    }

    /// A message was dropped in front of what stands at `at`.
    fn mark(&mut self, at: usize) {
        if !self.has_gaps {
            return;
        }
        for beside in [at.checked_sub(1), Some(at)].into_iter().flatten() {
            if let Some(Item::Gap(dropped)) = self.items.get_mut(beside) {
                *dropped += 1;
                return;
            }
        }
        if at < self.items.len() {
            self.first -= 1;
        }
        self.items.insert(at, Item::Gap(1));
    }

    fn release(&mut self, message: &Message) {
        let cost = message.cost();
        if let Some(latest) = &mut self.latest {
            latest.forget(message);
        }
        self.messages -= 1;
        self.bytes -= cost;
        self.memory.give_back(cost);
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.memory.give_back(self.bytes);
    }
}

/// The first place: some are added in front.
const MIDDLE: u64 = 1 << 63;
/// Room for items that an empty queue keeps.
const KEPT_ITEMS: usize = 64;
