//! What is counted of who came and what they wanted, for others to see.

use linkspan::auth::policy::GuardStats;
use linkspan::auth::{AuthenticationStats, DenialStats};

use crate::node::wire::{AuthenticationCounts, DenialCounts, RightsCounts};

impl From<&AuthenticationStats> for AuthenticationCounts {
    fn from(stats: &AuthenticationStats) -> Self {
        Self {
            attempts: stats.attempts,
            accepted: stats.accepted,
            renewed: stats.renewed,
            denied: stats.denied,
            reasons: (&stats.reasons).into(),
            expired: stats.expired,
            slowed: stats.slowed,
            lapsed: stats.lapsed,
        }
    }
}

impl From<&DenialStats> for DenialCounts {
    fn from(stats: &DenialStats) -> Self {
        Self {
            unknown: stats.unknown,
            wrong: stats.wrong,
            misplaced: stats.misplaced,
            invalid: stats.invalid,
            unopened: stats.unopened,
        }
    }
}

impl From<&GuardStats> for RightsCounts {
    fn from(stats: &GuardStats) -> Self {
        Self {
            denied: stats.denied,
            too_fast: stats.too_fast,
            too_many: stats.too_many,
            principals: stats.principals,
        }
    }
}
