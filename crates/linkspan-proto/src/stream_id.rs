//! Names of streams (docs/protocol.md, section 5.1).

use std::fmt;

/// Which side of a session something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a session has two sides")]
pub enum Role {
    /// The side that connected and offered.
    Client,
    /// The side that accepted and chose.
    Server,
}

impl Role {
    /// The other side.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Number of a stream within its session.
///
/// Streams opened by the client are odd, those opened by the server even; 0 is the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The connection itself.
    pub const CONNECTION: Self = Self(0);

    /// The stream with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The first stream that `role` opens.
    pub(crate) fn first(role: Role) -> Self {
        match role {
            Role::Client => Self(1),
            Role::Server => Self(2),
        }
    }

    /// The stream that its opener opens after this one; none when numbers are used up.
    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(2).map(Self)
    }

    /// Who opened the stream; nobody opened the connection.
    pub fn opener(self) -> Option<Role> {
        match self.0 {
            0 => None,
            odd if odd & 1 == 1 => Some(Role::Client),
            _ => Some(Role::Server),
        }
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
