//! Sessions that break.

use std::time::Duration;

use thiserror::Error;

use crate::error::{Blame, Category, Code, DecodeError, InflateError};
use crate::frame::{Flags, Kind};
use crate::message::Failure;
use crate::stream_id::StreamId;

/// A session is over because a rule was broken or the peer is gone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Bytes are not a frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A frame's number is not the next one: one was lost or doubled.
    #[error("frame {found} came where frame {expected} was expected")]
    Order {
        /// The next number.
        expected: u64,
        /// The frame's.
        found: u64,
    },
    /// A request on a stream that is not the peer's to open, or is not new.
    #[error("stream {stream} cannot be opened by the peer after stream {last}")]
    Opening {
        /// The stream.
        stream: StreamId,
        /// The last one that it opened.
        last: StreamId,
    },
    /// A frame of a kind that makes no sense on its stream.
    #[error("a {kind:?} makes no sense on stream {stream}")]
    Misplaced {
        /// The kind.
        kind: Kind,
        /// The stream.
        stream: StreamId,
    },
    /// A frame for a stream that nobody opened.
    #[error("a {kind:?} came for stream {stream}, which was never opened")]
    NeverOpened {
        /// The kind.
        kind: Kind,
        /// The stream.
        stream: StreamId,
    },
    /// Data after the end of its direction.
    #[error("a {kind:?} came on stream {stream} after its direction had ended")]
    AfterEnd {
        /// The kind.
        kind: Kind,
        /// The stream.
        stream: StreamId,
    },
    /// A chunk is missing or doubled.
    #[error("chunk {found} came on stream {stream} where chunk {expected} was expected")]
    ChunkOrder {
        /// The stream.
        stream: StreamId,
        /// The next number.
        expected: u64,
        /// The chunk's.
        found: u64,
    },
    /// The peer opened more streams than it was allowed to.
    #[error("the peer opened more than {limit} streams at once")]
    TooManyStreams {
        /// The limit.
        limit: u32,
    },
    /// The peer sent more than its credit.
    #[error("{bytes} bytes came on stream {stream} with a credit of {credit} bytes left")]
    CreditExceeded {
        /// The stream, or the connection.
        stream: StreamId,
        /// Bytes of the frame.
        bytes: u64,
        /// What was left.
        credit: u64,
    },
    /// The peer gave more credit than can be counted.
    #[error("credit on stream {stream} overflows")]
    CreditOverflow {
        /// The stream, or the connection.
        stream: StreamId,
    },
    /// A body wrapped or cut in a way that was not agreed.
    #[error("the flags {flags:?} were not agreed")]
    NotAgreed {
        /// The flags.
        flags: Flags,
    },
    /// A body is wrapped in a way that has no meaning where it came.
    #[error("a {kind:?} on stream {stream} cannot have the flags {flags:?}")]
    Wrapping {
        /// The kind.
        kind: Kind,
        /// The stream.
        stream: StreamId,
        /// The flags.
        flags: Flags,
    },
    /// A compressed body cannot be taken.
    #[error("stream {stream}: {source}")]
    Inflate {
        /// The stream.
        stream: StreamId,
        /// What is wrong with it.
        source: InflateError,
    },
    /// The peer has said nothing for too long, in spite of being asked.
    #[error("the peer has said nothing for {silence:?} and left {asked} heartbeats unanswered")]
    Silent {
        /// For how long.
        silence: Duration,
        /// How often it was asked.
        asked: u32,
    },
    /// This side ended the session: what proved who the peer is does not hold any more.
    #[error("the session was ended: {0}")]
    Lapsed(Box<Failure>),
    /// The peer ended the session with a failure.
    #[error("the peer ended the session: {0}")]
    Peer(Box<Failure>),
}

impl SessionError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }

    /// What to tell the peer before the connection closes; nothing if it would not listen.
    pub fn to_failure(&self) -> Option<Failure> {
        let code = match self {
            Self::Peer(_) | Self::Silent { .. } => return None,
            Self::Lapsed(failure) => return Some(Failure::clone(failure)),
            Self::Decode(error) => return Some(error.to_failure()),
            Self::TooManyStreams { .. }
            | Self::CreditExceeded { .. }
            | Self::CreditOverflow { .. } => Code::OVERFLOW,
            Self::NotAgreed { .. } | Self::Wrapping { .. } => Code::BAD_FRAME,
            Self::Inflate { source, .. } => source.code(),
            Self::Order { .. }
            | Self::Opening { .. }
            | Self::Misplaced { .. }
            | Self::NeverOpened { .. }
            | Self::AfterEnd { .. }
            | Self::ChunkOrder { .. } => Code::OUT_OF_ORDER,
        };
        Some(Failure::new(Category::Protocol, code, self.to_string()))
    }
}
