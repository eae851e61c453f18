//! What can go wrong, who is to blame, and how it is told to the peer.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::frame::{Flags, Kind, MAGIC};
use crate::message::{CancelReason, Failure, VersionRange};
use crate::stream_id::{Role, StreamId};

/// Who has to change something so that an error goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The program that called us.
    Caller,
    /// The program at the other end.
    Peer,
    /// The operating system or the network.
    System,
    /// Linkspan itself.
    Library,
}

/// What kind of failure it is; the numbers are wire bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Category {
    /// A category of a newer peer.
    Other = 0,
    /// A peer broke a rule of the protocol.
    Protocol = 1,
    /// Who the peer is could not be established.
    Authentication = 2,
    /// The peer may not do this.
    Authorization = 3,
    /// The connection cannot be made or is gone.
    Connection = 4,
    /// The request is wrong: its method, its parameters, its encoding.
    Request = 5,
    /// The handler failed without an error of its own: it panicked.
    Handler = 6,
    /// A limit was reached.
    Limit = 7,
    /// The time was up.
    Deadline = 8,
    /// Somebody gave up.
    Cancelled = 9,
    /// A plugin failed.
    Plugin = 10,
}

impl Category {
    const ALL: [Self; 11] = [
        Self::Other,
        Self::Protocol,
        Self::Authentication,
        Self::Authorization,
        Self::Connection,
        Self::Request,
        Self::Handler,
        Self::Limit,
        Self::Deadline,
        Self::Cancelled,
        Self::Plugin,
    ];

    /// Its name on the wire and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Protocol => "protocol",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Connection => "connection",
            Self::Request => "request",
            Self::Handler => "handler",
            Self::Limit => "limit",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Plugin => "plugin",
        }
    }

    /// The category with this number; those of newer peers are [`Category::Other`].
    pub fn from_number(number: u64) -> Self {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        Self::ALL.get(index).copied().unwrap_or(Self::Other)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which failure it is: a short name that stays the same for ever.
///
/// The constants are all that this version gives; a newer peer may send others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// A frame cannot be decoded.
    pub const BAD_FRAME: Self = Self::named("bad_frame");
    /// A frame's checksum differs.
    pub const CHECKSUM: Self = Self::named("checksum");
    /// Frames came in an order that no correct peer sends.
    pub const OUT_OF_ORDER: Self = Self::named("out_of_order");
    /// More was sent than credit or limits allow.
    pub const OVERFLOW: Self = Self::named("overflow");
    /// No common protocol version.
    pub const VERSION: Self = Self::named("version");
    /// The peer has said nothing for too long.
    pub const SILENT: Self = Self::named("silent");
    /// All connections or slots are taken.
    pub const BUSY: Self = Self::named("busy");
    /// The request was not looked at and may be sent again, here or elsewhere.
    pub const REFUSED: Self = Self::named("refused");
    /// No such method.
    pub const METHOD_NOT_FOUND: Self = Self::named("method_not_found");
    /// The parameters do not fit the method.
    pub const INVALID_PARAMETERS: Self = Self::named("invalid_parameters");
    /// The body's encoding is not understood.
    pub const UNSUPPORTED_CODEC: Self = Self::named("unsupported_codec");
    /// A message is longer than its receiver takes.
    pub const TOO_LARGE: Self = Self::named("too_large");
    /// The handler panicked.
    pub const PANICKED: Self = Self::named("panicked");
    /// The handler failed to produce an answer.
    pub const INTERNAL: Self = Self::named("internal");
    /// The deadline passed.
    pub const DEADLINE_EXCEEDED: Self = Self::named("deadline_exceeded");
    /// The server stopped before the answer was complete.
    pub const CUT_OFF: Self = Self::named("cut_off");
    /// The peer may not do this.
    pub const DENIED: Self = Self::named("denied");

    const fn named(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Its name on the wire.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// A session could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The two sides speak no common version.
    #[error(
        "no common protocol version: the client speaks {client}, the server {server}; \
         upgrade the {}", side_name(*.upgrade)
    )]
    Version {
        /// The client's range.
        client: VersionRange,
        /// The server's range.
        server: VersionRange,
        /// The side that is behind.
        upgrade: Role,
    },
    /// The peer chose a version that was not offered.
    #[error("the peer chose version {chosen}, offered were {offered}")]
    ChosenVersion {
        /// Its choice.
        chosen: u8,
        /// The offer.
        offered: VersionRange,
    },
    /// The peer's limits do not allow a session.
    #[error("the peer's {name} of {value} is below the least usable value of {least}")]
    Limit {
        /// The limit.
        name: &'static str,
        /// The peer's value.
        value: u64,
        /// The smallest value with which the protocol works.
        least: u64,
    },
    /// The peer wants an authentication that this side cannot give.
    #[error("the peer asks for authentication by {method:?}, which is not available here")]
    Authentication {
        /// The way it asks for.
        method: String,
    },
    /// Something else than the next step came.
    #[error("a {found} came where {expected} was expected")]
    Unexpected {
        /// What was awaited.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// Bytes are not a frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The peer refused.
    #[error("the peer refused the session: {0}")]
    Refused(Box<Failure>),
}

