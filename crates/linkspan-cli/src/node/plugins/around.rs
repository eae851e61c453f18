//! What a node has around its plugins: its methods, and its broker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use linkspan::auth::Principal;
use linkspan::auth::policy::{Access, Action, Guard};
use linkspan::bus::{Client, Embedded, Message, PostError, SubscribeError, Subscription};
use linkspan::codec::{Codec, CodecError, Encode, Payload};
use linkspan::plugin::PluginName;
use linkspan::plugin::host::{Doing, Inlet, PluginEvent, Surroundings};
use linkspan::rpc::{BoxService, CallError, Request, Response, Router};
use linkspan::{Category, Code, Failure};
use tokio::task::JoinSet;
use tower_service::Service;

use crate::node::plugins::lock;

/// What a node has around its plugins. Rights were asked for by the gate of each; here the node's rules
/// are asked, too, whose conditions may forbid more. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Around {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rights: Guard,
    broker: Option<Embedded>,
    /// The node's methods, as long as plugins may call them; they hold the plugins themselves.
    methods: Mutex<Option<Router>>,
    /// Plugins as clients of the broker, by their principals.
    clients: tokio::sync::Mutex<BTreeMap<String, Client>>,
    /// What is handed on to plugins.
    tasks: Mutex<JoinSet<()>>,
}

impl Around {
    pub(super) fn new(rights: Guard, broker: Option<Embedded>) -> Self {
        Self {
            shared: Arc::new(Shared {
                rights,
                broker,
                methods: Mutex::default(),
                clients: tokio::sync::Mutex::default(),
                tasks: Mutex::default(),
            }),
        }
    }

    /// Lets plugins call these.
    pub(super) fn open(&self, methods: Router) {
        *lock(&self.shared.methods) = Some(methods);
    }

    /// Lets go of all that plugins could call.
    pub(super) fn close(&self) {
        *lock(&self.shared.methods) = None;
    }

    /// Has a plugin leave the bus that does not run any more.
    pub(super) async fn forget(&self, plugin: &PluginName) {
        let principal = format!("plugin:{plugin}");
        self.shared.clients.lock().await.remove(&principal);
    }
}

impl Surroundings for Around {
    fn services(&self) -> Router {
        let methods = lock(&self.shared.methods).clone().unwrap_or_default();
        let service = BoxService::new(Asked {
            rights: self.shared.rights.clone(),
            methods,
        });
        Router::new().others(move |_| Some(service.clone()))
    }

    fn publish(&self, plugin: &Principal, event: PluginEvent) -> Doing {
        let (shared, plugin) = (Arc::clone(&self.shared), plugin.clone());
        Box::pin(async move {
            let client = shared.client(&plugin).await?;
            let body = Encoded(event.payload);
            let published = client.publish(&event.topic, &body).await;
            published.map(drop).map_err(|error| not_published(&error))
        })
    }

    fn subscribe(&self, plugin: &Principal, mask: &str, inlet: Inlet) -> Doing {
        let (shared, plugin) = (Arc::clone(&self.shared), plugin.clone());
        let mask = mask.to_owned();
        Box::pin(async move {
            let client = shared.client(&plugin).await?;
            let subscription = client.subscribe(&*mask).await;
            let subscription = subscription.map_err(|error| not_subscribed(&error))?;
            let own_name = client.name().to_owned();
            let mut tasks = lock(&shared.tasks);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(hand_on(subscription, inlet, own_name));
            Ok(())
        })
    }
}

impl Shared {
    /// A plugin as a client of the broker; all its processes are one.
    async fn client(&self, plugin: &Principal) -> Result<Client, Failure> {
        let unavailable =
            |message: String| Failure::new(Category::Plugin, Code::UNAVAILABLE, message);
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(&plugin.name) {
            return Ok(client.clone());
        }
        let broker = self.broker.as_ref();
        let broker = broker.ok_or_else(|| unavailable("there is no broker".to_owned()))?;
        let name = plugin.name.replace(':', ".");
        let connected = broker.connect_as(&name, plugin).await;
        let client = connected.map_err(|error| unavailable(error.to_string()))?;
        clients.insert(plugin.name.clone(), client.clone());
        Ok(client)
    }
}

/// Has a plugin hear what others publish, as long as it listens.
async fn hand_on(mut subscription: Subscription, inlet: Inlet, own_name: String) {
    loop {
        let message = tokio::select! {
            message = subscription.next() => message,
            () = inlet.closed() => return,
        };
        let Some(Ok(message)) = message else { return };
        if message.sender() == own_name || message.is_sealed() {
            continue;
        }
        if !inlet.push(event(&message)) {
            return;
        }
    }
}

fn event(message: &Message) -> PluginEvent {
    // Clients of BUS/RT do not say how their messages are encoded.
    let codec = message.codec().unwrap_or(Codec::Raw);
    PluginEvent::new(message.topic(), Payload::new(codec, message.payload()))
}

fn not_published(error: &PostError) -> Failure {
    let (category, code) = match error {
        PostError::Denied { .. } => (Category::Authorization, Code::DENIED),
        _ => (Category::Plugin, Code::UNAVAILABLE),
    };
    Failure::new(category, code, error.to_string())
}

fn not_subscribed(error: &SubscribeError) -> Failure {
    Failure::new(Category::Plugin, Code::UNAVAILABLE, error.to_string())
}

/// A body that is encoded already.
struct Encoded(Payload);

impl Encode for Encoded {
    fn encode(&self, _: Codec) -> Result<Payload, CodecError> {
        Ok(self.0.clone())
    }
}

/// The node's methods behind the node's rules.
#[derive(Clone)]
struct Asked {
    rights: Guard,
    methods: Router,
}

impl Service<Request> for Asked {
    type Response = Response;
    type Error = CallError;
    type Future = <Router as Service<Request>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let principal = request.principal();
        let access = Access::new(Action::RpcCall, &request.method);
        if self.rights.decide(&principal, &access).permitted {
            return self.methods.call(request);
        }
        let message = format!("{} may not {access}", principal.name);
        let denied = Failure::new(Category::Authorization, Code::DENIED, message);
        Box::pin(std::future::ready(Err(denied.into())))
    }
}
