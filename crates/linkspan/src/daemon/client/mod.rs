//! The client: finds the daemon or starts it, and has it run commands.

mod builder;
mod capture;
mod connection;
mod error;
mod finished;
mod framed;
mod invocation;
mod printer;
mod reader;
mod session;
mod slot;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;

use crate::daemon::client::capture::{Capture, Captured};
use crate::daemon::client::error::ProtocolError;
use crate::daemon::client::session::{Ended, Progress};
use crate::daemon::client::slot::End;
use crate::daemon::lifecycle::{self, Arrival, Settings};
use crate::daemon::wire::{Command, Outcome, Refusal};
use crate::signals::Signals;

pub use builder::DaemonClientBuilder;
pub use error::{ClientError, Lost};
pub use finished::{CommandOutput, Finished};
pub use invocation::Invocation;

pub(crate) use connection::Connection;
pub(crate) use invocation::USUAL_VARIABLES;

/// Runs commands at a daemon, which is started when it is needed.
///
/// Commands share one connection, on which any number of them run at once; it is made anew when it
/// was lost or when the daemon was replaced. Clones share it, too.
///
/// # Examples
///
/// ```no_run
/// use linkspan::daemon::{DaemonClient, DaemonId, Invocation};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = DaemonClient::builder(DaemonId::new("spell")?)
///     .executable("/usr/bin/spell")
///     .build()?;
/// let output = client.capture(&Invocation::new(["spell", "--list"]), "teh\n").await?;
/// assert_eq!(&output.stdout[..], b"teh\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DaemonClient {
    settings: Arc<Settings>,
    present: Arc<Mutex<Present>>,
    on_start: OnStart,
}

/// Is told what a daemon says of its start that was started for a command.
#[derive(Clone)]
struct OnStart(Arc<dyn Fn(&str) + Send + Sync>);

/// Where commands go.
#[derive(Debug, Default)]
struct Present {
    connection: Option<Arc<Connection>>,
    /// A process that refused a command because it is about to end.
    leaving: Option<u32>,
}

impl DaemonClient {
    /// A client of the daemon with this id, to be adjusted.
    pub fn builder(id: lifecycle::DaemonId) -> DaemonClientBuilder {
        DaemonClientBuilder::new(id)
    }

    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            present: Arc::default(),
            on_start: OnStart::default(),
        }
    }

    /// Has `note` told why, whenever a daemon is started.
    pub(crate) fn on_start(mut self, note: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_start = OnStart(Arc::new(note));
        self
    }

    /// A client over a connection that there is already.
    pub(crate) fn over(settings: Arc<Settings>, connection: Connection) -> Self {
        let present = Present {
            connection: Some(Arc::new(connection)),
            leaving: None,
        };
        Self {
            settings,
            present: Arc::new(Mutex::new(present)),
            on_start: OnStart::default(),
        }
    }

    /// Runs a command on this process's own stdin, stdout and stderr, and hands signals on.
    ///
    /// It is for command lines, of which one such runs at a time. From now on ^C, SIGTERM and SIGHUP
    /// cancel the command; a second one ends this process, and so does a reader of stdout that is
    /// gone, as SIGPIPE would. stdin is read only when and as far as the handler asks.
    ///
    /// A command that the daemon has not accepted when it goes is sent again; one that it has, only
    /// if it is declared idempotent and has neither had input nor given output.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: it came to no end of its own, or was not begun.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the command.
    pub async fn run(&self, invocation: &Invocation) -> Result<Finished, ClientError> {
        let mut signals = Signals::listen().map_err(|source| ClientError::Io {
            action: "listen to signals",
            source,
        })?;
        let command = invocation.to_command(connection::request_id()?, true);
        // Its thread comes up while the daemon is reached.
        let mut ready = Some(session::printer()?);
        let mut attempt = 1;
        loop {
            let connection = self.connected().await?;
            let (command, limit) = (command.clone(), invocation.deadline);
            let printer = ready.take().map_or_else(session::printer, Ok)?;
            let ended = session::run(&connection, command, printer, limit, &mut signals).await?;
            if attempt == ATTEMPTS || !self.is_to_repeat(&ended, invocation).await {
                return ended.finish();
            }
            attempt += 1;
        }
    }

    /// Runs a command with the input `stdin`, and keeps its output in memory, all of it.
    ///
    /// What is said of repetitions at [`run`](Self::run) holds here, too.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: it came to no end of its own, or was not begun.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the command.
    pub async fn capture(
        &self,
        invocation: &Invocation,
        stdin: impl Into<Bytes>,
    ) -> Result<CommandOutput, ClientError> {
        let stdin = stdin.into();
        let command = invocation.to_command(connection::request_id()?, !stdin.is_empty());
        let capturing = self.capture_command(invocation, command, stdin);
        match invocation.deadline {
            Some(limit) => tokio::time::timeout(limit, capturing)
                .await
                .unwrap_or(Err(ClientError::Deadline { limit })),
            None => capturing.await,
        }
    }

    async fn capture_command(
        &self,
        invocation: &Invocation,
        command: Command,
        stdin: Bytes,
    ) -> Result<CommandOutput, ClientError> {
        let mut attempt = 1;
        loop {
            let (ended, output) = self.attempt(command.clone(), stdin.clone()).await?;
            if attempt == ATTEMPTS || !self.is_to_repeat(&ended, invocation).await {
                return Ok(CommandOutput::new(ended.finish()?, output));
            }
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        command: Command,
        stdin: Bytes,
    ) -> Result<(Ended, Captured), ClientError> {
        let connection = self.connected().await?;
        Ok(Capture::begin(&connection, command, stdin)
            .await?
            .run()
            .await)
    }

    /// The connection, which is made if there is none.
    async fn connected(&self) -> Result<Arc<Connection>, ClientError> {
        let mut present = self.present.lock().await;
        let open = present.connection.as_ref();
        if let Some(connection) = open.filter(|connection| connection.is_open()) {
            return Ok(Arc::clone(connection));
        }
        let (connection, arrival) = lifecycle::connect(&self.settings, present.leaving).await?;
        if let Arrival::Started(reason) = arrival {
            (self.on_start.0)(&reason);
        }
        let connection = Arc::new(connection);
        present.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Whether a command was certainly not begun, or may be begun once more. The connection is not
    /// used again then.
    async fn is_to_repeat(&self, ended: &Ended, invocation: &Invocation) -> bool {
        let Progress {
            is_accepted,
            has_output,
            has_input,
        } = ended.progress;
        let is_harmless = !is_accepted || invocation.is_idempotent && !has_input;
        let repeats = match &ended.end {
            End::Lost(_) => is_harmless && !has_output && ended.wanted_end.is_none(),
            End::Exit(Outcome::Refused { refusal, .. }) => *refusal == Refusal::Draining,
            _ => false,
        };
        if repeats {
            let mut present = self.present.lock().await;
            let connection = present.connection.take();
            if !matches!(ended.end, End::Lost(_)) {
                present.leaving = connection.and_then(|connection| connection.pid());
            }
        }
        repeats
    }
}

impl Default for OnStart {
    fn default() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl fmt::Debug for OnStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnStart")
    }
}

/// How often a command is sent that was not begun before.
const ATTEMPTS: u32 = 5;
