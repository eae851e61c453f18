//! A token bucket in one word: the generic cell rate algorithm.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;

/// A bucket, full at first: the time at which it would be full again, in nanoseconds since whoever
/// has it began.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

/// How buckets are filled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Time for one token.
    interval_ns: u64,
    /// Time for all tokens but one.
    tolerance_ns: u64,
}

impl Bucket {
    /// Whether it is as if nothing had been taken.
    pub(crate) fn is_full(&self, now_ns: u64) -> bool {
        self.0.load(Ordering::Relaxed) <= now_ns
    }
}

impl Pace {
    /// So many tokens in each period, in the long run, and so many at once.
    pub(crate) fn new(tokens: u32, period: Duration, burst: u32) -> Self {
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let interval_ns = (period_ns / u64::from(tokens.max(1))).max(1);
        let more = u64::from(burst.saturating_sub(1));
        Self {
            interval_ns,
            tolerance_ns: interval_ns.saturating_mul(more),
        }
    }

    /// Takes a token out of a bucket; without one, says when there will be one.
    pub(crate) fn take(&self, Bucket(full_at): &Bucket, now_ns: u64) -> Result<(), Duration> {
        let mut before = full_at.load(Ordering::Relaxed);
        loop {
            let missing = before.saturating_sub(now_ns);
            if missing > self.tolerance_ns {
                return Err(Duration::from_nanos(missing - self.tolerance_ns));
            }
            let after = before.max(now_ns).saturating_add(self.interval_ns);
            let order = (Ordering::Relaxed, Ordering::Relaxed);
            match full_at.compare_exchange_weak(before, after, order.0, order.1) {
                Ok(_) => return Ok(()),
                Err(present) => before = present,
            }
        }
    }

    /// Puts a token back that was taken and is not needed.
    pub(crate) fn give_back(&self, Bucket(full_at): &Bucket) {
        let earlier = |full_at: u64| Some(full_at.saturating_sub(self.interval_ns));
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        full_at.fetch_update(order.0, order.1, earlier).ok();
    }
}

/// Says when something may be said that there is reason to say far more often.
#[derive(Debug)]
pub(crate) struct Moderation {
    pace: Pace,
    bucket: Bucket,
    began: Instant,
}

impl Moderation {
    /// So many times in a second.
    pub(crate) fn per_second(times: u32) -> Self {
        Self {
            pace: Pace::new(times, Duration::from_secs(1), times),
            bucket: Bucket::default(),
            began: clock::now(),
        }
    }

    /// Whether it may be said now.
    pub(crate) fn allows(&self) -> bool {
        let since = clock::now().saturating_duration_since(self.began);
        let now_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.pace.take(&self.bucket, now_ns).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::{Clock, FakeRelativeClock};
    use governor::{Quota, RateLimiter};
    use proptest::prelude::*;

    use super::*;

    /// What governor says about the same attempts.
    fn expected(per_second: u32, burst: u32, pauses_ns: &[u64]) -> Vec<Result<(), Duration>> {
        let number = |number| NonZeroU32::new(number).unwrap();
        let quota = Quota::per_second(number(per_second)).allow_burst(number(burst));
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota, clock.clone());
        let checked = pauses_ns.iter().map(|pause| {
            clock.advance(Duration::from_nanos(*pause));
            let checked = limiter.check();
            checked.map_err(|not_until| not_until.wait_time_from(clock.now()))
        });
        checked.collect()
    }

    fn told(per_second: u32, burst: u32, pauses_ns: &[u64]) -> Vec<Result<(), Duration>> {
        let pace = Pace::new(per_second, SECOND, burst);
        let bucket = Bucket::default();
        let mut now_ns = 0;
        let taken = pauses_ns.iter().map(|pause| {
            now_ns += pause;
            pace.take(&bucket, now_ns)
        });
        taken.collect()
    }

    proptest! {
        #[test]
        fn it_says_what_governor_says(
            per_second in 1..5_000_u32,
            burst in 1..50_u32,
            pauses_ns in prop::collection::vec(
                prop_oneof![Just(0), 0..1_000_000_u64, 0..2_000_000_000_u64], 1..200),
        ) {
            let told = told(per_second, burst, &pauses_ns);
            prop_assert_eq!(told, expected(per_second, burst, &pauses_ns));
        }
    }

    #[test]
    fn a_token_comes_back_as_if_it_had_not_been_taken() {
        let (pace, bucket) = (Pace::new(10, SECOND, 2), Bucket::default());
        assert_eq!([0, 0].map(|now| pace.take(&bucket, now)), [Ok(()), Ok(())]);
        assert_eq!(pace.take(&bucket, 0), Err(Duration::from_millis(100)));
        pace.give_back(&bucket);
        assert_eq!(pace.take(&bucket, 0), Ok(()));
        assert_eq!(
            pace.take(&bucket, 40_000_000),
            Err(Duration::from_millis(60))
        );
    }

    #[test]
    fn threads_share_what_there_is() {
        let (pace, bucket) = (Pace::new(1, SECOND, 1000), Bucket::default());
        let taken = std::thread::scope(|scope| {
            let count = || (0..1000).filter(|_| pace.take(&bucket, 0).is_ok()).count();
            let threads = [(); 4].map(|()| scope.spawn(count));
            threads
                .map(|thread| thread.join().unwrap())
                .iter()
                .sum::<usize>()
        });
        assert_eq!(taken, 1000);
    }

    const SECOND: Duration = Duration::from_secs(1);
}
