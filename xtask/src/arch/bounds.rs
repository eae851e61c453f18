//! Invariant 6: every queue is bounded.
//!
//! A channel without bound has a name that says so, or is the standard library's. Queues of our own
//! making are held by the tests of slow readers and by the fuzz targets' limit on memory.

use proc_macro2::TokenTree;

use crate::arch::finding::Finding;
use crate::arch::source::Source;
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let uses = tree.code().flat_map(unbounded);
    uses.chain(prohibition(tree)).collect()
}

fn unbounded(source: &Source) -> Vec<Finding> {
    let words = source.tokens().into_iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some((word.to_string(), word.span().start().line)),
        _ => None,
    });
    let by_name = words.filter(|(word, _)| word.to_lowercase().contains("unbounded"));
    let standard = source.mentions().into_iter().filter_map(|mention| {
        let is_channel = mention.is_in("std::sync::mpsc::channel");
        is_channel.then_some((mention.path, mention.line))
    });
    let finding = |(name, line)| {
        Finding::new(
            &source.path,
            line,
            format!("{name} has no bound"),
            "use a channel with a capacity that a Config field gives",
        )
    };
    by_name.chain(standard).map(finding).collect()
}

/// The root's clippy.toml forbids the one that is nearest at hand.
fn prohibition(tree: &Tree) -> Option<Finding> {
    let settings = tree.toml("clippy.toml");
    let methods = settings
        .get("disallowed-methods")
        .and_then(toml::Value::as_array);
    let is_forbidden = methods.into_iter().flatten().any(|method| {
        let path = method.get("path").unwrap_or(method);
        path.as_str() == Some(FORBIDDEN)
    });
    let finding = Finding::new(
        "clippy.toml",
        1,
        format!("{FORBIDDEN} is not forbidden"),
        "put it into disallowed-methods",
    );
    (!is_forbidden).then_some(finding)
}

const FORBIDDEN: &str = "tokio::sync::mpsc::unbounded_channel";

#[cfg(test)]
mod tests {
    use super::*;

    const CLIPPY: (&str, &str) = (
        "clippy.toml",
        "disallowed-methods = [{ path = \"tokio::sync::mpsc::unbounded_channel\" }]",
    );

    fn found(text: &str) -> usize {
        check(&Tree::of(&[
            CLIPPY,
            ("crates/linkspan/src/bus/queue.rs", text),
        ]))
        .len()
    }

    #[test]
    fn channels_without_bound_are_found() {
        for text in [
            "fn f() { let (a, b) = mpsc::unbounded_channel(); }",
            "struct S { sender: tokio::sync::mpsc::UnboundedSender<u8> }",
            "use std::sync::mpsc; fn f() { let (a, b) = mpsc::channel(); }",
        ] {
            assert!(found(text) > 0, "{text}");
        }
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }

    #[test]
    fn channels_with_bounds_are_fine() {
        let text = "use tokio::sync::mpsc; // unbounded is forbidden\n\
                    fn f() { let (a, b) = mpsc::channel(8); }\n\
                    fn g() { let (a, b) = std::sync::mpsc::sync_channel(8); }";
        assert_eq!(found(text), 0);
    }
}
