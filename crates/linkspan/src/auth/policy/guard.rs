//! Policies at work.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::auth::Principal;
use crate::auth::policy::{Access, Decision, Policy, Rule};
use crate::auth::quota::{Bound, Excess, Limiter, Place, Quotas};
use crate::counter::Counter;
use crate::{Category, Code, Failure};

/// Asks a policy whether somebody may do something, and keeps them to quotas; the one place of each
/// capability where that is asked has one.
///
/// Clones ask the same policy and keep to the same quotas. Both can be replaced while they work: what
/// is decided afterwards is decided by the new ones.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
    on_denial: Option<OnDenial>,
    on_excess: Option<OnExcess>,
}

struct Shared {
    policy: ArcSwap<Policy>,
    limiter: ArcSwapOption<Limiter>,
    counts: Counts,
    /// Those who have to look again at what they permitted when the policy is replaced.
    reviewers: Mutex<Vec<Reviewer>>,
}

#[derive(Default)]
struct Counts {
    denied: Counter,
    too_fast: Counter,
    too_many: Counter,
}

/// What was counted by a [`Guard`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GuardStats {
    /// What somebody wanted to do and may not.
    pub denied: u64,
    /// What came faster than its quota allows.
    pub too_fast: u64,
    /// What came while as much was under way as its quota allows.
    pub too_many: u64,
    /// Principals of whom it is known what they have used of their quotas.
    pub principals: usize,
}

/// Looks again; false if it is gone.
type Reviewer = Box<dyn Fn() -> bool + Send + Sync>;

