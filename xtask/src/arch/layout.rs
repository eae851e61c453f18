//! The shape of the tree: files of a size that can be read, capabilities with one inner shape.

use syn::Item;

use crate::arch::finding::Finding;
use crate::arch::source::{Source, line_of};
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let lengths = tree.sources.iter().filter_map(length);
    let shapes = CAPABILITIES
        .iter()
        .flat_map(|capability| shape(tree, capability));
    lengths.chain(shapes).collect()
}

fn length(source: &Source) -> Option<Finding> {
    let lines = source.lines().count();
    if source.is_test() && lines <= MAX_LINES {
        return None;
    }
    let remedy = "split it by concern; 100 to 250 lines are a good size";
    let finding = |limit| {
        let problem = format!("{lines} lines besides tests, more than {limit}");
        Finding::new(&source.path, 1, problem, remedy)
    };
    match lines {
        _ if lines > MAX_LINES => Some(finding(MAX_LINES)),
        _ if lines > GOOD_LINES => Some(finding(GOOD_LINES).advice()),
        _ => None,
    }
}

/// A capability and the files of its two roles.
struct Capability {
    name: &'static str,
    asks: &'static str,
    answers: &'static str,
}

/// What a capability that exists lacks of the common shape.
fn shape(tree: &Tree, capability: &Capability) -> Vec<Finding> {
    let folder = format!("crates/linkspan/src/{}", capability.name);
    let root = format!("{folder}/mod.rs");
    let Some(root) = tree.sources.iter().find(|source| source.path == root) else {
        return Vec::new();
    };
    let exists = |name: &str| {
        let file = [
            format!("{folder}/{name}.rs"),
            format!("{folder}/{name}/mod.rs"),
        ];
        tree.sources
            .iter()
            .any(|source| file.contains(&source.path))
    };
    let mut findings = Vec::new();
    for name in [capability.asks, capability.answers, "wire", "config"] {
        if !exists(name) {
            let remedy = "every capability has the same inner shape, see ARCHITECTURE.md";
            findings.push(Finding::new(
                &folder,
                1,
                format!("there is no {name}.rs"),
                remedy,
            ));
        }
    }
    let hands_errors_on = || {
        let mut mentions = root.mentions().into_iter();
        mentions.any(|mention| mention.is_in("crate::session") && mention.path.ends_with("Error"))
    };
    if !exists("error") && !hands_errors_on() {
        let remedy = "write error.rs, or re-export the errors of session";
        findings.push(Finding::new(
            &root.path,
            1,
            "the capability has no errors",
            remedy,
        ));
    }
    findings.extend(logic(root));
    findings.extend(docs(root));
    findings
}

/// Anything but modules and re-exports in a `mod.rs`.
fn logic(root: &Source) -> Option<Finding> {
    let is_logic = |item: &&Item| !matches!(item, Item::Mod(_) | Item::Use(_));
    let item = root.code.items.iter().find(is_logic)?;
    let line = line_of(item);
    let remedy = "move it into a file of its own";
    Some(Finding::new(
        &root.path,
        line,
        "logic in a capability's mod.rs",
        remedy,
    ))
}

fn docs(root: &Source) -> Option<Finding> {
    let docs = root
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("//!"));
    let fences: Vec<_> = docs
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("```"))
        .collect();
    let has_diagram = fences.contains(&"text");
    // A diagram and an example, each with its beginning and its end.
    if has_diagram && fences.len() >= 4 {
        return None;
    }
    let remedy = "draw who talks to whom in a ```text block, and show a program that runs";
    Some(Finding::new(
        &root.path,
        1,
        "the docs lack a diagram or an example",
        remedy,
    ))
}

const GOOD_LINES: usize = 400;
const MAX_LINES: usize = 600;

const CAPABILITIES: [Capability; 5] = [
    Capability {
        name: "rpc",
        asks: "client",
        answers: "server",
    },
    Capability {
        name: "exchange",
        asks: "client",
        answers: "server",
    },
    Capability {
        name: "bus",
        asks: "client",
        answers: "broker",
    },
    Capability {
        name: "daemon",
        asks: "client",
        answers: "server",
    },
    Capability {
        name: "plugin",
        asks: "host",
        answers: "guest",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::finding::Weight;

    const DOCS: &str = "//! Bus.\n//! ```text\n//! a -> b\n//! ```\n//! ```\n//! bus();\n//! ```\n";

    #[test]
    fn long_files_are_found_without_their_tests() {
        let found = |lines: usize, tests: usize| {
            let line = "const A: u8 = 1;\n";
            let (code, tests) = (line.repeat(lines), line.repeat(tests));
            let text = format!("{code}#[cfg(test)]\nmod tests {{\n{tests}}}\n");
            check(&Tree::of(&[("crates/linkspan/src/codec.rs", &text)]))
        };
        assert!(found(400, 300).is_empty());
        assert!(
            found(401, 0)
                .iter()
                .all(|finding| finding.weight == Weight::Advice)
        );
        assert!(
            found(601, 0)
                .iter()
                .all(|finding| finding.weight == Weight::Violation)
        );
        assert_eq!((found(401, 0).len(), found(601, 0).len()), (1, 1));
    }

    #[test]
    fn a_capability_of_another_shape_is_found() {
        let root = format!("{DOCS}mod client;\npub use crate::session::CallError;");
        let file = |name: &str| format!("crates/linkspan/src/bus/{name}.rs");
        let [client, broker, wire] = ["client", "broker/mod", "wire"].map(file);
        let [config, module] = ["config", "mod"].map(file);
        let parts = [(client, ""), (broker, ""), (wire, ""), (config, "")];
        let found = |root: &str, count: usize| {
            let parts = parts
                .iter()
                .take(count)
                .map(|(path, text)| (path.as_str(), *text));
            let files: Vec<_> = parts.chain([(module.as_str(), root)]).collect();
            check(&Tree::of(&files)).len()
        };
        assert_eq!(found(&root, 4), 0);
        assert_eq!(found(&root, 2), 2);
        assert_eq!(found(&format!("{DOCS}mod client;"), 4), 1);
        assert_eq!(found(&format!("{root} fn logic() {{}}"), 4), 1);
        assert_eq!(found("//! Bus.\npub use crate::session::CallError;", 4), 1);
    }
}
