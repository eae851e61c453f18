//! Topics, masks, and the trie against masks asked one by one.

mod sharing;

use linkspan_proto::error::{Blame, TopicError};
use linkspan_proto::topic::{Limits, Mask, NameMask, Trie};
use proptest::prelude::*;

#[test]
fn masks_stand_for_the_topics_that_a_broker_of_busrt_delivers() {
    for (mask, expected) in MATRIX {
        let mask = self::mask(mask);
        let mut trie = Trie::new();
        trie.insert(&mask, &1);
        for (topic, expected) in TOPICS.iter().zip(expected.chars()) {
            let is_expected = expected == 'Y';
            assert_eq!(mask.matches(topic), is_expected, "{mask:?} and {topic:?}");
            assert_eq!(
                trie.has_match(topic),
                is_expected,
                "{mask:?} and {topic:?} in a trie"
            );
        }
        assert_eq!(expected.len(), TOPICS.len());
    }
}

#[test]
fn wildcards_are_whole_levels_and_nothing_is_normalised() {
    let cases = [
        ("a+", "a+", true),
        ("a+", "ab", false),
        ("a/b#", "a/b#", true),
        ("a/b#", "a/b/c", false),
        ("A", "a", false),
        ("ä/+", "ä/ö", true),
        ("#", ".broker/info", true),
        ("#", "$SYS", true),
        // What looks like a wildcard in a topic is a level like any other.
        ("a/+", "a/#", true),
        ("a/b", "a/+", false),
        ("a/b", "a/#", false),
        ("//", "//", true),
        ("+/+/+", "//", true),
        ("/", "//", false),
    ];
    for (mask, topic, expected) in cases {
        assert_eq!(self::mask(mask).matches(topic), expected, "{mask} {topic}");
    }
}

#[test]
fn masks_of_names_have_the_same_rules_with_other_characters() {
    let cases = [
        ("?.one", "a.one", true),
        ("?.one", "b.one", true),
        ("?.one", "a.b.one", false),
        ("bm.*", "bm.x", true),
        ("bm.*", "bm.y.z", true),
        ("bm.*", "bm", false),
        ("?", "bm", true),
        ("?", "bm.x", false),
        ("*.x", "any.thing", true),
        ("*", ".broker", true),
        ("?", ".broker", false),
        ("bm.x", "bm.x", true),
        ("bm.x", "bm.x%%0", false),
        ("bm.?", "bm.x%%0", true),
        ("a/+", "a/b", false),
        ("b?.x", "bm.x", false),
    ];
    for (mask, name, expected) in cases {
        let mask = NameMask::new(mask, &Limits::default()).unwrap();
        assert_eq!(mask.matches(name), expected, "{mask:?} and {name}");
    }
    let [narrow, wide] =
        ["grp.?", "grp.*"].map(|mask| NameMask::new(mask, &Limits::default()).unwrap());
    assert!(narrow.is_subset_of(&wide) && !wide.is_subset_of(&narrow));
    assert!(!narrow.is_literal());
    assert!(
        NameMask::new("a.+", &Limits::default())
            .unwrap()
            .is_literal()
    );
}

#[test]
fn a_mask_is_a_subset_of_another_that_stands_for_all_its_topics() {
    let cases = [
        ("news/#", "news/+", false),
        ("news/+", "news/#", true),
        ("news/a/b", "news/+", false),
        ("news/a", "news/+", true),
        ("#", "+", false),
        ("#", "+/#", false),
        ("+/#", "#", true),
        ("#", "#", true),
        ("a/#", "a/+/#", false),
        ("a/+/#", "a/#", true),
        ("a", "a/#", false),
        ("a/#", "a", false),
        ("+", "a", false),
        ("a", "+", true),
        ("", "+", true),
        ("+", "", false),
        ("", "#", true),
        ("a/#/c", "a/#/d", true),
        ("a/#/c", "a/#", true),
        ("a/+/c", "a/b/c", false),
        ("a/b/c", "a/+/c", true),
        ("a/b", "a/+/c", false),
        ("+/b", "a/+", false),
    ];
    for (narrow, wide, expected) in cases {
        let found = mask(narrow).is_subset_of(&mask(wide));
        assert_eq!(found, expected, "{narrow} within {wide}");
    }
}

#[test]
fn a_mask_without_wildcards_is_literal() {
    for (text, expected) in [
        ("a/b", true),
        ("", true),
        ("a+/b#", true),
        ("+", false),
        ("a/#/b", false),
    ] {
        assert_eq!(mask(text).is_literal(), expected, "{text}");
        assert_eq!(mask(text).as_str(), text);
    }
}

#[test]
fn topics_and_masks_keep_limits() {
    let mut limits = Limits::default();
    limits.max_bytes = 8;
    limits.max_levels = 3;
    let too_long = TopicError::TooLong { bytes: 9, limit: 8 };
    let too_deep = TopicError::TooDeep {
        levels: 4,
        limit: 3,
    };
    let cases = [
        ("", Ok(())),
        ("12345678", Ok(())),
        ("123456789", Err(too_long)),
        ("ääää", Ok(())),
        ("ääääa", Err(too_long)),
        ("//", Ok(())),
        ("a/b/c", Ok(())),
        ("///", Err(too_deep)),
        ("a\nb", Ok(())),
        ("ab\0c", Err(TopicError::Nul { at: 2 })),
    ];
    for (text, expected) in cases {
        assert_eq!(limits.check_topic(text), expected, "{text:?}");
        assert_eq!(Mask::new(text, &limits).map(|_| ()), expected, "{text:?}");
    }
    let name = NameMask::new("a.b.c.d", &limits);
    assert_eq!(name, Err(too_deep));
    assert_eq!(
        too_deep.to_string(),
        "topic or mask of 4 levels exceeds the limit of 3 levels"
    );
    assert_eq!(too_deep.blame(), Blame::Caller);
}

