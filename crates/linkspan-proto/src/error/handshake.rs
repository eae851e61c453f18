//! Sessions that do not come about.

use thiserror::Error;

use crate::error::{Blame, Category, Code, DecodeError};
use crate::message::{Failure, VersionRange};
use crate::stream_id::Role;

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
            Self::Decode(error) => return Some(error.to_failure()),
        };
        Some(Failure::new(category, code, self.to_string()))
    }
}

fn side_name(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}
