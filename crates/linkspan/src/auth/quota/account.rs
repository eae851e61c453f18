//! What one principal has used of its quotas.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::pace::Bucket;

/// What one principal has used.
#[derive(Debug)]
pub(super) struct Account {
    /// In the order of the rules.
    pub(super) uses: Box<[Use]>,
    news: News,
}

/// What it has used by one rule.
#[derive(Debug, Default)]
pub(super) struct Use {
    pub(super) bucket: Bucket,
    under_way: AtomicU32,
}

/// When somebody was last told of its excesses, and of how many nobody was told since.
#[derive(Debug, Default)]
struct News {
    /// Nanoseconds, plus one; 0 if nobody ever was.
    told: AtomicU64,
    untold: AtomicU64,
}

impl Account {
    pub(super) fn new(rules: usize) -> Self {
        Self {
            uses: (0..rules).map(|_| Use::default()).collect(),
            news: News::default(),
        }
    }

    /// Whether it is as if it were new.
    pub(super) fn is_unused(&self, now_ns: u64) -> bool {
        let is_unused = |used: &Use| used.bucket.is_full(now_ns) && used.under_way() == 0;
        self.uses.iter().all(is_unused) && self.news.is_due(now_ns)
    }

    /// Whether somebody should be told of an excess now: with the number of those that were passed over
    /// before.
    pub(super) fn excess(&self, now_ns: u64) -> Option<u64> {
        self.news.note(now_ns)
    }
}

impl Use {
    /// Begins an operation, unless `most` are under way.
    pub(super) fn enter(&self, most: u32) -> bool {
        let more = |under_way: u32| (under_way < most).then(|| under_way + 1);
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        self.under_way.fetch_update(order.0, order.1, more).is_ok()
    }

    /// An operation has ended.
    pub(super) fn leave(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::Relaxed)
    }
}

impl News {
    fn is_due(&self, now_ns: u64) -> bool {
        is_due(self.told.load(Ordering::Relaxed), now_ns)
    }

    fn note(&self, now_ns: u64) -> Option<u64> {
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        let tell = |told| is_due(told, now_ns).then(|| now_ns.saturating_add(1));
        if self.told.fetch_update(order.0, order.1, tell).is_err() {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(self.untold.swap(0, Ordering::Relaxed))
    }
}

fn is_due(told: u64, now_ns: u64) -> bool {
    let silent_ns = now_ns.saturating_add(1).saturating_sub(told);
    told == 0 || u128::from(silent_ns) >= SILENCE.as_nanos()
}

/// Time in which nobody is told of further excesses of one principal.
const SILENCE: Duration = Duration::from_secs(10);
