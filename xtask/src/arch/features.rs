//! Invariant 7: features only add API.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Expr, ImplItem, Item};

use crate::arch::conditions::{Condition, conditions};
use crate::arch::finding::Finding;
use crate::arch::source::{Source, attributes, line_of};
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let changes = tree.code().flat_map(changes);
    changes.chain(names(tree)).chain(bare_build(tree)).collect()
}

/// Conditions on features that take something away, or that stand inside an item.
fn changes(source: &Source) -> Vec<Finding> {
    let mut on_items = BTreeSet::new();
    lines_on_items(&source.code.items, &mut on_items);
    let finding = |condition: Condition| {
        let (names, denies) = feature(condition.tokens, false);
        let (problem, remedy) = match (names, denies, on_items.contains(&condition.line)) {
            (_, true, _) => (
                "a feature that takes something away",
                "let the feature add an item, and have what is always there do without it",
            ),
            (true, false, false) => (
                "a condition on a feature inside an item",
                "put it on a whole mod, use, function, type or impl",
            ),
            _ => return None,
        };
        Some(Finding::new(&source.path, condition.line, problem, remedy))
    };
    conditions(source).into_iter().filter_map(finding).collect()
}

/// Whether a condition names a feature, and whether it asks for one not to be on.
fn feature(condition: TokenStream, is_negated: bool) -> (bool, bool) {
    let mut found = (false, false);
    let mut is_not = false;
    for token in condition {
        let (names, denies) = match &token {
            TokenTree::Group(group) => feature(group.stream(), is_negated || is_not),
            TokenTree::Ident(word) if word == "feature" => (true, is_negated),
            _ => (false, false),
        };
        found = (found.0 || names, found.1 || denies);
        is_not = matches!(&token, TokenTree::Ident(word) if word == "not");
    }
    found
}

/// Adds the lines of all attributes on items.
///
/// A method more is an item more; a method more of a trait would be asked of others.
fn lines_on_items(items: &[Item], lines: &mut BTreeSet<usize>) {
    for item in items {
        lines.extend(attributes(item).iter().map(line_of));
        match item {
            Item::Impl(block) => {
                let methods = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(function) => Some(&function.attrs),
                    _ => None,
                });
                lines.extend(methods.flatten().map(line_of));
            }
            Item::Mod(module) => {
                let items = module.content.as_ref().map(|(_, items)| items.as_slice());
                lines_on_items(items.unwrap_or_default(), lines);
            }
            Item::Static(table) => lines_on_rows(&table.expr, lines),
            Item::Const(table) => lines_on_rows(&table.expr, lines),
            _ => {}
        }
    }
}

/// Adds the lines of all attributes on the rows of a table: a row more takes nothing away.
fn lines_on_rows(table: &Expr, lines: &mut BTreeSet<usize>) {
    match table {
        Expr::Reference(reference) => lines_on_rows(&reference.expr, lines),
        Expr::Array(table) => {
            let attributes = table.elems.iter().flat_map(attributes_of);
            lines.extend(attributes.map(line_of));
        }
        _ => {}
    }
}

fn attributes_of(row: &Expr) -> &[Attribute] {
    match row {
        Expr::Reference(row) => &row.attrs,
        Expr::Struct(row) => &row.attrs,
        Expr::Call(row) => &row.attrs,
        Expr::Path(row) => &row.attrs,
        _ => &[],
    }
}

/// Names of features that say what is left out instead of what is added.
fn names(tree: &Tree) -> Vec<Finding> {
    let manifest = "crates/linkspan/Cargo.toml";
    let table = tree.toml(manifest);
    let features = table.get("features").and_then(toml::Value::as_table);
    let names = features.into_iter().flatten().map(|(name, _)| name);
    let is_wrong = |name: &&String| {
        ["no-", "no_", "use-", "use_", "without"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    let finding = |name: &String| {
        let remedy = "name it after the module that it adds";
        Finding::new(manifest, 1, format!("a feature named {name}"), remedy)
    };
    names.filter(is_wrong).map(finding).collect()
}

/// The library is built without features where everybody's changes are tested.
fn bare_build(tree: &Tree) -> Option<Finding> {
    let steps = tree.text(".ci/run")?;
    let is_built = steps
        .lines()
        .any(|line| line.contains("-p linkspan ") && line.contains("--no-default-features"));
    let finding = Finding::new(
        ".ci/run",
        1,
        "linkspan is not built without features",
        "run clippy for it with --no-default-features",
    );
    (!is_built).then_some(finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Tree::of(&[("crates/linkspan/src/rpc/client.rs", text)])).len()
    }

    #[test]
    fn features_that_change_code_are_found() {
        for text in [
            "#[cfg(not(feature = \"bus\"))] mod a;",
            "fn f() { #[cfg(feature = \"bus\")] g(); }",
            "fn f() -> bool { cfg!(feature = \"bus\") }",
            "struct S {\n    #[cfg(feature = \"bus\")]\n    a: u8,\n}",
            "trait T {\n    #[cfg(feature = \"bus\")]\n    fn f();\n}",
            "enum E {\n    #[cfg(all(unix, feature = \"bus\"))]\n    A,\n}",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
        let manifest = (
            "crates/linkspan/Cargo.toml",
            "[features]\nno-tls = []\ntls = []",
        );
        assert_eq!(check(&Tree::of(&[manifest])).len(), 1);
        assert_eq!(
            check(&Tree::of(&[(".ci/run", "cargo clippy --workspace")])).len(),
            1
        );
    }

    #[test]
    fn features_that_add_items_are_fine() {
        let text = "#[cfg(feature = \"bus\")]\nmod bus; // not(feature)\n\
                    impl S {\n    #[cfg(feature = \"bus\")]\n    fn f() {}\n}\n\
                    mod inner {\n    #[cfg(all(not(windows), feature = \"b\"))]\n    use a::b;\n}\n\
                    static T: &[&dyn A] = &[\n    &a,\n    #[cfg(feature = \"bus\")]\n    &b,\n];";
        assert_eq!(found(text), 0);
        let steps = "cargo clippy -p linkspan --no-default-features";
        assert_eq!(check(&Tree::of(&[(".ci/run", steps)])).len(), 0);
    }
}
