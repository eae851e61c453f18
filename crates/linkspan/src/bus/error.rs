//! What can go wrong on a bus, and who has to change something.

use std::io;
use std::time::Duration;

use proto::error::HandshakeError;
use thiserror::Error;

use crate::auth::Fault;
#[cfg(feature = "seal")]
use crate::auth::seal::OpenError;
use crate::codec::CodecError;
use crate::session::{self, CallError};
use crate::transport::ListenError;
use crate::{AddressError, Blame, Code, Failure};

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
    /// A topic is none.
    #[error("the topic of dead letters is not valid: {0}")]
    Topic(#[from] proto::error::TopicError),
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

/// A client does not get onto the bus.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no session with the broker.
    #[error(transparent)]
    Session(#[from] session::ConnectError),
    /// The broker does not give the name: somebody has it, or it is none.
    #[error("the broker does not give the name: {0}")]
    Refused(#[source] Failure),
    /// The server did not answer, or is no broker.
    #[error("the broker did not answer")]
    Call(#[from] CallError),
    /// The last will cannot be encoded.
    #[error("the last will {0}")]
    Will(#[source] CodecError),
    /// The broker of this process cannot listen in memory.
    #[error("the broker of this process cannot be reached")]
    Door(#[source] ListenError),
}

impl ConnectError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Session(error) => error.blame(),
            Self::Refused(_) | Self::Will(_) => Blame::Caller,
            Self::Call(error) => error.blame(),
            Self::Door(_) => Blame::System,
        }
    }
}

/// A message was not passed on.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PostError {
    /// This client may not send it.
    #[error("{0}")]
    Denied(String),
    /// It cannot be encoded.
    #[error("the message {0}")]
    Encode(#[from] CodecError),
    /// Messages come faster than the broker's [rates](crate::bus::Rates) allow; this one was not
    /// passed on.
    #[error("messages come too fast; the next one may come after {retry_after:?}")]
    Limited {
        /// Time until one may come.
        retry_after: Duration,
    },
    /// It does not fit the schema that the broker has for its topic; the text names the place in it.
    #[error("{0}")]
    Invalid(String),
    /// The broker cannot be reached, or does not take the message as it is.
    #[error(transparent)]
    Call(CallError),
}

impl PostError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Denied(_) | Self::Encode(_) | Self::Limited { .. } | Self::Invalid(_) => {
                Blame::Caller
            }
            Self::Call(error) => error.blame(),
        }
    }
}

impl From<CallError> for PostError {
    fn from(error: CallError) -> Self {
        let CallError::Failed(failure) = error else {
            return Self::Call(error);
        };
        match failure.retry_after {
            _ if failure.code == Code::DENIED => Self::Denied(failure.message),
            _ if failure.code == Code::INVALID_BODY => Self::Invalid(failure.message),
            Some(retry_after) if failure.code == Code::BUSY => Self::Limited { retry_after },
            _ => Self::Call(CallError::Failed(failure)),
        }
    }
}

/// A subscription does not come about, or is over.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// This client may not have it.
    #[error("{0}")]
    Denied(String),
    /// It was not read as fast as messages came, and its policy is
    /// [`Overflow::Disconnect`](crate::bus::Overflow::Disconnect).
    #[error("messages were not read as fast as they came")]
    Overflowed,
    /// The broker cannot be reached, or does not take the masks.
    #[error(transparent)]
    Call(CallError),
}

impl SubscribeError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Denied(_) | Self::Overflowed => Blame::Caller,
            Self::Call(error) => error.blame(),
        }
    }
}

impl From<CallError> for SubscribeError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(failure) if failure.code == Code::DENIED => {
                Self::Denied(failure.message)
            }
            CallError::Failed(failure) if failure.code == Code::OVERFLOW => Self::Overflowed,
            error => Self::Call(error),
        }
    }
}

/// A sealed subscription does not give a message.
#[cfg(feature = "seal")]
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// A message cannot be opened; others follow.
    #[error(transparent)]
    Unopened(#[from] OpenError),
    /// The subscription is over.
    #[error(transparent)]
    Ended(#[from] SubscribeError),
}

#[cfg(feature = "seal")]
impl ReceiveError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Unopened(error) => error.blame(),
            Self::Ended(error) => error.blame(),
        }
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
    #[error(transparent)]
    Unauthenticated(#[from] HandshakeError),
    #[error("the client is believed no longer")]
    Lapsed,
}

impl ConnectionError {
    /// What was wrong with what came from the client, if that is why.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Protocol(_) => Some(Fault::Protocol),
            Self::Io(error) => Fault::of_io(error.kind()),
            _ => None,
        }
    }
}
