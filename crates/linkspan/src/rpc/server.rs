//! The side that answers.

use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tower_layer::Layer;
use tower_service::Service;

use crate::auth::Authentication;
use crate::auth::policy::Guard;
use crate::codec::{Decode, Encode};
use crate::compression::CompressionConfig;
use crate::rpc::guarded::Guarded;
use crate::rpc::layered::{BoxService, Layered};
use crate::rpc::{Handle, MethodInfo, Router, ServerConfig};
use crate::session::{
    Acceptor, Connection, Context, Handler, ListenerStats, Request, Response, StopReport,
};
use crate::transport::{ListenError, TransportHealth};
use crate::{Address, AddressError};

/// Answers requests on any number of addresses.
///
/// # Examples
///
/// ```
/// use linkspan::rpc::{CallError, Context, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let serving = Server::new()
///     .method("double", async |number: i64, _: Context| Ok::<_, CallError>(2 * number))
///     .on_event("said", async |words: String, _: Context| println!("{words}"))
///     .listen("mem:doubler")
///     .await?;
/// # serving.stop(std::time::Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Server {
    router: Router,
    /// What is done to the router when it has all its methods.
    pub(super) finish: Vec<Finish>,
    layers: Vec<Wrap>,
    guard: Option<Guard>,
    config: ServerConfig,
}

/// Does something to all methods.
pub(super) struct Finish(pub(super) Box<dyn FnOnce(Router) -> Router + Send>);

/// Puts one layer around a service.
struct Wrap(Box<dyn FnOnce(BoxService) -> BoxService + Send>);

impl Server {
    /// A server with default settings and no methods.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the settings.
    #[must_use]
    pub fn config(mut self, config: ServerConfig) -> Self {
        self.config = config;
        self
    }

    /// Says what clients are asked for, and who is believed; part of the [settings](Self::config).
    #[must_use]
    pub fn authentication(mut self, authentication: Authentication) -> Self {
        self.config.session.authentication = Some(authentication);
        self
    }

    /// Says what is compressed, where, and by what; part of the [settings](Self::config).
    #[must_use]
    pub fn compression(mut self, config: CompressionConfig) -> Self {
        self.config.session.compression = config;
        self
    }

    /// Adds the methods of a generated server or a router.
    #[must_use]
    pub fn service(mut self, service: impl Into<Router>) -> Self {
        self.router = self.router.service(service);
        self
    }

    /// Adds a method that a closure answers; see [`Router::method`].
    #[must_use]
    pub fn method<P, T, E>(
        mut self,
        method: impl Into<MethodInfo>,
        handler: impl Handle<P, T, E>,
    ) -> Self
    where
        P: Decode + Send,
        T: Encode + Send,
        E: Encode + Send + 'static,
    {
        self.router = self.router.method(method, handler);
        self
    }

    /// Adds a handler for events of a topic; see [`Router::on_event`].
    #[must_use]
    pub fn on_event<T, F, Done>(mut self, topic: &str, handler: F) -> Self
    where
        T: Decode + Send,
        F: Fn(T, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        self.router = self.router.on_event(topic, handler);
        self
    }

    /// Puts a tower layer around all methods; the last one added sees a request first.
    ///
    /// Between two layers a service is always ready. Layers that look at each other's readiness, as
    /// load shedding does at a limit, are given together, as one `tower::ServiceBuilder`.
    #[must_use]
    pub fn layer<L, S>(mut self, layer: L) -> Self
    where
        L: Layer<BoxService, Service = S> + Send + 'static,
        S: Service<Request, Response = Response> + Clone + Send + Sync + 'static,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        S::Future: Send,
    {
        let wrap = move |service| BoxService::new(layer.layer(service));
        self.layers.push(Wrap(Box::new(wrap)));
        self
    }

