//! The side that answers.

use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use bytes::Bytes;

use crate::auth::policy::Guard;
use crate::exchange::conversation::{Conversation, Settings};
use crate::exchange::handler::{self, Handler};
use crate::exchange::listening::Listening;
use crate::exchange::rights::Rights;
use crate::exchange::{Context, ExchangeStats, IpcConfig, StopReport};
use crate::transport::{self, Connected, ListenError, TransportHealth};
use crate::{Address, AddressError};

/// Answers questions on any number of addresses, in the order in which each connection asks them.
///
/// A handler's error is a message like its answer: the wire has no error frames, so the application
/// puts what went wrong into a message of its own. `Err` is for the convenience of `?`.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use linkspan::exchange::{Context, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let serving = Server::new()
///     .handler(async |question: Bytes, _: Context| Ok::<_, Bytes>(question))
///     .listen("mem:echo")
///     .await?;
/// # serving.stop(std::time::Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    handler: Option<Handler>,
    ipc: IpcConfig,
    transport: transport::Config,
    handler_timeout: Duration,
    rights: Option<Rights>,
}

impl Server {
    /// A server with default settings and no handler.
    pub fn new() -> Self {
        Self {
            handler: None,
            ipc: IpcConfig::default(),
            transport: transport::Config::default(),
            handler_timeout: HANDLER_TIMEOUT,
            rights: None,
        }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn config(mut self, config: IpcConfig) -> Self {
        self.ipc = config;
        self
    }

    /// Replaces the settings of transports, such as who may connect. Their backend and numbers of
    /// connections are those of the [`IpcConfig`].
    #[must_use]
    pub fn transport(mut self, config: transport::Config) -> Self {
        self.transport = config;
        self
    }

    /// How long a handler may take; then the connection closes. Default: 30 s.
    ///
    /// A handler that blocks goes on on its thread, and keeps its place among them. A question that
    /// waits for a thread may do so for as long, and then has all of the handler's time.
    #[must_use]
    pub fn handler_timeout(mut self, limit: Duration) -> Self {
        self.handler_timeout = limit;
        self
    }

    /// Has a guard asked about every question, as for `exchange.send:NAME`. Peers are whom the transport
    /// names: users, and holders of certificates.
    ///
    /// The connection of a question that is not permitted closes without an answer, because the wire
    /// has no errors. One that is too much is told busy if it is the first of its connection. Default:
    /// none, so that whoever can connect may ask.
    #[must_use]
    pub fn guard(mut self, guard: Guard, name: impl Into<String>) -> Self {
        let name = name.into().into();
        self.rights = Some(Rights { guard, name });
        self
    }

    /// Has an async function answer. It runs on the connection's task.
    ///
    /// If it panics, the connection closes, and no other is harmed.
    #[must_use]
    pub fn handler<F, Done, E>(mut self, handler: F) -> Self
    where
        F: Fn(Bytes, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<Bytes, E>> + Send + 'static,
        E: Into<Bytes> + 'static,
    {
        self.handler = Some(handler::from_bytes(handler));
        self
    }

    /// Has a function answer that blocks or computes for long. It runs on a thread of its own, of
    /// which there are at most 16; further questions wait.
    #[must_use]
    pub fn blocking_handler<F, E>(mut self, handler: F) -> Self
    where
        F: Fn(Bytes, Context) -> Result<Bytes, E> + Send + Sync + 'static,
        E: Into<Bytes> + 'static,
    {
        self.handler = Some(handler::from_blocking(handler, BLOCKING_THREADS));
        self
    }

    /// Has an async function answer a message with another.
    ///
    /// A question that is no `Q` ends its connection without an answer, because none is due that its
    /// sender could read.
    #[cfg(feature = "prost")]
    #[must_use]
    pub fn message_handler<Q, A, E, F, Done>(mut self, handler: F) -> Self
    where
        Q: prost::Message + Default + 'static,
        A: prost::Message + 'static,
        E: prost::Message + 'static,
        F: Fn(Q, Context) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<A, E>> + Send + 'static,
    {
        self.handler = Some(handler::messages::from_messages(handler));
        self
    }

    /// Has a function answer a message with another that blocks or computes for long; see
    /// [`blocking_handler`](Self::blocking_handler).
    #[cfg(feature = "prost")]
    #[must_use]
    pub fn blocking_message_handler<Q, A, E, F>(mut self, handler: F) -> Self
    where
        Q: prost::Message + Default + 'static,
        A: prost::Message + 'static,
        E: prost::Message + 'static,
        F: Fn(Q, Context) -> Result<A, E> + Send + Sync + 'static,
    {
        let threads = BLOCKING_THREADS;
        self.handler = Some(handler::messages::from_blocking_messages(handler, threads));
        self
    }

    /// Answers the questions of a connection that was made elsewhere, until its other end closes it. It
    /// may be silent for as long as it likes. Without a handler it is closed at once.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connection ends at once.
    pub async fn serve(self, connected: Connected) {
        let Some(plan) = self.plan() else {
            return;
        };
        let (_, mut settings) = plan.settings(&plan.ipc);
        // Nobody waits for its place.
        settings.ipc.accept_timeout = Duration::MAX;
        Conversation::alone(connected.into_bytes(), settings, plan.handler)
            .run()
            .await;
    }

    /// Begins to listen at an address; [`Serving::also`] adds more.
    ///
    /// # Errors
    ///
    /// Any [`ListenError`]; [`ListenError::Unsupported`] also if the server has no handler.
    pub async fn listen<A>(self, address: A) -> Result<Serving, ListenError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into)?;
        let Some(plan) = self.plan() else {
            let reason = "the server has no handler";
            return Err(ListenError::Unsupported { address, reason });
        };
        let first = plan.start(&address).await?;
        Ok(Serving {
            plan,
            first,
            more: Vec::new(),
        })
    }

