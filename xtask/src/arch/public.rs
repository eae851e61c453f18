//! Invariant 8: which crates' types may stand in the public API.
//!
//! Every `pub` counts, because clippy and rustc refuse a `pub` that nobody can reach. Looked at are
//! re-exports, signatures, public fields, variants, traits, type aliases, constants, and the traits
//! that public types implement; their paths are resolved by the imports of the file. A crate of the
//! manifest that is not on the list is a finding. Types that only inference sees, and those that a
//! derive or a macro brings, are not seen. Modules with `#[doc(hidden)]` are not API.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, ItemTrait, TraitItem, Type, Visibility};
use toml::{Table, Value};

use crate::arch::finding::Finding;
use crate::arch::paths::Mention;
use crate::arch::source::Source;
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    CRATES
        .iter()
        .flat_map(|(name, allowed)| check_crate(tree, name, allowed))
        .collect()
}

fn check_crate(tree: &Tree, crate_name: &str, allowed: &[&str]) -> Vec<Finding> {
    let manifest = tree.toml(&format!("crates/{crate_name}/Cargo.toml"));
    let mut foreign = BTreeSet::new();
    dependencies(&manifest, &mut foreign);
    let allowed = [ALLOWED.as_slice(), allowed].concat();
    let types: BTreeSet<_> = tree
        .code_of(crate_name)
        .flat_map(|source| &source.code.items)
        .filter_map(public_type)
        .collect();
    let hidden: Vec<_> = tree.code_of(crate_name).flat_map(hidden_modules).collect();
    let is_shown = |source: &&Source| !hidden.contains(&source.module().join("::"));
    tree.code_of(crate_name)
        .filter(is_shown)
        .flat_map(|source| findings(source, &foreign, &allowed, &types))
        .collect()
}

/// Modules that are public for generated code only.
fn hidden_modules(source: &Source) -> Vec<String> {
    let is_hidden = |attribute: &Attribute| {
        let text = attribute.meta.to_token_stream().to_string();
        attribute.path().is_ident("doc") && text.contains("hidden")
    };
    let hidden = |item: &Item| match item {
        Item::Mod(module) if module.attrs.iter().any(is_hidden) => {
            let name = module.ident.to_string();
            Some([source.module(), vec![name.as_str()]].concat().join("::"))
        }
        _ => None,
    };
    source.code.items.iter().filter_map(hidden).collect()
}

fn findings(
    source: &Source,
    foreign: &BTreeSet<String>,
    allowed: &[&str],
    types: &BTreeSet<String>,
) -> Vec<Finding> {
    let mut surface = TokenStream::new();
    for item in &source.code.items {
        add_item(item, types, &mut surface);
    }
    let is_foreign = |mention: &Mention| {
        !mention.is_member
            && foreign.contains(mention.first())
            && !allowed.iter().any(|allowed| mention.is_in(allowed))
    };
    let finding = |mention: Mention| {
        Finding::new(
            &source.path,
            mention.line,
            format!("{} in the public API", mention.path),
            "wrap it in a type of ours, so that its next version is not our next version",
        )
    };
    let mentions = source.mentions_in(surface);
    mentions
        .into_iter()
        .filter(is_foreign)
        .map(finding)
        .collect()
}

/// Adds what others see of an item.
fn add_item(item: &Item, types: &BTreeSet<String>, surface: &mut TokenStream) {
    match item {
        Item::Fn(function) if is_public(&function.vis) => function.sig.to_tokens(surface),
        Item::Struct(item) if is_public(&item.vis) => {
            item.generics.to_tokens(surface);
            item.generics.where_clause.to_tokens(surface);
            add_fields(&item.fields, false, surface);
        }
        Item::Enum(item) if is_public(&item.vis) => {
            for variant in &item.variants {
                add_fields(&variant.fields, true, surface);
            }
        }
        Item::Trait(item) if is_public(&item.vis) => add_trait(item, surface),
        Item::Type(item) if is_public(&item.vis) => item.ty.to_tokens(surface),
        Item::Const(item) if is_public(&item.vis) => item.ty.to_tokens(surface),
        Item::Static(item) if is_public(&item.vis) => item.ty.to_tokens(surface),
        Item::Use(item) if is_public(&item.vis) => {
            item.use_token.to_tokens(surface);
            item.tree.to_tokens(surface);
            item.semi_token.to_tokens(surface);
        }
        Item::Impl(block) => add_impl(block, types, surface),
        _ => {}
    }
}

fn add_fields(fields: &Fields, all: bool, surface: &mut TokenStream) {
    for field in fields {
        if all || is_public(&field.vis) {
            field.ty.to_tokens(surface);
        }
    }
}

fn add_trait(item: &ItemTrait, surface: &mut TokenStream) {
    item.supertraits.to_tokens(surface);
    item.generics.where_clause.to_tokens(surface);
    for item in &item.items {
        match item {
            TraitItem::Fn(function) => function.sig.to_tokens(surface),
            TraitItem::Type(item) => item.bounds.to_tokens(surface),
            TraitItem::Const(item) => item.ty.to_tokens(surface),
            _ => {}
        }
    }
}

