//! Invariant 3: differences between operating systems stand in few places.

use proc_macro2::{Ident, TokenStream, TokenTree};

use crate::arch::conditions::conditions;
use crate::arch::finding::Finding;
use crate::arch::source::Source;
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let elsewhere = |source: &&Source| !is_allowed(source);
    tree.sources
        .iter()
        .filter(elsewhere)
        .flat_map(differences)
        .collect()
}

fn is_allowed(source: &Source) -> bool {
    source.is_test() || PLACES.iter().any(|place| source.path.starts_with(place))
}

fn differences(source: &Source) -> Vec<Finding> {
    let mut words = Vec::new();
    for condition in conditions(source) {
        find(condition.tokens, &mut words);
    }
    let finding = |word: Ident| {
        Finding::new(
            &source.path,
            word.span().start().line,
            format!("a condition on {word}"),
            "give linkspan-os one interface for all systems, or choose the module in \
             transport/mod.rs",
        )
    };
    words.into_iter().map(finding).collect()
}

fn find(condition: TokenStream, words: &mut Vec<Ident>) {
    for token in condition {
        match token {
            TokenTree::Group(group) => find(group.stream(), words),
            TokenTree::Ident(word) if PLATFORM.iter().any(|name| word == name) => words.push(word),
            _ => {}
        }
    }
}

/// Beginnings of the paths where such conditions may stand.
const PLACES: [&str; 7] = [
    "crates/linkspan-os/",
    "crates/linkspan/src/transport/mod.rs",
    "crates/linkspan/src/transport/backend/mod.rs",
    "crates/linkspan/src/signals.rs",
    "crates/linkspan-test/",
    "crates/linkspan-cli/src/signals.rs",
    "xtask/",
];

const PLATFORM: [&str; 7] = [
    "target_env",
    "target_family",
    "target_os",
    "target_vendor",
    "unix",
    "wasm",
    "windows",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn every_form_of_condition_is_found() {
        for text in [
            "#[cfg(unix)] mod a;",
            "fn f() -> bool { cfg!(target_os = \"linux\") }",
            "#[cfg(all(feature = \"rpc\", not(windows)))] fn f() {}",
            "#[cfg_attr(windows, allow(dead_code))] fn f() {}",
            "macro_rules! m { () => { #[cfg(unix)] fn f() {} } }",
        ] {
            assert_eq!(
                found_in("crates/linkspan/src/session/open.rs", text),
                1,
                "{text}"
            );
        }
    }

    #[test]
    fn other_conditions_and_other_places_are_fine() {
        let text = "#[cfg(feature = \"rpc\")] mod unix; // cfg(unix)\n\
                    #[cfg_attr(test, allow(unix))] mod b; #[cfg(test)] mod t { #[cfg(unix)] mod u; }";
        assert_eq!(found_in("crates/linkspan/src/lib.rs", text), 0);
        for place in [
            "crates/linkspan-os/src/lib.rs",
            "crates/linkspan/tests/it/main.rs",
        ] {
            assert_eq!(found_in(place, "#[cfg(unix)] mod a;"), 0, "{place}");
        }
    }
}
