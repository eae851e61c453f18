//! Code for a service: the trait, what is known of its methods, the server and the client.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::model::{Method, Parameter, Role, Service, ours, suffixed, type_text};

pub(crate) fn expand(service: &Service) -> TokenStream {
    let module = suffixed_module(&service.ident);
    let parts = [
        item_trait(service),
        methods_module(service, &module),
        server(service, &module),
        client(service, &module),
    ];
    quote!(#(#parts)*)
}

/// The trait itself; its futures are `Send`, which `async fn` cannot say.
fn item_trait(service: &Service) -> TokenStream {
    let Service {
        attributes,
        visibility,
        ident,
        ..
    } = service;
    let methods = service.methods.iter().map(|method| {
        let Method {
            attributes,
            ident,
            output,
            ..
        } = method;
        let parameters = signature(method);
        let body = match &method.body {
            None => quote!(;),
            Some(body) => quote!({ async move #body }),
        };
        quote! {
            #(#attributes)*
            fn #ident(
                &self,
                #parameters
            ) -> impl ::core::future::Future<Output = #output> + ::core::marker::Send #body
        }
    });
    quote! {
        #(#attributes)*
        #visibility trait #ident: ::core::marker::Send + ::core::marker::Sync + 'static {
            #(#methods)*
        }
    }
}

/// A hidden module with one parameter struct and one description for each method.
fn methods_module(service: &Service, module: &Ident) -> TokenStream {
    let items = service.methods.iter().map(|method| {
        let parameters = parameters_struct(service, method);
        let spec = spec(service, method);
        let error = &method.error;
        // Of all errors about a wrong type, this one stands at the type.
        let check = quote_spanned! { error.span() =>
            const _: fn() = ::linkspan::rpc::codegen::check_error::<#error>;
        };
        quote!(#check #parameters #spec)
    });
    quote! {
        #[doc(hidden)]
        #[allow(non_snake_case, non_camel_case_types, non_upper_case_globals, unreachable_pub, missing_docs, clippy::all)]
        mod #module {
            use super::*;
            #(#items)*
        }
    }
}

fn parameters_struct(service: &Service, method: &Method) -> TokenStream {
    let name = &method.ident;
    let fields = method
        .values()
        .map(|Parameter { ident, ty, .. }| quote!(pub #ident: #ty,));
    let schema = service.schema.then(|| {
        quote! {
            #[derive(::linkspan::rpc::codegen::schemars::JsonSchema)]
            #[schemars(crate = "::linkspan::rpc::codegen::schemars")]
        }
    });
    let struct_name = parameters_name(name);
    quote! {
        #[derive(
            ::linkspan::rpc::codegen::serde::Serialize,
            ::linkspan::rpc::codegen::serde::Deserialize,
        )]
        #[serde(crate = "::linkspan::rpc::codegen::serde")]
        #schema
        pub struct #struct_name { #(#fields)* }
    }
}

fn spec(service: &Service, method: &Method) -> TokenStream {
    let Method {
        ident,
        name,
        doc,
        result,
        error,
        options,
        ..
    } = method;
    let (idempotent, spawn) = (options.idempotent, options.spawn);
    let shape = match (method.special(Role::Stream).is_some(), method.gives_stream) {
        (false, false) => quote!(Unary),
        (false, true) => quote!(ServerStream),
        (true, false) => quote!(ClientStream),
        (true, true) => quote!(BothStreams),
    };
    let parameters = method.values().map(|Parameter { ident, ty, .. }| {
        let (name, ty) = (ident.to_string(), type_text(ty));
        quote!((#name, #ty))
    });
    let (result_text, error_text) = (type_text(result), type_text(error));
    let deadline = match method.deadline {
        None => quote!(::core::option::Option::None),
        Some(deadline) => {
            let micros = u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX);
            quote!(::core::option::Option::Some(::core::time::Duration::from_micros(#micros)))
        }
    };
    let struct_name = parameters_name(ident);
    let schemas = if service.schema {
        quote!(::core::option::Option::Some(
            ::linkspan::rpc::codegen::schemas::<#struct_name, #result>
        ))
    } else {
        quote!(::core::option::Option::None)
    };
    quote! {
        pub static #ident: ::linkspan::rpc::codegen::Spec = ::linkspan::rpc::codegen::Spec {
            name: #name,
            doc: #doc,
            shape: ::linkspan::rpc::Shape::#shape,
            parameters: &[#(#parameters),*],
            result: #result_text,
            error: #error_text,
            deadline: #deadline,
            idempotent: #idempotent,
            spawn: #spawn,
            schemas: #schemas,
        };
    }
}

fn server(service: &Service, module: &Ident) -> TokenStream {
    let Service {
        visibility, ident, ..
    } = service;
    let server = suffixed(ident, "Server");
    let doc = format!("Answers calls of [`{ident}`]; add it to a [`linkspan::rpc::Server`].");
    let routes = service
        .methods
        .iter()
        .map(|method| route(ident, method, module));
    quote! {
        #[doc = #doc]
        #[derive(Debug)]
        #visibility struct #server<S>(::std::sync::Arc<S>);

        impl<S: #ident> #server<S> {
            /// Serves an implementation.
            #visibility fn new(service: S) -> Self {
                Self(::std::sync::Arc::new(service))
            }

            /// Serves an implementation that others use, too.
            #visibility fn from_arc(service: ::std::sync::Arc<S>) -> Self {
                Self(service)
            }
        }

        impl<S: #ident> ::core::convert::From<#server<S>> for ::linkspan::rpc::Router {
            fn from(server: #server<S>) -> Self {
                let service = server.0;
                let router = ::linkspan::rpc::Router::new();
                #(#routes)*
                router
            }
        }
    }
}

/// Adds one method to the router.
fn route(service: &Ident, method: &Method, module: &Ident) -> TokenStream {
    let Method { ident, .. } = method;
    let struct_name = parameters_name(ident);
    let arguments = method
        .parameters
        .iter()
        .map(|parameter| match parameter.role {
            Role::Value => {
                let field = &parameter.ident;
                quote!(__parameters.#field)
            }
            Role::Stream => quote!(__items),
            Role::Context => quote!(__context),
        });
    let read = if method.special(Role::Stream).is_some() {
        quote! {
            let (__parameters, __items, __context, __codec) =
                ::linkspan::rpc::codegen::read_with_items::<#module::#struct_name, _, _>(request)
                    .await?;
        }
    } else {
        quote! {
            let __read = ::linkspan::rpc::codegen::read_now::<#module::#struct_name>(request);
            let (__parameters, __context, __codec) = match __read {
                ::core::result::Result::Ok(__read) => __read?,
                ::core::result::Result::Err(request) => {
                    ::std::boxed::Box::pin(::linkspan::rpc::codegen::read(*request)).await?
                }
            };
        }
    };
    let unused = method
        .special(Role::Context)
        .is_none()
        .then(|| quote!(drop(__context);));
    let (answer, reference) = if method.gives_stream {
        (ours("answer_with_items"), None)
    } else {
        (ours("answer"), Some(quote!(&)))
    };
    quote! {
        let router = {
            let service = ::std::sync::Arc::clone(&service);
            ::linkspan::rpc::codegen::route(router, &#module::#ident, move |request| {
                let service = ::std::sync::Arc::clone(&service);
                async move {
                    #read
                    #unused
                    let answer = #service::#ident(&*service, #(#arguments),*).await;
                    ::linkspan::rpc::codegen::#answer(#reference answer, __codec)
                }
            })
        };
    }
}

fn client(service: &Service, module: &Ident) -> TokenStream {
    let Service {
        visibility, ident, ..
    } = service;
    let client = suffixed(ident, "Client");
    let doc = format!("Calls [`{ident}`] through a connection, or anything else that answers.");
    let methods = service.methods.iter().map(|method| call(method, module));
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone)]
        #visibility struct #client<S = ::linkspan::rpc::Client> {
            service: S,
        }

        impl #client {
            /// Connects with default settings.
            ///
            /// # Errors
            ///
            /// Any [`linkspan::rpc::ConnectError`].
            #visibility async fn connect<A>(
                address: A,
            ) -> ::core::result::Result<Self, ::linkspan::rpc::ConnectError>
            where
                A: ::core::convert::TryInto<::linkspan::Address>,
                A::Error: ::core::convert::Into<::linkspan::AddressError>,
            {
                ::linkspan::rpc::Client::connect(address).await.map(Self::new)
            }
        }

        impl<S: ::linkspan::rpc::codegen::Caller> #client<S> {
            /// Calls through `service`: a client, a router, or layers around one.
            #visibility fn new(service: S) -> Self {
                Self { service }
            }

            /// What it calls through.
            #[allow(dead_code)]
            #visibility fn service(&self) -> &S {
                &self.service
            }
        }

        impl<S: ::linkspan::rpc::codegen::Caller> #ident for #client<S> {
            #(#methods)*
        }
    }
}

