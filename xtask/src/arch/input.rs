//! Invariant 9: nothing that a peer sends makes us panic.
//!
//! Clippy refuses what can panic; the check makes sure that it is asked and nobody is excused. And
//! whoever reads bytes of a peer's stands under a fuzz target, which also limits memory and time.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Type, Visibility};

use crate::arch::finding::Finding;
use crate::arch::source::{Source, line_of};
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let excuses = tree
        .code()
        .filter(|source| FACES_PEERS.contains(&source.crate_name()))
        .flat_map(excuses);
    lints(tree)
        .into_iter()
        .chain(excuses)
        .chain(decoders(tree))
        .collect()
}

fn lints(tree: &Tree) -> Vec<Finding> {
    let root = tree.toml("Cargo.toml");
    let clippy = root
        .get("workspace")
        .and_then(|workspace| workspace.get("lints")?.get("clippy"));
    let is_off = |lint: &&&str| {
        let level = clippy.and_then(|clippy| clippy.get(lint)?.as_str());
        !matches!(level, Some("warn" | "deny" | "forbid"))
    };
    let finding = |lint: &&str| {
        let remedy = "set it to \"warn\" in [workspace.lints.clippy]";
        Finding::new("Cargo.toml", 1, format!("the lint {lint} is off"), remedy)
    };
    let mut findings: Vec<_> = LINTS.iter().filter(is_off).map(finding).collect();
    let mut roots = tree.sources.iter().filter(|source| source.path == PROTOCOL);
    if let Some(source) = roots.find(|source| !source.text.contains(ARITHMETIC)) {
        let problem = "the protocol's arithmetic may overflow";
        findings.push(Finding::new(
            &source.path,
            1,
            problem,
            format!("write {ARITHMETIC}"),
        ));
    }
    findings
}

