//! What is wrong with what came from a peer that was let in.

use std::io;

/// Why a session came to its end before its time, as far as its peer is why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It broke a rule of the protocol.
    Protocol,
    /// What came was changed on the way, or broke a rule of the transport.
    Transport,
    /// It ended in the middle of something, or without the end that TLS has.
    Truncated,
}

impl Fault {
    /// That of a transport that failed; none if it is the system's.
    pub(crate) fn of_io(kind: io::ErrorKind) -> Option<Self> {
        match kind {
            io::ErrorKind::InvalidData => Some(Self::Transport),
            io::ErrorKind::UnexpectedEof => Some(Self::Truncated),
            _ => None,
        }
    }

    /// Its name in the audit log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Transport => "transport",
            Self::Truncated => "truncated",
        }
    }
}
