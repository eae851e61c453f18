//! Clones of a trie: what readers of the bus hold while the writer goes on.

use std::sync::mpsc;
use std::thread;

use linkspan_proto::topic::Trie;
use proptest::prelude::*;

use super::{mask, text};

#[test]
fn a_reader_keeps_what_it_saw_and_sees_the_next_whole() {
    let (publish, published) = mpsc::sync_channel::<Trie<u32>>(4);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut ids = Vec::new();
            for (count, trie) in (1..).zip(published) {
                trie.find("a/x/b", &mut ids);
                assert_eq!(ids, (0..count).collect::<Vec<_>>());
            }
            ids.len()
        });
        let mut trie = Trie::new();
        for (id, text) in (0..500).zip(["a/+/b", "a/x/#", "#", "a/x/b"].iter().cycle()) {
            trie.insert(&mask(text), &id);
            publish.send(trie.clone()).unwrap();
        }
        drop(publish);
        assert_eq!(reader.join().unwrap(), 500);
    });
}

/// A map that is copied whole at each change would need minutes for this.
#[test]
fn a_hundred_thousand_masks_on_one_level_are_changed_one_by_one_under_clones() {
    let mut trie = Trie::new();
    for id in 0..100_000_u32 {
        trie.insert(&mask(&format!("unit/{id}/value")), &id);
    }
    let mut published = trie.clone();
    for id in 0..10_000_u32 {
        trie.insert(&mask(&format!("unit/{id}/value")), &(id + 1));
        trie.insert(&mask("unit/+/value"), &id);
        published = trie.clone();
    }
    assert_eq!(published.len(), 120_000);
    let mut ids = Vec::new();
    published.find("unit/50000/value", &mut ids);
    assert_eq!(ids.len(), 10_001);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_clone_does_not_change_with_its_original(
        before in prop::collection::vec((text("ab+#"), 0_u32..4), 0..20),
        after in prop::collection::vec((any::<bool>(), text("ab+#"), 0_u32..4), 1..40),
        topics in prop::collection::vec(text("ab"), 1..10),
    ) {
        let mut trie = Trie::new();
        for (text, id) in &before {
            trie.insert(&mask(text), id);
        }
        let clone = trie.clone();
        let answers = |trie: &Trie<u32>| {
            let mut ids = Vec::new();
            let answer = |topic: &String| {
                trie.find(topic, &mut ids);
                ids.clone()
            };
            topics.iter().map(answer).collect::<Vec<_>>()
        };
        let expected = answers(&clone);
        for (inserts, text, id) in &after {
            if *inserts {
                trie.insert(&mask(text), id);
            } else {
                trie.remove(&mask(text), id);
            }
            prop_assert_eq!(&answers(&clone), &expected);
        }
        prop_assert_eq!(clone.is_empty(), before.is_empty());
    }
}
