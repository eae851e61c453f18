//! Masks, and the trie that finds them, against the rules written down plainly.

use proto::topic::{Limits, Mask, NameMask, Trie};

/// Takes `data` for a script that changes a trie and asks it, a line for each step:
///
/// | line | step |
/// |---|---|
/// | `+` id mask | inserts |
/// | `-` place | removes what was inserted at that place |
/// | `=` | keeps a clone |
/// | `?` topic | asks |
///
/// Ids and places are one character.
///
/// - A trie finds those whose masks, asked one by one, stand for a topic.
/// - A mask stands for the topics that its definition says, and one of names for the same names.
/// - A clone stays as it was.
/// - A mask within another one stands for no topic that the other does not.
/// - Nothing is left of what was removed.
pub fn topic(data: &[u8]) {
    let Ok(script) = str::from_utf8(data) else {
        return;
    };
    let mut bench = Bench::default();
    for step in script.lines() {
        let mut rest = step.chars();
        match rest.next() {
            Some('+') => {
                let id = rest.next();
                bench.insert(rest.as_str(), id.unwrap_or_default());
            }
            Some('-') => bench.remove(rest.next().map_or(0, |place| place as usize)),
            Some('=') => bench.keep(),
            Some('?') => bench.ask(rest.as_str()),
            _ => {}
        }
    }
    while !bench.model.is_empty() {
        bench.remove(0);
    }
    assert!(bench.trie.is_empty());
}

#[derive(Default)]
struct Bench {
    trie: Trie<char>,
    /// What is in the trie.
    model: Vec<(Mask, char)>,
    /// An older trie, and what was in it.
    old: (Trie<char>, Vec<(Mask, char)>),
}

impl Bench {
    fn insert(&mut self, text: &str, id: char) {
        let Ok(mask) = Mask::new(text, &limits()) else {
            assert!(
                text.len() > MAX_BYTES || text.contains('\0') || levels(text).count() > MAX_LEVELS
            );
            return;
        };
        assert_eq!(mask.as_str(), text);
        let count = self.trie.insert(&mask, &id);
        self.model.push((mask.clone(), id));
        assert_eq!(self.trie.count(&mask, &id), count);
    }

    fn remove(&mut self, place: usize) {
        if self.model.is_empty() {
            return;
        }
        let (mask, id) = self.model.swap_remove(place % self.model.len());
        let left = self.trie.remove(&mask, &id);
        assert_eq!(left, Some(self.trie.count(&mask, &id)));
    }

    fn keep(&mut self) {
        self.old = (self.trie.clone(), self.model.clone());
    }

    fn ask(&self, topic: &str) {
        for (trie, model) in [(&self.trie, &self.model), (&self.old.0, &self.old.1)] {
            let mut found = Vec::new();
            trie.find(topic, &mut found);
            let matching = model.iter().filter(|(mask, _)| mask.matches(topic));
            let mut expected: Vec<_> = matching.map(|(_, id)| *id).collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(found, expected, "{topic:?}");
            assert_eq!(trie.has_match(topic), !expected.is_empty());
        }
        for (mask, _) in &self.model {
            check_rules(mask, topic);
        }
        let pairs = self.model.iter().zip(self.model.iter().skip(1));
        for ((narrow, _), (wide, _)) in pairs {
            let is_within = narrow.is_subset_of(wide);
            assert!(!is_within || !narrow.matches(topic) || wide.matches(topic));
            assert!(narrow.is_subset_of(narrow));
        }
    }
}

fn check_rules(mask: &Mask, topic: &str) {
    let pattern: Vec<_> = levels(mask.as_str()).collect();
    let found: Vec<_> = levels(topic).collect();
    let expected = defined(&pattern, &found);
    assert_eq!(mask.matches(topic), expected, "{mask:?} and {topic:?}");
    if mask.is_literal() {
        assert_eq!(expected, mask.as_str() == topic);
    }
    let as_name = |text: &str| text.replace(['.', '?', '*'], "-").replace('/', ".");
    let text = as_name(mask.as_str()).replace('+', "?").replace('#', "*");
    let topic = as_name(topic);
    let names = NameMask::new(text, &limits()).expect("it is no longer than the mask");
    // Wildcards of the one are characters of the other, so a topic with them is another name.
    if !topic.contains(['+', '#', '-']) && !mask.as_str().contains(['.', '?', '*']) {
        assert_eq!(names.matches(&topic), expected, "{names:?} and {topic:?}");
    }
}

/// The rules, one line each.
fn defined(mask: &[&str], topic: &[&str]) -> bool {
    match (mask, topic) {
        ([], []) | (["#", ..], [_, ..]) => true,
        (["+", mask @ ..], [_, topic @ ..]) => defined(mask, topic),
        ([level, mask @ ..], [same, topic @ ..]) => level == same && defined(mask, topic),
        _ => false,
    }
}

fn levels(text: &str) -> impl Iterator<Item = &str> {
    text.split('/')
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_bytes = 200;
    limits.max_levels = 20;
    limits
}

const MAX_BYTES: usize = 200;
const MAX_LEVELS: usize = 20;
