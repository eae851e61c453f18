//! The methods of a broker, as a router.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::message::Failure;
use tracing::debug;

use crate::bus::broker::{Core, clients};
use crate::bus::native::attachment::{Attachment, Verb};
use crate::bus::native::dead_letters;
use crate::bus::native::feed::End;
use crate::bus::native::requests;
use crate::bus::native::tap::tap;
use crate::bus::wire::{Watch, method};
use crate::codec::{Codec, Raw};
use crate::rpc::Router;
use crate::session::{CallError, Context, Request, Response};

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
        let verbs = [
            (method::PUBLISH, Verb::Publish),
            (method::PUBLISH_FOR, Verb::PublishFor),
            (method::SEND, Verb::Send),
            (method::BROADCAST, Verb::Broadcast),
        ];
        verbs.into_iter().fold(router, |router, (name, verb)| {
            let pass = move |native: Arc<Self>, request| pass(native, verb, request);
            let router = self.method(router, name, pass);
            let native = Arc::clone(self);
            router.on_event(name, move |Raw(body), context| {
                pass_event(Arc::clone(&native), verb, body, context)
            })
        })
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
        let key = context.facts().map(|facts| facts.connection_key());
        let attached = self.attached.pin();
        let attachment = key.and_then(|key| attached.get(&key).map(Arc::clone));
        attachment.ok_or_else(|| {
            let message = "the connection has no name on the bus; `bus.attach` gives it one";
            Failure::new(Category::Request, Code::REJECTED, message)
        })
    }
}

async fn pass(
    native: Arc<Native>,
    verb: Verb,
    mut request: Request,
) -> Result<Response, CallError> {
    let attachment = native.attachment(&request.context())?;
    let receipt = attachment.pass(verb, request.body.collect().await?).await?;
    Ok(Response::new(receipt.encode()))
}

async fn pass_event(native: Arc<Native>, verb: Verb, body: Bytes, context: Context) {
    let passed = match native.attachment(&context) {
        Ok(attachment) => attachment.pass(verb, body).await,
        Err(failure) => Err(failure),
    };
    if let Err(error) = passed {
        debug!(%error, ?verb, "a message was not passed on");
    }
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
