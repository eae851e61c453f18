//! Invariant 5: what crosses a process boundary stands in few places, and in docs/protocol.md.
//!
//! A type that serde can read came from outside, and one that it can write goes there. So the
//! derives and hand-written implementations of both traits are looked for.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemEnum, ItemImpl};

use crate::arch::finding::Finding;
use crate::arch::source::{Source, line_of};
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let elsewhere = |source: &&Source| PUBLISHED.contains(&source.crate_name());
    let types = tree.code().filter(elsewhere).flat_map(types);
    types.chain(kinds(tree)).collect()
}

fn types(source: &Source) -> Vec<Finding> {
    if PLACES.iter().any(|place| place.covers(&source.path)) {
        return Vec::new();
    }
    let mut serde = Serde::default();
    serde.visit_file(&source.code);
    let is_output = source.path.starts_with(COMMANDS);
    let finding = |(line, name): (usize, &str)| {
        Finding::new(
            &source.path,
            line,
            format!("a type that is {name} outside wire.rs, message/, frame/, error and config"),
            "move it there; a type that only goes to --json belongs to the command line",
        )
    };
    serde
        .found
        .into_iter()
        .filter(|(_, name)| !(is_output && *name == "Serialize"))
        .map(finding)
        .collect()
}

/// Places where types are written or read by serde.
#[derive(Default)]
struct Serde {
    found: Vec<(usize, &'static str)>,
}

impl Serde {
    fn note(&mut self, tokens: &TokenStream, line: usize) {
        let text = tokens.to_string();
        let words = || text.split(|c: char| !c.is_alphanumeric() && c != '_');
        for name in ["Deserialize", "Serialize"] {
            if words().any(|word| word == name) {
                self.found.push((line, name));
            }
        }
    }
}

impl<'a> Visit<'a> for Serde {
    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if attribute.path().is_ident("derive") {
            self.note(&attribute.meta.to_token_stream(), line_of(attribute));
        }
    }

    fn visit_item_impl(&mut self, block: &'a ItemImpl) {
        // `impl<T: Serialize> Codec for T` is no type of its own: only the trait's name counts.
        if let Some(name) = block
            .trait_
            .as_ref()
            .and_then(|(path, _)| path.segments.last())
        {
            self.note(&name.ident.to_token_stream(), line_of(block));
        }
        visit::visit_item_impl(self, block);
    }
}

