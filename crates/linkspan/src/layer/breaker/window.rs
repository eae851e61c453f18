//! Results of the last while, in bounded memory.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counts of results, in slices that leave the window as a whole.
#[derive(Debug)]
pub(super) struct Window {
    length: Duration,
    slices: VecDeque<Slice>,
}

#[derive(Debug)]
struct Slice {
    since: Instant,
    calls: u64,
    failures: u64,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self {
            length,
            slices: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, now: Instant, is_failure: bool) {
        self.forget(now);
        let slice_length = self.length / SLICES;
        let begins = |last: &Slice| now.saturating_duration_since(last.since) >= slice_length;
        if self.slices.back().is_none_or(begins) {
            // The oldest one goes early if they are all in use, or have no length.
            if self.slices.len() > SLICES as usize {
                self.slices.pop_front();
            }
            self.slices.push_back(Slice {
                since: now,
                calls: 0,
                failures: 0,
            });
        }
        if let Some(slice) = self.slices.back_mut() {
            slice.calls += 1;
            slice.failures += u64::from(is_failure);
        }
    }

    /// How many results there are, and how many of them are failures.
    pub(super) fn totals(&self) -> (u64, u64) {
        let slices = self.slices.iter();
        slices.fold((0, 0), |(calls, failures), slice| {
            (calls + slice.calls, failures + slice.failures)
        })
    }

    fn forget(&mut self, now: Instant) {
        let is_over = |slice: &Slice| now.saturating_duration_since(slice.since) >= self.length;
        while self.slices.front().is_some_and(is_over) {
            self.slices.pop_front();
        }
    }
}

const SLICES: u32 = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Everything within nine tenths of the window is counted, nothing from outside of it is.
        #[test]
        fn counts_lie_between_those_of_two_exact_windows(
            steps in prop::collection::vec((0_u64..1_500, any::<bool>()), 1..300),
        ) {
            let length = Duration::from_secs(10);
            let mut now = Instant::now();
            let mut window = Window::new(length);
            let mut all = Vec::new();
            for (millis, is_failure) in steps {
                now += Duration::from_millis(millis);
                window.add(now, is_failure);
                all.push((now, is_failure));
                let exact = |length| {
                    let is_within = |&&(at, _): &&(Instant, bool)| now - at < length;
                    let within: Vec<_> = all.iter().filter(is_within).collect();
                    let failures = within.iter().filter(|(_, is_failure)| *is_failure).count();
                    (within.len() as u64, failures as u64)
                };
                let (least, most) = (exact(length * 9 / 10), exact(length));
                let (calls, failures) = window.totals();
                prop_assert!(least.0 <= calls && calls <= most.0);
                prop_assert!(least.1 <= failures && failures <= most.1);
                prop_assert!(window.slices.len() <= 11);
            }
        }
    }

    #[test]
    fn a_window_without_length_holds_a_few_results_only() {
        let now = Instant::now();
        let mut window = Window::new(Duration::ZERO);
        for _ in 0..1_000 {
            window.add(now, true);
        }
        assert_eq!(window.totals(), (1, 1));
    }
}
