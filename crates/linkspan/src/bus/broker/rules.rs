//! What a message has to keep to before anybody gets it: rates, and schemas of payloads.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use proto::frame::busrt::DeliveryKind;
use proto::topic::Trie;

use crate::bus::broker::member::Member;
use crate::bus::broker::message::Message;
use crate::bus::{Rate, Rates};
use crate::clock;
use crate::counter::Counter;
use crate::pace::{Bucket, Pace};

/// The rules that hold now. Without any, a message costs one look.
#[derive(Debug)]
pub(crate) struct Rules {
    are_any: AtomicBool,
    /// Buckets count from here.
    started: Instant,
    paces: ArcSwapOption<Paces>,
    checks: ArcSwapOption<Arc<dyn Check>>,
    limited: Counter,
    invalid: Counter,
}

/// Looks into publications.
pub(crate) trait Check: fmt::Debug + Send + Sync {
    /// Whether a publication is what it should be, by its topic, the number of its encoding, and its
    /// payload.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    fn check(&self, topic: &str, codec: u8, payload: &[u8]) -> Result<(), String>;
}

/// Why a message is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There were too many; the next one may come after this time.
    Limited(Duration),
    /// It is not what it should be.
    Invalid(Arc<str>),
}

/// Rates as they are kept to.
#[derive(Debug)]
struct Paces {
    per_client: Option<Pace>,
    topics: Vec<(Pace, Bucket)>,
    /// Which of them a topic has.
    masks: Trie<usize>,
}

impl Rules {
    pub(super) fn new(started: Instant, rates: &Rates) -> Self {
        let rules = Self {
            are_any: AtomicBool::new(false),
            started,
            paces: ArcSwapOption::empty(),
            checks: ArcSwapOption::empty(),
            limited: Counter::default(),
            invalid: Counter::default(),
        };
        rules.set_rates(rates);
        rules
    }

    /// Has other rates hold from now on; all buckets of topics are full then.
    pub(super) fn set_rates(&self, rates: &Rates) {
        let paces = (!rates.is_empty()).then(|| Arc::new(Paces::of(rates)));
        self.paces.store(paces);
        self.note_any();
    }

    /// Has other checks hold from now on, or none.
    pub(crate) fn set_checks(&self, checks: Option<Arc<dyn Check>>) {
        self.checks.store(checks.map(Arc::new));
        self.note_any();
    }

    /// Whether a message may be passed on; what it costs its sender is taken.
    pub(super) fn admit(&self, sender: &Member, message: &Message) -> Result<(), Refusal> {
        if !self.are_any.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(paces) = &*self.paces.load() {
            let now_ns = (clock::now() - self.started).as_nanos();
            let now_ns = u64::try_from(now_ns).unwrap_or(u64::MAX);
            paces.take(sender, message, now_ns).map_err(|wait| {
                self.note_limited();
                Refusal::Limited(wait)
            })?;
        }
        self.check(message)
    }

    /// Whether a message is what it should be.
    pub(super) fn check(&self, message: &Message) -> Result<(), Refusal> {
        let checks = self.checks.load();
        let Some(checks) = checks
            .as_deref()
            .filter(|_| message.kind() == DeliveryKind::Publication)
        else {
            return Ok(());
        };
        let codec = message.extras().codec;
        let checked = checks.check(message.topic(), codec, message.payload_bytes());
        checked.map_err(|problem| {
            self.invalid.increment();
            Refusal::Invalid(problem.into())
        })
    }

    /// A call was given to a client, which may answer it now without that it counts.
    pub(super) fn note_call(&self, receiver: &Member, message: &Message) {
        if self.are_any.load(Ordering::Relaxed) && message.is_request() {
            receiver.account.owed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Something was refused because there was too much of it.
    pub(super) fn note_limited(&self) {
        self.limited.increment();
    }

    /// What was refused because there was too much of it.
    pub(super) fn limited(&self) -> u64 {
        self.limited.total()
    }

    /// Messages that were refused because they were not what they should be.
    pub(super) fn invalid(&self) -> u64 {
        self.invalid.total()
    }

    fn note_any(&self) {
        let are_any = self.paces.load().is_some() || self.checks.load().is_some();
        self.are_any.store(are_any, Ordering::Relaxed);
    }
}

impl Paces {
    fn of(rates: &Rates) -> Self {
        let mut masks = Trie::new();
        for (index, (mask, _)) in rates.topics.iter().enumerate() {
            masks.insert(mask, &index);
        }
        let topics = rates.topics.iter();
        Self {
            per_client: rates.per_client.map(pace),
            topics: topics
                .map(|(_, rate)| (pace(*rate), Bucket::default()))
                .collect(),
            masks,
        }
    }

    /// Takes what a message costs, everywhere or nowhere; says when there will be enough.
    fn take(&self, sender: &Member, message: &Message, now_ns: u64) -> Result<(), Duration> {
        let account = &sender.account;
        let own = self.per_client.as_ref();
        let own = own.filter(|_| !(message.is_answer() && account.pay_back()));
        let own = own.map(|pace| (pace, &account.bucket));
        let mut found = Vec::new();
        if message.kind() == DeliveryKind::Publication {
            self.masks.find(message.topic(), &mut found);
        }
        let topics = found.iter().filter_map(|index| self.topics.get(*index));
        let costs = own
            .into_iter()
            .chain(topics.map(|(pace, bucket)| (pace, bucket)));
        let mut taken = 0;
        for (pace, bucket) in costs.clone() {
            let Err(wait) = pace.take(bucket, now_ns) else {
                taken += 1;
                continue;
            };
            costs
                .take(taken)
                .for_each(|(pace, bucket)| pace.give_back(bucket));
            return Err(wait);
        }
        Ok(())
    }
}

fn pace(rate: Rate) -> Pace {
    Pace::new(rate.messages_per_second, SECOND, rate.burst)
}

/// What a client has of its rate; its secondaries have it, too.
#[derive(Debug, Default)]
pub(crate) struct Account {
    bucket: Bucket,
    /// Calls that it got and did not answer.
    owed: AtomicU64,
}

impl Account {
    /// Whether one of the calls that it got is answered by this.
    fn pay_back(&self) -> bool {
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        let less = |owed: u64| owed.checked_sub(1);
        self.owed.fetch_update(order.0, order.1, less).is_ok()
    }
}

const SECOND: Duration = Duration::from_secs(1);
