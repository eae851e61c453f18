//! How long an endpoint takes to answer.

use std::time::{Duration, Instant};

/// A moving average that is believed less the older it is.
#[derive(Debug, Default)]
pub(super) struct Latency {
    average: Option<Duration>,
    updated: Option<Instant>,
}

impl Latency {
    pub(super) fn add(&mut self, now: Instant, sample: Duration) {
        let moved = |old: Duration| (old - old / SHARE).saturating_add(sample / SHARE);
        self.average = Some(self.average.map_or(sample, moved));
        self.updated = Some(now);
    }

    pub(super) fn average(&self) -> Option<Duration> {
        self.average
    }

    /// What to expect of the next answer. An endpoint that was slow once is tried again after a
    /// while, and one that was never asked is asked first.
    pub(super) fn expected(&self, now: Instant) -> Duration {
        let (Some(average), Some(updated)) = (self.average, self.updated) else {
            return Duration::ZERO;
        };
        let age = now.saturating_duration_since(updated);
        let halvings = u32::try_from(age.as_secs() / HALF_LIFE.as_secs()).unwrap_or(u32::MAX);
        average / 1_u32.checked_shl(halvings).unwrap_or(u32::MAX)
    }
}

/// What part of the average a new sample makes: one in so many, as for TCP's round trips.
const SHARE: u32 = 8;

const HALF_LIFE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_the_samples_slowly() {
        let now = Instant::now();
        let mut latency = Latency::default();
        assert_eq!(latency.expected(now), Duration::ZERO);
        latency.add(now, Duration::from_millis(80));
        latency.add(now, Duration::from_millis(160));
        assert_eq!(latency.average(), Some(Duration::from_millis(90)));
        for _ in 0..100 {
            latency.add(now, Duration::from_millis(160));
        }
        assert!(latency.average().unwrap() > Duration::from_millis(159));
    }

    #[test]
    fn an_old_average_counts_less_and_never_overflows() {
        let now = Instant::now();
        let mut latency = Latency::default();
        latency.add(now, Duration::from_millis(80));
        let later = |secs| now + Duration::from_secs(secs);
        assert_eq!(latency.expected(later(9)), Duration::from_millis(80));
        assert_eq!(latency.expected(later(25)), Duration::from_millis(20));
        assert_eq!(latency.expected(later(1_000_000)), Duration::ZERO);
        latency.add(now, Duration::MAX);
        latency.add(now, Duration::MAX);
    }
}
