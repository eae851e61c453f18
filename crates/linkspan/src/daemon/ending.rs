//! Why and how a daemon ends.

use std::time::Duration;

use crate::daemon::wire::Verb;

/// A reason for a daemon to end, and the time that its commands have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ending {
    /// Why.
    pub reason: EndReason,
    /// How long commands that run may take; then they are cancelled.
    pub limit: Duration,
}

impl Ending {
    pub(super) fn new(reason: EndReason, limit: Duration) -> Self {
        Self { reason, limit }
    }
}

/// Why a daemon is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// It was asked to stop.
    Stop,
    /// It was asked to give its place to a successor.
    Drain,
    /// It was asked to give its place to a successor, and to have it started.
    Restart,
    /// Nothing was asked of it for long.
    Idle,
    /// A handler does not end and keeps a thread: only a new process is as good as before. Until it
    /// is replaced the daemon goes on.
    Stuck,
}

impl EndReason {
    /// Whether commands are refused from then on.
    pub(super) fn is_final(self) -> bool {
        self != Self::Stuck
    }

    pub(super) fn of(verb: Verb) -> Option<Self> {
        match verb {
            Verb::Stop => Some(Self::Stop),
            Verb::Drain => Some(Self::Drain),
            Verb::Restart => Some(Self::Restart),
            _ => None,
        }
    }
}

/// How a daemon's commands ended when it stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// Commands that ran and ended by themselves.
    pub finished: usize,
    /// Commands that were cancelled because the time was up.
    pub cancelled: usize,
    /// Handlers that did not end when told to, and still keep a thread.
    pub stuck: usize,
}