/// A file, or all files of a folder or a name.
enum Place {
    Folder(&'static str),
    Name(&'static str),
    File(&'static str),
}

impl Place {
    fn covers(&self, path: &str) -> bool {
        match self {
            Self::Folder(name) => path.contains(&format!("/{name}/")),
            Self::Name(name) => path.ends_with(&format!("/{name}")),
            Self::File(file) => path == *file,
        }
    }
}

/// Kinds of frames that the specification does not know.
fn kinds(tree: &Tree) -> Vec<Finding> {
    let Some(source) = tree.sources.iter().find(|source| source.path == KINDS) else {
        return Vec::new();
    };
    let Some(specification) = tree.text(SPECIFICATION) else {
        let remedy = "write down the wire format";
        return vec![Finding::new(
            SPECIFICATION,
            1,
            "there is no specification",
            remedy,
        )];
    };
    let rows: Vec<_> = specification.lines().filter_map(kind_of_row).collect();
    let is_kind = |item: &&Item| matches!(item, Item::Enum(item) if item.ident == "Kind");
    let Some(Item::Enum(kinds)) = source.code.items.iter().find(is_kind) else {
        let remedy = "tell this check where the kinds of frames are";
        return vec![Finding::new(KINDS, 1, "there is no enum Kind", remedy)];
    };
    missing(kinds, &rows)
}

fn missing(kinds: &ItemEnum, rows: &[(String, String)]) -> Vec<Finding> {
    let finding = |variant: &syn::Variant| {
        let name = variant.ident.to_string().to_lowercase();
        let (_, number) = variant.discriminant.as_ref()?;
        let number = number.to_token_stream().to_string();
        let is_known = rows
            .iter()
            .any(|row| *row == (number.clone(), name.clone()));
        let finding = Finding::new(
            KINDS,
            line_of(variant),
            format!("kind {number} {name} has no row in {SPECIFICATION}"),
            format!("describe it there, in a table row that begins with | {number} | {name} |"),
        );
        (!is_known).then_some(finding)
    };
    kinds.variants.iter().filter_map(finding).collect()
}

/// Number and name of a kind, from a row as `| 2 | request | ...` or `| 2 request | ...`.
fn kind_of_row(line: &str) -> Option<(String, String)> {
    let cells = line.trim().strip_prefix('|')?;
    let mut words = cells
        .split(|c: char| c == '|' || c == '`' || c.is_whitespace())
        .filter(|word| !word.is_empty());
    let number: u8 = words.next()?.parse().ok()?;
    Some((number.to_string(), words.next()?.to_lowercase()))
}

/// Crates whose types other processes see.
const PUBLISHED: [&str; 4] = ["linkspan", "linkspan-cli", "linkspan-os", "linkspan-proto"];

const PLACES: [Place; 13] = [
    Place::Name("wire.rs"),
    Place::Folder("wire"),
    Place::Folder("message"),
    Place::Folder("frame"),
    // Errors cross on purpose: the caller gets what the method failed with.
    Place::Name("error.rs"),
    Place::Folder("error"),
    // Settings come from files, and limits are told to the peer.
    Place::Name("config.rs"),
    Place::Folder("config"),
    // What people read with --json, and nobody reads back.
    Place::Folder("output"),
    // Names of encodings, and errors of decoding that callers are told.
    Place::File("crates/linkspan/src/codec.rs"),
    // Values of any kind, from files in YAML.
    Place::File("crates/linkspan/src/source/yaml.rs"),
    // Figures of a listener, as `linkspan status --json` shows them.
    Place::File("crates/linkspan/src/session/report.rs"),
    // Writes the types of a service's parameters, in the user's crate.
    Place::File("crates/linkspan-macros/src/expand.rs"),
];

/// Here a type may be written, for --json, but not read.
const COMMANDS: &str = "crates/linkspan-cli/src/";
const KINDS: &str = "crates/linkspan-proto/src/frame/native.rs";
const SPECIFICATION: &str = "docs/protocol.md";

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn types_on_the_wire_in_other_files_are_found() {
        let path = "crates/linkspan/src/rpc/client.rs";
        for text in [
            "#[derive(Debug, Serialize)] struct S;",
            "#[derive(serde::Deserialize)] enum E {}",
            "impl<'de> Deserialize<'de> for S {}",
            "mod inner { impl serde::Serialize for super::S {} }",
        ] {
            assert_eq!(found_in(path, text), 1, "{text}");
        }
        let read = "#[derive(Deserialize)] struct S;";
        assert_eq!(
            found_in("crates/linkspan-cli/src/commands/call.rs", read),
            1
        );
    }

    #[test]
    fn bounds_and_the_right_files_are_fine() {
        let bound = "impl<T: Serialize> Encode for T {} fn f<T: Deserialize<'static>>() {}";
        assert_eq!(found_in("crates/linkspan/src/rpc/client.rs", bound), 0);
        let both = "#[derive(Serialize, Deserialize)] struct S;";
        for path in [
            "linkspan/src/bus/wire.rs",
            "linkspan-proto/src/message/offer.rs",
        ] {
            assert_eq!(found_in(&format!("crates/{path}"), both), 0, "{path}");
        }
        let written = "#[derive(Serialize)] struct S;";
        assert_eq!(
            found_in("crates/linkspan-cli/src/commands/call.rs", written),
            0
        );
    }

    #[test]
    fn a_kind_without_its_row_is_found() {
        let kinds = (KINDS, "pub enum Kind { Request = 2, End = 10 }");
        let all = "| 2 | request | deadline |\n| `10` | `end` | 0 |";
        assert_eq!(check(&Tree::of(&[kinds, (SPECIFICATION, all)])).len(), 0);
        let other = "| 2 | request | deadline |\n| 11 | end | 0 |";
        assert_eq!(check(&Tree::of(&[kinds, (SPECIFICATION, other)])).len(), 1);
        assert_eq!(check(&Tree::of(&[kinds])).len(), 1);
    }
}