impl HandshakeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }

    /// What to tell the peer; nothing if it is the peer's own refusal.
    pub fn to_failure(&self) -> Option<Failure> {
        let (category, code) = match self {
            Self::Refused(_) => return None,
            Self::Version { .. } | Self::ChosenVersion { .. } => {
                (Category::Protocol, Code::VERSION)
            }
            Self::Limit { .. } => (Category::Protocol, Code::OVERFLOW),
            Self::Authentication { .. } => (Category::Authentication, Code::DENIED),
            Self::Unexpected { .. } => (Category::Protocol, Code::OUT_OF_ORDER),
            Self::Decode(error) => return Some(decode_failure(error)),
        };
        Some(Failure::new(category, code, self.to_string()))
    }
}

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
    /// A body wrapped in a way that was not agreed.
    #[error("the flags {flags:?} were not agreed")]
    NotAgreed {
        /// The flags.
        flags: Flags,
    },
    /// The peer has said nothing for too long, in spite of being asked.
    #[error("the peer has said nothing for {silence:?} and left {asked} heartbeats unanswered")]
    Silent {
        /// For how long.
        silence: Duration,
        /// How often it was asked.
        asked: u32,
    },
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
            Self::Decode(error) => return Some(decode_failure(error)),
            Self::TooManyStreams { .. }
            | Self::CreditExceeded { .. }
            | Self::CreditOverflow { .. } => Code::OVERFLOW,
            Self::NotAgreed { .. } => Code::BAD_FRAME,
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

/// Something could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// Credit, streams or buffer space are used up for now.
    #[error("nothing more can be sent for now")]
    Blocked,
    /// The message is longer than the peer accepts.
    #[error("message of {bytes} bytes exceeds the peer's limit of {limit} bytes")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The peer's limit.
        limit: u64,
    },
    /// The stream is closed, or this direction of it has ended.
    #[error("the stream is closed")]
    Closed,
    /// The peer asked to stop sending on the stream.
    #[error("the peer needs no more of this stream")]
    Stopped(CancelReason),
    /// One side said goodbye: no new streams.
    #[error("the session takes no new streams")]
    GoingAway,
    /// The time was up before anything was sent.
    #[error("the deadline had passed before anything was sent")]
    Deadline,
}

fn decode_failure(error: &DecodeError) -> Failure {
    let code = match error {
        DecodeError::Checksum { .. } => Code::CHECKSUM,
        DecodeError::TooLarge { .. } => Code::TOO_LARGE,
        DecodeError::Version { .. } => Code::VERSION,
        _ => Code::BAD_FRAME,
    };
    Failure::new(Category::Protocol, code, error.to_string())
}

fn side_name(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}
