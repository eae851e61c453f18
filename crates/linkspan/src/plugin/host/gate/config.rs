//! How much a plugin may do at once, and what is counted of it.

use std::num::NonZeroU32;

use crate::auth::Audit;
use crate::auth::quota::Quota;

/// How much a plugin may do towards its host at once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GateConfig {
    /// How often all instances of a plugin together may call and publish, and how much of that may be
    /// under way. Default: any number, 256 at once.
    pub quota: Quota,
    /// Events that wait for an instance that does not read them; then the oldest are dropped. Default:
    /// 1,024.
    pub max_queued_events: usize,
    /// Bytes of those. Default: 4 MiB.
    pub max_queued_bytes: usize,
    /// Masks that an instance may listen to. Default: 256.
    pub max_masks: usize,
    /// Where it is written down what a plugin wanted to do and may not; a hundred in a second at most,
    /// all are counted. Default: nowhere.
    pub audit: Option<Audit>,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            quota: Quota::default().at_once(NonZeroU32::new(256).unwrap_or(NonZeroU32::MAX)),
            max_queued_events: 1_024,
            max_queued_bytes: 4 << 20,
            max_masks: 256,
            audit: None,
        }
    }
}

/// What was counted of what a plugin did towards its host, all instances together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateStats {
    /// Calls, events and masks that were not granted.
    pub denied: u64,
    /// Calls and events over the quota.
    pub over_quota: u64,
    /// Events that were published.
    pub published: u64,
    /// Events that were granted and could not be published.
    pub unpublished: u64,
    /// Events that were sent to instances.
    pub heard: u64,
    /// Events that were dropped, as an instance did not read them.
    pub missed: u64,
}
