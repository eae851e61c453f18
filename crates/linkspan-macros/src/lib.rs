//! The macro behind `#[linkspan::service]`; its documentation is with the library.

mod expand;
mod model;
mod options;

use proc_macro::TokenStream;
use syn::{ItemTrait, parse_macro_input};

use crate::options::ServiceOptions;

/// Makes a client and a server of a trait.
///
/// From `trait Greeter` it makes `GreeterClient`, which implements the trait by calling, and
/// `GreeterServer`, which turns an implementation of the trait into a router. Code that is written
/// against the trait works with either.
///
/// # The trait
///
/// - Methods are `async fn name(&self, ...) -> Result<T, E>`. A remote call can fail, so `E` must
///   be `From<linkspan::rpc::CallError>`; `linkspan::rpc::CallError` itself will do. `T`, `E` and
///   the parameters are serde types.
/// - A last parameter of type `Streaming<T>` takes a stream from the caller; a result of
///   `Result<Streaming<T>, E>` gives one.
/// - A parameter of type `Context` is not sent: a handler learns from it who calls and until when, a
///   caller says in it how long to wait.
/// - Bodies of methods are defaults for implementations, as in any trait.
///
/// # Options
///
/// `#[linkspan::service(name = "...", deadline = "30s", schema)]`: the first part of the methods'
/// names (default: the trait's name in `snake_case`), how long callers wait (default: without
/// limit), and whether reflection gives JSON Schemas (the types must be `schemars::JsonSchema` then,
/// and the library's feature `schema` on).
///
/// `#[linkspan(name = "...", deadline = "5s", idempotent, spawn)]` on a method: its own name and
/// deadline; that it does no harm when it is handled twice, so that it is repeated after a lost
/// connection; that it computes for long and gets a task of its own.
///
/// Durations are a number and `us`, `ms`, `s` or `m`.
///
/// # Examples
///
/// ```ignore
/// #[linkspan::service(deadline = "10s")]
/// pub trait Thermometer {
///     /// The temperature now, in degrees Celsius.
///     #[linkspan(idempotent)]
///     async fn read(&self, sensor: String) -> Result<f64, ReadError>;
///
///     /// Every change from now on.
///     async fn watch(&self, sensor: String) -> Result<Streaming<f64>, ReadError>;
/// }
/// ```
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as ServiceOptions);
    let item = parse_macro_input!(item as ItemTrait);
    match model::Service::new(item, options) {
        Ok(service) => expand::expand(&service).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
