//! Randomness that is good enough to spread load, and repeatable with a seed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers by the generator `SplitMix64`, for many threads at once.
#[derive(Debug)]
pub(super) struct Random(AtomicU64);

impl Random {
    pub(super) fn new() -> Self {
        // The standard library seeds its hash maps from the system.
        Self::with_seed(RandomState::new().build_hasher().finish())
    }

    pub(super) fn with_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below the limit; 0 if the limit is.
    pub(super) fn below(&self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    fn next(&self) -> u64 {
        let state = self.0.fetch_add(STEP, Ordering::Relaxed);
        let mut mixed = state.wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_generator() {
        let random = Random::with_seed(1_234_567);
        let numbers: Vec<_> = (0..3).map(|_| random.next()).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!(numbers, published);
    }

    #[test]
    fn numbers_stay_below_their_limit_and_reach_all_of_it() {
        let random = Random::with_seed(7);
        let mut hits = [0; 4];
        for _ in 0..4_000 {
            hits[usize::try_from(random.below(4)).unwrap()] += 1;
        }
        assert!(hits.iter().all(|&hits| hits > 800), "{hits:?}");
        assert_eq!(random.below(0), 0);
    }
}
