//! Exchange frames that cannot be written, and bytes that are none.

use std::time::Duration;

use thiserror::Error;

use crate::error::Blame;

/// A message does not fit into an exchange frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExchangeEncodeError {
    /// The message has no bytes, as a protobuf message has none if all its fields have their
    /// defaults; a length of 0 means something else on the wire.
    #[error("message of 0 bytes is below the least length of 1 byte")]
    Empty,
    /// The message is longer than the limit.
    #[error("message of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The longest that is sent.
        limit: u32,
    },
}

impl ExchangeEncodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Caller
    }
}

/// Bytes are not an exchange frame, or the one that refuses the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExchangeDecodeError {
    /// The header announces a message without bytes.
    #[error("frame of 0 bytes is below the least length of 1 byte")]
    Empty,
    /// The header announces a message that is longer than the limit.
    #[error("frame of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Length of the message.
        bytes: u32,
        /// The longest that is accepted.
        limit: u32,
    },
    /// The message's checksum differs: a byte was changed, or the peer uses the other variant.
    #[error("checksum of the frame is {expected:08x}, its bytes give {found:08x}")]
    Checksum {
        /// What the header says.
        expected: u32,
        /// What was computed.
        found: u32,
    },
    /// The server has no place for this connection.
    #[error("the server is busy, it says to come back after {retry_after:?}")]
    Busy {
        /// When to try again, in the server's words: up to 49 days.
        retry_after: Duration,
    },
}

impl ExchangeDecodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// A text is not the name of a CRC-32 variant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is not a variant of CRC-32; there are ieee and castagnoli")]
#[non_exhaustive]
pub struct UnknownVariant {
    /// The text.
    pub name: String,
}
