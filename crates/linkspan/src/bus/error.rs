//! What can go wrong on a bus, and who has to change something.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::transport::ListenError;
use crate::{AddressError, Blame};

/// A setting has a value that nothing can work with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is too small.
    #[error("{key} of {value} is less than {least}")]
    TooSmall {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: usize,
        /// The least that works.
        least: usize,
    },
    /// The timeout is too short for anybody to answer.
    #[error("timeout of {value:?} is less than {least:?}")]
    Timeout {
        /// Its value.
        value: Duration,
        /// The least that works.
        least: Duration,
    },
}

/// A broker cannot begin to serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The text is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A setting does not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl ServeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Address(_) | Self::Config(_) => Blame::Caller,
            Self::Listen(_) => Blame::System,
        }
    }
}

/// A client does not get the name that it wants.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Somebody has the name.
    #[error("the name is in use")]
    InUse,
    /// It is the name of a secondary client, and its primary is not connected.
    #[error("the primary client is not connected")]
    NoPrimary,
    /// It is the name of a secondary client, and its primary is another process.
    #[error("the primary client is another peer; the setting `secondaries` can allow that")]
    ForeignSecondary,
}

impl JoinError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Caller
    }
}

/// Why a connection ended before its time.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the link carries no bytes")]
    NotBytes,
    #[error("the peer sent nothing for {limit:?}")]
    Silent { limit: Duration },
    #[error("the peer speaks something else")]
    Protocol(#[from] proto::error::BusrtDecodeError),
    #[error(transparent)]
    Join(#[from] JoinError),
}
