//! One connection as others see it: which commands it has, and its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use crate::clock;
use crate::daemon::cancellation::CancelCause;
use crate::daemon::error::ConnectionError;
use crate::daemon::outlet::Outlet;
use crate::daemon::running::Running;

/// A connection that is there.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) outlet: Arc<Outlet>,
    state: Mutex<State>,
    /// Whether it shall end.
    is_ending: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    commands: HashMap<u32, Arc<Running>>,
    /// Number of the latest command.
    last: u32,
    /// When the last of its commands ended.
    idle_since: Instant,
    is_over: bool,
}

impl Connection {
    pub(super) fn new(outlet: Arc<Outlet>) -> Self {
        let state = State {
            commands: HashMap::new(),
            last: 0,
            idle_since: clock::now(),
            is_over: false,
        };
        Self {
            outlet,
            state: Mutex::new(state),
            is_ending: watch::Sender::new(false),
        }
    }

    /// Takes note of a new command's number.
    pub(super) fn number(&self, number: u32) -> Result<(), ConnectionError> {
        let mut state = self.lock();
        let last = state.last;
        if number <= last {
            return Err(ConnectionError::Number { number, last });
        }
        state.last = number;
        Ok(())
    }

    /// Adds a command that begins; false if the connection has ended.
    pub(super) fn add(&self, running: &Arc<Running>) -> bool {
        let mut state = self.lock();
        if !state.is_over {
            state.commands.insert(running.number, Arc::clone(running));
        }
        !state.is_over
    }

    pub(super) fn remove(&self, number: u32) {
        let mut state = self.lock();
        state.commands.remove(&number);
        state.idle_since = clock::now();
    }

    /// The command that a frame is about; nothing if it has ended.
    pub(super) fn command(&self, number: u32) -> Result<Option<Arc<Running>>, ConnectionError> {
        let state = self.lock();
        let last = state.last;
        match number {
            0 => Err(ConnectionError::Unknown { number, last }),
            _ if number > last => Err(ConnectionError::Unknown { number, last }),
            _ => Ok(state.commands.get(&number).map(Arc::clone)),
        }
    }

    /// Cancels its commands; gives how many were not cancelled before.
    pub(super) fn cancel(&self, cause: CancelCause) -> usize {
        let cancelled = self.commands();
        cancelled
            .iter()
            .filter(|running| running.cancel(cause))
            .count()
    }

    /// The peer is gone, or shall go: no command begins any more, those that run are cancelled.
    pub(super) fn lose(&self) {
        self.lock().is_over = true;
        self.outlet.close();
        for running in self.commands() {
            running.lose();
        }
    }

    fn commands(&self) -> Vec<Arc<Running>> {
        self.lock().commands.values().map(Arc::clone).collect()
    }

    /// Since when no command runs on it.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        let is_idle = state.commands.is_empty() && !state.is_over;
        is_idle.then_some(state.idle_since)
    }

    /// Ends it if no command runs on it.
    pub(super) fn end_if_idle(&self) -> bool {
        let mut state = self.lock();
        let is_idle = state.commands.is_empty() && !state.is_over;
        state.is_over |= is_idle;
        drop(state);
        if is_idle {
            self.end();
        }
        is_idle
    }

    /// Has its task send what is pending, and close it.
    pub(super) fn end(&self) {
        self.is_ending.send_replace(true);
    }

    /// Waits until it shall end.
    pub(super) async fn ending(&self) {
        let mut is_ending = self.is_ending.subscribe();
        // The sender lives as long as we do.
        is_ending.wait_for(|is_ending| *is_ending).await.ok();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
