//! What a broker answers.

use std::fmt;

/// How an operation, a greeting or a registration went (docs/protocol.md, section 19.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// 0x01: done; what was sent is in the queue of whom it is for.
    Ok,
    /// 0x71: no client has this name, or the primary of a secondary is missing.
    NotRegistered,
    /// 0x72: the name cannot be one.
    Data,
    /// 0x73: input or output failed.
    Io,
    /// 0x74: anything else.
    Failed,
    /// 0x75: the greeting is not that of a known version.
    NotSupported,
    /// 0x76: another client has the name.
    Busy,
    /// 0x77: a queue has no room.
    NotDelivered,
    /// 0x78: a queue had no room for too long.
    Timeout,
    /// 0x79: the client may not do this.
    AccessDenied,
    /// 0xff: the receiver is just going away.
    EndOfFile,
    /// A number of which nothing is known.
    Unknown(u8),
}

impl Status {
    /// All that are known.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::NotRegistered,
        Self::Data,
        Self::Io,
        Self::Failed,
        Self::NotSupported,
        Self::Busy,
        Self::NotDelivered,
        Self::Timeout,
        Self::AccessDenied,
        Self::EndOfFile,
    ];

    /// The status with this number.
    pub fn from_number(number: u8) -> Self {
        let known = Self::ALL
            .into_iter()
            .find(|status| status.number() == number);
        known.unwrap_or(Self::Unknown(number))
    }

    /// Its number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Ok => 0x01,
            Self::NotRegistered => 0x71,
            Self::Data => 0x72,
            Self::Io => 0x73,
            Self::Failed => 0x74,
            Self::NotSupported => 0x75,
            Self::Busy => 0x76,
            Self::NotDelivered => 0x77,
            Self::Timeout => 0x78,
            Self::AccessDenied => 0x79,
            Self::EndOfFile => 0xff,
            Self::Unknown(number) => number,
        }
    }

    /// Its name, as in the specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotRegistered => "not registered",
            Self::Data => "data error",
            Self::Io => "i/o error",
            Self::Failed => "failed",
            Self::NotSupported => "not supported",
            Self::Busy => "busy",
            Self::NotDelivered => "not delivered",
            Self::Timeout => "timeout",
            Self::AccessDenied => "access denied",
            Self::EndOfFile => "end of file",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "unknown status {number:#04x}"),
            status => f.write_str(status.name()),
        }
    }
}
