//! A map that shares with its clones what neither has changed.

use std::borrow::Borrow;
use std::mem;
use std::sync::Arc;

/// A hash array mapped trie.
///
/// A clone costs no more than the root, and a change of one of two clones copies a handful of
/// branches of up to 32 slots, however many entries there are. That is what a topic with 100,000
/// levels below it needs, where a `HashMap` would have to be copied whole. Hashes are the caller's.
#[derive(Debug, Clone)]
pub(super) struct Map<K, V> {
    root: Branch<K, V>,
}

/// Slots of which no two have the same digit of their hash, in the order of those digits; at the
/// bottom, where hashes have no more digits, in any order.
#[derive(Debug, Clone)]
struct Branch<K, V> {
    /// One bit for each digit that has a slot; none at the bottom.
    used: u32,
    slots: Vec<Slot<K, V>>,
}

#[derive(Debug, Clone)]
enum Slot<K, V> {
    Entry(Entry<K, V>),
    Branch(Arc<Branch<K, V>>),
}

#[derive(Debug, Clone)]
struct Entry<K, V> {
    hash: u64,
    key: K,
    value: V,
}

impl<K, V> Map<K, V> {
    /// Whether there is no entry.
    pub(super) fn is_empty(&self) -> bool {
        self.root.slots.is_empty()
    }

    /// Calls `visit` for each entry, in no particular order.
    pub(super) fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a K, &'a V)) {
        self.root.for_each(visit);
    }

    /// The value of `key`.
    pub(super) fn find<Q>(&self, hash: u64, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut branch = &self.root;
        for depth in 0.. {
            let index = branch.search(depth, hash, key).ok()?;
            match branch.slots.get(index)? {
                Slot::Entry(entry) if entry.key.borrow() == key => return Some(&entry.value),
                Slot::Entry(_) => return None,
                Slot::Branch(deeper) => branch = deeper,
            }
        }
        None
    }
}

impl<K: Clone, V: Clone> Map<K, V> {
    /// The value of `key`, to be changed.
    pub(super) fn find_mut<Q>(&mut self, hash: u64, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let mut branch = &mut self.root;
        for depth in 0.. {
            let index = branch.search(depth, hash, key).ok()?;
            match branch.slots.get_mut(index)? {
                Slot::Entry(entry) if entry.key.borrow() == key => return Some(&mut entry.value),
                Slot::Entry(_) => return None,
                Slot::Branch(deeper) => branch = Arc::make_mut(deeper),
            }
        }
        None
    }

    /// The value of `key`, to be changed, after `make` made an entry if there was none.
    pub(super) fn find_or_insert<Q>(
        &mut self,
        hash: u64,
        key: &Q,
        make: &impl Fn() -> (K, V),
    ) -> &mut V
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.root.find_or_insert(0, hash, key, make)
    }

    /// Takes the entry of `key` out, and gives its value.
    pub(super) fn remove<Q>(&mut self, hash: u64, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.root.remove(0, hash, key)
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self {
            root: Branch::default(),
        }
    }
}

impl<K, V> Branch<K, V> {
    /// A branch with one entry.
    fn of(depth: u32, entry: Entry<K, V>) -> Self {
        Self {
            used: bit(depth, entry.hash).unwrap_or(0),
            slots: vec![Slot::Entry(entry)],
        }
    }

    /// The index of the slot where an entry for `key` is, if there is one; or where it belongs.
    fn search<Q>(&self, depth: u32, hash: u64, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let Some(bit) = bit(depth, hash) else {
            let found = self.slots.iter().position(|slot| slot.is_of(key));
            return found.ok_or(self.slots.len());
        };
        let index = (self.used & bit.wrapping_sub(1)).count_ones() as usize;
        match self.used & bit {
            0 => Err(index),
            _ => Ok(index),
        }
    }

    fn for_each<'a>(&'a self, visit: &mut impl FnMut(&'a K, &'a V)) {
        for slot in &self.slots {
            match slot {
                Slot::Entry(entry) => visit(&entry.key, &entry.value),
                Slot::Branch(deeper) => deeper.for_each(visit),
            }
        }
    }
}

