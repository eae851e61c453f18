//! Which paths code names, with its imports resolved.
//!
//! Tokens are read instead of the syntax tree, so that what stands in macros is seen, too; comments
//! and texts are not tokens and cannot deceive.

use std::collections::HashMap;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::UseTree;

use crate::arch::source::{Source, line_of};

/// A path that code names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    /// In full, such as `std::time::Instant::now`; what is in the same crate begins with `crate`
    /// where that is known.
    pub(crate) path: String,
    pub(crate) line: usize,
    /// Whether it is a method or a field, of which only the name is known.
    pub(crate) is_member: bool,
}

impl Mention {
    /// Whether it is `outer` or something in it.
    pub(crate) fn is_in(&self, outer: &str) -> bool {
        let rest = self.path.strip_prefix(outer);
        !self.is_member && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    /// The first part of the path.
    pub(crate) fn first(&self) -> &str {
        self.path.split("::").next().unwrap_or_default()
    }
}

/// The imports of a file: what short names stand for.
pub(crate) struct Imports {
    module: Vec<String>,
    names: HashMap<String, String>,
}

impl Imports {
    pub(crate) fn of(source: &Source) -> Self {
        let mut imports = Self {
            module: source.module().into_iter().map(str::to_owned).collect(),
            names: HashMap::new(),
        };
        let mut found = Vec::new();
        read(source.code.to_token_stream(), &mut found);
        for (name, mention) in found {
            if let Some(name) = name {
                let path = imports.absolute(&mention.path);
                imports.names.insert(name, path);
            }
        }
        imports
    }

    /// The paths in `tokens`.
    pub(crate) fn resolve(&self, tokens: TokenStream) -> Vec<Mention> {
        let mut found = Vec::new();
        read(tokens, &mut found);
        let resolve = |(_, mut mention): (Option<String>, Mention)| {
            if !mention.is_member {
                mention.path = self.full(&mention.path);
            }
            mention
        };
        found.into_iter().map(resolve).collect()
    }

    fn full(&self, path: &str) -> String {
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        match self.names.get(first) {
            Some(full) if rest.is_empty() => full.clone(),
            Some(full) => format!("{full}::{rest}"),
            None => self.absolute(path),
        }
    }

    /// A path from the root of its crate instead of from here.
    fn absolute(&self, path: &str) -> String {
        let is_relative = path.starts_with("self::") || path.starts_with("super::");
        if !is_relative {
            return path.to_owned();
        }
        let mut above = self.module.len();
        let mut parts = path.split("::").peekable();
        while let Some(part) = parts.next_if(|part| matches!(*part, "self" | "super")) {
            above = above.saturating_sub(usize::from(part == "super"));
        }
        let outer = self.module.iter().take(above).map(String::as_str);
        let all: Vec<_> = ["crate"].into_iter().chain(outer).chain(parts).collect();
        all.join("::")
    }
}

/// A path, and the name that it is imported by.
type Found = (Option<String>, Mention);

fn read(tokens: TokenStream, found: &mut Vec<Found>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let rest = tokens.get(at..).unwrap_or_default();
        at += match token {
            TokenTree::Group(group) => {
                read(group.stream(), found);
                1
            }
            TokenTree::Ident(word) if word == "use" => read_use(rest, found),
            TokenTree::Ident(_) => {
                let is_member = at
                    .checked_sub(1)
                    .is_some_and(|before| is_dot(&tokens, before));
                read_path(rest, is_member, found)
            }
            _ => 1,
        };
    }
}

/// Whether a single dot stands there: two are a range.
fn is_dot(tokens: &[TokenTree], at: usize) -> bool {
    let dot = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == '.');
    dot(at) && !at.checked_sub(1).is_some_and(dot)
}

/// Reads `a::b::c`; gives how many tokens it is.
fn read_path(tokens: &[TokenTree], is_member: bool, found: &mut Vec<Found>) -> usize {
    let mut parts = Vec::new();
    let mut length = 0;
    let mut line = 0;
    while let Some(TokenTree::Ident(part)) = tokens.get(length) {
        if parts.is_empty() {
            line = part.span().start().line;
        }
        parts.push(part.to_string());
        length += 1;
        let colons = tokens.get(length..length + 2).unwrap_or_default();
        let is_colon =
            |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ':');
        let goes_on = matches!(tokens.get(length + 2), Some(TokenTree::Ident(_)));
        if colons.len() < 2 || !colons.iter().all(is_colon) || !goes_on {
            break;
        }
        length += 2;
    }
    let path = parts.join("::");
    found.push((
        None,
        Mention {
            path,
            line,
            is_member,
        },
    ));
    length
}

/// Reads `use a::{b, c as d};`; gives how many tokens it is.
fn read_use(tokens: &[TokenTree], found: &mut Vec<Found>) -> usize {
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ';');
    let length = tokens.iter().position(is_end).unwrap_or(1);
    let inner: TokenStream = tokens.iter().take(length).skip(1).cloned().collect();
    // `impl Trait + use<'a>` is no import.
    let Ok(tree) = syn::parse2::<UseTree>(inner) else {
        return 1;
    };
    flatten("", &tree, found);
    length
}

fn flatten(outer: &str, tree: &UseTree, found: &mut Vec<Found>) {
    let join = |name: &str| match (outer, name) {
        ("", name) => name.to_owned(),
        (outer, "self") => outer.to_owned(),
        (outer, name) => format!("{outer}::{name}"),
    };
    let last = |path: &str| path.rsplit("::").next().map(str::to_owned);
    let (name, path) = match tree {
        UseTree::Path(path) => return flatten(&join(&path.ident.to_string()), &path.tree, found),
        UseTree::Group(group) => {
            return group
                .items
                .iter()
                .for_each(|tree| flatten(outer, tree, found));
        }
        UseTree::Name(name) => {
            let path = join(&name.ident.to_string());
            (last(&path), path)
        }
        UseTree::Rename(rename) => (
            Some(rename.rename.to_string()),
            join(&rename.ident.to_string()),
        ),
        _ => (None, outer.to_owned()),
    };
    let mention = Mention {
        path,
        line: line_of(tree),
        is_member: false,
    };
    found.push((name, mention));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let source = Source::parse("crates/linkspan/src/rpc/client.rs", text).unwrap();
        let mentions = source.mentions().into_iter();
        mentions
            .filter(|mention| mention.path.contains("::"))
            .map(|mention| format!("{} {}", mention.path, mention.line))
            .collect()
    }

    #[test]
    fn imports_are_resolved_in_every_form() {
        let text = "use std::{fs::{self, File as Handle}, time as t};\n\
                    use super::wire;\n\
                    fn f() { fs::read(); Handle::open(); t::Instant::now(); wire::X }";
        let found = paths(text);
        let expected = [
            "std::fs 1",
            "std::fs::File 1",
            "std::time 1",
            "crate::rpc::wire 2",
            "std::fs::read 3",
            "std::fs::File::open 3",
            "std::time::Instant::now 3",
            "crate::rpc::wire::X 3",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn members_are_no_paths_and_macros_are_code() {
        let text = "use std::thread;\n\
                    fn f() { self.thread.thread(); 0..thread::available(); m!(thread::spawn) }";
        let expected = [
            "std::thread 1",
            "std::thread::available 2",
            "std::thread::spawn 2",
        ];
        assert_eq!(paths(text), expected);
    }

    #[test]
    fn captured_lifetimes_are_no_import() {
        assert_eq!(
            paths("fn f<'a>() -> impl Sized + use<'a> { a::b() }"),
            ["a::b 1"]
        );
    }
}
