//! How long something takes: counts by magnitude, from which percentiles are read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts of durations, exact to an eighth of each, from 1 nanosecond to 19 hours.
#[derive(Debug)]
pub(crate) struct Durations {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
    longest: AtomicU64,
}

/// What is typical of a number of durations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Percentiles {
    /// How many there were.
    pub count: u64,
    /// Their sum.
    pub sum: Duration,
    /// Their mean.
    pub mean: Duration,
    /// Half of them were not longer.
    pub p50: Duration,
    /// 99 of 100 were not longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Durations {
    /// Counts one.
    pub(crate) fn note(&self, duration: Duration) {
        self.note_all([duration]);
    }

    /// Counts several at once, which costs less than one after the other.
    pub(crate) fn note_all(&self, durations: impl IntoIterator<Item = Duration>) {
        let (mut sum, mut longest) = (0_u64, 0);
        for duration in durations {
            let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            if let Some(count) = self.counts.get(bucket(nanos)) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            sum = sum.wrapping_add(nanos);
            longest = longest.max(nanos);
        }
        self.nanos.fetch_add(sum, Ordering::Relaxed);
        // Mostly it is not the longest, and a look costs less than a change.
        if longest > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(longest, Ordering::Relaxed);
        }
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let counts = self
            .counts
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return Percentiles::default();
        }
        let max = self.longest.load(Ordering::Relaxed);
        let at = |share: u64| {
            // The smallest duration that so many hundredths do not exceed.
            let rank = (u128::from(count) * u128::from(share)).div_ceil(100);
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += u128::from(*count);
                seen >= rank
            });
            Duration::from_nanos(found.map_or(max, upper_bound).min(max))
        };
        let sum = self.nanos.load(Ordering::Relaxed);
        Percentiles {
            count,
            sum: Duration::from_nanos(sum),
            mean: Duration::from_nanos(sum / count),
            p50: at(50),
            p99: at(99),
            max: Duration::from_nanos(max),
        }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            nanos: AtomicU64::new(0),
            longest: AtomicU64::new(0),
        }
    }
}

/// Eight buckets for each power of two: below 8 one for each number.
fn bucket(nanos: u64) -> usize {
    let magnitude = (63 - (nanos | 1).leading_zeros()).saturating_sub(STEP_BITS);
    let step = nanos >> magnitude;
    let index = (u64::from(magnitude) << STEP_BITS) + step;
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The longest duration of a bucket, in nanoseconds.
fn upper_bound(bucket: usize) -> u64 {
    let steps = 1 << STEP_BITS;
    let bucket = bucket as u64;
    let magnitude = (bucket >> STEP_BITS).saturating_sub(1);
    let step = bucket - (magnitude << STEP_BITS);
    debug_assert!(step < 2 * steps);
    ((step + 1) << magnitude) - 1
}

const STEP_BITS: u32 = 3;
/// Up to 2^46 nanoseconds, which is 19 hours.
const BUCKETS: usize = 352;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_a_bucket_that_is_exact_to_an_eighth() {
        let mut before = 0;
        for nanos in (0..10_000).chain((14..46).flat_map(|power| {
            let base = 1_u64 << power;
            [base - 1, base, base + base / 3, base + base / 2 + 1]
        })) {
            let bucket = bucket(nanos);
            assert!(bucket >= before, "{nanos}");
            before = bucket;
            let upper = upper_bound(bucket);
            assert!(nanos <= upper, "{nanos} > {upper}");
            assert!(upper - nanos <= nanos / 8, "{nanos} in a bucket to {upper}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_counts() {
        let durations = Durations::default();
        assert_eq!(durations.percentiles(), Percentiles::default());
        for micros in 1..=1000 {
            durations.note(Duration::from_micros(micros));
        }
        let found = durations.percentiles();
        assert_eq!(found.count, 1000);
        assert_eq!(found.max, Duration::from_micros(1000));
        assert_eq!(found.mean, Duration::from_nanos(500_500));
        let near = |found: Duration, micros: u64| {
            let meant = Duration::from_micros(micros);
            found >= meant && found <= meant + meant / 8
        };
        assert!(near(found.p50, 500), "{:?}", found.p50);
        assert!(near(found.p99, 990), "{:?}", found.p99);
        durations.note(Duration::MAX);
        assert_eq!(durations.percentiles().count, 1001);
    }
}
