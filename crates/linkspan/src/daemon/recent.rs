//! Which commands were begun lately.

use std::collections::{HashSet, VecDeque};

use crate::daemon::wire::RequestId;

/// The latest request ids, so that none is begun twice.
#[derive(Debug, Default)]
pub(super) struct Recent {
    known: HashSet<RequestId, foldhash::fast::RandomState>,
    order: VecDeque<RequestId>,
}

impl Recent {
    pub(super) fn contains(&self, id: RequestId) -> bool {
        self.known.contains(&id)
    }

    /// Remembers an id, and forgets the oldest if there are too many.
    pub(super) fn insert(&mut self, id: RequestId) {
        if !self.known.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, id: RequestId) {
        if self.known.remove(&id) {
            self.order.retain(|other| *other != id);
        }
    }
}

/// How many are remembered: repetitions come within seconds.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::default();
        let id = |number: usize| RequestId((number as u128).to_be_bytes());
        for number in 0..=MOST {
            recent.insert(id(number));
            recent.insert(id(number));
        }
        assert!(!recent.contains(id(0)));
        assert!((1..=MOST).all(|number| recent.contains(id(number))));
        assert_eq!(recent.known.len(), MOST);
    }
}
