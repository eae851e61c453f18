//! Bytes that are not frames.

use thiserror::Error;

use crate::error::{Category, Code};
use crate::frame::{Flags, Kind, MAGIC};
use crate::message::Failure;
use crate::stream_id::StreamId;

/// A payload does not have the form of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// A part is cut off, too long or not of its form.
    #[error("the {part} is malformed")]
    Malformed {
        /// The part.
        part: &'static str,
    },
    /// The header's number has no meaning for the kind.
    #[error("{number} is not a number that a {kind} can have")]
    Number {
        /// The kind.
        kind: &'static str,
        /// The number.
        number: u64,
    },
    /// Flags that the kind cannot have.
    #[error("a {kind:?} cannot have the flags {flags:?}")]
    Flags {
        /// The kind.
        kind: Kind,
        /// The flags in question.
        flags: Flags,
    },
}

/// Bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first four bytes are not [`MAGIC`].
    #[error("frame begins with {found:02x?} where {MAGIC:02x?} is expected")]
    Magic {
        /// What they are.
        found: [u8; 4],
    },
    /// The frame is of another version than was agreed.
    #[error("frame of version {found} where version {expected} was agreed")]
    Version {
        /// The agreed version.
        expected: u8,
        /// The frame's.
        found: u8,
    },
    /// A kind below 128 that nobody knows.
    #[error("unknown frame kind {kind}")]
    Kind {
        /// The kind.
        kind: u8,
    },
    /// Reserved flag bits are set.
    #[error("reserved flag bits {flags:#06x} are set")]
    ReservedFlags {
        /// The reserved bits that are set.
        flags: u16,
    },
    /// The payload is longer than the limit.
    #[error("frame of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Length of the payload.
        bytes: u32,
        /// The longest that is accepted.
        limit: u32,
    },
    /// A checksum differs.
    #[error("checksum of the {part} is {expected:08x}, its bytes give {found:08x}")]
    Checksum {
        /// Header or payload.
        part: &'static str,
        /// What the frame says.
        expected: u32,
        /// What was computed.
        found: u32,
    },
    /// The payload does not have the form of its kind.
    #[error("frame {id} on stream {stream}: {source}")]
    Message {
        /// Number of the frame.
        id: u64,
        /// Its stream.
        stream: StreamId,
        /// What is wrong.
        source: MessageError,
    },
}

impl DecodeError {
    /// What to tell the peer.
    pub fn to_failure(&self) -> Failure {
        let code = match self {
            Self::Checksum { .. } => Code::CHECKSUM,
            Self::TooLarge { .. } => Code::TOO_LARGE,
            Self::Version { .. } => Code::VERSION,
            _ => Code::BAD_FRAME,
        };
        Failure::new(Category::Protocol, code, self.to_string())
    }
}
