//! Events that wait for a plugin.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::plugin::host::{GateConfig, PluginEvent};

/// Events that wait for an instance of a plugin; the oldest give way to new ones.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    max_events: usize,
    max_bytes: usize,
    /// Told of each event.
    filled: Notify,
    /// Told of the end.
    closed: Notify,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<PluginEvent>,
    bytes: usize,
    is_closed: bool,
}

impl Queue {
    pub(super) fn new(config: &GateConfig) -> Self {
        Self {
            state: Mutex::default(),
            max_events: config.max_queued_events,
            max_bytes: config.max_queued_bytes,
            filled: Notify::new(),
            closed: Notify::new(),
        }
    }

    /// Adds an event, and says how many had to go for it, itself perhaps; `None` if nobody reads any
    /// more.
    pub(super) fn push(&self, event: PluginEvent) -> Option<usize> {
        let mut dropped = 0;
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        state.bytes += event.cost();
        state.events.push_back(event);
        while state.events.len() > self.max_events || state.bytes > self.max_bytes {
            let Some(oldest) = state.events.pop_front() else {
                break;
            };
            state.bytes -= oldest.cost();
            dropped += 1;
        }
        drop(state);
        self.filled.notify_one();
        Some(dropped)
    }

    /// The next event, when there is one; `None` once it was closed. There is one reader.
    pub(super) async fn next(&self) -> Option<PluginEvent> {
        loop {
            if let Some(event) = self.take()? {
                return Some(event);
            }
            self.filled.notified().await;
        }
    }

    /// Ends it; what still waits is forgotten.
    pub(super) fn close(&self) {
        let mut state = self.state();
        *state = State {
            is_closed: true,
            ..State::default()
        };
        drop(state);
        self.filled.notify_one();
        self.closed.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Waits until it is closed.
    pub(super) async fn closed(&self) {
        let closed = self.closed.notified();
        if !self.is_closed() {
            closed.await;
        }
    }

    fn take(&self) -> Option<Option<PluginEvent>> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        let event = state.events.pop_front();
        state.bytes -= event.as_ref().map_or(0, PluginEvent::cost);
        Some(event)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
