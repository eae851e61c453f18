//! What a service's trait says, checked.

use std::time::Duration;

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Attribute, Block, Error, Expr, ExprLit, FnArg, GenericArgument, Ident, ItemTrait, Lit, LitStr,
    Meta, Pat, PathArguments, PathSegment, ReceiverKind, Result, ReturnType, TraitItem,
    TraitItemFn, Type, Visibility,
};

use crate::options::{MethodOptions, ServiceOptions};

/// A trait that is a service.
pub(crate) struct Service {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    pub(crate) schema: bool,
    pub(crate) methods: Vec<Method>,
}

/// One of its methods.
pub(crate) struct Method {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) ident: Ident,
    /// Its name on the wire.
    pub(crate) name: String,
    pub(crate) doc: String,
    /// The parameters in their order.
    pub(crate) parameters: Vec<Parameter>,
    /// The whole return type.
    pub(crate) output: Type,
    /// Type of the result, or of its items.
    pub(crate) result: Type,
    pub(crate) error: Type,
    pub(crate) gives_stream: bool,
    pub(crate) deadline: Option<Duration>,
    pub(crate) options: MethodOptions,
    pub(crate) body: Option<Block>,
}

pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) role: Role,
}

/// What becomes of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is sent with the request.
    Value,
    /// Its items follow the request.
    Stream,
    /// It is not sent.
    Context,
}

impl Service {
    pub(crate) fn new(item: ItemTrait, options: ServiceOptions) -> Result<Self> {
        if let Some(parameter) = item.generics.params.first() {
            return Err(Error::new(
                parameter.span(),
                "a service cannot be generic: the other end could not know the types",
            ));
        }
        let prefix = options
            .name
            .map_or_else(|| snake_case(&item.ident), |name| name.value());
        let mut errors: Option<Error> = None;
        let mut methods = Vec::new();
        for item in item.items {
            match Method::new(item, &prefix, options.deadline) {
                Ok(method) => methods.push(method),
                Err(error) => match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                },
            }
        }
        if let Some(errors) = errors {
            return Err(errors);
        }
        Ok(Self {
            attributes: item.attrs,
            visibility: item.vis,
            ident: item.ident,
            schema: options.schema,
            methods,
        })
    }
}

impl Method {
    fn new(item: TraitItem, prefix: &str, deadline: Option<Duration>) -> Result<Self> {
        let TraitItem::Fn(mut item) = item else {
            return Err(Error::new(item.span(), "a service has methods only"));
        };
        let options = MethodOptions::take(&mut item.attrs)?;
        check_signature(&item)?;
        let parameters = parameters(&item)?;
        let (output, result, error) = result_types(&item)?;
        let (result, gives_stream) = match stream_item(&result) {
            Some(inner) => (inner, true),
            None => (result, false),
        };
        let ident = item.sig.ident;
        let name = options
            .name
            .as_ref()
            .map_or_else(|| ident.to_string(), LitStr::value);
        Ok(Self {
            doc: doc(&item.attrs),
            attributes: item.attrs,
            name: format!("{prefix}.{name}"),
            ident,
            parameters,
            output,
            result,
            error,
            gives_stream,
            deadline: options.deadline.or(deadline),
            options,
            body: item.default,
        })
    }

    /// The parameters that are sent with the request.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters
            .iter()
            .filter(|parameter| parameter.role == Role::Value)
    }

    /// The parameter with this role; there is one at most.
    pub(crate) fn special(&self, role: Role) -> Option<&Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.role == role)
    }
}

fn check_signature(item: &TraitItemFn) -> Result<()> {
    let signature = &item.sig;
    if signature.asyncness.is_none() {
        return Err(Error::new(
            signature.fn_token.span,
            "a service's method is an `async fn`: its answer may come from another process",
        ));
    }
    if let Some(parameter) = signature.generics.params.first() {
        return Err(Error::new(
            parameter.span(),
            "a service's method cannot be generic: the other end could not know the types",
        ));
    }
    match signature.receiver() {
        Some(receiver) if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => Ok(()),
        Some(receiver) => Err(Error::new(
            receiver.span(),
            "a service's method takes `&self`: many calls run at once",
        )),
        None => Err(Error::new(
            signature.ident.span(),
            "a service's method takes `&self`, then its parameters",
        )),
    }
}

