//! How many repeats there may be in proportion to calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many repeats are allowed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// Repeats for each call, on the average. Default: 0.1, one for ten calls.
    pub share: f64,
    /// Repeats for each second, whatever the number of calls, so that few calls can be repeated, too.
    /// Default: 1.
    pub per_second: f64,
    /// How many unused repeats are kept for later; that many there are at the start. Default: 10.
    pub reserve: u32,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self {
            share: 0.1,
            per_second: 1.0,
            reserve: 10,
        }
    }
}

/// Keeps repeats from multiplying the load of servers that fail under load.
///
/// It is a token bucket: calls and time put in, repeats take out. Clones share it. Within any time
/// the repeats are at most the reserve, the share of the calls and those of the seconds together.
#[derive(Debug, Clone)]
pub struct Budget {
    config: BudgetConfig,
    bucket: Arc<Mutex<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Option<Instant>,
    counts: BudgetCounts,
}

/// What a [`Budget`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BudgetCounts {
    /// Calls, without their repeats.
    pub calls: u64,
    /// Repeats that were allowed.
    pub repeats: u64,
    /// Repeats that were refused.
    pub refused: u64,
}

impl Budget {
    /// A budget with all of its reserve.
    pub fn new(config: BudgetConfig) -> Self {
        let bucket = Bucket {
            tokens: f64::from(config.reserve),
            filled: None,
            counts: BudgetCounts::default(),
        };
        Self {
            config,
            bucket: Arc::new(Mutex::new(bucket)),
        }
    }

    /// Counts a call that is sent for the first time.
    pub fn handle_call(&self) {
        let mut bucket = self.lock();
        bucket.counts.calls += 1;
        bucket.add(self.config.share, &self.config);
    }

    /// Takes a repeat out, if there is one.
    #[must_use]
    pub fn try_repeat(&self, now: Instant) -> bool {
        let mut bucket = self.lock();
        bucket.fill(now, &self.config);
        let is_allowed = bucket.tokens >= 1.0;
        if is_allowed {
            bucket.tokens -= 1.0;
            bucket.counts.repeats += 1;
        } else {
            bucket.counts.refused += 1;
        }
        is_allowed
    }

    /// What it did so far.
    pub fn counts(&self) -> BudgetCounts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(BudgetConfig::default())
    }
}

impl Bucket {
    fn fill(&mut self, now: Instant, config: &BudgetConfig) {
        // Callers on other threads may have looked at the clock a little earlier.
        let since = self.filled.unwrap_or(now);
        self.filled = Some(since.max(now));
        let idle = now.saturating_duration_since(since);
        self.add(idle.as_secs_f64() * config.per_second, config);
    }

    fn add(&mut self, tokens: f64, config: &BudgetConfig) {
        self.tokens = (self.tokens + tokens).min(f64::from(config.reserve));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn allowed(budget: &Budget, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| budget.try_repeat(now)).count()
    }

    #[test]
    fn the_reserve_is_spent_and_comes_back_with_calls_and_with_time() {
        let budget = Budget::default();
        let start = Instant::now();
        assert_eq!(allowed(&budget, start, 50), 10);
        for _ in 0..35 {
            budget.handle_call();
        }
        assert_eq!(allowed(&budget, start, 50), 3);
        assert_eq!(allowed(&budget, start + Duration::from_secs(4), 50), 4);
        assert_eq!(allowed(&budget, start + Duration::from_secs(3_600), 50), 10);
        let counts = budget.counts();
        assert_eq!(
            (counts.calls, counts.repeats, counts.refused),
            (35, 27, 173)
        );
    }

    #[test]
    fn a_clock_that_other_threads_read_earlier_gives_nothing_twice() {
        let budget = Budget::default();
        let (earlier, start) = (Instant::now(), Instant::now() + Duration::from_secs(5));
        assert_eq!(allowed(&budget, start, 50), 10);
        assert_eq!(allowed(&budget, earlier, 50), 0);
        assert_eq!(allowed(&budget, start, 50), 0);
    }

    proptest! {
        #[test]
        fn repeats_never_exceed_what_calls_and_time_allow(
            steps in prop::collection::vec((0_u64..3, 0_u64..500), 1..400),
        ) {
            let budget = Budget::default();
            let start = Instant::now();
            let (mut now, mut calls, mut repeats) = (start, 0_u32, 0_u32);
            for (step, millis) in steps {
                now += Duration::from_millis(if step == 0 { millis } else { 0 });
                if step == 1 {
                    budget.handle_call();
                    calls += 1;
                }
                repeats += u32::from(budget.try_repeat(now));
                let most = 10.0 + 0.1 * f64::from(calls) + (now - start).as_secs_f64();
                prop_assert!(f64::from(repeats) <= most + 1e-6);
            }
        }
    }
}
