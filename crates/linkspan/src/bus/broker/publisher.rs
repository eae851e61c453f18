//! One client's way to all others: finding out who gets a message, and waiting for those who have no
//! room.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::RandomState;
use proto::frame::busrt::{DeliveryKind, Status};
use proto::topic::NameMask;

use crate::auth::policy::Refused;
use crate::auth::quota::Place;
use crate::bus::Action;
use crate::bus::broker::core::Core;
use crate::bus::broker::group::Receivers;
use crate::bus::broker::member::Member;
use crate::bus::broker::message::Shared;
use crate::bus::broker::queue::Pushed;
use crate::bus::broker::rules::Refusal;
use crate::bus::broker::subscription::{Subscriber, Subscription};
use crate::bus::wire::DeadReason;
use crate::clock;

/// Sends for one client.
pub(crate) struct Publisher {
    core: Arc<Core>,
    /// For whom it sends.
    member: Arc<Member>,
    /// What is known of topics that it used lately, as long as nobody changes their mind.
    known: HashMap<Box<str>, Arc<Receivers>, RandomState>,
    /// The version of all masks that this is known of.
    version: u64,
    /// Where something waits to leave.
    touched: Vec<Arc<Subscription>>,
    /// Who has no room for the message at hand.
    full: Vec<Arc<Subscription>>,
    /// What became of the message at hand.
    result: Tally,
}

/// At how many of those who should have a message what became of it.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    lost: usize,
    cut: usize,
    gone: usize,
}

/// A message was given to all who have room for it.
#[derive(Debug)]
pub(crate) enum Given {
    /// Those are all.
    Settled(Delivery),
    /// Others have none.
    Waiting(Box<Waiting>),
}

/// A message for which some have no room. Whoever drops it gives it up; others need not wait for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    core: Arc<Core>,
    full: Vec<Arc<Subscription>>,
    deadline: Instant,
    message: Shared,
    result: Tally,
    /// It is under way for as long.
    _place: Place,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It waits at everybody who should have it.
    Accepted,
    /// There is nobody who should have it.
    Nobody,
    /// Somebody who should have it has no room.
    NotDelivered,
    /// Whom it was for is just going away.
    Gone,
    /// Its sender may not send it.
    Denied,
    /// It does not keep to the rules.
    Refused(Refusal),
}

impl Publisher {
    pub(crate) fn new(core: Arc<Core>, member: Arc<Member>) -> Self {
        Self {
            core,
            member,
            known: HashMap::default(),
            version: 0,
            touched: Vec::new(),
            full: Vec::new(),
            result: Tally::default(),
        }
    }

    /// Gives a publication to all who want it. What waits leaves with [`flush`](Self::flush).
    pub(crate) fn publish(&mut self, message: &Shared) -> Given {
        self.give_publication(None, message)
    }

    /// Gives a publication to those of one primary client who want it.
    pub(crate) fn publish_for(&mut self, receiver: &str, message: &Shared) -> Given {
        self.give_publication(Some(receiver), message)
    }

    /// Gives a message to the client of this name; says which one that is, by its number.
    pub(crate) fn send(&mut self, name: &str, message: &Shared) -> (Given, u64) {
        match self.core.member(name) {
            Some(receiver) => (self.send_to(&receiver, message), receiver.id),
            None => (Given::Settled(self.send_to_nobody(name, message)), 0),
        }
    }

    /// Gives a message to a client.
    pub(crate) fn send_to(&mut self, receiver: &Member, message: &Shared) -> Given {
        let action = Action::Send(&receiver.name);
        let place = match self.begin(action, Some(&receiver.name), message) {
            Ok(place) => place,
            Err(refused) => return Given::Settled(refused),
        };
        self.core.rules.note_call(receiver, message);
        self.offer([&receiver.inbox], message);
        self.settle(message, place)
    }

    /// What becomes of a message to a client that is not there; who may not send to it does not learn
    /// that.
    fn send_to_nobody(&mut self, name: &str, message: &Shared) -> Delivery {
        match self.begin(Action::Send(name), Some(name), message) {
            Ok(_place) => {
                let core = &self.core;
                core.bury(DeadReason::NoReceiver, message, Some(name), None);
                Delivery::Nobody
            }
            Err(refused) => refused,
        }
    }

