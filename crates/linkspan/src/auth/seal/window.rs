//! Which counters of a sender were seen.

/// The counters that were seen last; those before them count as seen.
#[derive(Debug)]
pub(super) struct Window {
    /// A bit for each counter, at its place modulo their number.
    seen: Box<[u64]>,
    /// One more than the highest that was seen.
    end: u64,
}

impl Window {
    /// One for at least so many counters.
    pub(super) fn new(counters: usize) -> Self {
        let words = counters.div_ceil(WORD_BITS).max(1);
        Self {
            seen: vec![0; words].into_boxed_slice(),
            end: 0,
        }
    }

    /// Takes note of a counter; says whether it is new.
    pub(super) fn note(&mut self, counter: u64) -> bool {
        let Some(after) = counter.checked_add(1) else {
            return false;
        };
        let size = u64::try_from(self.seen.len() * WORD_BITS).unwrap_or(u64::MAX);
        if after > self.end {
            self.forget(self.end, after.min(self.end.saturating_add(size)));
            self.end = after;
        } else if self.end - after >= size {
            return false;
        }
        let (word, bit) = self.place(counter);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Makes room for counters that have not been seen.
    fn forget(&mut self, from: u64, to: u64) {
        for counter in from..to {
            let (word, bit) = self.place(counter);
            *word &= !bit;
        }
    }

    fn place(&mut self, counter: u64) -> (&mut u64, u64) {
        let words = u64::try_from(self.seen.len()).unwrap_or(u64::MAX);
        let word = (counter / 64) % words;
        let word = usize::try_from(word).unwrap_or_default();
        let word = self
            .seen
            .get_mut(word)
            .expect("it is less than their number");
        (word, 1 << (counter % 64))
    }
}

const WORD_BITS: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_counter_is_new_once() {
        let mut window = Window::new(128);
        for counter in [0, 1, 5, 3, 127, 128, 200, 190, 73] {
            assert!(window.note(counter), "{counter}");
            assert!(!window.note(counter), "{counter}");
        }
    }

    #[test]
    fn what_is_too_old_counts_as_seen() {
        let mut window = Window::new(128);
        assert!(window.note(1000));
        assert!(window.note(873), "the oldest that is remembered");
        assert!(!window.note(872));
        assert!(window.note(u64::MAX - 1));
        assert!(!window.note(u64::MAX), "it is never used");
        assert!(!window.note(1001));
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_the_last_ones(counters in prop::collection::vec(0_u64..600, 1..400)) {
            let mut window = Window::new(64);
            let mut seen = HashSet::new();
            let mut highest = 0;
            for counter in counters {
                highest = highest.max(counter);
                let expected = highest - counter < 64 && seen.insert(counter);
                prop_assert_eq!(window.note(counter), expected, "{}", counter);
            }
        }
    }
}
