//! Daemon frames that cannot be written, and bytes that are none.

use thiserror::Error;

use crate::error::Blame;
use crate::frame::delimited::Kind;

/// Something does not fit into a daemon frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelimitedEncodeError {
    /// The body is longer than the receiver takes of this kind.
    #[error("{kind} of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Kind of the frame.
        kind: Kind,
        /// Length of its body; of a chunk that of its data.
        bytes: u64,
        /// The longest that is sent.
        limit: u32,
    },
    /// The number of the kind is below 128, where every receiver knows all that are in use.
    #[error("kind {number} is none, and below 128")]
    Kind {
        /// The number.
        number: u8,
    },
}

impl DelimitedEncodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Caller
    }
}

/// Bytes are not a daemon frame, or not one that may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DelimitedDecodeError {
    /// The length leaves no room for the kind.
    #[error("frame of 0 bytes is below the least length of 1 byte")]
    Empty,
    /// The body is longer than the limit of its kind or, if the kind was not read, of all kinds.
    #[error("body of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Length of the body.
        bytes: u32,
        /// The longest that is accepted.
        limit: u32,
    },
    /// The kind is below 128 and not known.
    #[error("kind {number} is not known, and below 128")]
    Kind {
        /// The number.
        number: u8,
    },
    /// The kind is known and has no place here: anything but a version check as the first frame, a
    /// second version check, or a frame of a command before the versions were agreed on.
    #[error("{kind} stands where it must not, before or after the versions are agreed on")]
    Misplaced {
        /// Kind of the frame.
        kind: Kind,
    },
}

impl DelimitedDecodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }
}