impl<K: Clone, V: Clone> Branch<K, V> {
    fn find_or_insert<Q>(
        &mut self,
        depth: u32,
        hash: u64,
        key: &Q,
        make: &impl Fn() -> (K, V),
    ) -> &mut V
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let index = match self.search(depth, hash, key) {
            Ok(index) => index,
            Err(index) => {
                let (key, value) = make();
                let entry = Entry { hash, key, value };
                self.slots.insert(index, Slot::Entry(entry));
                self.used |= bit(depth, hash).unwrap_or(0);
                index
            }
        };
        let slot = self.slots.get_mut(index).expect("it was found or inserted");
        let deeper = depth.saturating_add(1);
        if !slot.is_of(key) {
            slot.deepen(deeper);
        }
        match slot {
            Slot::Entry(entry) => &mut entry.value,
            Slot::Branch(branch) => Arc::make_mut(branch).find_or_insert(deeper, hash, key, make),
        }
    }

    fn remove<Q>(&mut self, depth: u32, hash: u64, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let index = self.search(depth, hash, key).ok()?;
        let slot = self.slots.get_mut(index)?;
        if let Slot::Branch(deeper) = slot {
            let branch = Arc::make_mut(deeper);
            let value = branch.remove(depth.saturating_add(1), hash, key)?;
            // A branch for one entry is not kept, so that every branch is worth its memory.
            if let [Slot::Entry(_)] = branch.slots[..]
                && let Some(last) = branch.slots.pop()
            {
                *slot = last;
            }
            return Some(value);
        }
        if !slot.is_of(key) {
            return None;
        }
        self.used &= !bit(depth, hash).unwrap_or(0);
        match self.slots.remove(index) {
            Slot::Entry(entry) => Some(entry.value),
            Slot::Branch(_) => None,
        }
    }
}

impl<K, V> Slot<K, V> {
    /// Whether it is an entry for this key.
    fn is_of<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        matches!(self, Self::Entry(entry) if entry.key.borrow() == key)
    }

    /// Makes place for another entry: one that is here goes into a branch.
    fn deepen(&mut self, depth: u32) {
        match mem::replace(self, Self::Branch(Arc::default())) {
            Self::Entry(entry) => *self = Self::Branch(Arc::new(Branch::of(depth, entry))),
            branch @ Self::Branch(_) => *self = branch,
        }
    }
}

impl<K, V> Default for Branch<K, V> {
    fn default() -> Self {
        Self {
            used: 0,
            slots: Vec::new(),
        }
    }
}

/// The bit of a hash's digit; none below the last digit.
fn bit(depth: u32, hash: u64) -> Option<u32> {
    let digits = hash.checked_shr(depth.checked_mul(DIGIT_BITS)?)?;
    let digit = digits & u64::from(u32::BITS.wrapping_sub(1));
    u32::try_from(digit)
        .ok()
        .map(|digit| 1_u32.wrapping_shl(digit))
}

/// A branch has up to 32 slots.
const DIGIT_BITS: u32 = 5;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn it_has_what_a_hash_map_has_and_clones_keep_what_they_had(
            steps in prop::collection::vec((any::<bool>(), 0_u8..24), 0..60),
            spread in prop::sample::select(vec![0_u64, 1, 1 << 5, 1 << 60, 0x9e37_79b9_7f4a_7c15]),
        ) {
            // Few hashes for many keys: collisions of some digits, and of all.
            let hash = |key: u8| u64::from(key % 16).wrapping_mul(spread);
            let (mut map, mut model) = (Map::default(), HashMap::new());
            for (number, (inserts, key)) in steps.into_iter().enumerate() {
                let (before, model_before) = (map.clone(), model.clone());
                if inserts {
                    *map.find_or_insert(hash(key), &key, &|| (key, 0)) = number;
                    model.insert(key, number);
                } else {
                    prop_assert_eq!(map.remove(hash(key), &key), model.remove(&key));
                }
                for (map, model) in [(&map, &model), (&before, &model_before)] {
                    check(map, model, hash)?;
                }
            }
            for key in model.keys() {
                prop_assert!(map.remove(hash(*key), key).is_some());
            }
            prop_assert!(map.is_empty());
        }
    }

    fn check(
        map: &Map<u8, usize>,
        model: &HashMap<u8, usize>,
        hash: impl Fn(u8) -> u64,
    ) -> Result<(), TestCaseError> {
        for key in 0..24 {
            prop_assert_eq!(map.find(hash(key), &key), model.get(&key));
            prop_assert_eq!(
                map.clone().find_mut(hash(key), &key).copied(),
                model.get(&key).copied()
            );
        }
        let mut all = HashMap::new();
        map.for_each(&mut |key, value| assert!(all.insert(*key, *value).is_none()));
        prop_assert_eq!(&all, model);
        Ok(())
    }
}
