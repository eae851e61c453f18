//! The side that asks.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::message::{Event, Metadata, Status, Text};
use tower_service::Service;

use crate::auth::seal::{OpenError, Opener, Part, Sealing};
use crate::clock;
use crate::codec::{Codec, Decode, Encode};
use crate::rpc::Client;
use crate::rpc::codegen::Caller;
use crate::rpc::layered::call_error;
use crate::rpc::sealed::bodies::{Way, not_opened};
use crate::session::{BoxFuture, CallError, Request, Response, codec_of};

/// Something that can be called, with bodies in envelopes: what it is asked is sealed, and only
/// sealed answers are taken. [`Failure`](crate::Failure)s are no answers, and are not sealed.
///
/// Besides their own, all errors of what is wrapped come through. What cannot be opened is a
/// [`CallError::Failed`] with the code of its [`OpenError`].
#[derive(Clone)]
pub struct Sealed<S> {
    inner: S,
    sealing: Sealing,
    opener: Arc<Opener>,
}

impl<S> Sealed<S> {
    /// Wraps a client, another client of a bus, or any other service.
    pub fn new(inner: S, sealing: &Sealing) -> Self {
        Self {
            inner,
            sealing: sealing.clone(),
            opener: Arc::new(sealing.opener()),
        }
    }

    /// What it wraps.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Caller> Sealed<S> {
    /// Sends a request and waits for the answer, or for its first piece if it is a stream.
    ///
    /// A request that is declared idempotent is sealed anew each time that it is sent.
    ///
    /// # Errors
    ///
    /// Those of what it wraps, and [`CallError::Failed`] if the answer cannot be opened.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub async fn call(&self, mut request: Request) -> Result<Response, CallError> {
        // What was sealed is sent once: a server that has seen it would take it for a replay.
        let again = match std::mem::take(&mut request.idempotent) {
            true => request.try_clone(),
            false => None,
        };
        let deadline = request
            .timeout
            .map(|timeout| clock::after(clock::now(), timeout));
        let until = deadline.unwrap_or_else(|| clock::after(clock::now(), REPEAT_FOR));
        loop {
            let answer = self.call_once(request).await;
            let is_lost = matches!(answer, Err(CallError::OutcomeUnknown { .. }));
            let next = again.as_ref().and_then(Request::try_clone);
            request = match next {
                Some(next) if is_lost && clock::now() < until => next,
                _ => return answer,
            };
            request.timeout = deadline.map(left);
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Calls a method by its name, with any body, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); the method's own error is [`CallError::Application`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub async fn send_request<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<R, CallError> {
        let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
        let response = self.call(Request::with_payload(method, payload)).await?;
        R::decode(&response.collect().await?).map_err(CallError::Decode)
    }

    async fn call_once(&self, mut request: Request) -> Result<Response, CallError> {
        let correlation = Text::from(self.sealing.next_correlation());
        let way = Way {
            part: Part::Request,
            sender: self.sealing.name().into(),
            target: request.method.clone(),
            codec: request.codec()?,
            correlation,
        };
        let metadata = request.metadata.get_or_insert_default();
        metadata.set_text(Metadata::SEALED_SENDER, &way.sender);
        metadata.set_text(Metadata::SEALED_ID, &way.correlation);
        request.body = way.clone().seal(&self.sealing, request.body).await?;
        request.sealed = true;
        let mut inner = self.inner.clone();
        poll_fn(|cx| inner.poll_ready(cx))
            .await
            .map_err(|error| call_error(error.into()))?;
        let answer = inner.call(request).await;
        self.open(way, answer.map_err(|error| call_error(error.into()))?)
            .await
    }

    /// Opens an answer.
    async fn open(&self, asked: Way, mut response: Response) -> Result<Response, CallError> {
        if !response.sealed {
            return Err(not_opened(OpenError::NotSealed));
        }
        let way = Way {
            part: match response.status {
                Status::Ok => Part::Response,
                _ => Part::Error,
            },
            sender: sender(response.metadata.as_deref()),
            codec: codec_of(response.metadata.as_deref())?,
            ..asked
        };
        response.body = way.open(&self.opener, response.body).await?;
        response.sealed = false;
        Ok(response)
    }
}

impl Sealed<Client> {
    /// Tells the server something, without an answer: it returns once the event is on its way.
    ///
    /// # Errors
    ///
    /// As [`Client::send_event`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent the event whole or not at all.
    pub async fn send_event(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<(), CallError> {
        let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
        let way = Way {
            part: Part::Event,
            sender: self.sealing.name().into(),
            target: topic.into(),
            codec: payload.codec,
            correlation: Text::default(),
        };
        let connection = self.inner.present().await?;
        let sender = way.sender.clone();
        let body = way.seal(&self.sealing, payload.bytes.into()).await?;
        let mut event = Event::new(topic, 0, body.collect().await?);
        payload.codec.note_in(&mut event.metadata);
        let metadata = event.metadata.get_or_insert_default();
        metadata.set_text(Metadata::SEALED_SENDER, &sender);
        event.sealed = true;
        connection.tell(event).await
    }
}

impl<S: Caller> Service<Request> for Sealed<S> {
    type Response = Response;
    type Error = CallError;
    type Future = BoxFuture<Result<Response, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let sealed = self.clone();
        Box::pin(async move { Self::call(&sealed, request).await })
    }
}

impl<S> fmt::Debug for Sealed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("sealing", &self.sealing)
            .finish_non_exhaustive()
    }
}

/// Who says to have sealed a body.
pub(super) fn sender(metadata: Option<&Metadata>) -> Text {
    let name = metadata.and_then(|metadata| metadata.text(Metadata::SEALED_SENDER));
    name.unwrap_or_default().into()
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(clock::now())
}

/// How long a request that may be repeated is, if it has no deadline.
const REPEAT_FOR: Duration = Duration::from_secs(30);
/// A server that has just been lost needs a moment to come back.
const AGAIN_AFTER: Duration = Duration::from_millis(10);
