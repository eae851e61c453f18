//! What clients of a node may do, and where it is written down that they might not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linkspan::auth::policy::{Access, Guard, Policy};
use linkspan::auth::{self, Audit, AuditRecord, Principal};
use tracing::debug;

use crate::node::wire::AuditCounts;

/// The audit log as it is now; another configuration may name another one.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    audit: Option<Audit>,
    /// What was written to those before.
    earlier: AuditCounts,
}

impl Log {
    pub(super) fn replace(&self, audit: Option<Audit>) {
        let mut written = self.lock();
        written.earlier = written.counts();
        written.audit = audit;
    }

    /// What was written since the start.
    pub(super) fn counts(&self) -> AuditCounts {
        self.lock().counts()
    }

    fn note_refusal(
        &self,
        principal: &Principal,
        access: &Access<'_>,
        reason: &str,
        detail: &dyn ToString,
    ) {
        let audit = self.lock().audit.clone();
        let Some(audit) = audit else {
            return;
        };
        let detail = detail.to_string();
        let mut record = AuditRecord::new(access.action.as_str(), auth::Decision::Denied);
        record.resource = access.resource;
        record.principal = &principal.name;
        record.method = principal.method.name();
        record.reason = reason;
        record.detail = &detail;
        audit.record(&record);
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    fn counts(&self) -> AuditCounts {
        let mut counts = self.earlier;
        if let Some(audit) = &self.audit {
            counts.lines += audit.lines();
            counts.errors += audit.errors();
        }
        counts
    }
}

/// A guard whose refusals are written down.
pub(super) fn guard(log: Log) -> Guard {
    let denials = log.clone();
    Guard::new(Policy::default())
        .on_denial(move |principal, access, decision| {
            debug!(principal = %principal.name, %access, rule = %decision.rule, "denied");
            let rule = &decision.rule;
            denials.note_refusal(principal, access, rule.name(), rule);
        })
        .on_excess(move |principal, access, excess| {
            debug!(principal = %principal.name, %access, %excess, "too much");
            log.note_refusal(principal, access, excess.bound.name(), excess);
        })
}
