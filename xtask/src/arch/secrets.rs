//! Invariant 10: secrets are not shown.
//!
//! Secrets go by their names here. Their types must write `Debug` by hand, fields that hold one must
//! not stand in a type with a derived `Debug`, no log line may name one, and none is handed on in
//! the arguments or the environment of a process.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Fields, Item};

use crate::arch::finding::Finding;
use crate::arch::source::{Source, attributes, line_of};
use crate::arch::tree::Tree;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let holds_secrets = |source: &&Source| CRATES.contains(&source.crate_name());
    tree.code()
        .filter(holds_secrets)
        .flat_map(exposed)
        .collect()
}

fn exposed(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    derived(&source.code.items, &mut found);
    shown(source.code.to_token_stream(), &mut found);
    let finding = |(line, problem)| {
        let remedy = "write Debug by hand without the value, and show a name or a hash instead";
        Finding::new(&source.path, line, problem, remedy)
    };
    found.into_iter().map(finding).collect()
}

type Found = Vec<(usize, String)>;

fn derived(items: &[Item], found: &mut Found) {
    for item in items {
        let (name, fields): (_, Vec<&Fields>) = match item {
            Item::Struct(item) => (&item.ident, vec![&item.fields]),
            Item::Enum(item) => {
                let fields = item.variants.iter().map(|variant| &variant.fields);
                (&item.ident, fields.collect())
            }
            Item::Mod(module) => {
                let items = module.content.as_ref().map(|(_, items)| items.as_slice());
                derived(items.unwrap_or_default(), found);
                continue;
            }
            _ => continue,
        };
        if !attributes(item).iter().any(derives_debug) {
            continue;
        }
        if is_secret_type(&name.to_string()) {
            found.push((line_of(name), format!("{name} derives Debug")));
        }
        let names = fields.into_iter().flatten();
        for name in names.filter_map(|field| field.ident.as_ref()) {
            if is_secret(&name.to_string()) {
                found.push((
                    line_of(name),
                    format!("the field {name} in a derived Debug"),
                ));
            }
        }
    }
}

fn derives_debug(attribute: &Attribute) -> bool {
    let text = attribute.meta.to_token_stream().to_string();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    attribute.path().is_ident("derive") && words.any(|word| word == "Debug")
}

fn is_secret_type(name: &str) -> bool {
    SECRET_TYPES.iter().any(|end| name.ends_with(end)) && !HARMLESS.contains(&name)
}

fn is_secret(name: &str) -> bool {
    SECRETS
        .iter()
        .any(|secret| name == *secret || name.ends_with(&format!("_{secret}")))
}

/// Finds log lines, formatted texts, arguments and environments that name a secret.
fn shown(tokens: TokenStream, found: &mut Found) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else {
            continue;
        };
        shown(group.stream(), found);
        let is_bang =
            |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == '!');
        let before = tokens.get(..at).unwrap_or_default();
        let name = match before {
            [.., TokenTree::Ident(name), bang] if is_bang(bang) => name,
            [.., TokenTree::Ident(name)] => name,
            _ => continue,
        };
        let is_macro = before.last().is_some_and(is_bang);
        let shows = if is_macro {
            MACROS.as_slice()
        } else {
            METHODS.as_slice()
        };
        if shows.iter().any(|show| name == show) {
            secrets_in(group.stream(), &name.to_string(), found);
        }
    }
}

fn secrets_in(tokens: TokenStream, place: &str, found: &mut Found) {
    for token in tokens {
        let line = token.span().start().line;
        let text = token.to_string();
        match token {
            TokenTree::Group(group) => secrets_in(group.stream(), place, found),
            TokenTree::Ident(_) if is_secret(&text) => {
                found.push((line, format!("{text} is given to {place}")));
            }
            // A text shows what stands between its braces.
            TokenTree::Literal(_) => {
                let captured = text
                    .split('{')
                    .skip(1)
                    .filter_map(|rest| rest.split(['}', ':']).next());
                let captured = captured.filter(|name| is_secret(name));
                found.extend(captured.map(|name| (line, format!("{name} is given to {place}"))));
            }
            _ => {}
        }
    }
}

/// Crates that handle secrets; in the others a token is a piece of source.
const CRATES: [&str; 4] = ["linkspan", "linkspan-cli", "linkspan-os", "linkspan-proto"];
/// Ends of the names of types that are secrets.
const SECRET_TYPES: [&str; 5] = ["Key", "Password", "Secret", "Token", "Passphrase"];
/// Types with such names that hold none.
const HARMLESS: [&str; 3] = ["CancellationToken", "PublicKey", "RoutingKey"];
/// Names of values that are secrets, or ends of them.
const SECRETS: [&str; 7] = [
    "api_key",
    "passphrase",
    "password",
    "private_key",
    "secret",
    "secret_key",
    "token",
];
/// Macros that show what they are given.
const MACROS: [&str; 15] = [
    "bail",
    "debug",
    "debug_span",
    "ensure",
    "eprintln",
    "error",
    "error_span",
    "format",
    "info",
    "info_span",
    "panic",
    "println",
    "trace",
    "warn",
    "write",
];
/// Methods of `Command` that others can look at.
const METHODS: [&str; 4] = ["arg", "args", "env", "envs"];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Tree::of(&[("crates/linkspan/src/auth/token.rs", text)])).len()
    }

    #[test]
    fn secrets_that_are_shown_are_found() {
        for text in [
            "#[derive(Clone, Debug)] pub struct LaunchToken([u8; 32]);",
            "#[derive(Debug)] struct Login { user: String, password: String }",
            "#[derive(Debug)] enum Proof { Jwt { access_token: String } }",
            "fn f() { tracing::debug!(%token, \"accepted\") }",
            "fn f() -> String { format!(\"wrong {api_key:?}\") }",
            "fn f() { command.arg(token); }",
            "fn f() { command.env(\"LINKSPAN_TOKEN\", launch_token); }",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn names_and_hashes_are_fine() {
        let text = "
            pub struct LaunchToken([u8; 32]);
            impl fmt::Debug for LaunchToken {}
            #[derive(Debug)] struct CancellationToken;
            #[derive(Debug)] struct Login { user: String, key_id: u8 }
            fn f() { tracing::debug!(user, \"wrong token\"); verify(token); }
        ";
        assert_eq!(found(text), 0);
    }
}
