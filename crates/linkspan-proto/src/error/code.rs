//! Names of failures, the same on the wire, in logs and in code (docs/protocol.md, section 10).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// A body is not what its receivers expect.
    pub const INVALID_BODY: Self = Self::named("invalid_body");
    /// The body's encoding is not understood.
    pub const UNSUPPORTED_CODEC: Self = Self::named("unsupported_codec");
    /// A compressed body is not what it says.
    pub const BAD_COMPRESSION: Self = Self::named("bad_compression");
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
    /// The connection was lost after a request had been sent.
    pub const OUTCOME_UNKNOWN: Self = Self::named("outcome_unknown");
    /// Something that the handler needs cannot be reached.
    pub const UNAVAILABLE: Self = Self::named("unavailable");
    /// The method gave an error of its own.
    pub const APPLICATION: Self = Self::named("application");
    /// The caller gave up.
    pub const CANCELLED: Self = Self::named("cancelled");
    /// Something between the caller and the method did not let the request through.
    pub const REJECTED: Self = Self::named("rejected");
    /// The peer may not do this.
    pub const DENIED: Self = Self::named("denied");
    /// What proved who the peer is has expired; with a new one it may come again.
    pub const EXPIRED: Self = Self::named("expired");

    /// A body is not sealed, and only sealed ones are taken.
    pub const NOT_SEALED: Self = Self::named("not_sealed");
    /// A body is sealed with a key that its receiver does not have.
    pub const UNKNOWN_KEY: Self = Self::named("unknown_key");
    /// A sealed body was altered on its way.
    pub const TAMPERED: Self = Self::named("tampered");
    /// A sealed body came as something else than what it was sealed for.
    pub const MISADDRESSED: Self = Self::named("misaddressed");
    /// A sealed body came before.
    pub const REPLAYED: Self = Self::named("replayed");

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
