//! Who is there, and who wants what. Knows no wire.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::Guard;
use proto::frame::busrt::{BusEvent, Name};
use proto::topic::{Limits, Mask, NameMask};
use tokio::sync::Notify;

use crate::auth::policy::{Access, Action as Permission, Refused, Rule};
use crate::auth::quota::Place;
use crate::bus::access::{Authorize, FOREIGN_SECONDARY, RESERVED};
use crate::bus::broker::dead_letters::Graveyard;
use crate::bus::broker::events;
use crate::bus::broker::group::Groups;
use crate::bus::broker::ledger::{Ledger, Sums};
use crate::bus::broker::masks::{Masks, Version};
use crate::bus::broker::member::{Farewell, Member, Origin};
use crate::bus::broker::memory::Memory;
use crate::bus::broker::message::Message;
use crate::bus::broker::queue::{Outlet, Queue};
use crate::bus::broker::rules::Rules;
use crate::bus::broker::service::Service;
use crate::bus::broker::subscription::{Subscriber, Subscription};
use crate::bus::broker::tap::Taps;
use crate::bus::error::JoinError;
use crate::bus::{Action, Config, Overflow, QueueLimits, Secondaries};
use crate::clock;
use crate::counter::Counter;

/// What all connections of a broker share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    authorize: Authorize,
    pub(crate) rules: Rules,
    pub(crate) dead_letters: Graveyard,
    pub(crate) started: Instant,
    pub(crate) memory: Arc<Memory>,
    members: papaya::HashMap<Name, Arc<Member>>,
    masks: Masks,
    /// Held by whoever changes the members.
    changes: Mutex<()>,
    /// Tells that a name is free again.
    departures: Notify,
    numbers: AtomicU64,
    groups: Groups,
    ledger: Ledger,
    pub(crate) taps: Taps,
    /// What clients wanted to do and may not.
    denied: Counter,
}

/// What a subscription of its own queue is to be.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) limits: QueueLimits,
    pub(crate) overflow: Overflow,
    /// The group with which it shares.
    pub(crate) group: Option<String>,
    /// Whether it is told where something was dropped.
    pub(crate) gaps: bool,
    pub(crate) masks: Vec<Mask>,
    /// What of it is not wanted.
    pub(crate) exclusions: Vec<Mask>,
}

impl Core {
    pub(crate) fn new(config: Config, authorize: Authorize) -> Arc<Self> {
        let started = clock::now();
        Arc::new_cyclic(|core: &Weak<Self>| {
            let reviewed = core.clone();
            authorize
                .on_replaced(move || reviewed.upgrade().map(|core| core.review_all()).is_some());
            let broker = Self {
                rules: Rules::new(started, &config.rates),
                dead_letters: Graveyard::new(config.dead_letters.clone()),
                started,
                memory: Arc::new(Memory::new(config.memory_limit)),
                members: papaya::HashMap::new(),
                masks: Masks::default(),
                changes: Mutex::default(),
                departures: Notify::new(),
                numbers: AtomicU64::new(1),
                groups: Groups::default(),
                authorize,
                ledger: Ledger::default(),
                taps: Taps::default(),
                denied: Counter::default(),
                config,
            };
            let service = Box::new(Service::new(core.clone()));
            let inbox = broker.subscription(Name::broker(), service);
            let (origin, account) = (Origin::internal(), Arc::default());
            let member = Member::new(0, Name::broker(), origin, inbox, account, Box::new(()));
            broker
                .members
                .pin()
                .insert(Name::broker(), Arc::new(member));
            broker
        })
    }

    /// Gives a client its name, and tells those who want to know.
    ///
    /// # Errors
    ///
    /// [`JoinError`]: it may not have it.
    pub(crate) fn join(
        &self,
        name: &Name,
        origin: Origin,
        outlet: Box<dyn Outlet>,
        farewell: Box<dyn Farewell>,
    ) -> Result<Arc<Member>, JoinError> {
        let inbox = self.subscription(name.clone(), outlet);
        let changes = self.change();
        let members = self.members.pin();
        let mut account = Arc::default();
        if name.is_secondary() {
            let primary = members.get(name.primary()).ok_or(JoinError::NoPrimary)?;
            let is_theirs = primary.origin.is_same_peer(&origin);
            if !is_theirs && self.config.secondaries == Secondaries::SamePeer {
                drop(changes);
                let access = Access::new(Permission::BusJoin, name);
                self.refuse_newcomer(&origin, access, FOREIGN_SECONDARY);
                return Err(JoinError::ForeignSecondary);
            }
            primary.has_secondaries.store(true, Ordering::Relaxed);
            account = Arc::clone(&primary.account);
        }
        if let Some(former) = members.get(name) {
            if !self.config.force_register || name.is_secondary() {
                return Err(JoinError::InUse);
            }
            self.withdraw(former);
        }
        let number = self.number();
        let member = Member::new(number, name.clone(), origin, inbox, account, farewell);
        let member = Arc::new(member);
        members.insert(name.clone(), Arc::clone(&member));
        let warnings = Mask::new(BusEvent::WARN, &Limits::default());
        self.subscribe(&member.inbox, warnings);
        drop(changes);
        if !name.is_secondary() {
            self.announce(events::registered(name));
        }
        Ok(member)
    }