fn add_impl(block: &ItemImpl, types: &BTreeSet<String>, surface: &mut TokenStream) {
    if !name_of(&block.self_ty).is_some_and(|name| types.contains(&name)) {
        return;
    }
    if let Some((path, _)) = &block.trait_ {
        path.to_tokens(surface);
    }
    for item in &block.items {
        match item {
            ImplItem::Fn(function) if is_public(&function.vis) => {
                function.sig.to_tokens(surface);
            }
            ImplItem::Const(item) if is_public(&item.vis) => item.ty.to_tokens(surface),
            ImplItem::Type(item) => item.ty.to_tokens(surface),
            _ => {}
        }
    }
}

fn public_type(item: &Item) -> Option<String> {
    match item {
        Item::Struct(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        Item::Enum(item) if is_public(&item.vis) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        Type::Reference(reference) => name_of(&reference.elem),
        _ => None,
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Adds the names of all dependencies in a manifest, those for single systems included.
fn dependencies(manifest: &Table, names: &mut BTreeSet<String>) {
    for (key, value) in manifest {
        match (key.as_str(), value) {
            ("dependencies", Value::Table(table)) => {
                names.extend(table.keys().map(|name| name.replace('-', "_")));
            }
            ("target", Value::Table(targets)) => {
                for target in targets.values().filter_map(Value::as_table) {
                    dependencies(target, names);
                }
            }
            _ => {}
        }
    }
}

/// Crates whose API users see, and what may stand in theirs alone.
const CRATES: [(&str, &[&str]); 3] = [
    ("linkspan", &[]),
    ("linkspan-os", &["tokio::net::windows::named_pipe"]),
    ("linkspan-proto", &[]),
];

/// What may stand in all of them.
const ALLOWED: [&str; 12] = [
    "bytes",
    "futures_core::Stream",
    "linkspan_macros",
    "os",
    "prost",
    "proto",
    "schemars",
    "serde",
    "tokio::io::AsyncRead",
    "tokio::io::AsyncWrite",
    "tower_layer",
    "tower_service",
];

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = (
        "crates/linkspan/Cargo.toml",
        "[dependencies]\nbytes = \"1\"\ntokio = \"1\"\nserde-json = \"1\"\n\
         [target.'cfg(unix)'.dependencies]\nrustix = \"1\"",
    );

    fn found(text: &str) -> usize {
        check(&Tree::of(&[
            MANIFEST,
            ("crates/linkspan/src/rpc/client.rs", text),
        ]))
        .len()
    }

    #[test]
    fn foreign_types_are_found_in_every_place() {
        for text in [
            "pub use serde_json::Value;",
            "use tokio::sync::mpsc; pub fn f() -> mpsc::Sender<u8> { todo!() }",
            "pub fn f(body: impl Into<serde_json::Value>) {}",
            "pub fn f<T>() where T: Into<rustix::fd::OwnedFd> {}",
            "pub struct S { pub value: serde_json::Value }",
            "pub enum E { Other(serde_json::Error) }",
            "pub struct S; impl S { pub async fn f(&self, h: tokio::task::JoinHandle<()>) {} }",
            "pub struct S; impl From<serde_json::Error> for S {}",
            "pub trait T { fn f(&self) -> tokio::time::Instant; }",
            "pub type Json = serde_json::Value;",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn allowed_types_and_private_ones_are_fine() {
        let text = "
            use bytes::Bytes; use tokio::io::AsyncRead; use tokio::sync::mpsc;
            pub fn f(input: impl AsyncRead, body: Bytes) -> Option<std::time::Duration> { g() }
            pub(crate) fn g(sender: mpsc::Sender<u8>) { serde_json::to_value(sender) }
            pub struct S { sender: mpsc::Sender<u8> }
            struct P; impl From<serde_json::Error> for P {}
            impl S { fn f(&self) -> serde_json::Value { todo!() } }
        ";
        assert_eq!(found(text), 0);
    }

    #[test]
    fn pipes_of_tokio_may_come_from_the_system_calls_only() {
        let text = "
            use tokio::net::windows::named_pipe::NamedPipeServer;
            pub fn f() -> NamedPipeServer { g() }
            pub fn h() -> tokio::net::TcpStream { i() }
        ";
        let tree = |name: &str| {
            let manifest = format!("crates/{name}/Cargo.toml");
            let code = format!("crates/{name}/src/pipe.rs");
            Tree::of(&[(&manifest, "[dependencies]\ntokio = \"1\""), (&code, text)])
        };
        assert_eq!(check(&tree("linkspan-os")).len(), 1);
        assert_eq!(check(&tree("linkspan")).len(), 2);
    }

    #[test]
    fn what_is_hidden_is_no_api() {
        let code = (
            "crates/linkspan/src/rpc/codegen.rs",
            "pub use serde_json::Value;",
        );
        let found = |root| {
            check(&Tree::of(&[
                MANIFEST,
                code,
                ("crates/linkspan/src/rpc/mod.rs", root),
            ]))
        };
        assert_eq!(found("#[doc(hidden)] pub mod codegen;").len(), 0);
        assert_eq!(found("pub mod codegen;").len(), 1);
    }
}
