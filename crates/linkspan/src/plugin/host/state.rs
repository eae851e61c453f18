//! How far a plugin has come.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::plugin::host::board::Board;
use crate::plugin::host::shared::Shared;

/// How far a plugin has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It was loaded, and nothing of it runs yet.
    Created,
    /// Its first process is being started, or is not ready yet.
    Starting,
    /// A process of it at least was started and was ready.
    Running,
    /// It is being stopped.
    Stopping,
    /// It was stopped, or has ended in order and is not to be started again.
    Stopped,
    /// It could not be started or ended too often, and is not started again by itself.
    Failed,
    /// It ended, and will be started again after a pause.
    Crashed,
}

impl State {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Created,
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
        Self::Crashed,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        }
    }

    /// Whether it stays so until somebody does something.
    pub fn is_at_rest(self) -> bool {
        matches!(self, Self::Created | Self::Stopped | Self::Failed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The states of a plugin, one after the other. Who looks too late sees the last one.
#[derive(Debug)]
pub struct States {
    board: watch::Receiver<Board>,
    seen: State,
    /// Keeps what is watched.
    _plugin: Arc<Shared>,
}

impl States {
    pub(super) fn of(plugin: &Arc<Shared>) -> Self {
        let board = plugin.board.subscribe();
        let seen = board.borrow().state();
        Self {
            board,
            seen,
            _plugin: Arc::clone(plugin),
        }
    }

    /// The state now.
    pub fn current(&self) -> State {
        self.board.borrow().state()
    }

    /// Waits until the state is another than this last gave.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> State {
        let seen = self.seen;
        self.seen = self.reached(|state| state != seen).await;
        self.seen
    }

    /// Waits until the state is one of these.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn wait_for(&mut self, is_wanted: impl Fn(State) -> bool) -> State {
        self.seen = self.reached(is_wanted).await;
        self.seen
    }

    async fn reached(&mut self, is_wanted: impl Fn(State) -> bool) -> State {
        match self.board.wait_for(|board| is_wanted(board.state())).await {
            Ok(board) => board.state(),
            // What is watched is kept by this.
            Err(_) => State::Stopped,
        }
    }
}
