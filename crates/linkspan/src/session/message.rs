//! What crosses the boundary between sessions and the code above them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use proto::StreamId;
use proto::error::SessionError;
use proto::frame::Compression;
use proto::message::{Metadata, Status, Text};

use crate::auth::Principal;
use crate::codec::{Codec, Payload};
use crate::compression::Compress;
use crate::session::context::{CallFacts, Signal};
use crate::session::shared::Shared;
use crate::session::{Body, CallError, Context};
use crate::transport::Peer;

/// A request on its way to its handler.
///
/// Clients and servers are both a `tower_service::Service<Request, Response = Response>`.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// What is asked for, as `service.method`.
    pub method: Text,
    /// Named values beside the body.
    pub metadata: Option<Box<Metadata>>,
    /// Time that the caller gives. On a server it is what was left when the request came.
    pub timeout: Option<Duration>,
    /// Whether it does no harm to handle it twice, so that it may be repeated after a lost
    /// connection. Default: false.
    pub idempotent: bool,
    /// The arguments.
    pub body: Body,
    /// Whether the body, and all items in it, are sealed envelopes. Default: false.
    pub sealed: bool,
    /// Whether the body, and all items in it, are compressed. Default: as it was agreed on.
    pub compress: Compress,
    /// On a server, the facts of the call.
    pub(crate) facts: Option<Arc<CallFacts>>,
}

impl Request {
    /// Makes a request.
    pub fn new(method: impl Into<Text>, body: impl Into<Body>) -> Self {
        Self {
            method: method.into(),
            body: body.into(),
            ..Self::default()
        }
    }

    /// Makes a request with an encoded body.
    pub fn with_payload(method: impl Into<Text>, payload: Payload) -> Self {
        Self::new(method, payload.bytes).with_codec(payload.codec)
    }

    /// The same request with a body that is encoded so.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        codec.note_in(&mut self.metadata);
        self
    }

    /// How the body is encoded.
    ///
    /// # Errors
    ///
    /// [`CallError::Failed`] if the metadata names an unknown codec, or the body is sealed.
    pub fn codec(&self) -> Result<Codec, CallError> {
        check_open(self.sealed)?;
        codec_of(self.metadata.as_deref())
    }

    /// The number of its stream; none within this process.
    #[cfg(feature = "plugin-guest")]
    pub(crate) fn stream(&self) -> Option<u64> {
        self.facts.as_ref().map(|facts| facts.stream.get())
    }

    /// The process that asks; none within this process.
    pub fn peer(&self) -> Option<&Peer> {
        self.facts.as_ref().map(|facts| &*facts.shared.peer)
    }

    /// Who asks.
    pub fn principal(&self) -> Principal {
        self.peer()
            .map_or_else(Principal::anonymous, Peer::principal)
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.facts.as_ref().and_then(|facts| facts.deadline)
    }

    /// The facts of the call and the metadata, for a handler; the metadata is taken out.
    pub fn context(&mut self) -> Context {
        Context::of_request(self.facts.clone(), self.metadata.take(), self.timeout)
    }

    /// The same request again, if its body can be sent twice.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        Some(Self {
            method: self.method.clone(),
            metadata: self.metadata.clone(),
            timeout: self.timeout,
            idempotent: self.idempotent,
            body: self.body.try_clone()?,
            sealed: self.sealed,
            compress: self.compress,
            facts: self.facts.clone(),
        })
    }
}

/// A response on its way to its caller.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Response {
    /// Whether the body is the result or the method's own error.
    pub status: Status,
    /// Named values beside the body.
    pub metadata: Option<Box<Metadata>>,
    /// The result or the error.
    pub body: Body,
    /// Whether the body, and all items in it, are sealed envelopes. Default: false.
    pub sealed: bool,
    /// Whether the body, and all items in it, are compressed. Default: as it was agreed on.
    pub compress: Compress,
}

impl Response {
    /// Makes a response with a result.
    pub fn new(body: impl Into<Body>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Makes a response with an encoded result or error.
    pub fn with_payload(status: Status, payload: Payload) -> Self {
        let mut response = Self::new(payload.bytes).with_codec(payload.codec);
        response.status = status;
        response
    }

    /// The same response with a body that is encoded so.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        codec.note_in(&mut self.metadata);
        self
    }

