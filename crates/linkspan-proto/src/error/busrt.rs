//! Frames of BUS/RT that cannot be written, and bytes that are none.

use thiserror::Error;

use crate::error::Blame;
use crate::frame::busrt::{Field, GREETING, Status};

/// A text cannot be the name of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusrtNameError {
    /// It has no characters.
    #[error("name of a client is empty")]
    Empty,
    /// It is too long.
    #[error("name of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// Its length.
        bytes: u64,
        /// The longest that is taken.
        limit: u16,
    },
    /// It begins with a dot, as the broker's own does.
    #[error("name begins with a dot, as only the broker's may")]
    Reserved,
    /// It has a control character, with which a client could pass for another one.
    #[error("name has a control character at byte {at}")]
    Control {
        /// Where.
        at: usize,
    },
}

impl BusrtNameError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Caller
    }
}

/// Something does not fit into a frame of BUS/RT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusrtEncodeError {
    /// All fields and the payload are longer than a body may be.
    #[error("body of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Length of the body.
        bytes: u64,
        /// The longest that is sent.
        limit: u32,
    },
    /// A field has a NUL, which would end it and begin the next one.
    #[error("the {field} has a NUL at byte {at}")]
    Nul {
        /// The field.
        field: Field,
        /// Where in it.
        at: usize,
    },
}

impl BusrtEncodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Caller
    }
}

/// Bytes are not what a client or a broker of BUS/RT sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusrtDecodeError {
    /// The first three bytes are not those of protocol version 1. They were not taken.
    #[error("peer begins with {found:02x?} where {GREETING:02x?} is expected")]
    Greeting {
        /// What they are.
        found: [u8; 3],
    },
    /// A client cannot have the name that it gave.
    #[error(transparent)]
    Name(#[from] BusrtNameError),
    /// The broker refused the greeting or the name.
    #[error("the broker refused the connection: {status}")]
    Refused {
        /// Why.
        status: Status,
    },
    /// A client's operation is none of those that are known.
    #[error("operation {code:#04x} is not known")]
    Operation {
        /// Its code, without flags.
        code: u8,
    },
    /// A broker's frame is none of those that are known.
    #[error("frame of kind {kind:#04x} is not known")]
    Kind {
        /// Its kind.
        kind: u8,
    },
    /// The body is too long.
    #[error("body of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Length of the body.
        bytes: u32,
        /// The longest that is accepted.
        limit: u32,
    },
    /// A list has too many masks.
    #[error("list of {masks} masks exceeds the limit of {limit} masks")]
    TooManyMasks {
        /// How many it has.
        masks: u64,
        /// The most that are accepted.
        limit: u32,
    },
    /// A field does not end within the body.
    #[error("no NUL ends the {field}")]
    Unended {
        /// The field.
        field: Field,
    },
    /// A field is not text.
    #[error("the {field} is not UTF-8")]
    Utf8 {
        /// The field.
        field: Field,
    },
}

impl BusrtDecodeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }

    /// What a broker tells its client before it closes; without it, it closes in silence.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Greeting { .. } => Some(Status::NotSupported),
            Self::Name(_) => Some(Status::Data),
            _ => None,
        }
    }
}

/// A payload is not one of the RPC layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BusrtRpcError {
    /// It ends before its prefix does.
    #[error("rpc payload of {bytes} bytes is shorter than its prefix of {prefix_bytes} bytes")]
    Cut {
        /// Its length.
        bytes: usize,
        /// The least length of its kind.
        prefix_bytes: usize,
    },
    /// Its first byte is no kind.
    #[error("rpc kind {kind:#04x} is not known")]
    Kind {
        /// The byte.
        kind: u8,
    },
    /// No NUL ends the method of a request, or one stands in a method that is to be sent.
    #[error("the method does not end with its only NUL")]
    Method,
}

impl BusrtRpcError {
    /// Who has to change something, when it comes from reading.
    pub fn blame(&self) -> Blame {
        Blame::Peer
    }
}