    /// Gives a client that may be on its way out some time to be gone, so that its name is free for
    /// whoever comes next, often the same program.
    pub(crate) async fn settle(&self, name: &Name) {
        for _ in 0..PROBES {
            let mut departed = pin!(self.departures.notified());
            departed.as_mut().enable();
            let Some(former) = self.member(name) else {
                return;
            };
            // Who does not read from it learns by this that it is gone; on TCP, by the second one.
            former.inbox.queue.push_ping();
            former.inbox.queue.flush();
            tokio::time::timeout(PROBE_INTERVAL, departed).await.ok();
        }
    }

    /// Takes a client's name back, and what it wanted.
    pub(crate) fn leave(&self, member: &Arc<Member>) {
        let changes = self.change();
        // With its name taken over, there is nothing to tell.
        let present = self.member(&member.name);
        let is_present = present.is_some_and(|present| present.id == member.id);
        if is_present {
            self.withdraw(member);
        }
        drop(changes);
        if is_present && !member.name.is_secondary() {
            self.announce(events::unregistered(&member.name));
        }
    }

    /// Takes names back, a client's and those of its secondaries, and ends their connections.
    fn withdraw(&self, member: &Arc<Member>) {
        self.withdraw_one(member);
        if member.has_secondaries.load(Ordering::Relaxed) {
            let members = self.members();
            let own = members
                .iter()
                .filter(|other| other.name.is_secondary() && other.name.primary() == &*member.name);
            own.for_each(|secondary| self.withdraw_one(secondary));
        }
        self.departures.notify_waiters();
    }

    fn withdraw_one(&self, member: &Arc<Member>) {
        self.ledger.begin_leaving(member);
        self.members.pin().remove(&member.name);
        member.dismiss();
        self.masks.remove_all(&member.inbox);
        for subscription in member.subscriptions().iter() {
            self.masks.remove_all(subscription);
        }
    }

    /// Counts what a client did in its time, when nothing more comes of it.
    pub(crate) fn remember(&self, member: &Member) {
        self.ledger.end_leaving(member);
    }

    /// A queue that masks can fill.
    fn subscription(&self, name: Name, outlet: Box<dyn Outlet>) -> Arc<Subscription> {
        let queue = Queue::new(
            self.number(),
            self.config.queue_limits(),
            self.config.overflow,
            Arc::clone(&self.memory),
            outlet,
            false,
        );
        Arc::new(Subscription::new(name, queue, None))
    }

    /// Adds a subscription with a queue of its own to a client's.
    pub(crate) fn open_subscription(
        &self,
        member: &Arc<Member>,
        wanted: Wanted,
        outlet: Box<dyn Outlet>,
    ) -> Arc<Subscription> {
        let memory = Arc::clone(&self.memory);
        let queue = Queue::new(
            self.number(),
            wanted.limits,
            wanted.overflow,
            memory,
            outlet,
            wanted.gaps,
        );
        let group = wanted.group.map(|name| self.groups.find(&name));
        let subscription = Arc::new(Subscription::new(member.name.clone(), queue, group));
        subscription.exclude(wanted.exclusions);
        member.subscriptions().push(Arc::clone(&subscription));
        self.subscribe(&subscription, wanted.masks);
        self.review(member);
        subscription
    }

    /// Ends a subscription that has a queue of its own.
    pub(crate) fn close_subscription(&self, member: &Member, subscription: &Arc<Subscription>) {
        subscription.queue.close();
        self.masks.remove_all(subscription);
        self.ledger.close_queue(member, subscription);
    }

