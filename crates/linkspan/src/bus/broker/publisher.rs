//! One client's way to all others: finding out who gets a message, and waiting for those who have no
//! room.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use proto::frame::busrt::Status;
use proto::topic::{NameMask, Trie};

use crate::bus::Action;
use crate::bus::broker::core::Core;
use crate::bus::broker::group::Receivers;
use crate::bus::broker::member::Member;
use crate::bus::broker::message::Shared;
use crate::bus::broker::queue::Pushed;
use crate::bus::broker::subscription::{Subscriber, Subscription};
use crate::clock;

/// Sends for one client.
pub(crate) struct Publisher {
    core: Arc<Core>,
    /// For whom it sends.
    member: Arc<Member>,
    /// What is known of topics that it used lately, as long as nobody changes their mind.
    known: HashMap<Box<str>, Arc<Receivers>, RandomState>,
    masks: Arc<Trie<Subscriber>>,
    /// Where something waits to leave.
    touched: Vec<Arc<Subscription>>,
    /// Who has no room for the message at hand.
    full: Vec<Arc<Subscription>>,
    /// What became of the message at hand.
    result: Tally,
}

/// What became of a message at those who should have it.
#[derive(Debug, Default)]
struct Tally {
    receivers: usize,
    lost: usize,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It waits at everybody who should have it.
    Accepted,
    /// There is nobody who should have it.
    Nobody,
    /// Somebody who should have it has no room.
    NotDelivered,
    /// Its sender may not send it.
    Denied,
}

impl Publisher {
    pub(crate) fn new(core: Arc<Core>, member: Arc<Member>) -> Self {
        let masks = Arc::clone(&core.masks());
        Self {
            core,
            member,
            known: HashMap::default(),
            masks,
            touched: Vec::new(),
            full: Vec::new(),
            result: Tally::default(),
        }
    }

    /// Gives a publication to all who want it.
    ///
    /// Where all have room this never waits. What waits leaves with [`flush`](Self::flush).
    pub(crate) async fn publish(&mut self, message: &Shared) -> Delivery {
        self.give_publication(message, &|_| true).await
    }

    /// Gives a publication to those of one primary client who want it.
    pub(crate) async fn publish_for(&mut self, receiver: &str, message: &Shared) -> Delivery {
        let is_meant = |subscription: &Subscription| subscription.name.primary() == receiver;
        self.give_publication(message, &is_meant).await
    }

    /// Gives a message to the client of this name.
    pub(crate) async fn send(&mut self, receiver: &Member, message: &Shared) -> Delivery {
        if !self.begin(Action::Send(&receiver.name)) {
            return Delivery::Denied;
        }
        self.offer([&receiver.inbox], message);
        self.settle(message).await
    }

    /// Gives a message to all clients whose names a mask stands for.
    pub(crate) async fn broadcast(&mut self, mask: &NameMask, message: &Shared) -> Delivery {
        if !self.begin(Action::Send(mask.as_str())) {
            return Delivery::Denied;
        }
        let members = self.core.members_like(mask);
        self.offer(members.iter().map(|member| &member.inbox), message);
        self.settle(message).await
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

    /// Begins with a message, if it may be sent.
    fn begin(&mut self, action: Action<'_>) -> bool {
        // The one before may have been given up half-way.
        self.full.clear();
        self.result = Tally::default();
        self.core.permits(&self.member, action)
    }

    async fn give_publication(
        &mut self,
        message: &Shared,
        is_meant: &(dyn Fn(&Subscription) -> bool + Sync),
    ) -> Delivery {
        if !self.begin(Action::Publish(message.topic())) {
            return Delivery::Denied;
        }
        let receivers = self.receivers(message.topic());
        let each = receivers.each.iter();
        self.offer(
            each.filter(|it| is_meant(it) && it.admits(message)),
            message,
        );
        for sharing in &receivers.shared {
            let mut members = sharing.in_turn(message, is_meant);
            let first = members.clone().next();
            // With all of them full, it is as if there were only one.
            self.offer(
                members.find(|it| it.queue.has_room(message)).or(first),
                message,
            );
        }
        self.settle(message).await
    }

    fn offer<'a>(
        &mut self,
        receivers: impl IntoIterator<Item = &'a Arc<Subscription>>,
        message: &Shared,
    ) {
        for subscription in receivers {
            let pushed = subscription.queue.push(message);
            self.note(subscription, pushed);
        }
    }

    fn note(&mut self, subscription: &Arc<Subscription>, pushed: Pushed) {
        self.result.receivers += 1;
        match pushed {
            Pushed::Taken => self.touch(subscription),
            Pushed::Full => self.full.push(Arc::clone(subscription)),
            Pushed::Lost => self.result.lost += 1,
        }
    }

    /// Waits for those who have no room; says what became of the message.
    async fn settle(&mut self, message: &Shared) -> Delivery {
        if !self.full.is_empty() {
            self.flush();
            let deadline = clock::after(clock::now(), self.core.config.block_timeout);
            for subscription in mem::take(&mut self.full) {
                if self.wait(&subscription, message, deadline).await == Pushed::Lost {
                    self.result.lost += 1;
                }
            }
        }
        match mem::take(&mut self.result) {
            Tally { receivers: 0, .. } => Delivery::Nobody,
            Tally { lost: 0, .. } => Delivery::Accepted,
            Tally { .. } => Delivery::NotDelivered,
        }
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
    fn receivers(&mut self, topic: &str) -> Arc<Receivers> {
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
        let mut receivers = Receivers::default();
        found
            .into_iter()
            .for_each(|Subscriber(it)| receivers.add(it));
        let receivers = Arc::new(receivers);
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(topic.into(), Arc::clone(&receivers));
        receivers
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
