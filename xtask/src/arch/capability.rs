//! Invariant 4: which module of the library may know which.

use crate::arch::finding::Finding;
use crate::arch::source::Source;
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.code_of("linkspan").flat_map(forbidden).collect()
}

fn forbidden(source: &Source) -> Vec<Finding> {
    let module = source.module().first().copied().unwrap_or_default();
    // The root of the crate only lists modules.
    if module.is_empty() {
        return Vec::new();
    }
    let may_know = |other: &str| {
        other == module
            || KNOWS
                .iter()
                .any(|(knowing, known)| *knowing == module && known.contains(&other))
    };
    let wrong = source.mentions().into_iter().filter_map(|mention| {
        let is_known = |other: &&&str| mention.is_in(&format!("crate::{other}"));
        let other = LAYERED.iter().find(is_known)?;
        if may_know(other) {
            return None;
        }
        Some(Finding::new(
            &source.path,
            mention.line,
            format!("{module} knows {other}"),
            "move what both need into session, or below",
        ))
    });
    wrong.collect()
}

/// Modules that are not for everybody.
const LAYERED: [&str; 8] = [
    "bus", "daemon", "exchange", "health", "layer", "plugin", "rpc", "session",
];

/// Who may know which of them. Those that are not named may know none.
const KNOWS: [(&str, &[&str]); 8] = [
    ("session", &["layer"]),
    ("rpc", &["layer", "session"]),
    ("exchange", &["layer", "session"]),
    ("bus", &["layer", "rpc", "session"]),
    ("daemon", &["layer", "rpc", "session"]),
    ("plugin", &["layer", "rpc", "session"]),
    ("health", &["session"]),
    ("guide", &LAYERED),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn forbidden_knowledge_is_found_in_every_spelling() {
        for text in [
            "use crate::rpc::Client;",
            "use crate::{Address, rpc};",
            "fn f() -> super::super::rpc::Client { todo!() }",
            "fn f() { crate::rpc::Client::new() }",
        ] {
            assert_eq!(
                found_in("crates/linkspan/src/exchange/client.rs", text),
                1,
                "{text}"
            );
        }
        let session = "use crate::session::Connection;";
        assert_eq!(
            found_in("crates/linkspan/src/transport/link.rs", session),
            1
        );
        assert_eq!(
            found_in(
                "crates/linkspan/src/bus/client.rs",
                "use crate::daemon::Spawn;"
            ),
            1
        );
        assert_eq!(
            found_in(
                "crates/linkspan/src/session/open.rs",
                "use crate::rpc::Router;"
            ),
            1
        );
        assert_eq!(found_in("crates/linkspan/src/layer/retry.rs", session), 1);
    }

    #[test]
    fn allowed_knowledge_is_fine() {
        let text =
            "//! As crate::plugin does.\nuse crate::rpc::Client; use crate::session::Config;";
        assert_eq!(found_in("crates/linkspan/src/bus/client.rs", text), 0);
        assert_eq!(
            found_in("crates/linkspan/src/rpc/client.rs", "use super::Router;"),
            0
        );
        assert_eq!(
            found_in("crates/linkspan/src/lib.rs", "pub use crate::rpc::Client;"),
            0
        );
    }
}
