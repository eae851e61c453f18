//! Policies at work.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::auth::Principal;
use crate::auth::policy::{Access, Decision, Policy};
use crate::{Category, Code, Failure};

/// Asks a policy whether somebody may do something; the one place of each capability where that is
/// asked has one.
///
/// Clones ask the same policy, which can be replaced while they work: what is decided afterwards is
/// decided by the new one.
#[derive(Clone)]
pub struct Guard {
    policy: Arc<ArcSwap<Policy>>,
    on_denial: Option<OnDenial>,
    /// Those who have to look again at what they permitted when the policy is replaced.
    reviewers: Arc<Mutex<Vec<Reviewer>>>,
}

/// Looks again; false if it is gone.
type Reviewer = Box<dyn Fn() -> bool + Send + Sync>;

type OnDenial = Arc<dyn Fn(&Principal, &Access<'_>, &Decision) + Send + Sync>;

impl Guard {
    /// A guard that asks this policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy: Arc::new(ArcSwap::from_pointee(policy)),
            on_denial: None,
            reviewers: Arc::default(),
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

    /// Asks another policy from now on. What lasts, as subscriptions do, is asked about again before
    /// this returns.
    pub fn replace(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
        let mut reviewers = self
            .reviewers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        reviewers.retain(|review| review());
    }

    /// Has somebody look again at what it permitted whenever the policy was replaced, until it says
    /// false.
    #[cfg(feature = "bus")]
    pub(crate) fn on_replaced(&self, review: impl Fn() -> bool + Send + Sync + 'static) {
        let mut reviewers = self
            .reviewers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        reviewers.push(Box::new(review));
    }

    /// Whether a principal may do something, and what says so.
    pub fn decide(&self, principal: &Principal, access: &Access<'_>) -> Decision {
        let decision = self.policy.load().decide(principal, access);
        if !decision.permitted
            && let Some(told) = &self.on_denial
        {
            told(principal, access, &decision);
        }
        decision
    }

    /// Lets it pass, or says what a peer is told: what it may not do, and nothing of the rules.
    pub(crate) fn check(&self, principal: &Principal, access: &Access<'_>) -> Result<(), Failure> {
        if self.decide(principal, access).permitted {
            return Ok(());
        }
        let message = format!("{} may not {access}", principal.name);
        Err(Failure::new(Category::Authorization, Code::DENIED, message))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.policy.load()).finish()
    }
}
