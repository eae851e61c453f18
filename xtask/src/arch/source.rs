//! Rust files as the checks see them: parsed, and without their tests.

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item};

use crate::arch::paths::{Imports, Mention};

/// A parsed file.
pub(crate) struct Source {
    /// From the root of the project, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// All but what is compiled for tests only.
    pub(crate) code: syn::File,
    /// Lines that are compiled for tests only, the first and the last of each piece.
    pub(crate) tests: Vec<(usize, usize)>,
}

impl Source {
    /// Parses a file.
    ///
    /// # Errors
    ///
    /// When it is not Rust.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self> {
        let mut code = syn::parse_file(text).with_context(|| format!("cannot parse {path}"))?;
        let mut tests = Vec::new();
        remove_tests(&mut code.items, &mut tests);
        Ok(Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            tests,
        })
    }

    /// Name of the crate's directory, such as `linkspan-proto`.
    pub(crate) fn crate_name(&self) -> &str {
        let path = self.path.strip_prefix("crates/").unwrap_or(&self.path);
        path.split('/').next().unwrap_or_default()
    }

    /// Whether all of it is for tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Whether it is part of what `crate_name` is compiled to, tests excepted.
    pub(crate) fn is_code_of(&self, crate_name: &str) -> bool {
        self.crate_name() == crate_name && self.path.contains("/src/") && !self.is_test()
    }

    /// Its lines that are not for tests.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        let is_test = |number: usize| {
            let mut pieces = self.tests.iter();
            pieces.any(|(first, last)| (*first..=*last).contains(&number))
        };
        let numbered = (1..).zip(self.text.lines());
        numbered
            .filter(move |(number, _)| !is_test(*number))
            .map(|(_, line)| line)
    }

    /// The path of its module in the crate, such as `["rpc", "client"]`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let (_, inside) = self.path.split_once("/src/").unwrap_or_default();
        let mut module: Vec<_> = inside.trim_end_matches(".rs").split('/').collect();
        if matches!(module.last(), Some(&("mod" | "lib" | "main"))) {
            module.pop();
        }
        module
    }

    /// Everything that the code names, in full as far as the file's imports tell.
    pub(crate) fn mentions(&self) -> Vec<Mention> {
        self.mentions_in(self.code.to_token_stream())
    }

    /// What a piece of this file names.
    pub(crate) fn mentions_in(&self, piece: TokenStream) -> Vec<Mention> {
        Imports::of(self).resolve(piece)
    }

    /// All tokens of the code that are not groups, those in macros included.
    pub(crate) fn tokens(&self) -> Vec<TokenTree> {
        let mut flat = Vec::new();
        flatten(self.code.to_token_stream(), &mut flat);
        flat
    }
}

/// Where a token begins.
pub(crate) fn line_of(token: &impl ToTokens) -> usize {
    let first = token.to_token_stream().into_iter().next();
    first.map_or(0, |token| token.span().start().line)
}

/// What is written before an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Takes out what is for tests only, and notes where it stood.
fn remove_tests(items: &mut Vec<Item>, removed: &mut Vec<(usize, usize)>) {
    let mut keep = |attributes: &[Attribute], item: &dyn Spanned| {
        let is_test = attributes.iter().any(is_for_tests);
        if is_test {
            let span = item.span();
            removed.push((span.start().line, span.end().line));
        }
        !is_test
    };
    items.retain(|item| keep(attributes(item), item));
    for item in items.iter_mut() {
        if let Item::Impl(block) = item {
            block.items.retain(|item| match item {
                ImplItem::Fn(function) => keep(&function.attrs, function),
                _ => true,
            });
        }
    }
    for item in items {
        if let Item::Mod(module) = item
            && let Some((_, items)) = &mut module.content
        {
            remove_tests(items, removed);
        }
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let meta = attribute.meta.to_token_stream().to_string();
    attribute.path().is_ident("test") || meta.replace(' ', "") == "cfg(test)"
}

fn flatten(tokens: TokenStream, flat: &mut Vec<TokenTree>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => flatten(group.stream(), flat),
            token => flat.push(token),
        }
    }
}