#[test]
fn an_id_is_found_once_however_many_of_its_masks_match() {
    let mut trie = Trie::new();
    for (text, id) in [
        ("#", 5),
        ("a/+", 5),
        ("a/b", 5),
        ("a/b", 3),
        ("+/b", 9),
        ("c", 1),
    ] {
        trie.insert(&mask(text), &id);
    }
    let mut ids = vec![77];
    trie.find("a/b", &mut ids);
    assert_eq!(ids, [3, 5, 9]);
    let mut visits = Vec::new();
    trie.visit("a/b", |id| visits.push(*id));
    visits.sort_unstable();
    assert_eq!(visits, [3, 5, 5, 5, 9]);
    trie.find("c/d", &mut ids);
    assert_eq!(ids, [5]);
}

#[test]
fn a_mask_that_was_inserted_twice_is_removed_twice() {
    let mut trie = Trie::new();
    assert_eq!(trie.insert(&mask("a/#"), &1), 1);
    assert_eq!(trie.insert(&mask("a/#/c"), &1), 2);
    assert_eq!((trie.len(), trie.count(&mask("a/#"), &1)), (1, 2));
    assert_eq!(trie.remove(&mask("a/#/c"), &1), Some(1));
    assert!(trie.has_match("a/b"));
    assert_eq!(trie.remove(&mask("a/#"), &1), Some(0));
    assert_eq!(trie.remove(&mask("a/#"), &1), None);
    assert!(trie.is_empty() && !trie.has_match("a/b"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_trie_finds_what_masks_asked_one_by_one_say(
        masks in prop::collection::vec((text("ab+#"), 0_u32..8), 0..40),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        topics in prop::collection::vec(text("ab+#"), 1..20),
    ) {
        let (mut trie, mut model) = (Trie::new(), Vec::new());
        for (text, id) in &masks {
            trie.insert(&mask(text), id);
            model.push((mask(text), *id));
        }
        for index in removed {
            if model.is_empty() {
                break;
            }
            let (mask, id) = model.swap_remove(index.index(model.len()));
            prop_assert!(trie.remove(&mask, &id).is_some());
        }
        let mut found = Vec::new();
        for topic in &topics {
            let matching = model.iter().filter(|(mask, _)| mask.matches(topic));
            let mut expected: Vec<_> = matching.map(|(_, id)| *id).collect();
            expected.sort_unstable();
            expected.dedup();
            trie.find(topic, &mut found);
            prop_assert_eq!(&found, &expected);
        }
        for (mask, id) in model {
            prop_assert!(trie.remove(&mask, &id).is_some());
        }
        prop_assert!(trie.is_empty());
    }

    /// Against all topics of few levels, one of them of a letter that no mask has.
    #[test]
    fn a_subset_is_one_for_every_topic(narrow in text("a+#"), wide in text("a+#")) {
        let (narrow, wide) = (mask(&narrow), mask(&wide));
        let mut topics = small_topics();
        let is_subset = topics.all(|topic| !narrow.matches(&topic) || wide.matches(&topic));
        prop_assert_eq!(narrow.is_subset_of(&wide), is_subset, "{} within {}", narrow, wide);
    }

    #[test]
    fn a_mask_matches_as_its_definition_says(mask in text("ab+#"), topic in text("ab+#")) {
        let expected = defined(&levels(&mask), &levels(&topic));
        prop_assert_eq!(self::mask(&mask).matches(&topic), expected);
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

fn levels(text: &str) -> Vec<&str> {
    text.split('/').collect()
}

/// Up to four levels, of which each is empty or one character.
fn text(characters: &'static str) -> impl Strategy<Value = String> {
    let characters: Vec<_> = characters.chars().map(String::from).collect();
    let level = prop_oneof![
        1 => Just(String::new()),
        6 => prop::sample::select(characters)
    ];
    prop::collection::vec(level, 1..5).prop_map(|levels| levels.join("/"))
}

/// All topics of one to five levels that are `a`, `z` or empty.
fn small_topics() -> impl Iterator<Item = String> {
    (1..=5_u32).flat_map(|depth| {
        (0..3_usize.pow(depth)).map(move |number| {
            let level = |at: u32| match number / 3_usize.pow(at) % 3 {
                0 => "a",
                1 => "z",
                _ => "",
            };
            (0..depth).map(level).collect::<Vec<_>>().join("/")
        })
    })
}

fn mask(text: &str) -> Mask {
    Mask::new(text, &Limits::default()).unwrap()
}

/// What was published to a broker of BUS/RT...
const TOPICS: [&str; 8] = ["a", "a/", "a/b", "a/b/c", "/a", "a//b", "b", ""];

/// ...and what came to a subscriber of each mask.
const MATRIX: [(&str, &str); 12] = [
    ("#", "YYYYYYYY"),
    ("a/#", "-YYY-Y--"),
    ("a/+", "-YY-----"),
    ("+", "Y-----YY"),
    ("+/+", "-YY-Y---"),
    ("a/+/c", "---Y----"),
    ("a/#/c", "-YYY-Y--"),
    ("+/#", "-YYYYY--"),
    ("/#", "----Y---"),
    ("+/", "-Y------"),
    ("a", "Y-------"),
    ("", "-------Y"),
];
