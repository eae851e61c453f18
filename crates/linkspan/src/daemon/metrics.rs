//! What daemons count.

use crate::counter::Counter;
use crate::daemon::error::ConnectionError;
use crate::daemon::rights::Barred;

/// What a daemon has counted since its start.
///
/// Each connection that ends with an error counts once, under its cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DaemonStats {
    /// Connections that are open now, those that only ask about the daemon included.
    pub connections: usize,
    /// Commands that run now.
    pub commands: usize,
    /// Handlers that were told to go, do not, and keep a thread.
    pub stuck: usize,
    /// Commands that were accepted.
    pub accepted: u64,
    /// Commands that were refused because too many ran.
    pub busy: u64,
    /// Commands that were refused because the daemon is about to end.
    pub draining: u64,
    /// Commands that were refused because they were begun before.
    pub duplicates: u64,
    /// Commands, and wishes about the daemon itself, that their clients may not have.
    pub denied: u64,
    /// Those that were more than their clients' quotas.
    pub limited: u64,
    /// Commands that were cancelled, by their client or because it went.
    pub cancelled: u64,
    /// Commands that were cut off because they did not end when cancelled.
    pub aborted: u64,
    /// Commands whose handlers panicked.
    pub panics: u64,
    /// Connections that sent no version check, or not in time.
    pub silent: u64,
    /// Connections that sent what is no frame, or stood where it must not.
    pub malformed: u64,
    /// Connections that the system ended, or that ended within a frame.
    pub broken: u64,
    /// Connections that nobody used and that were ended for a new one.
    pub evicted: u64,
}

/// Where connections and commands count.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: Counter,
    pub(super) busy: Counter,
    pub(super) draining: Counter,
    pub(super) duplicates: Counter,
    pub(super) cancelled: Counter,
    pub(super) aborted: Counter,
    pub(super) panics: Counter,
    pub(super) evicted: Counter,
    denied: Counter,
    limited: Counter,
    silent: Counter,
    malformed: Counter,
    broken: Counter,
}

impl Counters {
    /// Counts what a client was not let do.
    pub(super) fn barred(&self, barred: &Barred) {
        match barred {
            Barred::Denied(_) => self.denied.increment(),
            Barred::TooMuch { .. } => self.limited.increment(),
        }
    }

    /// Counts how a connection ended.
    pub(super) fn failed(&self, error: &ConnectionError) {
        let counter = match error {
            ConnectionError::Silent { .. } | ConnectionError::Unopened => &self.silent,
            ConnectionError::Io(_) | ConnectionError::Truncated | ConnectionError::Answer(_) => {
                &self.broken
            }
            _ => &self.malformed,
        };
        counter.increment();
    }

    pub(super) fn stats(&self) -> DaemonStats {
        DaemonStats {
            accepted: self.accepted.total(),
            busy: self.busy.total(),
            draining: self.draining.total(),
            duplicates: self.duplicates.total(),
            denied: self.denied.total(),
            limited: self.limited.total(),
            cancelled: self.cancelled.total(),
            aborted: self.aborted.total(),
            panics: self.panics.total(),
            silent: self.silent.total(),
            malformed: self.malformed.total(),
            broken: self.broken.total(),
            evicted: self.evicted.total(),
            ..DaemonStats::default()
        }
    }
}
