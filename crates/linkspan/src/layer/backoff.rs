//! Pauses between attempts.

use std::time::Duration;

use crate::layer::random::Random;

/// How long the pauses between attempts are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackoffConfig {
    /// The longest that the first pause can be; each further one can be twice as long. Default: 5 ms.
    pub first_pause: Duration,
    /// The longest that any pause can be. Default: 1 s.
    pub longest_pause: Duration,
    /// How often something is tried again; none: until the caller gives up. Default: none.
    pub repeats: Option<u32>,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_secs(1),
            repeats: None,
        }
    }
}

/// The pauses of one row of attempts: exponential with full jitter.
///
/// Each pause is a random part of a limit, from nothing to all of it, so that clients that failed
/// together do not come back together; the limit doubles until it is the longest pause.
///
/// ```
/// use std::time::Duration;
/// use linkspan::layer::{Backoff, BackoffConfig};
///
/// let mut config = BackoffConfig::default();
/// config.repeats = Some(2);
/// let mut backoff = Backoff::new(config);
/// assert!(backoff.next_pause().unwrap() <= Duration::from_millis(5));
/// assert!(backoff.next_pause().unwrap() <= Duration::from_millis(10));
/// assert_eq!(backoff.next_pause(), None);
/// ```
#[derive(Debug)]
pub struct Backoff {
    config: BackoffConfig,
    random: Random,
    limit: Duration,
    given: u32,
}

impl Backoff {
    /// Pauses that differ from run to run.
    pub fn new(config: BackoffConfig) -> Self {
        Self::with_random(config, Random::new())
    }

    /// Pauses that are the same in each run, for tests.
    pub fn with_seed(config: BackoffConfig, seed: u64) -> Self {
        Self::with_random(config, Random::with_seed(seed))
    }

    fn with_random(config: BackoffConfig, random: Random) -> Self {
        let limit = config.first_pause.min(config.longest_pause);
        Self {
            config,
            random,
            limit,
            given: 0,
        }
    }

    /// How long to wait before the next attempt; none if there was the last one.
    pub fn next_pause(&mut self) -> Option<Duration> {
        if self
            .config
            .repeats
            .is_some_and(|repeats| self.given >= repeats)
        {
            return None;
        }
        self.given = self.given.saturating_add(1);
        let limit = u64::try_from(self.limit.as_nanos()).unwrap_or(u64::MAX);
        let pause = self.random.below(limit.saturating_add(1));
        let doubled = self.limit.saturating_mul(2).max(SHORTEST_LIMIT);
        self.limit = doubled.min(self.config.longest_pause);
        Some(Duration::from_nanos(pause))
    }

    /// Begins anew: the next failure is the first.
    pub fn reset(&mut self) {
        self.limit = self.config.first_pause.min(self.config.longest_pause);
        self.given = 0;
    }
}

/// Without end, if the config sets none.
impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.next_pause()
    }
}

/// Nothing, doubled, is nothing: a first attempt without pause must not become many.
const SHORTEST_LIMIT: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> BackoffConfig {
        BackoffConfig {
            first_pause: Duration::from_millis(10),
            longest_pause: Duration::from_millis(70),
            repeats: None,
        }
    }

    /// The longest and the shortest of many pauses at each step.
    fn extremes(steps: usize) -> Vec<(Duration, Duration)> {
        let rows: Vec<Vec<_>> = (0..2_000)
            .map(|seed| Backoff::with_seed(config(), seed).take(steps).collect())
            .collect();
        let at = |step: usize| rows.iter().map(move |row: &Vec<Duration>| row[step]);
        (0..steps)
            .map(|step| (at(step).min().unwrap(), at(step).max().unwrap()))
            .collect()
    }

    #[test]
    fn pauses_take_all_of_a_limit_that_doubles_to_the_longest() {
        let limits = [10, 20, 40, 70, 70].map(Duration::from_millis);
        for ((shortest, longest), limit) in extremes(5).into_iter().zip(limits) {
            assert!(
                longest <= limit && longest > limit.mul_f32(0.95),
                "{longest:?}"
            );
            assert!(shortest < limit.mul_f32(0.05), "{shortest:?}");
        }
    }

    #[test]
    fn repeats_are_counted_and_reset_begins_anew() {
        let mut config = config();
        config.repeats = Some(3);
        let mut backoff = Backoff::with_seed(config, 1);
        assert_eq!(backoff.by_ref().count(), 3);
        backoff.reset();
        assert!(backoff.next_pause().unwrap() <= Duration::from_millis(10));
        assert_eq!(backoff.count(), 2);
    }

    #[test]
    fn a_seed_repeats_the_pauses() {
        let pauses = |seed| {
            Backoff::with_seed(config(), seed)
                .take(20)
                .collect::<Vec<_>>()
        };
        assert_eq!(pauses(3), pauses(3));
        assert_ne!(pauses(3), pauses(4));
    }

    #[test]
    fn a_first_pause_of_nothing_is_followed_by_longer_ones() {
        let mut config = config();
        config.first_pause = Duration::ZERO;
        let pauses: Vec<_> = Backoff::with_seed(config, 1).take(30).collect();
        assert_eq!(pauses[0], Duration::ZERO);
        assert!(
            pauses
                .iter()
                .any(|pause| *pause > Duration::from_millis(30))
        );
    }

    #[test]
    fn extreme_limits_neither_overflow_nor_panic() {
        let mut config = config();
        (config.first_pause, config.longest_pause) = (Duration::MAX, Duration::MAX);
        assert_eq!(Backoff::with_seed(config.clone(), 1).take(50).count(), 50);
        config.longest_pause = Duration::ZERO;
        let mut backoff = Backoff::with_seed(config, 1);
        assert_eq!(backoff.next_pause(), Some(Duration::ZERO));
    }
}