/// Places where the compiler is told to look away.
fn excuses(source: &Source) -> Vec<Finding> {
    struct Excuses(Vec<(usize, &'static str)>);
    impl<'a> Visit<'a> for Excuses {
        fn visit_attribute(&mut self, attribute: &'a Attribute) {
            let is_excuse = ["allow", "expect"]
                .iter()
                .any(|word| attribute.path().is_ident(word));
            let text = attribute
                .meta
                .to_token_stream()
                .to_string()
                .replace(' ', "");
            let excused = LINTS
                .iter()
                .filter(|lint| text.contains(&format!("clippy::{lint}")));
            if is_excuse {
                let line = line_of(attribute);
                self.0.extend(excused.map(|lint| (line, *lint)));
            }
            visit::visit_attribute(self, attribute);
        }
    }
    let mut excuses = Excuses(Vec::new());
    excuses.visit_file(&source.code);
    let finding = |(line, lint)| {
        let remedy = "use get, split_first_chunk, checked arithmetic, or expect with the proof";
        Finding::new(&source.path, line, format!("excused from {lint}"), remedy)
    };
    excuses.0.into_iter().map(finding).collect()
}

/// Decoders of the protocol that no fuzz target uses, neither by itself nor through another one.
fn decoders(tree: &Tree) -> Vec<Finding> {
    let is_target = |source: &&Source| TARGETS.iter().any(|place| source.path.starts_with(place));
    let targets: Vec<_> = tree.sources.iter().filter(is_target).collect();
    let mut missing = Vec::new();
    let mut reached = targets.clone();
    for source in tree.code_of("linkspan-proto") {
        for decoder in public_decoders(source) {
            match targets.iter().any(|target| names(target, &decoder.1)) {
                true => reached.push(source),
                false => missing.push((source, decoder)),
            }
        }
    }
    let is_unreached = |(home, (_, name)): &(&Source, (usize, String))| {
        let mut others = reached.iter().filter(|source| source.path != home.path);
        !others.any(|source| names(source, name))
    };
    let finding = |(source, (line, name)): (&Source, (usize, String))| {
        let problem = format!("no fuzz target uses the decoder {name}");
        let remedy = "add one to crates/linkspan-test/src/fuzz/";
        Finding::new(&source.path, line, problem, remedy)
    };
    missing
        .into_iter()
        .filter(is_unreached)
        .map(finding)
        .collect()
}

/// Whether a file names a type.
fn names(source: &Source, name: &str) -> bool {
    let mut mentions = source.mentions().into_iter();
    mentions.any(|mention| !mention.is_member && mention.path.split("::").any(|part| part == name))
}

/// Types with a public function that takes bytes and gives a result.
///
/// Those that are not public are reached through one that is, or are dead code.
fn public_decoders(source: &Source) -> Vec<(usize, String)> {
    let mut decoders = Vec::new();
    for item in &source.code.items {
        let Item::Impl(block) = item else { continue };
        let Type::Path(owner) = &*block.self_ty else {
            continue;
        };
        let Some(owner) = owner.path.segments.last() else {
            continue;
        };
        for item in &block.items {
            let ImplItem::Fn(function) = item else {
                continue;
            };
            let inputs = function.sig.inputs.to_token_stream().to_string();
            let output = function.sig.output.to_token_stream().to_string();
            let takes_bytes = ["& [u8", "& mut BytesMut"]
                .iter()
                .any(|ty| inputs.contains(ty));
            let is_public = matches!(function.vis, Visibility::Public(_));
            if is_public && takes_bytes && output.contains("Result") {
                decoders.push((line_of(function), owner.ident.to_string()));
            }
        }
    }
    decoders
}

const PROTOCOL: &str = "crates/linkspan-proto/src/lib.rs";
const ARITHMETIC: &str = "#![warn(clippy::arithmetic_side_effects)]";

/// Lints against what panics.
const LINTS: [&str; 6] = [
    "indexing_slicing",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "unwrap_used",
];

/// Crates that handle what peers send.
const FACES_PEERS: [&str; 4] = ["linkspan", "linkspan-cli", "linkspan-os", "linkspan-proto"];

/// Where fuzz targets are.
const TARGETS: [&str; 2] = ["crates/linkspan-test/src/fuzz/", "fuzz/"];

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = (
        "Cargo.toml",
        "[workspace.lints.clippy]\nindexing_slicing = \"warn\"\npanic = \"warn\"\n\
         todo = \"warn\"\nunimplemented = \"warn\"\nunreachable = \"warn\"\nunwrap_used = \"deny\"",
    );
    const DECODER: (&str, &str) = (
        "crates/linkspan-proto/src/codec.rs",
        "impl Decoder { pub fn decode(&mut self, input: &mut BytesMut) -> Result<Frame, E> { f() } }",
    );

    #[test]
    fn lints_that_are_off_are_found() {
        assert_eq!(check(&Tree::of(&[ROOT])).len(), 0);
        assert_eq!(
            check(&Tree::of(&[("Cargo.toml", "[workspace]")])).len(),
            LINTS.len()
        );
        assert_eq!(
            check(&Tree::of(&[ROOT, (PROTOCOL, "//! Protocol.")])).len(),
            1
        );
    }

    #[test]
    fn excuses_are_found_outside_tests_only() {
        let text = "#[expect(clippy::indexing_slicing, reason = \"fits\")] fn f() {}\n\
                    #[cfg(test)] #[allow(clippy::panic)] mod tests {}\n\
                    #[expect(clippy::too_many_lines, reason = \"a table\")] fn g() {}";
        let source = ("crates/linkspan/src/session/open.rs", text);
        assert_eq!(check(&Tree::of(&[ROOT, source])).len(), 1);
    }

    #[test]
    fn a_decoder_without_fuzz_target_is_found() {
        let other = "//! Decoder\nfn run(data: &[u8]) { proto::Header::read(data) }";
        let path = "crates/linkspan-test/src/fuzz/frame.rs";
        assert_eq!(check(&Tree::of(&[ROOT, DECODER, (path, other)])).len(), 1);
        let right = "use proto::Decoder;\nfn run(data: &[u8]) { Decoder::new() }";
        assert_eq!(check(&Tree::of(&[ROOT, DECODER, (path, right)])).len(), 0);
        let inner = (
            "crates/linkspan-proto/src/frame/native.rs",
            "impl Header { pub fn read(bytes: &[u8; 36]) -> Result<Self, E> { f() } }",
        );
        assert_eq!(
            check(&Tree::of(&[ROOT, DECODER, inner, (path, right)])).len(),
            1
        );
        let outer = format!("use crate::frame::Header; {}", DECODER.1);
        let files = [ROOT, (DECODER.0, &outer), inner, (path, right)];
        assert_eq!(check(&Tree::of(&files)).len(), 0);
    }
}
