//! Who wants what: read without a lock, replaced as a whole.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use proto::topic::{Mask, Trie};

use crate::bus::broker::subscription::{Subscriber, Subscription};

/// The masks of all subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    present: ArcSwap<Version>,
    /// The number of the present version, for those who only want to see whether there is a new one.
    number: AtomicU64,
    /// Held by whoever makes the next version.
    change: Mutex<()>,
}

/// The masks between two changes.
#[derive(Debug, Default)]
pub(crate) struct Version {
    /// Tells it from all others, so that nobody has to keep one to see that there is a newer one.
    pub(crate) number: u64,
    pub(crate) trie: Trie<Subscriber>,
}

impl Masks {
    /// The number of the present version, or of the one before if that is just replaced.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Who wants what, now.
    pub(crate) fn load(&self) -> Guard<Arc<Version>> {
        self.present.load()
    }

    /// Adds masks; those that are there do not matter.
    pub(super) fn add(
        &self,
        subscription: &Arc<Subscription>,
        masks: impl IntoIterator<Item = Mask>,
    ) {
        self.change(subscription, |trie, subscriber| {
            // Its masks have been removed for the last time.
            if subscription.queue.is_closed() {
                return;
            }
            let mut own = subscription.masks();
            let mut is_new = |mask: &Mask| own.insert(mask.clone());
            for mask in masks.into_iter().filter(|mask| is_new(mask)) {
                trie.insert(&mask, subscriber);
            }
        });
    }

    /// Takes masks away; those that are not there do not matter.
    pub(super) fn remove(
        &self,
        subscription: &Arc<Subscription>,
        masks: impl IntoIterator<Item = Mask>,
    ) {
        self.change(subscription, |trie, subscriber| {
            let mut own = subscription.masks();
            for mask in masks.into_iter().filter(|mask| own.remove(mask)) {
                trie.remove(&mask, subscriber);
            }
        });
    }

    /// Takes all masks of a subscription away whose queue is closed: it will have no others.
    pub(super) fn remove_all(&self, subscription: &Arc<Subscription>) {
        self.change(subscription, |trie, subscriber| {
            let own = mem::take(&mut *subscription.masks());
            for mask in own {
                trie.remove(&mask, subscriber);
            }
        });
    }

    fn change(
        &self,
        subscription: &Arc<Subscription>,
        change: impl FnOnce(&mut Trie<Subscriber>, &Subscriber),
    ) {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.present.load();
        let mut trie = present.trie.clone();
        change(&mut trie, &Subscriber(Arc::clone(subscription)));
        let number = present.number + 1;
        self.present.store(Arc::new(Version { number, trie }));
        self.number.store(number, Ordering::Release);
    }
}
