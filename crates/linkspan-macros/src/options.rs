//! Options in attributes.

use std::time::Duration;

use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, Result};

/// What `#[linkspan::service(...)]` says.
#[derive(Default)]
pub(crate) struct ServiceOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) schema: bool,
}

/// What `#[linkspan(...)]` on a method says.
#[derive(Default)]
pub(crate) struct MethodOptions {
    pub(crate) name: Option<LitStr>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) idempotent: bool,
    pub(crate) spawn: bool,
}

impl Parse for ServiceOptions {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        let parser = syn::meta::parser(|meta| {
            if meta.path.is_ident("name") {
                options.name = Some(name(&meta)?);
            } else if meta.path.is_ident("deadline") {
                options.deadline = Some(duration(&meta)?);
            } else if meta.path.is_ident("schema") {
                options.schema = true;
            } else {
                return Err(
                    meta.error("unknown option; a service has `name`, `deadline`, `schema`")
                );
            }
            Ok(())
        });
        syn::parse::Parser::parse2(parser, input.parse()?)?;
        Ok(options)
    }
}

impl MethodOptions {
    /// Takes the options of a method out of its attributes.
    pub(crate) fn take(attributes: &mut Vec<Attribute>) -> Result<Self> {
        let mut options = Self::default();
        let ours = attributes.extract_if(.., |attribute| attribute.path().is_ident("linkspan"));
        for attribute in ours {
            attribute.parse_nested_meta(|meta| options.read(&meta))?;
        }
        Ok(options)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(name(meta)?);
        } else if meta.path.is_ident("deadline") {
            self.deadline = Some(duration(meta)?);
        } else if meta.path.is_ident("idempotent") {
            self.idempotent = true;
        } else if meta.path.is_ident("spawn") {
            self.spawn = true;
        } else {
            return Err(meta
                .error("unknown option; a method has `name`, `deadline`, `idempotent`, `spawn`"));
        }
        Ok(())
    }
}

fn name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.value().is_empty() || !name.value().chars().all(allowed) {
        return Err(syn::Error::new(
            name.span(),
            "a name consists of letters, digits, `_`, `-` and `.`",
        ));
    }
    Ok(name)
}

fn duration(meta: &ParseNestedMeta<'_>) -> Result<Duration> {
    let literal: LitStr = meta.value()?.parse()?;
    let text = literal.value();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros_per_unit = match unit {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        "m" => Some(60_000_000),
        _ => None,
    };
    let micros = number.parse::<u64>().ok().zip(micros_per_unit);
    match micros.and_then(|(number, unit)| number.checked_mul(unit)) {
        Some(micros) if micros > 0 => Ok(Duration::from_micros(micros)),
        _ => Err(syn::Error::new(
            literal.span(),
            "a duration is a number above zero and `us`, `ms`, `s` or `m`, as in `\"30s\"`",
        )),
    }
}
