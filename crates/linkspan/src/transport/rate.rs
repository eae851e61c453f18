//! How often something happens, by counts of the last seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Counts per second, without lock and without a task that keeps the time.
#[derive(Debug)]
pub(crate) struct Rate {
    began: Instant,
    total: AtomicU64,
    /// A second's number in the upper half, its count in the lower.
    slots: [AtomicU64; SLOTS],
}

impl Rate {
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            began,
            total: AtomicU64::new(0),
            slots: [const { AtomicU64::new(0) }; SLOTS],
        }
    }

    /// Counts one.
    pub(crate) fn note(&self, now: Instant) {
        self.note_many(now, 1);
    }

    /// Counts several at once.
    pub(crate) fn note_many(&self, now: Instant, count: u32) {
        let count = u64::from(count);
        self.total.fetch_add(count, Ordering::Relaxed);
        let second = self.second(now);
        let Some(slot) = self.slot(second) else {
            return;
        };
        let mut current = slot.load(Ordering::Relaxed);
        loop {
            let next = match current >> 32 == second {
                true if (current & COUNT) + count > COUNT => return,
                true => current + count,
                false => second << 32 | count,
            };
            match slot.compare_exchange_weak(current, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(actual) => current = actual,
            }
        }
    }

    /// How many in a second, on average over the last ten that are over; over fewer soon after the
    /// start.
    pub(crate) fn per_second(&self, now: Instant) -> f64 {
        let current = self.second(now);
        let first = current.saturating_sub(WINDOW).max(1);
        let mut count = 0;
        for second in first..current {
            let slot = self
                .slot(second)
                .map_or(0, |slot| slot.load(Ordering::Relaxed));
            if slot >> 32 == second {
                count += slot & COUNT;
            }
        }
        let seconds = u32::try_from(current.saturating_sub(first)).unwrap_or(u32::MAX);
        f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(seconds.max(1))
    }

    /// How many since the start.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// The first second has the number 1, so that an unused slot is none.
    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs() + 1
    }

    fn slot(&self, second: u64) -> Option<&AtomicU64> {
        let index = usize::try_from(second % SLOTS as u64).ok()?;
        self.slots.get(index)
    }
}

/// Seconds that a rate looks back.
const WINDOW: u64 = 10;
/// More than the window, so that the current second overwrites none that still counts.
const SLOTS: usize = 16;
const COUNT: u64 = u32::MAX as u64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn seconds_are_counted_and_forgotten() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let rate = Rate::new(began);
        for tenth in 0..50 {
            rate.note(at(tenth * 100));
        }
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(rate.per_second(at(5_000)), 10.0));
        assert!(close(rate.per_second(at(10_000)), 5.0));
        assert!(close(rate.per_second(at(12_000)), 3.0));
        assert!(close(rate.per_second(at(60_000)), 0.0));
        rate.note(at(60_000));
        assert!(close(rate.per_second(at(61_000)), 0.1));
        assert_eq!(rate.total(), 51);
    }
}
