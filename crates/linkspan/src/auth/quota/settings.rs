//! Quotas, as they are written.

use std::num::NonZeroU32;

use crate::auth::policy::Capability;

/// How often something may be done, and how much of it at once. By default there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Quota {
    /// Operations in each minute, in the long run. Default: any number.
    pub per_minute: Option<NonZeroU32>,
    /// Operations that may come at once after a pause; of no use without `per_minute`. Default: those of
    /// one second, at least one.
    pub burst: Option<NonZeroU32>,
    /// Operations that may be under way at once. A call is, until its answer has been given; one whose
    /// answer is a stream, and a subscription, until that ends. Default: any number.
    pub max_concurrent: Option<NonZeroU32>,
}

/// What each principal may have of everything together, and of what lies within rights.
///
/// Without any quota, asking for one costs one look.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// Of everything together. Default: without limit.
    pub everything: Quota,
    /// Of all that lies within a right. Each counts for itself: what lies within two of them needs both.
    /// Default: none.
    pub operations: Vec<(Capability, Quota)>,
    /// Whether the user that this process runs as has no limits. Default: yes.
    pub owner_is_exempt: bool,
    /// Principals of whom it is known what they have used. Whoever has used nothing for long enough is
    /// forgotten; beyond the limit, those who come anew share one account. Default: 4,096.
    pub max_principals: usize,
}

impl Quota {
    /// So many operations in each minute, and so many at once after a pause.
    pub fn rate(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self {
            per_minute: Some(per_minute),
            burst: Some(burst),
            max_concurrent: None,
        }
    }

    /// The same quota with so many operations under way at once.
    #[must_use]
    pub fn at_once(mut self, max_concurrent: NonZeroU32) -> Self {
        self.max_concurrent = Some(max_concurrent);
        self
    }

    /// Whether it limits nothing.
    pub fn is_unlimited(&self) -> bool {
        self.per_minute.is_none() && self.max_concurrent.is_none()
    }
}

impl Quotas {
    /// Quotas of everything together, and of nothing else.
    pub fn new(everything: Quota) -> Self {
        Self {
            everything,
            ..Self::default()
        }
    }

    /// The same quotas with one more, of what lies within a right.
    #[must_use]
    pub fn with(mut self, operations: Capability, quota: Quota) -> Self {
        self.operations.push((operations, quota));
        self
    }

    /// Whether they limit nothing.
    pub fn is_unlimited(&self) -> bool {
        let mut operations = self.operations.iter();
        self.everything.is_unlimited() && operations.all(|(_, quota)| quota.is_unlimited())
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            everything: Quota::default(),
            operations: Vec::new(),
            owner_is_exempt: true,
            max_principals: 4096,
        }
    }
}
