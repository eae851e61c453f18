//! Sessions that do not come about.

use std::time::Duration;

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
    /// The peer has not proved who it is. It is never told why not.
    #[error("the client is not authenticated")]
    Unauthenticated,
    /// That by which the peer proves who it is was right, and has expired.
    #[error("the credential has expired")]
    Expired,
    /// Too many attempts of where the peer is failed.
    #[error("too many attempts to authenticate failed")]
    Slowed {
        /// When it may try again.
        retry_after: Duration,
    },
    /// The peer asks for no proof, though this side came with one: it may be another.
    #[error("the server asks for no proof of who the client is")]
    NotAsked,
    /// The server does not know the key by which the client proved who it is.
    #[error("the server does not prove that it knows the key")]
    Impostor,
    /// The peer gave this side's own nonce back.
    #[error("the peer's nonce is this side's own")]
    Reflected,
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
            Self::Authentication { .. }
            | Self::Unauthenticated
            | Self::NotAsked
            | Self::Impostor => (Category::Authentication, Code::DENIED),
            Self::Slowed { retry_after } => {
                let failure = Failure::new(Category::Limit, Code::BUSY, self.to_string());
                return Some(failure.retry_after(*retry_after));
            }
            Self::Expired => (Category::Authentication, Code::EXPIRED),
            Self::Reflected | Self::Unexpected { .. } => (Category::Protocol, Code::OUT_OF_ORDER),
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
