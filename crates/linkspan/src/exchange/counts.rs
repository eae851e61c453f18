//! What clients count.

use bytes::Bytes;

use crate::counter::Counter;
use crate::exchange::ExchangeError;
use crate::exchange::wire::HEADER_BYTES;
use crate::layer::EndpointStats;

/// What a client has counted since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStats {
    /// Connections that came about.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Connections that a server refused because it had no place.
    pub busy: u64,
    /// Times that a question, or a part of it, was written.
    pub sent: u64,
    /// Questions that were answered.
    pub answered: u64,
    /// Further rounds over the endpoints, after a pause.
    pub repeated: u64,
    /// Questions that failed and may have been handled.
    pub outcome_unknown: u64,
    /// Questions that failed and certainly were not read.
    pub unsent: u64,
    /// Answers that were no messages of the expected type.
    pub undecodable: u64,
    /// Bytes of questions that were answered, headers included.
    pub bytes_sent: u64,
    /// Bytes of their answers, headers included.
    pub bytes_received: u64,
    /// What is known of each endpoint, the best class first.
    pub endpoints: Vec<EndpointStats>,
}

/// Where a client counts.
#[derive(Debug, Default)]
pub(super) struct ClientCounters {
    pub(super) connects: Counter,
    pub(super) connect_failures: Counter,
    pub(super) busy: Counter,
    pub(super) sent: Counter,
    pub(super) repeated: Counter,
    answered: Counter,
    outcome_unknown: Counter,
    unsent: Counter,
    undecodable: Counter,
    bytes_sent: Counter,
    bytes_received: Counter,
}

impl ClientCounters {
    pub(super) fn exchanged(&self, question: &Bytes, answer: &Bytes) {
        self.answered.increment();
        self.bytes_sent.add(HEADER_BYTES + question.len());
        self.bytes_received.add(HEADER_BYTES + answer.len());
    }

    /// Counts a question that has failed for good.
    pub(super) fn failed(&self, error: &ExchangeError) {
        let counter = match error {
            ExchangeError::OutcomeUnknown { .. } => &self.outcome_unknown,
            ExchangeError::Answer(_) => &self.undecodable,
            _ => &self.unsent,
        };
        counter.increment();
    }

    pub(super) fn stats(&self, endpoints: Vec<EndpointStats>) -> ClientStats {
        ClientStats {
            connects: self.connects.total(),
            connect_failures: self.connect_failures.total(),
            busy: self.busy.total(),
            sent: self.sent.total(),
            answered: self.answered.total(),
            repeated: self.repeated.total(),
            outcome_unknown: self.outcome_unknown.total(),
            unsent: self.unsent.total(),
            undecodable: self.undecodable.total(),
            bytes_sent: self.bytes_sent.total(),
            bytes_received: self.bytes_received.total(),
            endpoints,
        }
    }
}