    /// Lets one operation of a client begin that does all of this, until its place is dropped: the one
    /// place where that is asked.
    pub(crate) fn admit<'a>(
        &self,
        member: &Member,
        actions: &[Action<'a>],
    ) -> Result<Place, Refused<'a>> {
        let admitted = self.authorize.admit(member, actions);
        admitted.inspect_err(|refused| self.note_refused(member, refused))
    }

    /// The same without the question whether the client may do it.
    pub(crate) fn charge<'a>(
        &self,
        member: &Member,
        actions: &[Action<'a>],
    ) -> Result<Place, Refused<'a>> {
        let charged = self.authorize.charge(member, actions);
        charged.inspect_err(|refused| self.note_refused(member, refused))
    }

    /// Whether a client may do something.
    pub(crate) fn permits(&self, member: &Member, action: Action<'_>) -> bool {
        let is_permitted = self.authorize.permits(member, action);
        if !is_permitted {
            self.note_denied(member);
        }
        is_permitted
    }

    /// Refuses to publish under a topic of the broker's own.
    pub(crate) fn refuse_reserved<'a>(&self, member: &Member, topic: &'a str) -> Refused<'a> {
        let access = Action::Publish(topic).into();
        let refused = self.authorize.refuse(member.principal(), access, RESERVED);
        self.note_refused(member, &refused);
        refused
    }

    /// Refuses a last will under such a topic.
    pub(crate) fn refuse_will(&self, origin: &Origin, topic: &str) {
        self.refuse_newcomer(origin, Action::Publish(topic).into(), RESERVED);
    }

    /// Refuses something to somebody who has no name yet.
    fn refuse_newcomer(&self, origin: &Origin, access: Access<'_>, rule: Rule) {
        self.denied.increment();
        self.authorize.refuse(&origin.principal(), access, rule);
    }

    fn note_refused(&self, member: &Member, refused: &Refused<'_>) {
        match refused {
            Refused::Denied(_) => self.note_denied(member),
            Refused::TooMuch(..) => {
                self.rules.note_limited();
                member.refused.increment();
            }
        }
    }

    fn note_denied(&self, member: &Member) {
        self.denied.increment();
        member.denied.increment();
    }

    /// Whether a client may still do something that it might do at first.
    pub(crate) fn still_permits(&self, member: &Member, action: Action<'_>) -> bool {
        !self.authorize.can_change() || self.permits(member, action)
    }

    /// Takes subscriptions away that a client may not have any more.
    ///
    /// It is asked whenever the policy was replaced, and after a subscription was made: if the policy
    /// is replaced between the question and the subscription, one of both sees the other.
    pub(crate) fn review(&self, member: &Arc<Member>) {
        if !self.authorize.can_change() {
            return;
        }
        let subscriptions = member.subscriptions().clone();
        let lost = subscriptions
            .iter()
            .filter(|own| !self.may_have(member, own));
        for subscription in lost {
            self.close_subscription(member, subscription);
            subscription.queue.revoke();
        }
        // BUS/RT has no word for it.
        if !self.may_have(member, &member.inbox) {
            self.leave(member);
        }
    }

    fn review_all(&self) {
        self.members().iter().for_each(|member| self.review(member));
    }

    fn may_have(&self, member: &Member, subscription: &Subscription) -> bool {
        let mut masks = subscription.masks().clone();
        // Everybody is told of the broker's end, wanted or not.
        masks.retain(|mask| mask.as_str() != BusEvent::WARN);
        masks
            .iter()
            .all(|mask| self.permits(member, Action::Subscribe(mask)))
    }

    /// Adds masks; those that are there do not matter.
    pub(crate) fn subscribe(
        &self,
        subscription: &Arc<Subscription>,
        masks: impl IntoIterator<Item = Mask>,
    ) {
        self.masks.add(subscription, masks);
    }

    /// Takes masks away; those that are not there do not matter.
    pub(crate) fn unsubscribe(
        &self,
        subscription: &Arc<Subscription>,
        masks: impl IntoIterator<Item = Mask>,
    ) {
        self.masks.remove(subscription, masks);
    }

    /// The number of the version of [`masks`](Self::masks).
    pub(crate) fn masks_number(&self) -> u64 {
        self.masks.number()
    }

    /// Who wants what, now.
    pub(crate) fn masks(&self) -> Guard<Arc<Version>> {
        self.masks.load()
    }

    pub(crate) fn member(&self, name: &str) -> Option<Arc<Member>> {
        self.members.pin().get(name).map(Arc::clone)
    }

    /// Clients whose names a mask stands for.
    pub(crate) fn members_like(&self, mask: &NameMask) -> Vec<Arc<Member>> {
        if mask.is_literal() {
            return self.member(mask.as_str()).into_iter().collect();
        }
        let members = self.members.pin();
        let like = members.iter().filter(|(name, _)| mask.matches(name));
        like.map(|(_, member)| Arc::clone(member)).collect()
    }

    pub(crate) fn members(&self) -> Vec<Arc<Member>> {
        self.members.pin().values().map(Arc::clone).collect()
    }

    /// What all clients did and got that there are or were.
    pub(crate) fn sums(&self) -> Sums {
        self.ledger.sums(|| self.members())
    }

    /// How often a client wanted to do what it may not.
    pub(crate) fn denied(&self) -> u64 {
        self.denied.total()
    }

    /// Publishes in the broker's own name, without waiting for anybody.
    pub(crate) fn announce(&self, message: Message) {
        let message = Arc::new(message);
        self.taps.see("", &message);
        let mut subscribers = Vec::new();
        self.masks().trie.find(message.topic(), &mut subscribers);
        for Subscriber(subscription) in subscribers {
            if subscription.admits(&message) {
                subscription.queue.push_or_drop(&message);
                subscription.queue.flush();
            }
        }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often, and how long each time, a name in use may turn out to be free.
const PROBES: u32 = 2;
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
