//! Why a link does not come about.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use crate::transport::{BackendUnavailable, User};
use crate::{Address, AddressError};

/// A server cannot listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The text is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The place for the socket is not fit for one, or not ours.
    #[error(transparent)]
    Place(Box<dyn std::error::Error + Send + Sync>),
    /// The system refused.
    #[error("cannot listen at {address}")]
    Io {
        /// The address.
        address: Address,
        /// The system's answer.
        source: io::Error,
    },
    /// Another server listens there.
    #[error("{address} is in use by {}", pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The address.
        address: Address,
        /// Its process, where it is known.
        pid: Option<u32>,
    },
    /// What is not encrypted was not allowed to leave this machine.
    #[error(
        "{address} is {resolved}, which is not loopback, and plain {} may not leave this machine",
        name(address)
    )]
    Plaintext {
        /// The address.
        address: Address,
        /// What it resolved to.
        resolved: SocketAddr,
    },
    /// The chosen backend is not in this build.
    #[error(transparent)]
    Backend(#[from] BackendUnavailable),
    /// The transport is turned off or not in this build.
    #[error("cannot listen at {address}: {reason}")]
    Unsupported {
        /// The address.
        address: Address,
        /// Why not.
        reason: &'static str,
    },
}

/// A client cannot reach a server.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody listens there, or the system refused.
    #[error("cannot connect to {address}")]
    Io {
        /// The address.
        address: Address,
        /// The system's answer.
        source: io::Error,
    },
    /// Nobody in this process listens under the name.
    #[error("nobody listens at {address} in this process")]
    NotListening {
        /// The address.
        address: Address,
    },
    /// The server belongs to a user who is not trusted.
    #[error(
        "the server at {address} belongs to {user}, who is neither this user nor root nor allowed by configuration"
    )]
    Untrusted {
        /// The address.
        address: Address,
        /// The server's user.
        user: Box<User>,
    },
    /// What is not encrypted was not allowed to leave this machine.
    #[error(
        "{address} is {resolved}, which is not loopback, and plain {} may not leave this machine",
        name(address)
    )]
    Plaintext {
        /// The address.
        address: Address,
        /// What it resolved to.
        resolved: SocketAddr,
    },
    /// The time for connect and handshake is up.
    #[error("no session with {address} within {limit:?}")]
    TimedOut {
        /// The address.
        address: Address,
        /// The time that was given.
        limit: Duration,
    },
    /// The chosen backend is not in this build.
    #[error(transparent)]
    Backend(#[from] BackendUnavailable),
    /// The transport is turned off or not in this build.
    #[error("cannot connect to {address}: {reason}")]
    Unsupported {
        /// The address.
        address: Address,
        /// Why not.
        reason: &'static str,
    },
}

/// What an address that is not encrypted is called.
fn name(address: &Address) -> &'static str {
    match address {
        Address::Ws(_) => "WebSocket",
        _ => "TCP",
    }
}

/// Why this build cannot use an address.
pub(crate) fn unsupported(address: &Address) -> &'static str {
    match address {
        Address::Unix(_) => "Unix sockets do not exist on this system",
        Address::Pipe(_) => "named pipes exist on Windows only",
        Address::UnixTls(_) | Address::Tls(_) => "TLS is not in this build",
        Address::Ws(_) => "WebSocket is not in this build",
        Address::Wss(_) => "WebSocket with TLS is not in this build",
        Address::Memory(_) | Address::Tcp(_) => "it is turned off",
    }
}
