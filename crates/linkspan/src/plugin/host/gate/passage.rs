//! The rights of one plugin, and what is asked of them.

use std::sync::Arc;

use proto::topic::{Limits, Mask};
use tracing::{debug, warn};

use crate::auth::policy::{self, Access, Action, Guard, Policy, Role, Roles};
use crate::auth::quota::{Place, Quotas};
use crate::auth::{Audit, AuditRecord, Decision, Method, Principal};
use crate::codec::Payload;
use crate::counter::Counter;
use crate::pace::Moderation;
use crate::plugin::host::gate::handler::Gated;
use crate::plugin::host::{GateConfig, GateStats, PluginEvent, Surroundings};
use crate::plugin::{Grant, PluginName};
use crate::session::{BoxFuture, Event, Handler, SessionError};

/// What a plugin may do towards its host; all its instances share one. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    principal: Principal,
    guard: Guard,
    surroundings: Arc<dyn Surroundings>,
    config: GateConfig,
    counts: Arc<Counts>,
}

/// What was counted besides what the guard does.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// What nobody can be granted: it is no topic, or no mask.
    pub(super) impossible: Counter,
    pub(super) published: Counter,
    pub(super) unpublished: Counter,
    pub(super) heard: Counter,
    pub(super) missed: Counter,
}

impl Gate {
    /// The gate of a plugin that was granted this, and nothing else.
    pub(crate) fn new(
        name: &PluginName,
        grants: &[Grant],
        surroundings: Arc<dyn Surroundings>,
        config: GateConfig,
    ) -> Self {
        let principal = Principal::named(format!("plugin:{name}")).proved_by(Method::Host);
        let rights = grants.iter().filter_map(|grant| match grant {
            Grant::Right(right) => Some(right.clone()),
            _ => None,
        });
        let granted = Role::new(rights).with_members([&*principal.name]);
        let policy = Policy::new(Roles::new().with(ROLE, granted)).without_owner();
        let guard = Guard::new(policy).on_denial(told(config.audit.clone()));
        guard.replace_quotas(Quotas::new(config.quota));
        let shared = Shared {
            principal,
            guard,
            surroundings,
            config,
            counts: Arc::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Who the plugin is to others, by this host's word.
    pub(crate) fn principal(&self) -> &Principal {
        &self.shared.principal
    }

    /// What answers an instance: to its calls the services of the surroundings, and to events whose
    /// topics begin with `linkspan.` what is the host's own.
    pub(crate) fn handler(&self, own: Arc<dyn Handler>) -> Arc<dyn Handler> {
        let services = self.shared.surroundings.services();
        Arc::new(Gated::new(self, Arc::new(services), own))
    }

    /// What was counted so far.
    pub(crate) fn stats(&self) -> GateStats {
        let (guard, counts) = (self.shared.guard.stats(), &self.shared.counts);
        GateStats {
            denied: guard.denied + counts.impossible.total(),
            over_quota: guard.too_fast + guard.too_many,
            published: counts.published.total(),
            unpublished: counts.unpublished.total(),
            heard: counts.heard.total(),
            missed: counts.missed.total(),
        }
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.shared.guard
    }

    pub(super) fn surroundings(&self) -> &Arc<dyn Surroundings> {
        &self.shared.surroundings
    }

    pub(super) fn config(&self) -> &GateConfig {
        &self.shared.config
    }

    pub(super) fn counts(&self) -> &Arc<Counts> {
        &self.shared.counts
    }

    /// Publishes an event that the plugin sent; gives what is left to do, if it may be published.
    ///
    /// # Errors
    ///
    /// It does not inflate.
    pub(super) fn publish(&self, mut event: Event) -> Result<Option<BoxFuture<()>>, SessionError> {
        let topic = event.topic.to_string();
        let Some(place) = self.admit(&topic) else {
            return Ok(None);
        };
        event.inflate()?;
        let counts = Arc::clone(self.counts());
        let codec = match event.codec() {
            Ok(codec) => codec,
            Err(error) => {
                counts.unpublished.increment();
                debug!(plugin = %self.principal().name, %error, "event cannot be published");
                return Ok(None);
            }
        };
        let event = PluginEvent::new(topic, Payload::new(codec, event.body));
        let publishing = self.surroundings().publish(self.principal(), event);
        let principal = self.principal().name.clone();
        Ok(Some(Box::pin(async move {
            match publishing.await {
                Ok(()) => counts.published.increment(),
                Err(failure) => {
                    counts.unpublished.increment();
                    debug!(plugin = %principal, %failure, "event was not published");
                }
            }
            drop(place);
        })))
    }

    /// Lets an event of this topic be published, until its place is dropped. Nobody waits for an answer;
    /// the guard tells of what it refused.
    fn admit(&self, topic: &str) -> Option<Place> {
        if Limits::default().check_topic(topic).is_err() {
            self.counts().impossible.increment();
            return None;
        }
        let access = Access::new(Action::BusPublish, topic);
        self.guard().admit(self.principal(), &[access]).ok()
    }

    /// Whether the plugin may hear of all that a mask stands for.
    pub(super) fn may_hear(&self, mask: &str) -> bool {
        if Mask::new(mask, &Limits::default()).is_err() {
            self.counts().impossible.increment();
            return false;
        }
        let access = Access::new(Action::BusSubscribe, mask);
        self.guard().decide(self.principal(), &access).permitted
    }
}

/// Tells of what was denied: all of it would let a plugin fill logs.
fn told(audit: Option<Audit>) -> impl Fn(&Principal, &Access<'_>, &policy::Decision) + Send + Sync {
    let moderation = Moderation::per_second(TOLD_PER_SECOND);
    move |principal, access, decision| {
        if !moderation.allows() {
            return;
        }
        // What it wants is its own text.
        let wanted = access.to_string();
        warn!(plugin = %principal.name, ?wanted, "a plugin wants what it was not granted");
        if let Some(audit) = &audit {
            let mut record = AuditRecord::new(access.action.as_str(), Decision::Denied);
            record.resource = access.resource;
            record.principal = &principal.name;
            record.method = principal.method.name();
            record.reason = decision.rule.name();
            audit.record(&record);
        }
    }
}

const ROLE: &str = "granted";
const TOLD_PER_SECOND: u32 = 100;
