//! How a listener is doing: what its connections count, and the figures made of it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::clock;
use crate::counter::Counter;
use crate::transport::Backend;
use crate::transport::durations::{Durations, Percentiles};
use crate::transport::rate::Rate;

/// How a listener is doing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TransportHealth {
    /// What carries new connections, on local sockets.
    pub backend: Option<Backend>,
    /// Connections that have a place now, those in their handshake included.
    pub connection_count: usize,
    /// Requests answered in a second, over the last ten.
    pub message_rate: f64,
    /// Requests that failed and connections that broke in a second, over the last ten.
    pub error_rate: f64,
    /// Time from reading a request to its answer, since the start.
    pub latency: Percentiles,
    /// The part of it until the handler began.
    pub waiting: Percentiles,
    /// The part of it in the handler.
    pub handling: Percentiles,
    /// Times in which a peer took nothing of what was to be written.
    pub write_stalls: Percentiles,
    /// The latest failure.
    pub last_error: Option<LastError>,
    /// What was counted since the start.
    pub totals: Totals,
}

impl TransportHealth {
    /// Mean time from reading a request to its answer.
    pub fn average_latency(&self) -> Duration {
        self.latency.mean
    }
}

/// A failure, and when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// What failed, and why, as far as that is known.
    pub message: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What a listener has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Connections that began to talk: whose handshake succeeded, or that sent a first request.
    pub accepted: u64,
    /// Connections that were told to come again later.
    pub refused_busy: u64,
    /// Connections of users who are not let in.
    pub refused_untrusted: u64,
    /// Connections that never began to talk.
    pub failed_handshakes: u64,
    /// Errors of the system while accepting, as when descriptors are used up.
    pub accept_errors: u64,
    /// Requests that were answered, failures included.
    pub messages: u64,
    /// Requests that failed, and connections that broke.
    pub errors: u64,
}

/// Where a listener and its connections count.
#[derive(Debug)]
pub(crate) struct Health {
    /// Index into [`Backend::ALL`] and one more; 0 for none.
    backend: AtomicUsize,
    open: AtomicUsize,
    accepted: Counter,
    refused_busy: Counter,
    refused_untrusted: Counter,
    failed_handshakes: Counter,
    accept_errors: Counter,
    messages: Rate,
    errors: Rate,
    latency: Durations,
    waiting: Durations,
    handling: Durations,
    write_stalls: Durations,
    last_error: Mutex<Option<LastError>>,
}

impl Health {
    pub(crate) fn new(backend: Option<Backend>) -> Self {
        let now = clock::now();
        let health = Self {
            backend: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            accepted: Counter::default(),
            refused_busy: Counter::default(),
            refused_untrusted: Counter::default(),
            failed_handshakes: Counter::default(),
            accept_errors: Counter::default(),
            messages: Rate::new(now),
            errors: Rate::new(now),
            latency: Durations::default(),
            waiting: Durations::default(),
            handling: Durations::default(),
            write_stalls: Durations::default(),
            last_error: Mutex::default(),
        };
        health.set_backend(backend);
        health
    }

    pub(crate) fn set_backend(&self, backend: Option<Backend>) {
        let index = backend.and_then(|backend| Backend::ALL.iter().position(|b| *b == backend));
        let number = index.map_or(0, |index| index + 1);
        self.backend.store(number, Ordering::Relaxed);
    }

    /// A connection has a place.
    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection gave its place back.
    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection began to talk.
    pub(crate) fn accepted(&self) {
        self.accepted.increment();
    }

    pub(crate) fn refused_busy(&self) {
        self.refused_busy.increment();
    }

    pub(crate) fn refused_untrusted(&self) {
        self.refused_untrusted.increment();
    }

    /// A connection went, or was ended, before it began to talk.
    pub(crate) fn handshake_failed(&self, error: &dyn std::error::Error) {
        self.failed_handshakes.increment();
        self.failed(error);
    }

    pub(crate) fn accept_failed(&self, error: &io::Error) {
        self.accept_errors.increment();
        self.failed(error);
    }

    /// A request was answered at `now`, after `waited` for its handler and `handled` in it.
    pub(crate) fn answered(&self, now: Instant, waited: Duration, handled: Duration) {
        self.messages.note(now);
        self.waiting.note(waited);
        self.handling.note(handled);
        self.latency.note(waited + handled);
    }

    /// Several requests were answered at `now`; of each, how long it waited and was handled.
    pub(crate) fn answered_all(&self, now: Instant, times: &[(Duration, Duration)]) {
        if times.is_empty() {
            return;
        }
        self.messages
            .note_many(now, u32::try_from(times.len()).unwrap_or(u32::MAX));
        self.waiting
            .note_all(times.iter().map(|(waited, _)| *waited));
        self.handling
            .note_all(times.iter().map(|(_, handled)| *handled));
        self.latency
            .note_all(times.iter().map(|(waited, handled)| *waited + *handled));
    }

    /// A peer took nothing of what was to be written for so long.
    pub(crate) fn write_stalled(&self, stalled: Duration) {
        self.write_stalls.note(stalled);
    }

    /// A request failed, or a connection broke.
    pub(crate) fn failed(&self, error: &dyn std::error::Error) {
        let now = clock::now();
        self.errors.note(now);
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let at_ms = since_1970.map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
        });
        let error = LastError {
            message: with_causes(error),
            at_ms,
        };
        *self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// The backend that accepts now.
    pub(crate) fn backend(&self) -> Option<Backend> {
        let number = self.backend.load(Ordering::Relaxed);
        number
            .checked_sub(1)
            .and_then(|index| Backend::ALL.get(index).copied())
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            accepted: self.accepted.total(),
            refused_busy: self.refused_busy.total(),
            refused_untrusted: self.refused_untrusted.total(),
            failed_handshakes: self.failed_handshakes.total(),
            accept_errors: self.accept_errors.total(),
            messages: self.messages.total(),
            errors: self.errors.total(),
        }
    }

    /// The figures of now.
    pub(crate) fn report(&self) -> TransportHealth {
        let now = clock::now();
        TransportHealth {
            backend: self.backend(),
            connection_count: self.open.load(Ordering::Relaxed),
            message_rate: self.messages.per_second(now),
            error_rate: self.errors.per_second(now),
            latency: self.latency.percentiles(),
            waiting: self.waiting.percentiles(),
            handling: self.handling.percentiles(),
            write_stalls: self.write_stalls.percentiles(),
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            totals: self.totals(),
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
