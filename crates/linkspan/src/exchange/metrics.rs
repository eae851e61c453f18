//! What servers count.

use proto::error::ExchangeDecodeError;

use crate::counter::Counter;
use crate::exchange::ConnectionError;
use crate::exchange::error::ServeError;

/// What a listener has counted since its start; the transport's figures are beside it, in
/// [`TransportHealth`](crate::transport::TransportHealth).
///
/// Each connection that ends with an error counts once, under its cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExchangeStats {
    /// Frames that were read whole.
    pub frames: u64,
    /// Questions that were answered; the answer left as a whole.
    pub answered: u64,
    /// Bytes of frames that were read, headers included.
    pub bytes_received: u64,
    /// Bytes of answers that were written, headers included.
    pub bytes_sent: u64,
    /// A length of 0, or over the limit.
    pub bad_length: u64,
    /// A sum that is not that of the message.
    pub bad_crc: u64,
    /// A message whose sum is right and that is none of the expected type.
    pub undecodable: u64,
    /// No first frame was begun within `accept_timeout`.
    pub silent: u64,
    /// A frame that was begun made no progress within `read_timeout`, or took too long as a whole.
    pub read_timeouts: u64,
    /// A peer took nothing of an answer within `write_timeout`, or took it too slowly.
    pub write_timeouts: u64,
    /// The end came within a frame.
    pub truncated: u64,
    /// The system reported an error, a reset connection for one.
    pub broken: u64,
    /// A handler had no answer within its time, or no thread in as long a time before.
    pub handler_timeouts: u64,
    /// A handler panicked.
    pub panics: u64,
    /// An answer was empty, or over the limit.
    pub unsendable: u64,
    /// Idle connections that were ended for a new one.
    pub evicted: u64,
    /// Connections that carry frames of sessions, over `mem:`.
    pub not_bytes: u64,
    /// A question that its peer may not ask.
    pub denied: u64,
    /// A question that is more than its peer's quota.
    pub limited: u64,
}

/// Where connections count.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) frames: Counter,
    pub(super) answered: Counter,
    pub(super) bytes_received: Counter,
    pub(super) bytes_sent: Counter,
    pub(super) evicted: Counter,
    bad_length: Counter,
    bad_crc: Counter,
    undecodable: Counter,
    silent: Counter,
    read_timeouts: Counter,
    write_timeouts: Counter,
    truncated: Counter,
    broken: Counter,
    handler_timeouts: Counter,
    panics: Counter,
    unsendable: Counter,
    not_bytes: Counter,
    denied: Counter,
    limited: Counter,
}

impl Counters {
    /// Counts how a connection ended.
    pub(super) fn failed(&self, error: &ServeError) {
        let counter = match error {
            ServeError::Connection(error) => self.connection(error),
            ServeError::Question(_) => &self.undecodable,
            ServeError::NoThread { .. } | ServeError::HandlerTimedOut { .. } => {
                &self.handler_timeouts
            }
            ServeError::HandlerPanicked { .. } => &self.panics,
            ServeError::Answer(_) => &self.unsendable,
            ServeError::NotBytes => &self.not_bytes,
            ServeError::Denied { .. } => &self.denied,
            ServeError::TooMuch { .. } => &self.limited,
        };
        counter.increment();
    }

    fn connection(&self, error: &ConnectionError) -> &Counter {
        match error {
            ConnectionError::Frame(ExchangeDecodeError::Checksum { .. }) => &self.bad_crc,
            ConnectionError::Frame(_) => &self.bad_length,
            ConnectionError::Silent { .. } => &self.silent,
            ConnectionError::Truncated => &self.truncated,
            ConnectionError::ReadStalled { .. } | ConnectionError::ReadTooSlow { .. } => {
                &self.read_timeouts
            }
            ConnectionError::WriteStalled { .. } | ConnectionError::WriteTooSlow { .. } => {
                &self.write_timeouts
            }
            ConnectionError::Closed | ConnectionError::Unasked | ConnectionError::Io(_) => {
                &self.broken
            }
        }
    }

    pub(super) fn stats(&self) -> ExchangeStats {
        ExchangeStats {
            frames: self.frames.total(),
            answered: self.answered.total(),
            bytes_received: self.bytes_received.total(),
            bytes_sent: self.bytes_sent.total(),
            bad_length: self.bad_length.total(),
            bad_crc: self.bad_crc.total(),
            undecodable: self.undecodable.total(),
            silent: self.silent.total(),
            read_timeouts: self.read_timeouts.total(),
            write_timeouts: self.write_timeouts.total(),
            truncated: self.truncated.total(),
            broken: self.broken.total(),
            handler_timeouts: self.handler_timeouts.total(),
            panics: self.panics.total(),
            unsendable: self.unsendable.total(),
            evicted: self.evicted.total(),
            not_bytes: self.not_bytes.total(),
            denied: self.denied.total(),
            limited: self.limited.total(),
        }
    }
}
