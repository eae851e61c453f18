//! The methods of a broker, as a router.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::message::Failure;
use tracing::debug;

use crate::bus::broker::{Core, clients};
use crate::bus::native::attachment::{Attachment, Passed, Verb};
use crate::bus::native::dead_letters;
use crate::bus::native::feed::End;
use crate::bus::native::requests;
use crate::bus::native::tap::tap;
use crate::bus::wire::{Watch, method};
use crate::codec::Codec;
use crate::rpc::Router;
use crate::session::{BoxFuture, CallError, Context, Event, Request, Response};

/// The native side of a broker: who is attached by which connection.
pub(crate) struct Native {
    pub(super) core: Arc<Core>,
    pub(super) attached: papaya::HashMap<usize, Arc<Attachment>>,
}

impl Native {
    pub(crate) fn new(core: Arc<Core>) -> Arc<Self> {
        let attached = papaya::HashMap::new();
        Arc::new(Self { core, attached })
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Ends the streams of all clients, so that their connections can end.
    pub(crate) fn stop(&self) {
        for attachment in self.attached.pin().values() {
            attachment.feeds.end(End::Stopping);
        }
    }

    /// The methods and events of the broker.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let router = Router::new();
        let router = self.method(router, method::ATTACH, requests::attach);
        let router = self.method(router, method::LEAVE, requests::leave);
        let router = self.method(router, method::SUBSCRIBE, requests::subscribe);
        let router = self.method(router, method::TAP, tap);
        let router = self.method(router, method::WATCH, watch);
        let router = self.method(router, method::CLIENTS, list);
        let router = self.method(router, method::DLQ_LIST, dead_letters::list);
        let router = self.method(router, method::DLQ_SHOW, dead_letters::show);
        let router = self.method(router, method::DLQ_REPLAY, dead_letters::replay);
        let router = self.method(router, method::DLQ_DROP, dead_letters::forget);
        let native = Arc::clone(self);
        let router = router.raw_event(method::CALL, move |event| native.call(event));
        let verbs = [
            (method::PUBLISH, Verb::Publish),
            (method::PUBLISH_FOR, Verb::PublishFor),
            (method::SEND, Verb::Send),
            (method::BROADCAST, Verb::Broadcast),
        ];
        let router = verbs.into_iter().fold(router, |router, (name, verb)| {
            let pass = move |native: Arc<Self>, request| pass(native, verb, request);
            let router = self.method(router, name, pass);
            let native = Arc::clone(self);
            router.raw_event(name, move |event| native.pass_event(verb, event))
        });
        router.with_own_quotas(&method::ADMITTED)
    }

    fn method<Answer>(
        self: &Arc<Self>,
        router: Router,
        name: &str,
        handler: impl Fn(Arc<Self>, Request) -> Answer + Send + Sync + 'static,
    ) -> Router
    where
        Answer: Future<Output = Result<Response, CallError>> + Send + 'static,
    {
        let native = Arc::clone(self);
        router.raw_method(name, move |request| handler(Arc::clone(&native), request))
    }

    /// The client that is attached by the connection of a call.
    pub(super) fn attachment(&self, context: &Context) -> Result<Arc<Attachment>, Failure> {
        self.attachment_by(context.facts().map(|facts| facts.connection_key()))
    }

    fn attachment_by(&self, key: Option<usize>) -> Result<Arc<Attachment>, Failure> {
        let attached = self.attached.pin();
        let attachment = key.and_then(|key| attached.get(&key).map(Arc::clone));
        attachment.ok_or_else(|| {
            let message = "the connection has no name on the bus; `bus.attach` gives it one";
            Failure::new(Category::Request, Code::REJECTED, message)
        })
    }

    /// Passes a message on, as far as that is possible at once; gives the rest.
    fn pass_event(&self, verb: Verb, event: Event) -> Option<BoxFuture<()>> {
        let attachment = self.attachment_by(Some(event.source.connection_key()));
        match attachment.and_then(|attachment| attachment.pass(verb, event.body)) {
            Ok(Passed::Settled(_)) => None,
            Ok(passed) => Some(Box::pin(async move {
                passed.settled().await;
            })),
            Err(error) => {
                debug!(%error, ?verb, "a message was not passed on");
                None
            }
        }
    }

    /// Passes a call on, as far as that is possible at once; gives the rest.
    fn call(&self, event: Event) -> Option<BoxFuture<()>> {
        let attachment = self.attachment_by(Some(event.source.connection_key()));
        let called = attachment.and_then(|attachment| attachment.call(event.body));
        called.unwrap_or_else(|error| {
            debug!(%error, "a call was not passed on");
            None
        })
    }
}

async fn pass(
    native: Arc<Native>,
    verb: Verb,
    mut request: Request,
) -> Result<Response, CallError> {
    let attachment = native.attachment(&request.context())?;
    let passed = attachment.pass(verb, request.body.collect().await?)?;
    Ok(Response::new(passed.settled().await.encode()))
}

/// Answers when a client is gone.
async fn watch(native: Arc<Native>, request: Request) -> Result<Response, CallError> {
    let Watch { name, id } = requests::parameters(request).await?;
    if let Some(member) = native.core.member(&name).filter(|member| member.id == id) {
        member.gone().await;
    }
    Ok(Response::new(Bytes::new()))
}

async fn list(native: Arc<Native>, _: Request) -> Result<Response, CallError> {
    let clients = clients(&native.core, |_| true);
    let body = Codec::Msgpack.encode(&clients).map_err(CallError::Encode)?;
    Ok(Response::new(body))
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").finish_non_exhaustive()
    }
}
