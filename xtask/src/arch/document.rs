//! ARCHITECTURE.md tells the truth: short, complete, with an entry for each check.

use std::collections::{BTreeMap, BTreeSet};

use crate::arch::finding::Finding;
use crate::arch::tree::Tree;
use crate::arch::{CHECKS, Check};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(DOCUMENT) else {
        let remedy = "write it: bird's eye view, code map, invariants, glossary";
        return vec![Finding::new(
            DOCUMENT,
            1,
            "there is no such document",
            remedy,
        )];
    };
    let findings = [
        length(text).into_iter().collect(),
        code_map(tree, text),
        files(tree, text),
        invariants(text, CHECKS),
        versions(tree).into_iter().collect(),
    ];
    findings.into_iter().flatten().collect()
}

fn length(text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let problem = format!("{lines} lines, more than {MAX_LINES}");
    let remedy = "leave out what the code or docs/ says";
    (lines > MAX_LINES).then(|| Finding::new(DOCUMENT, 1, problem, remedy))
}

/// Modules that the code map does not know.
///
/// The map has a section for each crate, headed by its folder, in which each module at the crate's
/// root is named in backticks.
fn code_map(tree: &Tree, text: &str) -> Vec<Finding> {
    let mut modules = BTreeMap::<_, BTreeSet<_>>::new();
    for source in tree.code() {
        let folder = format!("`crates/{}`", source.crate_name());
        let module = source.module().first().map(|&name| name.to_owned());
        modules.entry(folder).or_default().extend(module);
    }
    let mut findings = Vec::new();
    for (folder, modules) in modules {
        let Some((line, section)) = section(text, &folder) else {
            let remedy = "add a section with this heading to the code map";
            findings.push(Finding::new(
                DOCUMENT,
                1,
                format!("{folder} is not there"),
                remedy,
            ));
            continue;
        };
        for module in modules {
            let names = [
                format!("`{module}`"),
                format!("`{module}/`"),
                format!("`{module}.rs`"),
            ];
            if !names.iter().any(|name| section.contains(name)) {
                let problem = format!("the module {module} of {folder} is not there");
                let remedy = "say in its section what it is responsible for";
                findings.push(Finding::new(DOCUMENT, line, problem, remedy));
            }
        }
    }
    findings
}

/// Line and text of the section whose heading contains `title`.
fn section<'a>(text: &'a str, title: &str) -> Option<(usize, &'a str)> {
    let mut at = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        at += line.len();
        if line.starts_with('#') && line.contains(title) {
            let rest = text.get(at..).unwrap_or_default();
            let end = rest.find("\n#").unwrap_or(rest.len());
            return Some((number, rest.get(..end).unwrap_or_default()));
        }
    }
    None
}

/// Files that the document names but that do not exist.
fn files(tree: &Tree, text: &str) -> Vec<Finding> {
    let exists = |name: &str| {
        let end = format!("/{name}");
        tree.sources
            .iter()
            .any(|source| source.path == name || source.path.ends_with(&end))
    };
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let quoted = line.split('`').skip(1).step_by(2);
        for name in quoted.filter(|name| name.ends_with(".rs")) {
            if !exists(name) {
                let problem = format!("{name} does not exist");
                let remedy = "name the file that does it now";
                findings.push(Finding::new(DOCUMENT, number, problem, remedy));
            }
        }
    }
    findings
}

/// Invariants without check, and checks without invariant.
fn invariants(text: &str, checks: &[Check]) -> Vec<Finding> {
    let (first, section) = section(text, "Invariants").unwrap_or((1, ""));
    let entries = entries(section);
    let mut findings = Vec::new();
    let checks: BTreeMap<_, _> = checks
        .iter()
        .filter_map(|check| Some((check.invariant?, check.name)))
        .collect();
    for (number, name) in &checks {
        let file = format!("`arch/{name}.rs`");
        let is_there = entries
            .iter()
            .any(|entry| entry.number == *number && entry.text.contains(&file));
        if !is_there {
            let problem = format!("invariant {number} does not say that {file} checks it");
            let remedy = "describe it under this number, with \"Checked by\" and the file";
            findings.push(Finding::new(DOCUMENT, first, problem, remedy));
        }
    }
    for entry in &entries {
        if !checks.contains_key(&entry.number) {
            let problem = format!("invariant {} has no check", entry.number);
            let remedy = "write one in xtask/src/arch/, or say it elsewhere";
            findings.push(Finding::new(DOCUMENT, first + entry.line, problem, remedy));
        }
    }
    findings
}

/// An entry of a numbered list.
struct Entry {
    number: u8,
    line: usize,
    text: String,
}