type OnDenial = Arc<dyn Fn(&Principal, &Access<'_>, &Decision) + Send + Sync>;
type OnExcess = Arc<dyn Fn(&Principal, &Access<'_>, &Excess) + Send + Sync>;

/// Why something is not done.
pub(crate) enum Refused<'a> {
    /// This may not be.
    Denied(Access<'a>),
    /// It is too much; it may be tried again after this time.
    TooMuch(Bound, Duration),
}

impl Guard {
    /// A guard that asks this policy, without quotas.
    pub fn new(policy: Policy) -> Self {
        Self {
            shared: Arc::new(Shared {
                policy: ArcSwap::from_pointee(policy),
                limiter: ArcSwapOption::empty(),
                counts: Counts::default(),
                reviewers: Mutex::default(),
            }),
            on_denial: None,
            on_excess: None,
        }
    }

    /// Has a closure told of everything that is denied, from the task that asked: it may not block.
    #[must_use]
    pub fn on_denial(
        mut self,
        told: impl Fn(&Principal, &Access<'_>, &Decision) + Send + Sync + 'static,
    ) -> Self {
        self.on_denial = Some(Arc::new(told));
        self
    }

    /// Has a closure told of those who want more than their quotas, from the task that asked: it may
    /// not block. It is told of each principal at most once in ten seconds, with the number of
    /// [those](Excess::untold) that were passed over.
    #[must_use]
    pub fn on_excess(
        mut self,
        told: impl Fn(&Principal, &Access<'_>, &Excess) + Send + Sync + 'static,
    ) -> Self {
        self.on_excess = Some(Arc::new(told));
        self
    }

    /// Asks another policy from now on. What lasts, as subscriptions do, is asked about again before
    /// this returns.
    pub fn replace(&self, policy: Policy) {
        self.shared.policy.store(Arc::new(policy));
        let reviewers = self.shared.reviewers.lock();
        let mut reviewers = reviewers.unwrap_or_else(PoisonError::into_inner);
        reviewers.retain(|review| review());
    }

    /// Keeps to other quotas from now on. If they differ from those before, everybody begins anew, and
    /// what is under way does not count.
    pub fn replace_quotas(&self, quotas: Quotas) {
        let present = self.shared.limiter.load();
        if present
            .as_ref()
            .is_none_or(|present| *present.quotas() != quotas)
        {
            self.shared
                .limiter
                .store(Limiter::new(quotas).map(Arc::new));
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> GuardStats {
        let counts = &self.shared.counts;
        let limiter = self.shared.limiter.load();
        GuardStats {
            denied: counts.denied.total(),
            too_fast: counts.too_fast.total(),
            too_many: counts.too_many.total(),
            principals: limiter.as_ref().map_or(0, |limiter| limiter.principals()),
        }
    }

    /// Has somebody look again at what it permitted whenever the policy was replaced, until it says
    /// false.
    #[cfg(feature = "bus")]
    pub(crate) fn on_replaced(&self, review: impl Fn() -> bool + Send + Sync + 'static) {
        let reviewers = self.shared.reviewers.lock();
        let mut reviewers = reviewers.unwrap_or_else(PoisonError::into_inner);
        reviewers.push(Box::new(review));
    }

    /// Whether a principal may do something, and what says so.
    pub fn decide(&self, principal: &Principal, access: &Access<'_>) -> Decision {
        let decision = self.shared.policy.load().decide(principal, access);
        if !decision.permitted {
            self.note_denied(principal, access, &decision);
        }
        decision
    }

    fn note_denied(&self, principal: &Principal, access: &Access<'_>, decision: &Decision) {
        self.shared.counts.denied.increment();
        if let Some(told) = &self.on_denial {
            told(principal, access, decision);
        }
    }

    /// Whether a principal may do something, for those who go on by [`admit`](Self::admit) if not:
    /// nothing is counted or told.
    pub(crate) fn would_permit(&self, principal: &Principal, access: &Access<'_>) -> bool {
        let policy = self.shared.policy.load();
        policy.decide(principal, access).permitted
    }

    /// Lets one operation on all of these begin, until its place is dropped. Quotas come first, so that
    /// they are for those, too, who try what they may not.
    pub(crate) fn admit<'a>(
        &self,
        principal: &Principal,
        accesses: &[Access<'a>],
    ) -> Result<Place, Refused<'a>> {
        let place = self.charge(principal, accesses)?;
        let mut accesses = accesses.iter();
        accesses.try_for_each(|access| self.permit(principal, *access))?;
        Ok(place)
    }

    /// Lets it pass without a charge, or says why not.
    pub(crate) fn permit<'a>(
        &self,
        principal: &Principal,
        access: Access<'a>,
    ) -> Result<(), Refused<'a>> {
        match self.decide(principal, &access).permitted {
            true => Ok(()),
            false => Err(Refused::Denied(access)),
        }
    }

    /// Denies what is never done by a rule of whoever asks. It costs what it would cost otherwise, so that
    /// nobody is told of more denials than the quotas allow.
    #[cfg(feature = "bus")]
    pub(crate) fn refuse<'a>(
        &self,
        principal: &Principal,
        access: Access<'a>,
        rule: Rule,
    ) -> Refused<'a> {
        if let Err(refused) = self.charge(principal, &[access]) {
            return refused;
        }
        self.note_denied(principal, &access, &Decision::deny(rule));
        Refused::Denied(access)
    }

    /// Takes what one operation on all of these costs, whether or not it may be done.
    pub(crate) fn charge<'a>(
        &self,
        principal: &Principal,
        accesses: &[Access<'a>],
    ) -> Result<Place, Refused<'a>> {
        let limiter = self.shared.limiter.load();
        let Some(limiter) = &*limiter else {
            return Ok(Place::default());
        };
        limiter.take(principal, accesses).map_err(|refused| {
            let excess = refused.excess;
            let counts = &self.shared.counts;
            let count = match excess.bound {
                Bound::Rate => &counts.too_fast,
                Bound::Concurrency => &counts.too_many,
            };
            count.increment();
            if let (true, Some(told), [access, ..]) = (refused.is_news, &self.on_excess, accesses) {
                told(principal, access, &excess);
            }
            Refused::TooMuch(excess.bound, excess.retry_after)
        })
    }
}

impl Refused<'_> {
    /// What a peer is told: what it may not do now or never, and nothing of the rules.
    pub(crate) fn to_failure(&self, principal: &Principal) -> Failure {
        let name = &principal.name;
        match self {
            Self::Denied(access) => {
                let message = format!("{name} may not {access}");
                Failure::new(Category::Authorization, Code::DENIED, message)
            }
            Self::TooMuch(bound, retry_after) => {
                let message = match bound {
                    Bound::Rate => {
                        format!("{name} is too fast, and may try again after {retry_after:?}")
                    }
                    Bound::Concurrency => format!("{name} has as much under way as it may"),
                };
                let failure = Failure::new(Category::Limit, Code::BUSY, message);
                // The wire has milliseconds, and who comes back too early is refused again.
                failure.retry_after(*retry_after + Duration::from_millis(1))
            }
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard")
            .field(&self.shared.policy.load())
            .finish()
    }
}
