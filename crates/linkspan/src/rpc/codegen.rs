//! What generated code calls. Not a public interface.

use std::error::Error;
use std::future::poll_fn;
use std::time::Duration;

use proto::message::{Status, Text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_service::Service;

use crate::codec::Codec;
use crate::rpc::handler::{answer_with, invalid_parameters};
use crate::rpc::layered::call_error;
use crate::rpc::streaming::decode_error;
use crate::rpc::{JsonSchema, MethodInfo, ParameterInfo, Router, Shape, Streaming};
use crate::session::{Body, CallError, Context, Request, Response};

pub use serde;

/// All that a trait says about a method.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "generated code makes it")]
pub struct Spec {
    pub name: &'static str,
    pub doc: &'static str,
    pub shape: Shape,
    pub parameters: &'static [(&'static str, &'static str)],
    pub result: &'static str,
    pub error: &'static str,
    pub deadline: Option<Duration>,
    pub idempotent: bool,
    pub spawn: bool,
    pub schemas: Option<fn() -> Schemas>,
}

/// JSON Schemas of a method's parameters and its result.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "generated code makes it")]
pub struct Schemas {
    pub parameters: JsonSchema,
    pub result: JsonSchema,
}

/// What a service's method can fail with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a service's method",
    label = "a remote call can fail by itself, and the error crosses a process boundary",
    note = "derive `serde::Serialize` and `serde::Deserialize`, and implement \
            `From<linkspan::rpc::CallError>`: a variant `#[error(transparent)] \
            Call(#[from] CallError)` does that with thiserror"
)]
pub trait ServiceError: Serialize + DeserializeOwned + From<CallError> + Send + 'static {}

impl<E: Serialize + DeserializeOwned + From<CallError> + Send + 'static> ServiceError for E {}

/// Does nothing; its bound is what matters.
pub fn check_error<E: ServiceError>() {}

/// Anything that a generated client can call through.
pub trait Caller:
    Service<Request, Response = Response, Error: Into<Box<dyn Error + Send + Sync>>, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Caller for S
where
    S: Service<Request, Response = Response> + Clone + Send + Sync + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send,
{
}

#[cfg(feature = "schema")]
pub use schemars;

#[cfg(feature = "schema")]
pub fn schemas<P: schemars::JsonSchema, T: schemars::JsonSchema>() -> Schemas {
    Schemas {
        parameters: JsonSchema(schemars::schema_for!(P).to_value()),
        result: JsonSchema(schemars::schema_for!(T).to_value()),
    }
}

/// A request with parameters.
pub fn request<P: Serialize>(
    spec: &Spec,
    context: Context,
    parameters: &P,
) -> Result<Request, CallError> {
    let body = Codec::Msgpack
        .encode(parameters)
        .map_err(CallError::Encode)?;
    let mut request = Request::new(Text::from_static(spec.name), body);
    request.compress = context.compress();
    let (metadata, timeout) = context.into_outgoing();
    request.metadata = metadata;
    request.timeout = timeout.or(spec.deadline);
    request.idempotent = spec.idempotent;
    Ok(request)
}

/// A request with parameters and items.
pub fn request_with_items<P, I, E>(
    spec: &Spec,
    context: Context,
    parameters: &P,
    items: Streaming<I, E>,
) -> Result<Request, CallError>
where
    P: Serialize,
    I: Serialize + 'static,
    E: Serialize + 'static,
{
    let mut request = request(spec, context, parameters)?;
    let head = request.body.head().to_vec();
    request.body = Body::streaming(head, items.encode(Codec::Msgpack));
    Ok(request)
}

/// Calls a method that gives one answer.
pub async fn call<S, T, E>(service: &S, request: Result<Request, CallError>) -> Result<T, E>
where
    S: Caller,
    T: DeserializeOwned,
    E: ServiceError,
{
    let response = send(service, request).await?;
    let payload = response.collect().await.map_err(decode_error::<E>)?;
    Ok(payload
        .codec
        .decode(&payload.bytes)
        .map_err(CallError::Decode)?)
}

/// Calls a method that gives a stream.
pub async fn call_for_items<S, T, E, F>(
    service: &S,
    request: Result<Request, CallError>,
) -> Result<Streaming<T, F>, E>
where
    S: Caller,
    T: DeserializeOwned + Send + 'static,
    E: ServiceError,
    F: DeserializeOwned + From<CallError> + Send + 'static,
{
    let response = send(service, request).await?;
    if response.status == Status::Error {
        let error = match response.collect().await {
            Err(error) => error,
            Ok(payload) => CallError::Application(payload),
        };
        return Err(decode_error(error));
    }
    let codec = response.codec()?;
    let (_, items) = response.body.split().await?;
    Ok(Streaming::decode(items, codec))
}