    /// Gives a message to all clients whose names a mask stands for.
    pub(crate) fn broadcast(&mut self, mask: &NameMask, message: &Shared) -> Given {
        let action = Action::Send(mask.as_str());
        let place = match self.begin(action, Some(mask.as_str()), message) {
            Ok(place) => place,
            Err(refused) => return Given::Settled(refused),
        };
        let members = self.core.members_like(mask);
        self.offer(members.iter().map(|member| &member.inbox), message);
        self.settle(message, place)
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

    /// Forgets what only a busy client needs: with many subscribers that is much.
    pub(crate) fn rest(&mut self) {
        self.known = HashMap::default();
    }

    /// Begins with a message, if it may be sent: it is under way until the place is dropped.
    fn begin(
        &self,
        action: Action<'_>,
        receiver: Option<&str>,
        message: &Shared,
    ) -> Result<Place, Delivery> {
        let place = self.core.admit(&self.member, &[action])?;
        let admitted = self.core.rules.admit(&self.member, message);
        admitted.map_err(|refusal| {
            self.member.refused.increment();
            if let Refusal::Invalid(problem) = &refusal {
                self.core
                    .bury(DeadReason::Schema, message, None, Some(problem));
            }
            Delivery::Refused(refusal)
        })?;
        self.core.taps.see(receiver.unwrap_or_default(), message);
        Ok(place)
    }

    fn give_publication(&mut self, receiver: Option<&str>, message: &Shared) -> Given {
        let topic = message.topic();
        let place = match self.begin(Action::Publish(topic), receiver, message) {
            Ok(place) => place,
            Err(refused) => return Given::Settled(refused),
        };
        let is_meant = |subscription: &Subscription| {
            receiver.is_none_or(|receiver| subscription.name.primary() == receiver)
        };
        let receivers = self.receivers(topic);
        let each = receivers.each.iter();
        self.offer(
            each.filter(|it| is_meant(it) && it.admits(message)),
            message,
        );
        for sharing in &receivers.shared {
            let mut members = sharing.in_turn(message, &is_meant);
            let first = members.clone().next();
            // With all of them full, it is as if there were only one.
            self.offer(
                members.find(|it| it.queue.has_room(message)).or(first),
                message,
            );
        }
        self.settle(message, place)
    }

    fn offer<'a>(
        &mut self,
        receivers: impl IntoIterator<Item = &'a Arc<Subscription>>,
        message: &Shared,
    ) {
        for subscription in receivers {
            match subscription.queue.push(message) {
                Pushed::Full => self.full.push(Arc::clone(subscription)),
                pushed => self.note(subscription, message, pushed),
            }
        }
    }

    /// Remembers whom to tell, and what became of the message there.
    fn note(&mut self, subscription: &Arc<Subscription>, message: &Shared, pushed: Pushed) {
        self.result.note(&self.core, subscription, message, pushed);
        if pushed == Pushed::Taken {
            self.touch(subscription);
        }
    }

    /// Says what became of the message, or who has no room for it.
    fn settle(&mut self, message: &Shared, place: Place) -> Given {
        let result = mem::take(&mut self.result);
        if self.full.is_empty() {
            return Given::Settled(result.delivery(&self.core, message));
        }
        self.flush();
        Given::Waiting(Box::new(Waiting {
            core: Arc::clone(&self.core),
            full: mem::take(&mut self.full),
            deadline: clock::after(clock::now(), self.core.config.block_timeout),
            message: Arc::clone(message),
            result,
            _place: place,
        }))
    }

    fn touch(&mut self, subscription: &Arc<Subscription>) {
        if subscription.touch() {
            self.touched.push(Arc::clone(subscription));
        }
    }

    /// Who wants publications of a topic.
    fn receivers(&mut self, topic: &str) -> Arc<Receivers> {
        let is_present = self.core.masks_number() == self.version;
        if let Some(known) = self.known.get(topic).filter(|_| is_present) {
            return Arc::clone(known);
        }
        let masks = self.core.masks();
        if masks.number != self.version {
            self.version = masks.number;
            self.known.clear();
        }
        let mut found = Vec::new();
        masks.trie.find(topic, &mut found);
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

impl From<Refused<'_>> for Delivery {
    fn from(refused: Refused<'_>) -> Self {
        match refused {
            Refused::Denied(_) => Self::Denied,
            Refused::TooMuch(_, retry_after) => Self::Refused(Refusal::Limited(retry_after)),
        }
    }
}

impl Given {
    /// Waits until it is settled.
    pub(crate) async fn settled(self) -> Delivery {
        match self {
            Self::Settled(delivery) => delivery,
            Self::Waiting(waiting) => waiting.settled().await,
        }
    }
}

impl Waiting {
    /// Waits for those who have no room; says what became of the message.
    pub(crate) async fn settled(mut self) -> Delivery {
        for subscription in &self.full {
            // Whoever reads it may have been told by nobody.
            subscription.queue.flush();
            let pushed = subscription.queue.push_before(&self.message, self.deadline);
            let pushed = pushed.await;
            self.result
                .note(&self.core, subscription, &self.message, pushed);
            subscription.flush();
        }
        self.result.delivery(&self.core, &self.message)
    }
}

impl Tally {
    fn note(&mut self, core: &Core, subscription: &Subscription, message: &Shared, pushed: Pushed) {
        let is_direct = message.kind() == DeliveryKind::Message;
        let name = Some(&*subscription.name);
        match pushed {
            Pushed::Taken => self.accepted += 1,
            Pushed::Full | Pushed::Lost => self.lost += 1,
            Pushed::Cut => self.cut += 1,
            Pushed::Gone => self.gone += 1,
        }
        match pushed {
            Pushed::Lost => core.bury(DeadReason::Overflow, message, name, None),
            Pushed::Cut if is_direct => core.bury(DeadReason::Overflow, message, name, None),
            Pushed::Gone if is_direct => core.bury(DeadReason::NoReceiver, message, name, None),
            _ => {}
        }
    }

    /// What became of the message, when all is known.
    fn delivery(&self, core: &Core, message: &Shared) -> Delivery {
        let is_direct = message.kind() == DeliveryKind::Message;
        // To the publisher, subscribers who are sent away or gone are as good as never there.
        match self {
            Self { lost: 1.., .. } => Delivery::NotDelivered,
            Self { cut: 1.., .. } if is_direct => Delivery::NotDelivered,
            Self { gone: 1.., .. } if is_direct => Delivery::Gone,
            Self { accepted: 0, .. } => {
                if message.kind() == DeliveryKind::Publication && message.requires_receiver() {
                    core.bury(DeadReason::NoReceiver, message, None, None);
                }
                Delivery::Nobody
            }
            Self { .. } => Delivery::Accepted,
        }
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