fn entries(section: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (line, text) in (1..).zip(section.lines()) {
        let number = text
            .split_once(". ")
            .and_then(|(number, _)| number.parse().ok());
        match (number, entries.last_mut()) {
            (Some(number), _) => entries.push(Entry {
                number,
                line,
                text: text.to_owned(),
            }),
            (None, Some(entry)) => {
                entry.text.push(' ');
                entry.text.push_str(text.trim());
            }
            (None, None) => {}
        }
    }
    entries
}

/// The specification names the versions that the code speaks.
fn versions(tree: &Tree) -> Option<Finding> {
    let code = tree.sources.iter().find(|source| source.path == VERSIONS)?;
    let (_, rest) = code.text.split_once("SUPPORTED: Self = Self {")?;
    let (range, _) = rest.split_once('}')?;
    let mut bounds = range
        .split(',')
        .filter_map(|bound| bound.split_once(':')?.1.trim().parse().ok());
    let (min, max): (u8, u8) = (bounds.next()?, bounds.next()?);
    let wanted = match min == max {
        true => format!("version {max}"),
        false => format!("versions {min} to {max}"),
    };
    let specification = tree.text(SPECIFICATION)?;
    let mut opening = specification.lines().take(OPENING_LINES);
    let is_there = opening.any(|line| {
        let after = line.split_once(&wanted).map(|(_, after)| after);
        after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_digit()))
    });
    let finding = Finding::new(
        SPECIFICATION,
        1,
        "it does not name the protocol versions that the code speaks",
        format!("write \"{wanted}\" near its beginning, or correct VersionRange::SUPPORTED"),
    );
    (!is_there).then_some(finding)
}

const DOCUMENT: &str = "ARCHITECTURE.md";
const MAX_LINES: usize = 250;
/// How far into the specification the versions may stand.
const OPENING_LINES: usize = 20;
const SPECIFICATION: &str = "docs/protocol.md";
const VERSIONS: &str = "crates/linkspan-proto/src/message/handshake.rs";

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str =
        "# Map\n### `crates/linkspan`\n- `rpc/`: calls\n- `codec.rs`: bodies\n## End\n";

    fn nothing(_: &Tree) -> Vec<Finding> {
        Vec::new()
    }

    #[test]
    fn long_documents_are_found() {
        assert!(length(&"line\n".repeat(250)).is_none());
        assert!(length(&"line\n".repeat(251)).is_some());
    }

    #[test]
    fn modules_and_crates_that_the_map_lacks_are_found() {
        let files = [
            ("crates/linkspan/src/rpc/mod.rs", ""),
            ("crates/linkspan/src/codec.rs", ""),
            ("crates/linkspan/src/lib.rs", ""),
        ];
        assert_eq!(code_map(&Tree::of(&files), MAP).len(), 0);
        let files = [
            ("crates/linkspan/src/bus/mod.rs", ""),
            ("crates/linkspan-os/src/lock.rs", ""),
        ];
        assert_eq!(code_map(&Tree::of(&files), MAP).len(), 2);
    }

    #[test]
    fn files_that_do_not_exist_are_found() {
        let tree = Tree::of(&[("crates/linkspan/src/codec.rs", "")]);
        assert_eq!(files(&tree, MAP).len(), 0);
        assert_eq!(
            files(&tree, "see `session/lost.rs` and `codec.rs`").len(),
            1
        );
    }

    #[test]
    fn invariants_and_checks_belong_together() {
        let checks = [super::super::invariant(1, "purity", nothing)];
        let found = |list: &str| {
            let text = format!("## Invariants\n\n{list}\n\n## Glossary\n7. no invariant\n");
            invariants(&text, &checks).len()
        };
        assert_eq!(
            found("1. **Pure.** No clock.\n   *Checked by* `arch/purity.rs`."),
            0
        );
        assert_eq!(found("1. **Pure.** No clock."), 1);
        assert_eq!(
            found("1. `arch/purity.rs`\n2. **Safe.** `arch/unsafety.rs`"),
            1
        );
        assert_eq!(found("none"), 1);
    }

    #[test]
    fn another_version_in_the_specification_is_found() {
        let code = (
            VERSIONS,
            "pub const SUPPORTED: Self = Self { min: 1, max: 2 };",
        );
        // Only the text counts here, so that a constant outside an impl will do.
        let found = |text: &str| versions(&Tree::of(&[code, (SPECIFICATION, text)])).is_some();
        assert!(found("The protocol, version 1."));
        assert!(found("The protocol, versions 1 to 20."));
        assert!(!found("# Wire\n\nThe protocol, versions 1 to 2.\n"));
    }
}
