//! The section `security.rate_limiting`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use linkspan::auth::policy::Capability;
use linkspan::auth::quota::{Quota, Quotas};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::units::whole;

/// How often each client may ask for something, and how much of it at once, on all listeners together.
/// Without any of it there is no limit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct RateLimiting {
    /// Requests, events and messages of each client in each minute, in the long run.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<NonZeroU32>,
    /// Those that may come at once after a pause; those of a second if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<NonZeroU32>,
    /// Those of each client that may be under way at once, streams and subscriptions included.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent: Option<NonZeroU32>,
    /// Whether the user that the node runs as has no limits.
    owner_unlimited: bool,
    /// Clients of whom it is known what they have used; beyond it, those who come anew share.
    #[serde(deserialize_with = "whole")]
    max_principals: usize,
    /// The same for all that lies within a right, such as `rpc.call:host.*`. It counts besides the limit
    /// for everything.
    operations: BTreeMap<String, Operation>,
}

/// Limits of what lies within a right.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
struct Operation {
    /// Requests, events and messages of each client in each minute, in the long run.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<NonZeroU32>,
    /// Those that may come at once after a pause; those of a second if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<NonZeroU32>,
    /// Those of each client that may be under way at once, streams and subscriptions included.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent: Option<NonZeroU32>,
}

/// A key of the section, and what is wrong with its value.
type Wrong = (&'static str, String);

impl RateLimiting {
    /// Whether it limits anything.
    pub(crate) fn is_set(&self) -> bool {
        self.quotas().is_ok_and(|quotas| !quotas.is_unlimited())
    }

    /// What the library is told.
    pub(crate) fn quotas(&self) -> Result<Quotas, Wrong> {
        let everything = Operation {
            requests_per_minute: self.requests_per_minute,
            burst: self.burst,
            max_concurrent: self.max_concurrent,
        };
        let everything = everything.quota().map_err(|problem| ("burst", problem))?;
        let mut quotas = Quotas::new(everything);
        quotas.owner_is_exempt = self.owner_unlimited;
        quotas.max_principals = self.max_principals;
        for (right, operation) in &self.operations {
            let wrong = |problem: &dyn ToString| ("operations", problem.to_string());
            let right: Capability = right.parse().map_err(|error| wrong(&error))?;
            let quota = operation.quota();
            let quota = quota.map_err(|problem| wrong(&format!("{right}: {problem}")))?;
            quotas = quotas.with(right, quota);
        }
        Ok(quotas)
    }
}

impl Operation {
    fn quota(&self) -> Result<Quota, String> {
        if let (None, Some(burst)) = (self.requests_per_minute, self.burst) {
            return Err(format!(
                "a burst of {burst} means nothing without requests_per_minute"
            ));
        }
        let mut quota = Quota::default();
        quota.per_minute = self.requests_per_minute;
        quota.burst = self.burst;
        quota.max_concurrent = self.max_concurrent;
        Ok(quota)
    }
}

impl Default for RateLimiting {
    fn default() -> Self {
        let usual = Quotas::default();
        Self {
            requests_per_minute: None,
            burst: None,
            max_concurrent: None,
            owner_unlimited: usual.owner_is_exempt,
            max_principals: usual.max_principals,
            operations: BTreeMap::new(),
        }
    }
}
