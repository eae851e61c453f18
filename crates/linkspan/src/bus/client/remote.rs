//! Calling another client.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::frame::busrt::Rpc;
use proto::message::{Failure, Text};
use tower_service::Service;

use crate::bus::client::calls::not_taken;
use crate::bus::client::convention;
use crate::bus::client::handle::Client;
use crate::bus::client::link::Place;
use crate::bus::wire::{Outcome, Receipt, Ticket, method};
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
        // Nothing waits longer; a timer around it all would cost more than most calls.
        self.call_until(request, clock::after(clock::now(), timeout))
            .await
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
                Err(CallError::OutcomeUnknown { .. }) if is_idempotent && clock::now() < until => {
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
            let mut waiting = link.calls.begin(&self.name);
            let payload = encode(waiting.id, method, params.clone())?;
            let sent = match link.calls.number(&self.name) {
                Some(number) => {
                    let sending = self.send_known(&place, number, waiting.id, headers, payload);
                    tokio::time::timeout_at(until.into(), sending)
                        .await
                        .map_err(|_| CallError::DeadlineExceeded)?
                }
                None => Box::pin(self.send_unknown(&place, headers, payload, until)).await,
            };
            let number = match sent {
                // The broker never had it: it goes by the next connection.
                Err(CallError::NotAccepted { .. }) => {
                    place.connection.not_open().await;
                    continue;
                }
                sent => sent?,
            };
            let answer = match number? {
                Some(number) => waiting.answer(link, &place, number, until).await,
                None => None,
            };
            match answer {
                Some(answer) => return answer,
                None => link.calls.set_number(&self.name, None),
            }
        }
    }

    /// Sends a call to a client whose number is known; it comes back if somebody else has the name
    /// now. Gives the number, or none if the call has to be sent in the other way.
    async fn send_known(
        &self,
        place: &Place,
        number: u64,
        call: u32,
        headers: &Headers,
        payload: Bytes,
    ) -> Result<Taken, CallError> {
        let ticket = Ticket {
            receiver: number,
            call,
        };
        let body = ticket.encode(headers, &self.name, &payload);
        match place.connection.send_raw_event(method::CALL, body).await {
            // What no event can hold, a request can.
            Err(CallError::TooLarge { .. }) => Ok(Ok(None)),
            sent => sent.map(|()| Ok(Some(number))),
        }
    }

    /// Sends a call to whoever has the name; gives the number of that client.
    async fn send_unknown(
        &self,
        place: &Place,
        headers: &Headers,
        payload: Bytes,
        until: Instant,
    ) -> Result<Taken, CallError> {
        let post = Post::call(self.name.clone(), headers.clone(), payload);
        let mut request = Request::new(method::SEND, post.encode());
        request.timeout = Some(until.saturating_duration_since(clock::now()));
        let sent = place.connection.call(request).await?;
        let receipt = Receipt::decode(&sent.body.collect().await?);
        let receipt = receipt.map_err(|error| {
            Failure::new(Category::Protocol, Code::BAD_FRAME, error.to_string())
        })?;
        Ok(match receipt.outcome {
            Outcome::Delivered => {
                let calls = &self.client.link().calls;
                calls.set_number(&self.name, Some(receipt.receiver));
                Ok(Some(receipt.receiver))
            }
            outcome => Err(not_taken(&self.name, outcome)),
        })
    }
}

/// What became of a call that the broker got: the number of its callee, if it went there, or why it
/// did not.
type Taken = Result<Option<u64>, CallError>;

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
