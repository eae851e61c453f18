//! What can go wrong with an exchange, and who has to change something.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::layer::{AttemptError, BalanceError};
use crate::transport::DialError;
use crate::{AddressError, Blame};

pub use proto::error::{ExchangeDecodeError, ExchangeEncodeError};

/// A question got no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The text is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The client has no endpoints.
    #[error("the client has no endpoints")]
    NoEndpoints,
    /// The question cannot be sent: it is empty, or longer than the limit.
    #[error("the question cannot be sent")]
    Question(#[from] ExchangeEncodeError),
    /// No connection came about; nothing was sent.
    #[error(transparent)]
    Connect(#[from] DialError),
    /// The server has no place for the connection; nothing was read.
    #[error("the server at {endpoint} is busy, it says to come back after {retry_after:?}")]
    Busy {
        /// The server: its address, or its name where there is none.
        endpoint: Arc<str>,
        /// When to try again, in its words.
        retry_after: Duration,
    },
    /// All connections that the client may have are in use; nothing was sent.
    #[error("all {places} connections to {endpoint} are in use")]
    NoPlace {
        /// The server: its address, or its name where there is none.
        endpoint: Arc<str>,
        /// How many connections the client may have.
        places: usize,
    },
    /// The connection was lost before anything of the question left.
    #[error("the connection to {endpoint} was lost before the question was sent")]
    Unsent {
        /// The server: its address, or its name where there is none.
        endpoint: Arc<str>,
        /// What happened.
        source: ConnectionError,
    },
    /// The connection that the client was given is over, and there is no other; nothing was sent.
    #[error("the connection to {endpoint} is over")]
    Ended {
        /// The server's name.
        endpoint: Arc<str>,
    },
    /// The breakers of all endpoints are open; nothing was sent.
    #[error("no endpoint takes questions at present")]
    Unavailable {
        /// When the first of them does.
        retry_after: Option<Duration>,
    },
    /// The time was up before any endpoint took the question; nothing was sent.
    #[error("no endpoint took the question within {limit:?}")]
    Expired {
        /// The time that was given.
        limit: Duration,
        /// What the last attempt met.
        #[source]
        last: Box<Self>,
    },
    /// The question, or a part of it, was sent, and there is no answer: it may have been handled.
    #[error("the server at {endpoint} may have handled the question, its answer did not come")]
    OutcomeUnknown {
        /// The server: its address, or its name where there is none.
        endpoint: Arc<str>,
        /// What happened.
        source: ConnectionError,
    },
    /// The answer came whole, but is not a message of the expected type.
    #[error("the answer cannot be decoded")]
    Answer(#[from] MessageError),
}

impl ExchangeError {
    /// Whether certainly no server read the question.
    pub fn is_unsent(&self) -> bool {
        !matches!(self, Self::OutcomeUnknown { .. } | Self::Answer(_))
    }

    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Address(_) | Self::NoEndpoints | Self::Question(_) | Self::NoPlace { .. } => {
                Blame::Caller
            }
            Self::Connect(error) if is_settings(error) => Blame::Caller,
            Self::Busy { .. } | Self::Ended { .. } | Self::Answer(_) | Self::Unavailable { .. } => {
                Blame::Peer
            }
            Self::Connect(_) => Blame::System,
            Self::Expired { last, .. } => last.blame(),
            Self::Unsent { source, .. } | Self::OutcomeUnknown { source, .. } => source.blame(),
        }
    }

    /// Whether the same will happen whenever the question is sent.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Self::Address(_)
            | Self::NoEndpoints
            | Self::Question(_)
            | Self::Ended { .. }
            | Self::Answer(_) => true,
            Self::Connect(error) => is_settings(error),
            _ => false,
        }
    }
}

impl From<BalanceError<Self>> for ExchangeError {
    fn from(error: BalanceError<Self>) -> Self {
        match error {
            BalanceError::Endpoint { source, .. } => source,
            BalanceError::Unavailable { retry_after } => Self::Unavailable { retry_after },
        }
    }
}

impl AttemptError for ExchangeError {
    fn is_unsent(&self) -> bool {
        self.is_unsent()
    }

    fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Connect(_)
                | Self::Busy { .. }
                | Self::Unsent { .. }
                | Self::OutcomeUnknown { .. }
        )
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => Some(*retry_after),
            Self::Unavailable { retry_after } => *retry_after,
            _ => None,
        }
    }
}

/// Whether only other settings help.
fn is_settings(error: &DialError) -> bool {
    matches!(
        error,
        DialError::Plaintext { .. } | DialError::Backend(_) | DialError::Unsupported { .. }
    )
}

/// A connection cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// It ended between two frames.
    #[error("the peer closed the connection")]
    Closed,
    /// It ended within a frame.
    #[error("the connection ended within a frame")]
    Truncated,
    /// A server said something before it was asked.
    #[error("the peer sent something that was not asked for")]
    Unasked,
    /// What came is not a frame.
    #[error(transparent)]
    Frame(#[from] ExchangeDecodeError),
    /// The peer began nothing.
    #[error("the peer sent nothing within {limit:?}")]
    Silent {
        /// The time that it had.
        limit: Duration,
    },
    /// A frame was begun, and nothing of it came for so long.
    #[error("a frame that was begun made no progress within {limit:?}")]
    ReadStalled {
        /// The time that it had.
        limit: Duration,
    },
    /// A frame was begun, and came too slowly.
    #[error("a frame that was begun was not complete within {limit:?}")]
    ReadTooSlow {
        /// The time that the whole of it had.
        limit: Duration,
    },
    /// The peer took nothing of what was to be written for so long.
    #[error("the peer took nothing of a frame within {limit:?}")]
    WriteStalled {
        /// The time that it had.
        limit: Duration,
    },
    /// The peer took what was to be written too slowly.
    #[error("the peer did not take a whole frame within {limit:?}")]
    WriteTooSlow {
        /// The time that it had for the whole.
        limit: Duration,
    },
    /// The system reports an error.
    #[error("the connection broke")]
    Io(#[from] io::Error),
}

impl ConnectionError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Io(_) => Blame::System,
            _ => Blame::Peer,
        }
    }
}

/// The bytes of a frame are not a message of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
#[non_exhaustive]
pub struct MessageError {
    /// What protobuf says.
    pub reason: String,
}

/// Why a server ended a connection.
#[derive(Debug, Error)]
pub(super) enum ServeError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the question cannot be decoded: {0}")]
    Question(MessageError),
    #[error("no thread was free for the handler within {limit:?}")]
    NoThread { limit: Duration },
    #[error("the handler did not answer within {limit:?}")]
    HandlerTimedOut { limit: Duration },
    #[error("the handler panicked: {message}")]
    HandlerPanicked { message: String },
    #[error("the answer cannot be sent: {0}")]
    Answer(ExchangeEncodeError),
    #[error("the peer is a session of this process, not an exchange")]
    NotBytes,
    #[error("the peer may not ask {name}")]
    Denied { name: Arc<str> },
    #[error("the peer asks too much, and may ask again after {retry_after:?}")]
    TooMuch { retry_after: Duration },
}
