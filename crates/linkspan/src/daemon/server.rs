//! The daemon's side: commands come in, handlers run them.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::auth::policy::Guard;
use crate::clock;
use crate::daemon::cancellation::CancelCause;
use crate::daemon::core::Core;
use crate::daemon::facts::Facts;
use crate::daemon::front::Door;
use crate::daemon::handler::{self, CommandHandler, Handler};
use crate::daemon::rights::Rights;
use crate::daemon::thread::Connections;
use crate::daemon::wire::{DaemonIdentity, DaemonStatus, LogTail};
use crate::daemon::{
    Config, DaemonStats, EndReason, Ending, ServeError, StartupReason, StopReport, control,
};
use crate::transport::{self, Acceptor, TransportHealth};
use crate::{Address, AddressError};

/// Runs the commands of clients.
///
/// Connections are read on a thread of the server's own: control, cancelling and the detection of
/// clients that die work while every handler blocks its thread. Handlers run on the runtime on which
/// [`listen`](Self::listen) is called.
///
/// # Examples
///
/// ```
/// use linkspan::daemon::{Command, DaemonServer, ExitCode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let address = linkspan::Address::Unix(directory.path().join("hello.sock"));
/// # let address = &address;
/// let hello = async |mut command: Command| {
///     command.stdout.write_chunk("hello\n").await?;
///     Ok::<_, std::io::Error>(ExitCode::SUCCESS)
/// };
/// let serving = DaemonServer::new("hello", hello).listen(address).await?;
/// # serving.stop(std::time::Duration::from_secs(1)).await;
/// # Ok(())
/// # }
/// ```
pub struct DaemonServer {
    handler: Handler,
    config: Config,
    transport: transport::Config,
    facts: Facts,
    guard: Option<Guard>,
}

impl DaemonServer {
    /// A server of the daemon `daemon_id` with default settings.
    pub fn new(daemon_id: impl Into<String>, handler: impl CommandHandler) -> Self {
        Self {
            handler: handler::erase(handler),
            config: Config::default(),
            transport: transport::Config::default(),
            facts: Facts::new(daemon_id.into()),
            guard: None,
        }
    }

    /// Replaces the settings.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Replaces the settings of transports, such as who may connect. The number of connections is
    /// that of the [`Config`].
    #[must_use]
    pub fn transport(mut self, config: transport::Config) -> Self {
        self.transport = config;
        self
    }

    /// Has a guard asked about every command, as for `daemon.command:ID` with the daemon's id, and about
    /// what clients ask of the daemon itself, as for `daemon.control:stop`. Who the daemon is, whoever
    /// can connect is told.
    ///
    /// Clients are whom the transport names. Who may not is told so, who is too fast gets *busy*.
    /// Default: none, so that whoever can connect may do everything.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Says which build this is, and when it was built, in milliseconds since 1970.
    #[must_use]
    pub fn build(mut self, build_id: impl Into<String>, timestamp_ms: Option<u64>) -> Self {
        self.facts.build_id = build_id.into();
        self.facts.build_timestamp_ms = timestamp_ms;
        self
    }

    /// Says why this daemon was started. Default: the first start.
    #[must_use]
    pub fn startup(mut self, reason: StartupReason) -> Self {
        self.facts.startup = reason;
        self
    }

    /// Says that whoever holds the server starts a successor when it is to end by
    /// [`EndReason::Restart`](crate::daemon::EndReason::Restart). Otherwise clients are told that it
    /// cannot be restarted.
    #[must_use]
    pub fn restartable(mut self) -> Self {
        self.facts.can_restart = true;
        self
    }

    /// Gives clients the end of a log: at most as many bytes as the function is asked for. It must
    /// not block for long.
    #[must_use]
    pub fn logs<F>(mut self, read: F) -> Self
    where
        F: Fn(usize) -> io::Result<LogTail> + Send + Sync + 'static,
    {
        self.facts.logs = Some(Box::new(read));
        self
    }

    /// Begins to listen at a local socket.
    ///
    /// # Errors
    ///
    /// Any [`ServeError`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing listens.
    pub async fn listen<A>(self, address: A) -> Result<Serving, ServeError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into)?;
        self.config.check()?;
        let connections = Connections::start().map_err(ServeError::Thread)?;
        let runtimes = (Handle::current(), connections.handle().clone());
        let rights = Rights {
            guard: self.guard,
            daemon_id: self.facts.daemon_id.as_str().into(),
        };
        let core = Core::new(self.config, self.facts, self.handler, rights, runtimes);
        let core = Arc::new(core);
        let door = Arc::new(Door {
            core: Arc::clone(&core),
        });
        let starting = async move { Acceptor::start(&address, self.transport, door).await };
        let acceptor = connections.handle().spawn(starting).await;
        let acceptor = acceptor.map_err(|error| ServeError::Thread(error.into()))??;
        let idling = Arc::clone(&core);
        connections
            .handle()
            .spawn(async move { idling.until_idle().await });
        Ok(Serving {
            acceptor,
            core,
            _connections: connections,
        })
    }
}

