//! Who watches the traffic between others.
//!
//! A tap sees each message that is passed on, as its sender sent it, whatever becomes of it. It never
//! holds anybody up: what it does not take is dropped for it alone, the oldest first, and counted.
//! While nobody taps, a message costs one look.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use arc_swap::ArcSwap;
use proto::frame::busrt::DeliveryKind;
use proto::topic::Mask;

use crate::bus::QueueLimits;
use crate::bus::broker::memory::Memory;
use crate::bus::broker::message::{Message, Shared};
use crate::bus::wire::fits;

/// The taps of a broker.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    are_any: AtomicBool,
    open: ArcSwap<Vec<Arc<Tap>>>,
    seen: AtomicU64,
    dropped: AtomicU64,
}

/// Which messages a tap wants; with several conditions, those that meet all.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    /// Topics, of which one has to match; with none, messages without a topic are wanted, too.
    pub(crate) masks: Vec<Mask>,
    /// Name of the sender, in which `*` stands for any letters.
    pub(crate) sender: Option<String>,
    /// The same of the receiver, which a publication for everybody has not.
    pub(crate) receiver: Option<String>,
    /// Ways of sending; all with none.
    pub(crate) kinds: Vec<DeliveryKind>,
}

/// A message that somebody else gets.
#[derive(Debug)]
pub(crate) struct Tapped {
    pub(crate) message: Shared,
    /// A name, or a mask of names; empty if whoever wants it gets it.
    pub(crate) receiver: Box<str>,
}

/// One who watches.
#[derive(Debug)]
pub(crate) struct Tap {
    wish: Wish,
    limits: QueueLimits,
    memory: Arc<Memory>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Tapped>,
    bytes: usize,
    /// So many are missing before the first that waits.
    dropped: u64,
    reader: Option<Waker>,
    is_closed: bool,
}

impl Taps {
    /// Shows a message to all who want to see it.
    pub(crate) fn see(&self, receiver: &str, message: &Shared) {
        if !self.are_any.load(Ordering::Relaxed) {
            return;
        }
        for tap in self.open.load().iter() {
            if tap.wish.is_met(receiver, message) {
                self.seen.fetch_add(1, Ordering::Relaxed);
                let dropped = tap.add(receiver, message);
                self.dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn open(&self, wish: Wish, limits: QueueLimits, memory: Arc<Memory>) -> Arc<Tap> {
        let tap = Arc::new(Tap {
            wish,
            limits,
            memory,
            state: Mutex::default(),
        });
        self.change(|open| open.push(Arc::clone(&tap)));
        tap
    }

    pub(crate) fn close(&self, tap: &Arc<Tap>) {
        self.change(|open| open.retain(|other| !Arc::ptr_eq(other, tap)));
        tap.close();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.open.load().len()
    }

    /// Messages that were dropped for taps.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl Fn(&mut Vec<Arc<Tap>>)) {
        self.open.rcu(|open| {
            let mut open = Vec::clone(open);
            change(&mut open);
            self.are_any.store(!open.is_empty(), Ordering::Relaxed);
            open
        });
    }
}

impl Wish {
    fn is_met(&self, receiver: &str, message: &Message) -> bool {
        let is_topic = |mask: &Mask| !message.topic().is_empty() && mask.matches(message.topic());
        let is = |pattern: &Option<String>, name: &str| {
            pattern.as_deref().is_none_or(|pattern| fits(pattern, name))
        };
        (self.kinds.is_empty() || self.kinds.contains(&message.kind()))
            && (self.masks.is_empty() || self.masks.iter().any(is_topic))
            && is(&self.sender, message.sender())
            && is(&self.receiver, receiver)
    }
}

impl Tap {
    /// The next message, and how many are missing before it.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<(u64, Tapped)>> {
        let mut state = self.lock();
        if let Some(tapped) = state.waiting.pop_front() {
            let cost = tapped.cost();
            state.bytes -= cost;
            self.memory.give_back(cost);
            return Poll::Ready(Some((std::mem::take(&mut state.dropped), tapped)));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Adds a message; says how many were dropped for that.
    fn add(&self, receiver: &str, message: &Shared) -> u64 {
        let tapped = Tapped {
            message: Arc::clone(message),
            receiver: receiver.into(),
        };
        let cost = tapped.cost();
        let mut state = self.lock();
        if state.is_closed {
            return 0;
        }
        let before = state.dropped;
        let most = self.limits.bytes;
        while state.waiting.len() >= self.limits.messages || state.bytes.saturating_add(cost) > most
        {
            if !state.drop_oldest(&self.memory) {
                break;
            }
        }
        match cost <= most && self.memory.take(cost) {
            true => {
                state.bytes += cost;
                state.waiting.push_back(tapped);
            }
            // What waits is older, and goes with it: a gap stands in one place.
            false => {
                while state.drop_oldest(&self.memory) {}
                state.dropped += 1;
            }
        }
        let dropped = state.dropped - before;
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
        dropped
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.memory.give_back(state.bytes);
        state.bytes = 0;
        let forgotten = std::mem::take(&mut state.waiting);
        let reader = state.reader.take();
        drop(state);
        drop(forgotten);
        reader.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// False if nothing waits.
    fn drop_oldest(&mut self, memory: &Memory) -> bool {
        let Some(oldest) = self.waiting.pop_front() else {
            return false;
        };
        let cost = oldest.cost();
        self.bytes -= cost;
        self.dropped += 1;
        memory.give_back(cost);
        true
    }
}

impl Tapped {
    fn cost(&self) -> usize {
        self.message.cost() + size_of::<Self>() + self.receiver.len()
    }
}
