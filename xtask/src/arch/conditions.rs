//! The conditions under which code is compiled.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

use crate::arch::source::Source;

/// What stands in `cfg(...)`, in `cfg!(...)`, or first in `cfg_attr(...)`.
pub(crate) struct Condition {
    pub(crate) tokens: TokenStream,
    pub(crate) line: usize,
}

/// All conditions in a file, those in macros included.
pub(crate) fn conditions(source: &Source) -> Vec<Condition> {
    let mut found = Vec::new();
    find(source.code.to_token_stream(), &mut found);
    found
}

fn find(tokens: TokenStream, found: &mut Vec<Condition>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => find(group.stream(), found),
            TokenTree::Ident(word) if word == "cfg" || word == "cfg_attr" => {
                let after = tokens.get(at + 1..).unwrap_or_default();
                found.extend(group_after(after).map(|group| Condition {
                    tokens: first_argument(group),
                    line: word.span().start().line,
                }));
            }
            _ => {}
        }
    }
}

/// The group that follows, at once or after an exclamation mark.
fn group_after(tokens: &[TokenTree]) -> Option<TokenStream> {
    match tokens {
        [TokenTree::Group(group), ..] => Some(group.stream()),
        [TokenTree::Punct(mark), TokenTree::Group(group), ..] if mark.as_char() == '!' => {
            Some(group.stream())
        }
        _ => None,
    }
}

fn first_argument(tokens: TokenStream) -> TokenStream {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    tokens
        .into_iter()
        .take_while(|token| !is_comma(token))
        .collect()
}
