//! The side that answers.

use std::sync::Arc;

use proto::message::{Metadata, Status, Text};
use tracing::warn;

use crate::auth::seal::{OpenError, Opener, Part, Sealing};
use crate::rpc::handler::Call;
use crate::rpc::router::{Entry, EventHandler};
use crate::rpc::sealed::bodies::{Way, not_opened};
use crate::rpc::sealed::calling::sender;
use crate::session::{Body, CallError, Event, Request, Response, codec_of};

/// What a router opens and seals with.
#[derive(Debug)]
pub(super) struct Answering {
    sealing: Sealing,
    opener: Arc<Opener>,
}

impl Answering {
    pub(super) fn new(sealing: &Sealing) -> Self {
        Self {
            sealing: sealing.clone(),
            opener: Arc::new(sealing.opener()),
        }
    }

    /// A method that answers sealed requests.
    pub(super) fn call(self: Arc<Self>, entry: Arc<Entry>) -> Call {
        Box::new(move |request| {
            let (answering, entry) = (Arc::clone(&self), Arc::clone(&entry));
            Box::pin(async move {
                let (request, way) = answering.open(request).await?;
                let response = (entry.call)(request).await?;
                answering.seal(way, response).await
            })
        })
    }

    /// A handler of sealed events. Others are dropped, and so are those that cannot be opened.
    pub(super) fn event(self: Arc<Self>, handler: EventHandler) -> EventHandler {
        Arc::new(move |event| {
            let (answering, handler) = (Arc::clone(&self), Arc::clone(&handler));
            if !event.sealed {
                warn!(topic = %event.topic, error = %OpenError::NotSealed, "event is dropped");
                return None;
            }
            Some(Box::pin(answering.handle(event, handler)))
        })
    }

    /// Opens an event, and has it handled.
    async fn handle(self: Arc<Self>, event: Event, handler: EventHandler) {
        let topic = event.topic.clone();
        let opened = self.open_event(event).await;
        let opened = opened.inspect_err(|error| warn!(%topic, %error, "event is dropped"));
        if let Some(rest) = opened.ok().and_then(|event| handler(event)) {
            rest.await;
        }
    }

    /// Opens a request; gives what its answer is bound to.
    async fn open(&self, mut request: Request) -> Result<(Request, Way), CallError> {
        if !request.sealed {
            return Err(not_opened(OpenError::NotSealed));
        }
        let metadata = request.metadata.as_deref();
        let way = Way {
            part: Part::Request,
            sender: sender(metadata),
            target: request.method.clone(),
            codec: codec_of(metadata)?,
            correlation: correlation(metadata),
        };
        let answer = Way {
            part: Part::Response,
            sender: self.sealing.name().into(),
            ..way.clone()
        };
        request.body = way.open(&self.opener, request.body).await?;
        request.sealed = false;
        Ok((request, answer))
    }

    async fn seal(&self, mut way: Way, mut response: Response) -> Result<Response, CallError> {
        if response.status != Status::Ok {
            way.part = Part::Error;
        }
        way.codec = response.codec()?;
        let metadata = response.metadata.get_or_insert_default();
        metadata.set_text(Metadata::SEALED_SENDER, &way.sender);
        response.body = way.seal(&self.sealing, response.body).await?;
        response.sealed = true;
        Ok(response)
    }

    async fn open_event(&self, mut event: Event) -> Result<Event, CallError> {
        let way = Way {
            part: Part::Event,
            sender: sender(event.metadata.as_deref()),
            target: event.topic.clone(),
            codec: codec_of(event.metadata.as_deref())?,
            correlation: Text::default(),
        };
        let body = way.open(&self.opener, Body::unary(event.body)).await?;
        event.body = body.collect().await?;
        event.sealed = false;
        Ok(event)
    }
}

fn correlation(metadata: Option<&Metadata>) -> Text {
    let name = metadata.and_then(|metadata| metadata.text(Metadata::SEALED_ID));
    name.unwrap_or_default().into()
}
