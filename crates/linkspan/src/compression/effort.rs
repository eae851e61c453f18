//! When compressing is given up, and tried again.

/// Whether compressing is worth its time, by what came of it.
///
/// After some bodies in a row that did not shrink, others pass as they are; then one is tried again.
/// If that does not shrink either, twice as many pass.
#[derive(Debug, Default)]
pub(crate) struct Effort {
    /// Bodies in a row that did not shrink.
    misses: u8,
    /// Bodies that still pass.
    passing: u16,
    /// How many passed the last time.
    passed: u16,
}

impl Effort {
    /// Whether the next body is to be tried.
    pub(crate) fn tries(&mut self) -> bool {
        match self.passing.checked_sub(1) {
            Some(passing) => {
                self.passing = passing;
                false
            }
            None => true,
        }
    }

    /// Takes note of whether a body that was tried shrank.
    pub(crate) fn note(&mut self, shrank: bool) {
        if shrank {
            *self = Self::default();
            return;
        }
        self.misses = self.misses.saturating_add(1);
        if self.misses >= MISSES {
            self.passed = self.passed.saturating_mul(2).clamp(FEWEST, MOST);
            self.passing = self.passed;
        }
    }
}

/// So many bodies are tried in vain before it is given up for the first time.
const MISSES: u8 = 3;
/// Bodies that pass the first time.
const FEWEST: u16 = 16;
/// The most that pass before one is tried again.
const MOST: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of so many bodies are tried, if none of them shrinks.
    fn tried(effort: &mut Effort, bodies: usize) -> Vec<usize> {
        let mut tried = Vec::new();
        for body in 0..bodies {
            if effort.tries() {
                tried.push(body);
                effort.note(false);
            }
        }
        tried
    }

    #[test]
    fn what_does_not_shrink_is_tried_ever_less_often() {
        let mut effort = Effort::default();
        assert_eq!(tried(&mut effort, 150), [0, 1, 2, 19, 52, 117]);
        for _ in 0..20_000 {
            if effort.tries() {
                effort.note(false);
            }
        }
        assert_eq!(effort.passed, MOST);
    }

    #[test]
    fn what_shrinks_again_is_compressed_again() {
        let mut effort = Effort::default();
        tried(&mut effort, 1000);
        while !effort.tries() {}
        effort.note(true);
        assert_eq!(tried(&mut effort, 20), [0, 1, 2, 19]);
    }

    #[test]
    fn single_bodies_that_do_not_shrink_do_no_harm() {
        let mut effort = Effort::default();
        for body in 0..1000 {
            assert!(effort.tries());
            effort.note(body % 3 == 0);
        }
    }
}
