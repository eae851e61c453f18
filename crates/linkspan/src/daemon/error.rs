//! What can go wrong with daemons, and who has to change something.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::daemon::wire::{DecodeError, Role, Stream};
use crate::transport::ListenError;
use crate::{AddressError, Blame};

pub use proto::error::{DelimitedDecodeError, DelimitedEncodeError};

/// A setting has a value that nothing can work with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A number is too small or too large.
    #[error("{key} of {value} is not between {least} and {most}")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The least that works.
        least: u64,
        /// The most that works.
        most: u64,
    },
}

/// A daemon cannot begin to serve.
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
    /// The system gave no thread for its connections.
    #[error("cannot start the thread of the daemon's connections")]
    Thread(#[source] io::Error),
}

impl ServeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Address(_) | Self::Config(_) => Blame::Caller,
            Self::Listen(_) | Self::Thread(_) => Blame::System,
        }
    }
}

/// Why a connection ended before its time.
#[derive(Debug, Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Frame(#[from] DelimitedDecodeError),
    #[error(transparent)]
    Message(#[from] DecodeError),
    #[error("no version check came within {limit:?}")]
    Silent { limit: Duration },
    #[error("the peer closed before its version check")]
    Unopened,
    #[error("the peer closed within a frame")]
    Truncated,
    #[error("the version check is of a {role:?}, not of a client")]
    Role { role: Role },
    #[error("command {number} does not follow command {last}")]
    Number { number: u32, last: u32 },
    #[error("a frame is about command {number}, the latest is {last}")]
    Unknown { number: u32, last: u32 },
    #[error("{bytes} bytes of stdin exceed the credit of {credit} bytes")]
    Excess { bytes: usize, credit: u64 },
    #[error("data follows the end of stdin")]
    AfterEnd,
    #[error("the credit for {stream:?} exceeds 64 bits")]
    Credit { stream: Stream },
    #[error("an answer cannot be sent")]
    Answer(#[from] DelimitedEncodeError),
    #[error("connections of mem: carry no daemon frames")]
    NotBytes,
    #[error(transparent)]
    Io(#[from] io::Error),
}