async fn send<S: Caller>(
    service: &S,
    request: Result<Request, CallError>,
) -> Result<Response, CallError> {
    let mut service = service.clone();
    poll_fn(|cx| service.poll_ready(cx))
        .await
        .map_err(|error| call_error(error.into()))?;
    service
        .call(request?)
        .await
        .map_err(|error| call_error(error.into()))
}

/// Parameters, the context, and how to encode the answer.
pub type Read<P> = (P, Context, Codec);

/// As [`read`], for a request that is here as a whole; any other comes back.
pub fn read_now<P: DeserializeOwned>(
    mut request: Request,
) -> Result<Result<Read<P>, CallError>, Box<Request>> {
    if !request.body.is_here() {
        return Err(Box::new(request));
    }
    let codec = match request.codec() {
        Ok(codec) => codec,
        Err(error) => return Ok(Err(error)),
    };
    let context = request.context();
    let parameters = parameters(codec, request.body.head());
    Ok(parameters.map(|parameters| (parameters, context, codec)))
}

/// Parameters of a request, its context, and how to encode the answer.
pub async fn read<P: DeserializeOwned>(mut request: Request) -> Result<Read<P>, CallError> {
    let codec = request.codec()?;
    let context = request.context();
    let body = request.body.collect().await?;
    Ok((parameters(codec, &body)?, context, codec))
}

/// Parameters and items of a request, its context, and how to encode the answer.
pub async fn read_with_items<P, I, E>(
    mut request: Request,
) -> Result<(P, Streaming<I, E>, Context, Codec), CallError>
where
    P: DeserializeOwned,
    I: DeserializeOwned + Send + 'static,
    E: DeserializeOwned + From<CallError> + Send + 'static,
{
    let codec = request.codec()?;
    let context = request.context();
    let (head, items) = request.body.split().await?;
    Ok((
        parameters(codec, &head)?,
        Streaming::decode(items, codec),
        context,
        codec,
    ))
}

/// The response for one answer.
pub fn answer<T: Serialize, E: Serialize + 'static>(
    answer: &Result<T, E>,
    codec: Codec,
) -> Result<Response, CallError> {
    answer_with(answer, codec)
}

/// The response for a stream.
pub fn answer_with_items<T, E, F>(
    answer: Result<Streaming<T, F>, E>,
    codec: Codec,
) -> Result<Response, CallError>
where
    T: Serialize + 'static,
    E: Serialize + 'static,
    F: Serialize + 'static,
{
    match answer {
        Ok(items) => {
            let mut response = Response::new(Body::streaming(Vec::new(), items.encode(codec)));
            codec.note_in(&mut response.metadata);
            Ok(response)
        }
        Err(error) => answer_with(&Err::<(), E>(error), codec),
    }
}

/// Adds a method to a router.
pub fn route<F, Answer>(router: Router, spec: &Spec, method: F) -> Router
where
    F: Fn(Request) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Response, CallError>> + Send + 'static,
{
    router.entry(
        describe(spec),
        spec.spawn,
        Box::new(move |request| Box::pin(method(request))),
    )
}

fn describe(spec: &Spec) -> MethodInfo {
    let parameter = |(name, type_name): &(&str, &str)| ParameterInfo {
        name: (*name).to_owned(),
        type_name: (*type_name).to_owned(),
    };
    let schemas = spec.schemas.map(|schemas| schemas());
    let (parameters_schema, result_schema) = schemas
        .map(|schemas| (schemas.parameters, schemas.result))
        .unzip();
    MethodInfo {
        name: spec.name.to_owned(),
        doc: spec.doc.to_owned(),
        shape: spec.shape,
        parameters: spec.parameters.iter().map(parameter).collect(),
        result: spec.result.to_owned(),
        error: spec.error.to_owned(),
        deadline_ms: spec
            .deadline
            .map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        idempotent: spec.idempotent,
        parameters_schema,
        result_schema,
    }
}

/// Decodes parameters; no body at all means no parameters.
fn parameters<P: DeserializeOwned>(codec: Codec, body: &[u8]) -> Result<P, CallError> {
    const EMPTY_MAP: &[u8] = &[0x80];
    let nothing: &[u8] = match codec {
        Codec::Json => b"null",
        _ => &[0xC0],
    };
    // Who calls by name says nothing in one of these ways.
    let decoded = if body.is_empty() || body == nothing {
        Codec::Msgpack.decode(EMPTY_MAP)
    } else {
        codec.decode(body)
    };
    decoded.map_err(|error| invalid_parameters(&error))
}
