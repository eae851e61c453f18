//! What clients of a node may do, and where it is written down that they might not.

use std::sync::{Arc, Mutex, PoisonError};

use linkspan::auth::policy::{Access, Decision, Guard, Policy};
use linkspan::auth::{self, Audit, AuditRecord, Principal};
use tracing::debug;

/// The audit log as it is now; another configuration may name another one.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Option<Audit>>>);

impl Log {
    pub(super) fn replace(&self, audit: Option<Audit>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = audit;
    }

    fn current(&self) -> Option<Audit> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// A guard whose denials are written down.
pub(super) fn guard(log: Log) -> Guard {
    Guard::new(Policy::default()).on_denial(move |principal, access, decision| {
        debug!(principal = %principal.name, %access, rule = %decision.rule, "denied");
        if let Some(audit) = log.current() {
            audit.record(&record(
                principal,
                access,
                decision,
                &decision.rule.to_string(),
            ));
        }
    })
}

fn record<'a>(
    principal: &'a Principal,
    access: &'a Access<'_>,
    decision: &Decision,
    rule: &'a str,
) -> AuditRecord<'a> {
    let mut record = AuditRecord::new(access.action.as_str(), auth::Decision::Denied);
    record.resource = access.resource;
    record.principal = &principal.name;
    record.method = principal.method.name();
    record.reason = decision.rule.name();
    record.detail = rule;
    record
}
