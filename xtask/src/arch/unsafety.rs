//! Invariant 2: unsafe code exists only in `linkspan-os`.
//!
//! The compiler refuses it where the lint is on. The check makes sure that the lint is on
//! everywhere, that nobody turns it off, and looks for the word itself in macros and tests.

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, File};
use toml::Value;

use crate::arch::finding::Finding;
use crate::arch::source::{Source, line_of};
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let elsewhere = |source: &&Source| !source.path.starts_with(HOME);
    let words = tree.sources.iter().filter(elsewhere).flat_map(words);
    words.chain(lints(tree)).collect()
}

fn words(source: &Source) -> Vec<Finding> {
    let Ok(whole) = syn::parse_file(&source.text) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    unsafe_words(whole.to_token_stream(), &mut lines);
    lines.extend(permissions(&whole));
    let finding = |line| {
        let remedy = "move it into linkspan-os, behind a safe function";
        Finding::new(
            &source.path,
            line,
            "unsafe code outside linkspan-os",
            remedy,
        )
    };
    lines.into_iter().map(finding).collect()
}

fn unsafe_words(tokens: proc_macro2::TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => unsafe_words(group.stream(), lines),
            TokenTree::Ident(word) if word == "unsafe" => lines.push(word.span().start().line),
            _ => {}
        }
    }
}

/// Lines on which the lint is turned off.
fn permissions(file: &File) -> Vec<usize> {
    struct Permissions(Vec<usize>);
    impl<'a> Visit<'a> for Permissions {
        fn visit_attribute(&mut self, attribute: &'a Attribute) {
            let is_permission = ["allow", "expect", "warn"]
                .iter()
                .any(|level| attribute.path().is_ident(level));
            let tokens = attribute.meta.to_token_stream().to_string();
            if is_permission && tokens.contains("unsafe_code") {
                self.0.push(line_of(attribute));
            }
            visit::visit_attribute(self, attribute);
        }
    }
    let mut permissions = Permissions(Vec::new());
    permissions.visit_file(file);
    permissions.0
}

fn lints(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let root = tree.toml("Cargo.toml");
    let level = root
        .get("workspace")
        .and_then(|workspace| workspace.get("lints")?.get("rust")?.get("unsafe_code"));
    if !matches!(level.and_then(Value::as_str), Some("deny" | "forbid")) {
        let remedy = "set it to \"deny\" in [workspace.lints.rust]";
        let problem = "the lint unsafe_code is not on for the workspace";
        findings.push(Finding::new("Cargo.toml", 1, problem, remedy));
    }
    for path in tree.texts.keys().filter(|path| is_member(path)) {
        let manifest = tree.toml(path);
        let takes_part = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        if takes_part.and_then(Value::as_bool) != Some(true) {
            let remedy = "add `[lints] workspace = true`";
            let problem = "the crate does not take part in the workspace's lints";
            findings.push(Finding::new(path, 1, problem, remedy));
        }
    }
    findings
}

/// Whether a file is the manifest of a member of the workspace.
fn is_member(path: &str) -> bool {
    let name = path.strip_suffix("/Cargo.toml").unwrap_or_default();
    name == "xtask" || name.starts_with("crates/") || name.starts_with("examples/")
}

const HOME: &str = "crates/linkspan-os/";

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = (
        "Cargo.toml",
        "[workspace.lints.rust]\nunsafe_code = \"deny\"",
    );

    fn library(text: &str) -> usize {
        check(&Tree::of(&[ROOT, ("crates/linkspan/src/sample.rs", text)])).len()
    }

    #[test]
    fn unsafe_code_and_permission_for_it_are_found() {
        for text in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "macro_rules! m { () => { unsafe { g() } } }",
            "#[cfg(test)] mod tests { unsafe fn f() {} }",
            "#![expect(unsafe_code, reason = \"needed\")]",
        ] {
            assert_eq!(library(text), 1, "{text}");
        }
    }

    #[test]
    fn comments_texts_and_prohibitions_are_fine() {
        assert_eq!(
            library("#![forbid(unsafe_code)] // unsafe { }\nconst S: &str = \"unsafe\";"),
            0
        );
    }

    #[test]
    fn the_crate_for_system_calls_may() {
        let os = ("crates/linkspan-os/src/sample.rs", "unsafe fn f() {}");
        assert_eq!(check(&Tree::of(&[ROOT, os])).len(), 0);
    }

    #[test]
    fn missing_lints_are_found() {
        let without = (
            "crates/linkspan/Cargo.toml",
            "[package]\nname = \"linkspan\"",
        );
        assert_eq!(check(&Tree::of(&[ROOT, without])).len(), 1);
        let with = ("crates/linkspan/Cargo.toml", "[lints]\nworkspace = true");
        assert_eq!(check(&Tree::of(&[ROOT, with])).len(), 0);
        assert_eq!(check(&Tree::of(&[("Cargo.toml", "[workspace]")])).len(), 1);
    }
}