    fn plan(self) -> Option<Plan> {
        Some(Plan {
            handler: self.handler?,
            ipc: self.ipc,
            transport: self.transport,
            handler_timeout: self.handler_timeout,
            rights: self.rights,
        })
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// How a server answers, wherever it does.
struct Plan {
    handler: Handler,
    ipc: IpcConfig,
    transport: transport::Config,
    handler_timeout: Duration,
    rights: Option<Rights>,
}

impl Plan {
    async fn start(&self, address: &Address) -> Result<Listening, ListenError> {
        let (transport, settings) = self.settings(&self.ipc);
        Listening::start(address, transport, settings, self.handler.clone()).await
    }

    fn settings(&self, ipc: &IpcConfig) -> (transport::Config, Settings) {
        let mut transport = self.transport.clone();
        transport.backend = ipc.transport;
        let settings = Settings {
            ipc: ipc.clone(),
            handler_timeout: self.handler_timeout,
            rights: self.rights.clone(),
        };
        (transport, settings)
    }
}

/// A server at work.
///
/// Dropping it ends all connections at once; [`stop`](Self::stop) ends them in order.
#[must_use = "dropping it ends the server"]
pub struct Serving {
    plan: Plan,
    first: Listening,
    more: Vec<Listening>,
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
        let listening = self.plan.start(&address).await?;
        let bound = listening.address().clone();
        self.more.push(listening);
        Ok(bound)
    }

    /// Stops listening at an address that [`also`](Self::also) added; its connections end at once.
    /// Says whether there was one.
    pub fn no_longer(&mut self, address: &Address) -> bool {
        let before = self.more.len();
        self.more.retain(|listening| listening.address() != address);
        self.more.len() < before
    }

    /// Changes the settings for connections that come from now on, the backend that carries them
    /// included; those that are open keep theirs. `endpoint_path` has no effect here.
    ///
    /// # Errors
    ///
    /// [`ListenError::Backend`] if this build has not the new backend; then nothing is changed.
    /// [`ListenError::Io`] if it cannot accept at an address; that and those that were added later
    /// keep their settings.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, some addresses may have the new settings and others the earlier
    /// ones.
    pub async fn reconfigure(&mut self, config: IpcConfig) -> Result<(), ListenError> {
        for listening in self.all() {
            let (transport, settings) = self.plan.settings(&config);
            listening.reconfigure(transport, settings).await?;
        }
        self.plan.ipc = config;
        Ok(())
    }

    /// The address that it began with, with the port that the system chose.
    pub fn address(&self) -> &Address {
        self.first.address()
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.all().map(Listening::address)
    }

    /// What was counted at each address.
    pub fn stats(&self) -> impl Iterator<Item = (&Address, ExchangeStats)> {
        self.all()
            .map(|listening| (listening.address(), listening.stats()))
    }

    /// How it is doing at each address.
    pub fn health(&self) -> impl Iterator<Item = (&Address, TransportHealth)> {
        self.all()
            .map(|listening| (listening.address(), listening.health()))
    }

    /// Ends the server in order: accepts nothing new, closes connections that wait for a question,
    /// gives questions that are being read, handled or answered at most `limit`, and reports how
    /// many of them had to be cut off.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connections end at once.
    pub async fn stop(self, limit: Duration) -> StopReport {
        let mut tasks = tokio::task::JoinSet::new();
        for listening in std::iter::once(self.first).chain(self.more) {
            tasks.spawn(listening.stop(limit));
        }
        let mut report = StopReport::default();
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

    fn all(&self) -> impl Iterator<Item = &Listening> {
        std::iter::once(&self.first).chain(&self.more)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("ipc", &self.ipc)
            .finish_non_exhaustive()
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

const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);
/// Threads that blocking handlers of one server have.
const BLOCKING_THREADS: usize = 16;