/// The client's implementation of one method.
fn call(method: &Method, module: &Ident) -> TokenStream {
    let Method { ident, output, .. } = method;
    let parameters = signature(method);
    let struct_name = parameters_name(ident);
    let fields = method.values().map(|parameter| &parameter.ident);
    let context = match method.special(Role::Context) {
        Some(parameter) => {
            let ident = &parameter.ident;
            quote!(#ident)
        }
        None => quote!(::linkspan::rpc::Context::new()),
    };
    let request = match method.special(Role::Stream) {
        Some(parameter) => {
            let items = &parameter.ident;
            quote!(request_with_items(&#module::#ident, #context, &__parameters, #items))
        }
        None => quote!(request(&#module::#ident, #context, &__parameters)),
    };
    let call = ours(if method.gives_stream {
        "call_for_items"
    } else {
        "call"
    });
    quote! {
        async fn #ident(&self, #parameters) -> #output {
            let __parameters = #module::#struct_name { #(#fields),* };
            let __request = ::linkspan::rpc::codegen::#request;
            ::linkspan::rpc::codegen::#call(&self.service, __request).await
        }
    }
}

/// The parameters as they stand in the trait.
fn signature(method: &Method) -> TokenStream {
    let parameters = method
        .parameters
        .iter()
        .map(|Parameter { ident, ty, .. }| quote!(#ident: #ty));
    quote!(#(#parameters),*)
}

fn parameters_name(method: &Ident) -> Ident {
    suffixed(method, "_parameters")
}

fn suffixed_module(service: &Ident) -> Ident {
    Ident::new(&format!("__linkspan_{service}"), service.span())
}