    /// The whole body, with its encoding.
    ///
    /// # Errors
    ///
    /// [`CallError::Application`] if it is the method's own error, [`CallError::Failed`] if it is
    /// sealed, and what goes wrong while collecting.
    ///
    /// # Cancel safety
    ///
    /// What was read so far is lost with the future.
    pub async fn collect(self) -> Result<Payload, CallError> {
        let codec = self.codec()?;
        let payload = Payload::new(codec, self.body.collect().await?);
        match self.status {
            Status::Ok => Ok(payload),
            _ => Err(CallError::Application(payload)),
        }
    }

    /// How the body is encoded.
    ///
    /// # Errors
    ///
    /// [`CallError::Failed`] if the metadata names an unknown codec, or the body is sealed.
    pub fn codec(&self) -> Result<Codec, CallError> {
        check_open(self.sealed)?;
        codec_of(self.metadata.as_deref())
    }
}

/// An event that was received.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Event {
    /// What it is about.
    pub topic: Text,
    /// When it was sent, by its sender's clock.
    pub sent_at: SystemTime,
    /// Named values beside the body.
    pub metadata: Option<Box<Metadata>>,
    /// The details.
    pub body: Bytes,
    /// Whether the body is a sealed envelope.
    pub sealed: bool,
    /// By what the body is still compressed.
    pub(crate) packed: Option<Compression>,
    pub(crate) source: Source,
}

/// Where an event came from; what its handler can know is made of it when somebody asks.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) message_id: u64,
    pub(crate) stream: StreamId,
    pub(crate) shared: Arc<Shared>,
}

#[cfg(feature = "bus")]
impl Source {
    /// Tells the connection from all others that are open.
    pub(crate) fn connection_key(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }
}

impl Event {
    /// How the body is encoded.
    ///
    /// # Errors
    ///
    /// [`CallError::Failed`] if the metadata names an unknown codec, or the body is sealed.
    pub fn codec(&self) -> Result<Codec, CallError> {
        check_open(self.sealed)?;
        codec_of(self.metadata.as_deref())
    }

    /// Inflates the body, if it came compressed.
    ///
    /// # Errors
    ///
    /// It is not what it says; the session is over.
    pub(crate) fn inflate(&mut self) -> Result<(), SessionError> {
        let Source { stream, shared, .. } = &self.source;
        if let (Some(compression), Some(packing)) = (self.packed.take(), &shared.packing) {
            let inflated = packing.inflate(compression, &self.body);
            let stream = *stream;
            self.body = inflated.map_err(|source| SessionError::Inflate { stream, source })?;
        }
        Ok(())
    }

    /// Who tells.
    pub fn principal(&self) -> Principal {
        self.source.shared.peer.principal()
    }

    /// The facts of the event and the metadata, for a handler.
    pub fn context(&mut self) -> Context {
        let Source {
            message_id,
            stream,
            shared,
        } = self.source.clone();
        let facts = CallFacts {
            message_id,
            stream,
            deadline: None,
            shared,
            signal: Signal::default(),
        };
        Context::of_request(Some(Arc::new(facts)), self.metadata.take(), None)
    }
}

/// Refuses to take an envelope for what is in it.
fn check_open(is_sealed: bool) -> Result<(), CallError> {
    use proto::error::{Category, Code};
    use proto::message::Failure;
    if is_sealed {
        let message = "the body is sealed, and nothing here opens it";
        return Err(Failure::new(Category::Request, Code::UNSUPPORTED_CODEC, message).into());
    }
    Ok(())
}

/// How a body is encoded, also one that is in an envelope.
pub(crate) fn codec_of(metadata: Option<&Metadata>) -> Result<Codec, CallError> {
    use proto::error::{Category, Code};
    use proto::message::Failure;
    Codec::of(metadata).map_err(|name| {
        let message = format!("{name:?} is not an encoding that is known here");
        Failure::new(Category::Request, Code::UNSUPPORTED_CODEC, message).into()
    })
}
