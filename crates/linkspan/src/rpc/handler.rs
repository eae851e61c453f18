//! Closures as methods.

use std::any::Any;
use std::sync::Arc;

use proto::error::{Category, Code};
use proto::message::{Failure, Status};

use crate::codec::{Codec, CodecError, Decode, Encode, Payload};
use crate::session::{BoxFuture, CallError, Context, Request, Response};

/// A closure that answers requests: `async |parameters, context| -> Result<result, error>`.
///
/// Parameters, result and error are any types that serde knows, or [`Raw`](crate::codec::Raw).
/// The answer is encoded as the question was.
pub trait Handle<P, T, E>: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, parameters: P, context: Context) -> impl Future<Output = Result<T, E>> + Send;
}

impl<P, T, E, F, Answer> Handle<P, T, E> for F
where
    F: Fn(P, Context) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<T, E>> + Send,
{
    fn handle(&self, parameters: P, context: Context) -> impl Future<Output = Result<T, E>> + Send {
        self(parameters, context)
    }
}

/// What a router keeps of a method.
pub(crate) type Call = Box<dyn Fn(Request) -> BoxFuture<Result<Response, CallError>> + Send + Sync>;

/// The call of a closure.
pub(crate) fn call_of<P, T, E>(handler: impl Handle<P, T, E>) -> Call
where
    P: Decode + Send,
    T: Encode + Send,
    E: Encode + Send + 'static,
{
    let handler = Arc::new(handler);
    Box::new(move |request| {
        let handler = Arc::clone(&handler);
        Box::pin(async move {
            let (payload, context) = read(request).await?;
            let parameters = P::decode(&payload).map_err(|error| invalid_parameters(&error))?;
            let answer = handler.handle(parameters, context).await;
            answer_with(&answer, payload.codec)
        })
    })
}

/// The whole body of a request and its context.
pub(crate) async fn read(mut request: Request) -> Result<(Payload, Context), CallError> {
    let codec = request.codec()?;
    let context = request.context();
    Ok((Payload::new(codec, request.body.collect().await?), context))
}

/// The response for what a handler gave.
///
/// A handler whose error is a [`CallError`] has none of its own: its caller gets a failure, never
/// something that looks like the caller's own trouble.
pub(crate) fn answer_with<T: Encode, E: Encode + 'static>(
    answer: &Result<T, E>,
    codec: Codec,
) -> Result<Response, CallError> {
    if let Err(error) = answer
        && let Some(failure) = failure_in(error)
    {
        return Err(failure);
    }
    let (status, payload) = match answer {
        Ok(value) => (Status::Ok, value.encode(codec)),
        Err(error) => (Status::Error, error.encode(codec)),
    };
    Ok(Response::with_payload(
        status,
        payload.map_err(|error| cannot_answer(&error))?,
    ))
}

/// The failure that an error is, if it is no error of the method's own.
pub(crate) fn failure_in<E: 'static>(error: &E) -> Option<CallError> {
    (error as &dyn Any).downcast_ref::<CallError>().cloned()
}

/// What a caller is told whose parameters do not fit.
pub(crate) fn invalid_parameters(error: &CodecError) -> CallError {
    let message = match &error.path {
        Some(path) => format!("parameter {path}: {}", error.problem),
        None => format!("parameters: {}", error.problem),
    };
    Failure::new(Category::Request, Code::INVALID_PARAMETERS, message).into()
}

/// What a caller is told whose answer cannot be encoded.
pub(crate) fn cannot_answer(error: &CodecError) -> CallError {
    Failure::new(
        Category::Handler,
        Code::INTERNAL,
        format!("the answer {error}"),
    )
    .into()
}
