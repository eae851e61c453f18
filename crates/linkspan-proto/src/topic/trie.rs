//! Which masks stand for a topic, found without asking each.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::topic::Mask;
use crate::topic::level::Level;
use crate::topic::map::Map;
use crate::topic::mask::TOPICS;

/// Masks of topics, each with the ids of those who asked for it.
///
/// A clone costs as much as an [`Arc`]'s, and shares with its original all that neither changes
/// later. So one writer may publish a clone after each change, while readers follow the last one
/// that they saw without a lock. A change copies, for each level of the mask, one node and a
/// handful of small blocks, and nothing at all while no clone is alive.
///
/// # What a search costs
///
/// It visits at most one node for each prefix of a stored mask, none twice, because a wildcard for
/// the rest ends a mask. With n levels in the topic these are no more than 2^(n+1), and no more than
/// the levels of all masks together; masks without `+` cost n + 1. It allocates nothing, and recurses
/// no deeper than the longest mask has levels, at most 255.
#[derive(Debug, Clone)]
pub struct Trie<Id> {
    root: Arc<Node<Id>>,
    pairs: usize,
    hasher: RandomState,
}

/// What is known after some levels.
#[derive(Debug, Clone)]
struct Node<Id> {
    /// Those whose mask ends here.
    here: Ids<Id>,
    /// Those whose mask goes on with one or more levels, whatever they are.
    rest: Ids<Id>,
    /// Where masks go on that want any one level.
    one: Option<Arc<Self>>,
    literal: Map<Arc<str>, Arc<Self>>,
}

/// Ids, and how often each was inserted.
type Ids<Id> = Map<Id, u32>;

impl<Id: Clone + Eq + Hash> Trie<Id> {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a mask of `id`'s; says how often it is there now.
    ///
    /// Masks are the same that stand for the same topics by the same levels: `a/#` and `a/#/c`.
    pub fn insert(&mut self, mask: &Mask, id: &Id) -> u32 {
        let hasher = &self.hasher;
        let mut node = Arc::make_mut(&mut self.root);
        let mut ends_with_rest = false;
        for level in mask.levels() {
            let next = match level {
                Level::Literal(level) => {
                    let hash = hasher.hash_one(level);
                    let make = || (Arc::from(level), Arc::default());
                    node.literal.find_or_insert(hash, level, &make)
                }
                Level::One => node.one.get_or_insert_default(),
                Level::Rest => {
                    ends_with_rest = true;
                    break;
                }
            };
            node = Arc::make_mut(next);
        }
        let ids = match ends_with_rest {
            true => &mut node.rest,
            false => &mut node.here,
        };
        let count = ids.find_or_insert(hasher.hash_one(id), id, &|| (id.clone(), 0));
        self.pairs = self.pairs.saturating_add(usize::from(*count == 0));
        *count = count.saturating_add(1);
        *count
    }

    /// Takes a mask of `id`'s away once; says how often it is still there, nothing if it was not.
    pub fn remove(&mut self, mask: &Mask, id: &Id) -> Option<u32> {
        // A look first, because on its way a removal copies what clones share.
        if self.count(mask, id) == 0 {
            return None;
        }
        let root = Arc::make_mut(&mut self.root);
        let left = root.remove(mask.levels(), id, &self.hasher)?;
        self.pairs = self.pairs.saturating_sub(usize::from(left == 0));
        Some(left)
    }

    /// How often a mask of `id`'s is there.
    pub fn count(&self, mask: &Mask, id: &Id) -> u32 {
        let ids = self.ids(mask);
        let count = ids.and_then(|ids| ids.find(self.hasher.hash_one(id), id));
        count.copied().unwrap_or(0)
    }

    /// Pairs of a mask and an id, each counted once.
    pub fn len(&self) -> usize {
        self.pairs
    }

    /// Whether there is no mask.
    pub fn is_empty(&self) -> bool {
        self.pairs == 0
    }

    /// Calls `visit` with each id that has a mask for this topic: once for each such mask, in no
    /// particular order.
    pub fn visit<'a>(&'a self, topic: &str, mut visit: impl FnMut(&'a Id)) {
        let mut each = |ids: &'a Ids<Id>| ids.for_each(&mut |id, _| visit(id));
        self.walk(&self.root, Some(topic), &mut each);
    }

    /// Whether any mask stands for this topic.
    pub fn has_match(&self, topic: &str) -> bool {
        let mut found = false;
        self.visit(topic, |_| found = true);
        found
    }

    /// Calls `visit` once at every node that a topic leads to, with those found there.
    fn walk<'a>(
        &self,
        node: &'a Node<Id>,
        topic: Option<&str>,
        visit: &mut impl FnMut(&'a Ids<Id>),
    ) {
        let Some(topic) = topic else {
            return visit(&node.here);
        };
        visit(&node.rest);
        let (level, topic) = match topic.split_once(TOPICS.separator) {
            Some((level, topic)) => (level, Some(topic)),
            None => (topic, None),
        };
        if let Some(next) = &node.one {
            self.walk(next, topic, visit);
        }
        if node.literal.is_empty() {
            return;
        }
        if let Some(next) = node.literal.find(self.hasher.hash_one(level), level) {
            self.walk(next, topic, visit);
        }
    }

    /// Those with exactly this mask.
    fn ids(&self, mask: &Mask) -> Option<&Ids<Id>> {
        let mut node = &self.root;
        for level in mask.levels() {
            node = match level {
                Level::Literal(level) => node.literal.find(self.hasher.hash_one(level), level)?,
                Level::One => node.one.as_ref()?,
                Level::Rest => return Some(&node.rest),
            };
        }
        Some(&node.here)
    }
}

