//! Connections that come back: one supervisor for every capability that wants to survive its
//! server's restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::{debug, info};

use crate::Address;
use crate::clock;
use crate::layer::{Backoff, BackoffConfig};
use crate::session::connect::connect;
use crate::session::handler::Handler;
use crate::session::{CallError, Config, ConnectError, Connection};
use crate::transport;

/// How a client comes back to its server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReconnectConfig {
    /// The longest that the first pause after a failed attempt can be; each further one can be twice
    /// as long. Default: 5 ms.
    pub first_pause: Duration,
    /// The longest that any pause can be. Each is a random part of what it can be, so that many
    /// clients do not come at once. Default: 1 s.
    pub longest_pause: Duration,
    /// How long a call without deadline waits for the connection. Default: 30 s.
    pub patience: Duration,
}

impl Default for ReconnectConfig {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_secs(1),
            patience: Duration::from_secs(30),
        }
    }
}

/// How a client finds its server, and what it is there.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) transport: transport::Config,
    pub(crate) config: Arc<Config>,
    pub(crate) handler: Arc<dyn Handler>,
}

impl Target {
    pub(crate) async fn connect(&self) -> Result<Connection, ConnectError> {
        let handler = Arc::clone(&self.handler);
        connect(&self.address, &self.transport, &self.config, handler).await
    }
}

/// A connection that is made again whenever it is lost.
#[derive(Debug)]
pub(crate) struct Reconnecting {
    state: watch::Receiver<State>,
    patience: Duration,
    supervisor: AbortHandle,
}

#[derive(Debug, Clone)]
enum State {
    Connected(Connection),
    /// It is being made again; why the last attempt failed.
    Lost(Arc<str>),
}

impl Reconnecting {
    /// Keeps a connection that was made, and makes it again when it is lost.
    pub(crate) fn new(target: Target, first: Connection, config: ReconnectConfig) -> Self {
        let patience = config.patience;
        let (sender, state) = watch::channel(State::Connected(first.clone()));
        let supervisor = tokio::spawn(supervise(target, first, config, sender)).abort_handle();
        Self {
            state,
            patience,
            supervisor,
        }
    }

    /// Does not come back any more; gives the connection that there is.
    pub(crate) fn give_up(&self) -> Option<Connection> {
        self.supervisor.abort();
        self.current()
    }

    /// The latest connection, which may have been lost just now.
    pub(crate) fn latest(&self) -> Option<Connection> {
        self.state.borrow().connection()
    }

    /// The connection, if there is one now.
    pub(crate) fn current(&self) -> Option<Connection> {
        match &*self.state.borrow() {
            State::Connected(connection) if connection.is_open() => Some(connection.clone()),
            _ => None,
        }
    }

    /// How long a call without deadline waits for the connection.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The connection, waiting for it until then.
    pub(crate) async fn get(&self, until: Instant) -> Result<Connection, CallError> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let mut state = self.state.clone();
        let connected = async {
            let is_open = |state: &State| match state {
                State::Connected(connection) => connection.is_open(),
                State::Lost(_) => false,
            };
            state
                .wait_for(is_open)
                .await
                .ok()
                .and_then(|state| state.connection())
        };
        let connected = tokio::time::timeout_at(until.into(), connected).await;
        connected
            .ok()
            .flatten()
            .ok_or_else(|| CallError::not_accepted(&self.why_lost()))
    }

    fn why_lost(&self) -> Arc<str> {
        match &*self.state.borrow() {
            State::Lost(reason) => Arc::clone(reason),
            State::Connected(_) => "the connection was lost".into(),
        }
    }
}

impl State {
    fn connection(&self) -> Option<Connection> {
        match self {
            Self::Connected(connection) => Some(connection.clone()),
            Self::Lost(_) => None,
        }
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

/// Waits for the connection to be lost, makes it again, for ever.
async fn supervise(
    target: Target,
    mut connection: Connection,
    config: ReconnectConfig,
    state: watch::Sender<State>,
) {
    let mut backoff = config.backoff();
    loop {
        let connected = clock::now();
        connection.not_open().await;
        debug!(address = %target.address, "connection lost");
        state.send_replace(State::Lost("the connection was lost".into()));
        drop(connection);
        if clock::now() >= clock::after(connected, config.longest_pause) {
            backoff.reset();
        } else {
            // A server that takes connections and drops them is not asked without a pause, either.
            tokio::time::sleep(config.next_pause(&mut backoff)).await;
        }
        connection = come_back(&target, &config, &mut backoff, &state).await;
        info!(address = %target.address, "connected again");
        state.send_replace(State::Connected(connection.clone()));
    }
}

async fn come_back(
    target: &Target,
    config: &ReconnectConfig,
    backoff: &mut Backoff,
    state: &watch::Sender<State>,
) -> Connection {
    loop {
        let error = match target.connect().await {
            Ok(connection) => return connection,
            Err(error) => error,
        };
        debug!(address = %target.address, %error, "cannot connect");
        let hint = error.refusal().and_then(|failure| failure.retry_after);
        state.send_replace(State::Lost(describe(&error).into()));
        let pause = config.next_pause(backoff);
        tokio::time::sleep(hint.map_or(pause, |hint| hint.min(LONGEST_HINT))).await;
    }
}

impl ReconnectConfig {
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(BackoffConfig {
            first_pause: self.first_pause,
            longest_pause: self.longest_pause,
            repeats: None,
        })
    }

    pub(crate) fn next_pause(&self, backoff: &mut Backoff) -> Duration {
        backoff.next_pause().unwrap_or(self.longest_pause)
    }
}

/// An error with its causes in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A server that asks for a longer pause gets this one.
const LONGEST_HINT: Duration = Duration::from_secs(60);
