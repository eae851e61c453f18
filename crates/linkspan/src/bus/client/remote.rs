//! Calling another client.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::frame::busrt::Rpc;
use proto::message::{Failure, Text};
use tower_service::Service;

use crate::bus::client::convention;
use crate::bus::client::handle::Client;
use crate::bus::wire::{Outcome, Receipt, method};
use crate::bus::{Headers, Post, PostError};
use crate::clock;
use crate::codec::{Codec, Decode, Encode};
use crate::session::{BoxFuture, CallError, Request, Response};

/// Another client of the bus, whose methods can be called. Generated clients work on it:
/// `GreeterClient::new(client.remote("greeter"))`.
///
/// It may be a client of BUS/RT: parameters and results are MessagePack then. Streams do not go over
/// a bus.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Client,
    name: Text,
}

impl Remote {
    pub(super) fn new(client: Client, name: Text) -> Self {
        Self { client, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls a method by its name, with any body, and waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); the method's own error is [`CallError::Application`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the callee goes on, and its answer is forgotten.
    pub async fn send_request<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<R, CallError> {
        let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
        let response = self.call(Request::with_payload(method, payload)).await?;
        R::decode(&response.collect().await?).map_err(CallError::Decode)
    }

    /// Sends a request and waits for the answer, no longer than its timeout, or
    /// [`call_timeout`](crate::bus::ClientConfig::call_timeout).
    ///
    /// # Errors
    ///
    /// - [`CallError::NotAccepted`]: there is no client of the name, it has no room, or the broker
    ///   cannot be reached.
    /// - [`CallError::OutcomeUnknown`]: the callee or the broker was lost before there was an answer.
    ///   A request that is declared idempotent is sent again then.
    /// - [`CallError::DeadlineExceeded`]: there is no answer in time.
    /// - [`CallError::Failed`]: the callee has no such method, failed, or is not for this client.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the callee goes on, and its answer is forgotten.
    pub async fn call(&self, request: Request) -> Result<Response, CallError> {
        let timeout = request.timeout;
        let timeout = timeout.unwrap_or(self.client.link().config.call_timeout);
        let until = clock::after(clock::now(), timeout);
        let called = tokio::time::timeout_at(until.into(), self.call_until(request, until));
        called.await.unwrap_or(Err(CallError::DeadlineExceeded))
    }

    /// Calls a method without waiting for an answer; it returns once the call is on its way.
    ///
    /// # Errors
    ///
    /// Any [`PostError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent the call whole or not at all.
    pub async fn tell(&self, method: &str, body: &(impl Encode + ?Sized)) -> Result<(), PostError> {
        let payload = body.encode(Codec::Msgpack)?;
        let request = Request::with_payload(method, payload);
        let headers = convention::headers(&request, self.client.link().config.call_timeout)?;
        let params = request.body.collect().await?;
        let payload = encode(0, &request.method, params)?;
        let post = Post::call(self.name.clone(), headers, payload);
        self.client.post_unacked(&post).await
    }

    /// Sends a notification, which comes to the callee's inbox; it returns once it is on its way.
    ///
    /// # Errors
    ///
    /// Any [`PostError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent it whole or not at all.
    pub async fn notify(&self, body: &(impl Encode + ?Sized)) -> Result<(), PostError> {
        let data = body.encode(Codec::Msgpack)?.bytes;
        let payload = Rpc::Notification { data }.encode().unwrap_or_default();
        let post = Post::call(self.name.clone(), Headers::new(), payload);
        self.client.post_unacked(&post).await
    }

    async fn call_until(&self, request: Request, until: Instant) -> Result<Response, CallError> {
        if request.body.is_streaming() {
            let message = "streams do not go over a bus";
            return Err(Failure::new(Category::Request, Code::INVALID_PARAMETERS, message).into());
        }
        let is_idempotent = request.idempotent;
        let left = until.saturating_duration_since(clock::now());
        let headers = convention::headers(&request, left)?;
        let params = request.body.collect().await?;
        loop {
            let answer = self
                .call_once(&request.method, &headers, params.clone(), until)
                .await;
            match answer {
                Err(CallError::OutcomeUnknown { .. }) if is_idempotent => {
                    // Who has just died needs a moment to come back.
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                answer => return answer,
            }
        }
    }

    async fn call_once(
        &self,
        method: &Text,
        headers: &Headers,
        params: Bytes,
        until: Instant,
    ) -> Result<Response, CallError> {
        let link = self.client.link();
        loop {
            let place = link.place(until).await?;
            let waiting = link.calls.begin(&self.name);
            let payload = encode(waiting.id, method, params.clone())?;
            let post = Post::call(self.name.clone(), headers.clone(), payload);
            let request = Request::new(method::SEND, post.encode());
            let sent = match place.connection.call(request).await {
                // The broker never had it: it goes by the next connection.
                Err(CallError::NotAccepted { .. }) => {
                    place.connection.not_open().await;
                    continue;
                }
                sent => sent?,
            };
            let receipt = Receipt::decode(&sent.body.collect().await?);
            let receipt = receipt.map_err(|error| {
                Failure::new(Category::Protocol, Code::BAD_FRAME, error.to_string())
            })?;
            let name = &self.name;
            return match receipt.outcome {
                Outcome::Delivered => {
                    link.calls
                        .wait(&place, name, receipt.receiver, waiting)
                        .await
                }
                Outcome::Nobody => {
                    let reason = format!("there is no client {name:?} on the bus");
                    Err(CallError::not_accepted(&reason))
                }
                Outcome::NotDelivered => {
                    let reason = format!("the client {name:?} has no room for the call");
                    Err(CallError::not_accepted(&reason))
                }
            };
        }
    }
}

impl Service<Request> for Remote {
    type Response = Response;
    type Error = CallError;
    type Future = BoxFuture<Result<Response, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let remote = self.clone();
        Box::pin(async move { Self::call(&remote, request).await })
    }
}

/// A call as the payload of a message.
fn encode(id: u32, method: &Text, params: Bytes) -> Result<Bytes, CallError> {
    let method = convention::method_bytes(method);
    let encoded = Rpc::Request { id, method, params }.encode();
    encoded.map_err(|error| {
        Failure::new(
            Category::Request,
            Code::INVALID_PARAMETERS,
            error.to_string(),
        )
        .into()
    })
}

const AGAIN_AFTER: Duration = Duration::from_millis(10);