impl<Id: Clone + Ord + Hash> Trie<Id> {
    /// Puts all ids that have a mask for this topic into `ids`: in order, each once.
    ///
    /// What `ids` held is forgotten; its memory is used again.
    pub fn find(&self, topic: &str, ids: &mut Vec<Id>) {
        ids.clear();
        self.visit(topic, |id| ids.push(id.clone()));
        ids.sort_unstable();
        ids.dedup();
    }
}

impl<Id> Default for Trie<Id> {
    fn default() -> Self {
        Self {
            root: Arc::default(),
            pairs: 0,
            hasher: RandomState::default(),
        }
    }
}

impl<Id: Clone + Eq + Hash> Node<Id> {
    /// Takes one away that is known to be there, and every node that is of no use without it.
    fn remove<'a>(
        &mut self,
        mut levels: impl Iterator<Item = Level<'a>>,
        id: &Id,
        hasher: &RandomState,
    ) -> Option<u32> {
        match levels.next() {
            None => decrement(&mut self.here, id, hasher),
            Some(Level::Rest) => decrement(&mut self.rest, id, hasher),
            Some(Level::One) => {
                let next = Arc::make_mut(self.one.as_mut()?);
                let left = next.remove(levels, id, hasher)?;
                if next.is_empty() {
                    self.one = None;
                }
                Some(left)
            }
            Some(Level::Literal(level)) => {
                let hash = hasher.hash_one(level);
                let next = Arc::make_mut(self.literal.find_mut(hash, level)?);
                let left = next.remove(levels, id, hasher)?;
                if next.is_empty() {
                    self.literal.remove(hash, level);
                }
                Some(left)
            }
        }
    }

    fn is_empty(&self) -> bool {
        let has_ids = !self.here.is_empty() || !self.rest.is_empty();
        !has_ids && self.one.is_none() && self.literal.is_empty()
    }
}

impl<Id> Default for Node<Id> {
    fn default() -> Self {
        Self {
            here: Map::default(),
            rest: Map::default(),
            one: None,
            literal: Map::default(),
        }
    }
}

fn decrement<Id: Clone + Eq + Hash>(
    ids: &mut Ids<Id>,
    id: &Id,
    hasher: &RandomState,
) -> Option<u32> {
    let hash = hasher.hash_one(id);
    let count = ids.find_mut(hash, id)?;
    *count = count.saturating_sub(1);
    let left = *count;
    if left == 0 {
        ids.remove(hash, id);
    }
    Some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Limits;

    fn mask(text: &str) -> Mask {
        Mask::new(text, &Limits::default()).unwrap()
    }

    fn nodes_visited(trie: &Trie<u32>, topic: &str) -> usize {
        let mut nodes = Vec::new();
        trie.walk(&trie.root, Some(topic), &mut |ids| nodes.push(ids));
        nodes.len()
    }

    #[test]
    fn a_search_among_literal_masks_visits_one_node_for_each_level() {
        let mut trie = Trie::new();
        for number in 0..1000 {
            trie.insert(&mask(&format!("a/{number}/b")), &number);
            trie.insert(&mask(&format!("a/{number}/#")), &number);
        }
        assert_eq!(nodes_visited(&trie, "a/7/b"), 4);
        assert_eq!(nodes_visited(&trie, "a/7/c/d/e/f"), 3);
        assert_eq!(nodes_visited(&trie, "b/7/c"), 1);
    }

    #[test]
    fn a_search_visits_no_more_nodes_than_there_are() {
        let mut trie = Trie::new();
        // All masks of twelve levels that are `a` or `+`: as bad as it gets.
        for bits in 0..1_u32 << 12 {
            let levels = (0..12).map(|level| if bits >> level & 1 == 0 { "a" } else { "+" });
            trie.insert(&mask(&levels.collect::<Vec<_>>().join("/")), &bits);
        }
        let nodes = (1 << 13) - 1;
        assert_eq!(nodes_visited(&trie, "a/a/a/a/a/a/a/a/a/a/a/a"), nodes);
        // Levels beyond those of all masks cost nothing.
        let deep = vec!["a"; 5000].join("/");
        assert_eq!(nodes_visited(&trie, &deep), nodes);
        assert!(!trie.has_match(&deep));
    }

    #[test]
    fn many_wildcards_in_one_mask_cost_one_node_each() {
        let mut trie = Trie::new();
        let many = vec!["+"; 127].join("/");
        trie.insert(&mask(&format!("{many}/#")), &1);
        trie.insert(&mask(&format!("{many}/+")), &2);
        let topic = vec!["x"; 128].join("/");
        assert_eq!(nodes_visited(&trie, &topic), 129);
        let mut ids = Vec::new();
        trie.find(&topic, &mut ids);
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn nothing_is_left_when_everything_was_removed() {
        let mut trie = Trie::new();
        let masks = [
            "", "#", "a/#", "a/+/c", "+/+/c", "a/b/c", "a/b/c/d", "//", "a/#/c",
        ]
        .map(mask);
        for (id, mask) in (0..).zip(&masks) {
            trie.insert(mask, &id);
        }
        for (id, mask) in (0..).zip(&masks) {
            assert_eq!(trie.remove(mask, &id), Some(0));
            assert_eq!(trie.remove(mask, &id), None);
        }
        assert!(trie.root.is_empty() && trie.is_empty());
    }

    #[test]
    fn a_removal_in_vain_copies_nothing() {
        let mut trie = Trie::new();
        trie.insert(&mask("a/b"), &1);
        let clone = trie.clone();
        assert_eq!(trie.remove(&mask("a/b"), &2), None);
        assert_eq!(trie.remove(&mask("a"), &1), None);
        assert!(Arc::ptr_eq(&trie.root, &clone.root));
    }
}