    /// Has a guard asked about every request and event, before any layer sees it.
    ///
    /// Default: none, so that whoever can connect may call everything.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Begins to listen at an address; [`Serving::also`] adds more.
    ///
    /// # Errors
    ///
    /// Any [`ListenError`].
    pub async fn listen<A>(self, address: A) -> Result<Serving, ListenError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let finish = self.finish.into_iter();
        let router = finish.fold(self.router, |router, finish| (finish.0)(router));
        let handler: Arc<dyn Handler> = if self.layers.is_empty() {
            Arc::new(router)
        } else {
            let innermost = BoxService::new(router.clone());
            let service = self
                .layers
                .into_iter()
                .fold(innermost, |inner, wrap| (wrap.0)(inner));
            Arc::new(Layered::new(router, service))
        };
        let handler = match self.guard {
            Some(guard) => Arc::new(Guarded::new(handler, guard)),
            None => handler,
        };
        let address = address.try_into().map_err(Into::into)?;
        let first = accept(&address, &self.config, &handler).await?;
        Ok(Serving {
            handler,
            config: self.config,
            first,
            more: Vec::new(),
        })
    }
}

async fn accept(
    address: &Address,
    config: &ServerConfig,
    handler: &Arc<dyn Handler>,
) -> Result<Acceptor, ListenError> {
    let (transport, session) = (config.transport.clone(), config.session.clone());
    Acceptor::start(address, transport, session, Arc::clone(handler)).await
}

/// A server at work.
///
/// Dropping it ends all connections at once; [`stop`](Self::stop) ends them in order.
#[must_use = "dropping it ends the server"]
pub struct Serving {
    handler: Arc<dyn Handler>,
    config: ServerConfig,
    first: Acceptor,
    more: Vec<Acceptor>,
}

impl Serving {
    /// Listens at a further address; gives it with the port that the system chose.
    ///
    /// # Errors
    ///
    /// Any [`ListenError`]; the server goes on with the addresses that it had.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the address is not added.
    pub async fn also<A>(&mut self, address: A) -> Result<Address, ListenError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let acceptor = accept(&address, &self.config, &self.handler).await?;
        let bound = acceptor.address().clone();
        self.more.push(acceptor);
        Ok(bound)
    }

    /// Changes the settings for connections that come from now on; those that are open keep
    /// theirs, the backend that carries them included.
    ///
    /// # Errors
    ///
    /// [`ListenError::Backend`] if this build has not the new backend; then nothing is changed.
    /// [`ListenError::Io`] if it cannot accept at an address; that and those that were
    /// [added](Self::also) later keep their settings.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some addresses may have the new settings and others the earlier
    /// ones.
    pub async fn reconfigure(&mut self, config: ServerConfig) -> Result<(), ListenError> {
        for acceptor in self.acceptors() {
            let (transport, session) = (config.transport.clone(), config.session.clone());
            acceptor.reconfigure(transport, session).await?;
        }
        self.config = config;
        Ok(())
    }

    /// Stops listening at an address that [`also`](Self::also) added; its connections end at once.
    /// Says whether there was one.
    pub fn no_longer(&mut self, address: &Address) -> bool {
        let before = self.more.len();
        self.more.retain(|acceptor| acceptor.address() != address);
        self.more.len() < before
    }

    /// The address that it began with, with the port that the system chose.
    pub fn address(&self) -> &Address {
        self.first.address()
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.acceptors().map(Acceptor::address)
    }

    /// What was counted at each address.
    pub fn stats(&self) -> impl Iterator<Item = (&Address, ListenerStats)> {
        self.acceptors()
            .map(|acceptor| (acceptor.address(), acceptor.stats()))
    }

    /// How it is doing at each address.
    pub fn health(&self) -> impl Iterator<Item = (&Address, TransportHealth)> {
        self.acceptors()
            .map(|acceptor| (acceptor.address(), acceptor.health()))
    }

    /// The connections that are open now.
    pub fn connections(&self) -> Vec<Connection> {
        self.acceptors().flat_map(Acceptor::connections).collect()
    }

    /// Ends the server in order: accepts nothing new, says goodbye to all clients, gives what is
    /// under way at most `limit`, and reports what had to be cut off.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connections end at once.
    pub async fn stop(self, limit: Duration) -> StopReport {
        let acceptors = std::iter::once(self.first).chain(self.more);
        let stopping = acceptors.map(|acceptor| acceptor.stop(limit));
        let mut report = StopReport::default();
        let mut tasks = tokio::task::JoinSet::new();
        for stop in stopping {
            tasks.spawn(stop);
        }
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(done) => report.add(done),
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime shuts down.
                Err(_) => {}
            }
        }
        report
    }
}

impl Serving {
    fn acceptors(&self) -> impl Iterator<Item = &Acceptor> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("first", &self.first)
            .field("more", &self.more)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finish")
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrap")
    }
}