fn parameters(item: &TraitItemFn) -> Result<Vec<Parameter>> {
    let mut parameters = Vec::new();
    for input in item.sig.inputs.iter().skip(1) {
        let FnArg::Typed(input) = input else { continue };
        let Pat::Ident(name) = &*input.pat else {
            return Err(Error::new(
                input.pat.span(),
                "a parameter needs a plain name: it is its name on the wire, too",
            ));
        };
        let role = role(&input.ty)?;
        let parameter = Parameter {
            ident: name.ident.clone(),
            ty: (*input.ty).clone(),
            role,
        };
        let doubled = |other: &Parameter| role != Role::Value && other.role == role;
        if parameters.iter().any(doubled) {
            let problem = match role {
                Role::Stream => "a method takes one stream at most",
                _ => "a method takes one context at most",
            };
            return Err(Error::new(input.ty.span(), problem));
        }
        parameters.push(parameter);
    }
    Ok(parameters)
}

fn role(ty: &Type) -> Result<Role> {
    if let Type::Reference(reference) = ty {
        return Err(Error::new(
            reference.span(),
            "a parameter crosses a process boundary: use an owned type, as `String` for `&str`",
        ));
    }
    if stream_item(ty).is_some() {
        return Ok(Role::Stream);
    }
    let is_context = last_segment(ty).is_some_and(|segment| {
        segment.ident == "Context" && matches!(segment.arguments, PathArguments::None)
    });
    Ok(if is_context {
        Role::Context
    } else {
        Role::Value
    })
}

/// The return type, and its `T` and `E`.
fn result_types(item: &TraitItemFn) -> Result<(Type, Type, Type)> {
    const PROBLEM: &str = "a remote call can fail: return `Result<T, E>`, where `E` is \
                           `linkspan::rpc::CallError` or a type that is `From` it";
    let output = match &item.sig.output {
        ReturnType::Type(_, output) => output,
        ReturnType::Default => return Err(Error::new(item.sig.ident.span(), PROBLEM)),
    };
    let types: Vec<Type> = last_segment(output)
        .filter(|segment| segment.ident == "Result")
        .map(type_arguments)
        .unwrap_or_default();
    match <[Type; 2]>::try_from(types) {
        Ok([result, error]) => Ok(((**output).clone(), result, error)),
        Err(_) => Err(Error::new(output.span(), PROBLEM)),
    }
}

/// `T`, if the type is `Streaming<T>` or `Streaming<T, E>`.
fn stream_item(ty: &Type) -> Option<Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Streaming")?;
    type_arguments(segment).into_iter().next()
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn type_arguments(segment: &PathSegment) -> Vec<Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    let ty = |argument: &GenericArgument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    };
    arguments.args.iter().filter_map(ty).collect()
}

/// The text of the documentation comments.
fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    attributes
        .iter()
        .filter_map(line)
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}

fn snake_case(ident: &Ident) -> String {
    let mut snake = String::new();
    for (place, letter) in ident.to_string().char_indices() {
        if letter.is_uppercase() && place > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// A type as people write it.
pub(crate) fn type_text(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, tight) in [
        (" < ", "<"),
        (" >", ">"),
        ("< ", "<"),
        (" , ", ", "),
        (" :: ", "::"),
        ("& ", "&"),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}

/// An identifier like another with something added to it.
pub(crate) fn suffixed(ident: &Ident, suffix: &str) -> Ident {
    Ident::new(&format!("{ident}{suffix}"), ident.span())
}

/// An identifier of our own.
pub(crate) fn ours(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}
