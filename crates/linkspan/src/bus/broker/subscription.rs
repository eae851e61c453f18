//! Who wants what: a queue, the masks that fill it, and those that do not.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use proto::frame::busrt::{DeliveryKind, Name};
use proto::topic::{Mask, Trie};

use crate::bus::broker::group::Group;
use crate::bus::broker::message::Message;
use crate::bus::broker::queue::Queue;

/// A queue with its masks. A message that several of them match is in it once.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) queue: Queue,
    /// Whose it is.
    pub(crate) name: Name,
    /// Those with whom it shares publications.
    pub(super) group: Option<Arc<Group>>,
    masks: Mutex<HashSet<Mask>>,
    exclusions: ArcSwapOption<Trie<()>>,
    /// Whether there are any: most have none, and looking costs.
    has_exclusions: AtomicBool,
    /// Whether a publisher has something here that it has not flushed.
    is_touched: AtomicBool,
}

impl Subscription {
    pub(crate) fn new(name: Name, queue: Queue, group: Option<Arc<Group>>) -> Self {
        Self {
            queue,
            name,
            group,
            masks: Mutex::default(),
            exclusions: ArcSwapOption::empty(),
            has_exclusions: AtomicBool::new(false),
            is_touched: AtomicBool::new(false),
        }
    }

    /// Its masks.
    pub(super) fn masks(&self) -> MutexGuard<'_, HashSet<Mask>> {
        self.masks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message is wanted: only publications can be excluded.
    pub(crate) fn admits(&self, message: &Message) -> bool {
        if !self.has_exclusions.load(Ordering::Acquire) {
            return true;
        }
        let exclusions = self.exclusions.load();
        let is_excluded = |masks: &Arc<Trie<()>>| masks.has_match(message.topic());
        message.kind() != DeliveryKind::Publication || !exclusions.as_ref().is_some_and(is_excluded)
    }

    /// Adds masks of what is not wanted, as many as there is room for; says whether that was all.
    pub(crate) fn exclude(&self, masks: Vec<Mask>) -> bool {
        // Only its own client changes it, one thing after the other.
        let mut exclusions = self.exclusions();
        let mut has_room = true;
        for mask in masks {
            if exclusions.count(&mask, &()) > 0 {
                continue;
            }
            has_room = exclusions.len() < MOST_EXCLUSIONS;
            if !has_room {
                break;
            }
            exclusions.insert(&mask, &());
        }
        self.exclusions.store(Some(Arc::new(exclusions)));
        self.has_exclusions.store(true, Ordering::Release);
        has_room
    }

    /// Takes masks of what is not wanted away.
    pub(crate) fn unexclude(&self, masks: Vec<Mask>) {
        let mut exclusions = self.exclusions();
        for mask in masks {
            exclusions.remove(&mask, &());
        }
        let left = (!exclusions.is_empty()).then(|| Arc::new(exclusions));
        self.has_exclusions.store(left.is_some(), Ordering::Release);
        self.exclusions.store(left);
    }

    fn exclusions(&self) -> Trie<()> {
        let exclusions = self.exclusions.load();
        exclusions.as_deref().cloned().unwrap_or_default()
    }

    /// Marks it as one that its publisher has to flush; false if it is marked already.
    pub(crate) fn touch(&self) -> bool {
        !self.is_touched.swap(true, Ordering::AcqRel)
    }

    /// Has what waits leave.
    pub(crate) fn flush(&self) {
        self.is_touched.store(false, Ordering::Release);
        self.queue.flush();
    }
}

/// A subscription among others of its sort.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber(pub(crate) Arc<Subscription>);

impl PartialEq for Subscriber {
    fn eq(&self, other: &Self) -> bool {
        self.0.queue.id == other.0.queue.id
    }
}

impl Eq for Subscriber {}

impl PartialOrd for Subscriber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Subscriber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.queue.id.cmp(&other.0.queue.id)
    }
}

impl Hash for Subscriber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.queue.id.hash(state);
    }
}

/// Masks of what one subscription does not want, at most: each takes some hundred bytes.
pub(crate) const MOST_EXCLUSIONS: usize = 10_000;