/// A daemon at work.
///
/// Dropping it ends all connections and handlers at once; [`stop`](Self::stop) ends them in order.
#[must_use = "dropping it ends the daemon"]
pub struct Serving {
    acceptor: Acceptor<Door>,
    core: Arc<Core>,
    /// Last: what runs there uses the others.
    _connections: Connections,
}

impl Serving {
    /// Where it listens.
    pub fn address(&self) -> &Address {
        self.acceptor.address()
    }

    /// Waits until the daemon is to end: a client asked for it, or it was idle for long. From then on
    /// commands are refused. It ends when [`stop`](Self::stop) is called.
    ///
    /// It also says when a handler is [stuck](crate::daemon::EndReason::Stuck); then commands are
    /// still taken.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn ending(&self) -> Ending {
        let mut endings = self.core.endings();
        let ending = endings.wait_for(Option::is_some).await;
        match ending.ok().and_then(|ending| *ending) {
            Some(ending) => ending,
            // The sender lives as long as we do.
            None => std::future::pending().await,
        }
    }

    /// Stops listening, so that a successor can; the socket is gone then. Commands are refused from
    /// then on, those that run go on.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it may still listen; calling it again is fine.
    pub async fn drain(&mut self) {
        self.core.drain();
        self.acceptor.close().await;
    }

    /// Ends the daemon in order: [drains](Self::drain) it, gives commands that run at most `limit`,
    /// then cancels them and gives their handlers
    /// [`Config::cancel_grace`] to end. A wish to stop that comes meanwhile can make `limit` shorter.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, everything ends at once.
    pub async fn stop(mut self, limit: Duration) -> StopReport {
        self.drain().await;
        let mut report = StopReport::default();
        let before = self.core.running();
        self.until_done(clock::after(clock::now(), limit)).await;
        report.cancelled = self.core.cancel_all(CancelCause::Stopping);
        report.finished = before.saturating_sub(report.cancelled);
        // Those that supervise cancelled commands end them.
        self.core.until_running(0).await;
        report.stuck = self.core.stuck();
        self.farewell().await;
        report
    }

    /// A way to have commands cancelled at once that [`stop`](Self::stop) waits for.
    pub(super) fn hurry(&self) -> impl Fn() + use<> {
        let core = Arc::clone(&self.core);
        move || core.request_end(EndReason::Stop, Some(Duration::ZERO))
    }

    /// What was counted.
    pub fn stats(&self) -> DaemonStats {
        self.core.stats()
    }

    /// What clients are told that ask how the daemon is doing.
    pub fn status(&self) -> DaemonStatus {
        control::status(&self.core)
    }

    /// What clients are told that ask who the daemon is.
    pub fn identity(&self) -> DaemonIdentity {
        self.core.facts.identity()
    }

    /// How its transport is doing.
    pub fn health(&self) -> TransportHealth {
        self.acceptor.health().report()
    }

    /// Waits until no command runs, or until a time that wishes to stop can make earlier.
    async fn until_done(&self, mut until: Instant) {
        let mut endings = self.core.endings();
        endings.mark_unchanged();
        loop {
            let done = self.core.until_running(0);
            tokio::select! {
                () = done => return,
                () = tokio::time::sleep_until(until.into()) => return,
                ending = next(&mut endings) => {
                    until = until.min(clock::after(clock::now(), ending.limit));
                }
            }
        }
    }

    /// Ends connections when they have sent what they have.
    async fn farewell(&self) {
        let connections = self.core.connections();
        for connection in &connections {
            connection.end();
        }
        let until = clock::after(clock::now(), FAREWELL);
        for connection in connections {
            let closed = connection.outlet.closed();
            tokio::time::timeout_at(until.into(), closed).await.ok();
        }
    }
}

/// The next wish to end.
async fn next(endings: &mut watch::Receiver<Option<Ending>>) -> Ending {
    loop {
        if endings.changed().await.is_err() {
            return std::future::pending().await;
        }
        let ending = *endings.borrow_and_update();
        if let Some(ending) = ending.filter(|ending| ending.reason.is_final()) {
            return ending;
        }
    }
}

impl fmt::Debug for DaemonServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DaemonServer")
            .field("config", &self.config)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("acceptor", &self.acceptor)
            .finish_non_exhaustive()
    }
}

/// How long connections may take to send the last they have.
const FAREWELL: Duration = Duration::from_secs(2);
