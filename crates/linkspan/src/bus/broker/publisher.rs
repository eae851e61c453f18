//! One client's way to all others: finding out who gets a message, and waiting for those who have no
//! room.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use proto::frame::busrt::Status;
use proto::topic::{NameMask, Trie};

use crate::bus::broker::core::Core;
use crate::bus::broker::member::Member;
use crate::bus::broker::message::Shared;
use crate::bus::broker::queue::Pushed;
use crate::bus::broker::subscription::{Subscriber, Subscription};
use crate::clock;

/// Sends for one client.
pub(crate) struct Publisher {
    core: Arc<Core>,
    /// What is known of topics that it used lately, as long as nobody changes their mind.
    known: HashMap<Box<str>, Arc<[Arc<Subscription>]>, RandomState>,
    masks: Arc<Trie<Subscriber>>,
    /// Where something waits to leave.
    touched: Vec<Arc<Subscription>>,
    /// Who has no room for the message at hand.
    full: Vec<Arc<Subscription>>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It waits at everybody who wants it, if there is anybody.
    Accepted,
    /// Somebody who should have it has no room.
    NotDelivered,
}

impl Publisher {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let masks = Arc::clone(&core.masks());
        Self {
            core,
            known: HashMap::default(),
            masks,
            touched: Vec::new(),
            full: Vec::new(),
        }
    }

    /// Gives a publication to all who want it.
    ///
    /// Where all have room this never waits. What waits leaves with [`flush`](Self::flush).
    pub(crate) async fn publish(&mut self, message: &Shared) -> Delivery {
        let receivers = self.subscriptions(message.topic());
        self.give(receivers.iter(), message, |_| true).await
    }

    /// Gives a publication to those of one primary client who want it.
    pub(crate) async fn publish_for(&mut self, receiver: &str, message: &Shared) -> Delivery {
        let receivers = self.subscriptions(message.topic());
        let is_meant = |subscription: &Subscription| subscription.name.primary() == receiver;
        self.give(receivers.iter(), message, is_meant).await
    }

    /// Gives a message to the client of this name.
    pub(crate) async fn send(&mut self, receiver: &Member, message: &Shared) -> Delivery {
        self.give([&receiver.inbox], message, |_| true).await
    }

    /// Gives a message to all clients whose names a mask stands for.
    pub(crate) async fn broadcast(&mut self, mask: &NameMask, message: &Shared) -> Delivery {
        let members = self.core.members_like(mask);
        let inboxes = members.iter().map(|member| &member.inbox);
        self.give(inboxes, message, |_| true).await
    }

    /// Answers the client itself; the answer leaves with all else.
    pub(crate) fn answer(&mut self, own: &Arc<Subscription>, id: u32, status: Status) {
        own.queue.push_ack(id, status);
        self.touch(own);
    }

    /// Has everything leave that was given since the last time.
    pub(crate) fn flush(&mut self) {
        for subscription in self.touched.drain(..) {
            subscription.flush();
        }
    }

    async fn give<'a>(
        &mut self,
        receivers: impl IntoIterator<Item = &'a Arc<Subscription>>,
        message: &Shared,
        is_meant: impl Fn(&Subscription) -> bool,
    ) -> Delivery {
        let mut delivery = Delivery::Accepted;
        for subscription in receivers {
            if !is_meant(subscription) || !subscription.admits(message) {
                continue;
            }
            match subscription.queue.push(message) {
                Pushed::Taken => self.touch(subscription),
                Pushed::Full => self.full.push(Arc::clone(subscription)),
                Pushed::Lost => delivery = Delivery::NotDelivered,
            }
        }
        if self.full.is_empty() {
            return delivery;
        }
        self.flush();
        let deadline = clock::after(clock::now(), self.core.config.block_timeout);
        for subscription in mem::take(&mut self.full) {
            if self.wait(&subscription, message, deadline).await == Pushed::Lost {
                delivery = Delivery::NotDelivered;
            }
        }
        delivery
    }

    async fn wait(
        &mut self,
        subscription: &Arc<Subscription>,
        message: &Shared,
        deadline: Instant,
    ) -> Pushed {
        // Whoever reads it may have been told by nobody.
        subscription.queue.flush();
        let pushed = subscription.queue.push_before(message, deadline).await;
        self.touch(subscription);
        pushed
    }

    fn touch(&mut self, subscription: &Arc<Subscription>) {
        if subscription.touch() {
            self.touched.push(Arc::clone(subscription));
        }
    }

    /// Who wants publications of a topic.
    fn subscriptions(&mut self, topic: &str) -> Arc<[Arc<Subscription>]> {
        let masks = self.core.masks();
        if !Arc::ptr_eq(&masks, &self.masks) {
            self.masks = Arc::clone(&masks);
            self.known.clear();
        }
        if let Some(known) = self.known.get(topic) {
            return Arc::clone(known);
        }
        let mut found = Vec::new();
        masks.find(topic, &mut found);
        let found: Arc<[_]> = found.into_iter().map(|Subscriber(it)| it).collect();
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(topic.into(), Arc::clone(&found));
        found
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // Others rely on what was touched being flushed.
        self.flush();
    }
}

/// Topics of which a publisher knows who wants them.
const MOST_KNOWN: usize = 64;
