//! Why a connection, or a call on it, failed.

use std::io;
use std::time::Duration;

use proto::error::{Blame, Category, Code, HandshakeError, SendError, SessionError};
use proto::message::Failure;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::AddressError;
use crate::auth::{CredentialError, Fault};
use crate::codec::{CodecError, Payload};
use crate::transport::DialError;

/// A session with a server does not come about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The text is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The server cannot be reached.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server was reached, and refused or did not fit.
    #[error("no session with the server")]
    Handshake(#[from] HandshakeError),
    /// What this side should prove who it is by cannot be used.
    #[error("no proof of who this side is")]
    Credential(#[source] CredentialError),
    /// The link broke during the handshake.
    #[error("the connection broke during the handshake")]
    Io(#[source] io::Error),
    /// The peer took longer for its part of the handshake than it may.
    #[error("the peer said nothing for {limit:?} in the handshake")]
    Silent {
        /// The time that it had.
        limit: Duration,
    },
}

impl ConnectError {
    /// The server's own refusal, if that is why.
    pub fn refusal(&self) -> Option<&Failure> {
        match self {
            Self::Handshake(HandshakeError::Refused(failure)) => Some(failure),
            _ => None,
        }
    }

    /// Whether trying again may help without any change: nobody listens yet, or all places are
    /// taken.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Dial(error) => matches!(
                error,
                DialError::Io { .. } | DialError::NotListening { .. } | DialError::TimedOut { .. }
            ),
            Self::Handshake(_) => self.refusal().is_some_and(|failure| failure.retryable),
            Self::Address(_) | Self::Credential(_) => false,
            Self::Io(_) | Self::Silent { .. } => true,
        }
    }

    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Dial(DialError::Unsupported { .. } | DialError::Plaintext { .. }) => {
                Blame::Caller
            }
            Self::Address(_) | Self::Credential(_) => Blame::Caller,
            Self::Dial(_) | Self::Io(_) => Blame::System,
            Self::Handshake(_) | Self::Silent { .. } => Blame::Peer,
        }
    }
}

/// A connection is over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Disconnected {
    /// This side closed it.
    #[error("this side closed the connection")]
    Closed,
    /// The peer closed it.
    #[error("the peer closed the connection")]
    PeerClosed,
    /// The peer said goodbye, and everything under way was finished.
    #[error("the peer said goodbye: {reason}")]
    Goodbye {
        /// Why, in its words.
        reason: String,
    },
    /// The peer closed it, or died, while it was sending.
    #[error("the peer closed the connection inside a frame")]
    Truncated,
    /// The peer broke a rule of the protocol, ended the session with a failure, or fell silent.
    #[error(transparent)]
    Protocol(SessionError),
    /// The system reported an error.
    #[error("the connection broke: {message}")]
    Io {
        /// What kind of error.
        kind: io::ErrorKind,
        /// The system's text.
        message: String,
    },
    /// A frame that was begun did not go on.
    #[error("the peer began a frame and sent nothing more of it for {limit:?}")]
    ReadStalled {
        /// The time that it had.
        limit: Duration,
    },
    /// The peer does not read.
    #[error("the peer read nothing for {limit:?}")]
    WriteStalled {
        /// The time that it had.
        limit: Duration,
    },
}

impl Disconnected {
    /// Whether the connection broke, rather than having been ended by one of the two sides.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self, Self::Closed | Self::PeerClosed | Self::Goodbye { .. })
    }

    /// What was wrong with what came from the peer, if that is why.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Protocol(
                SessionError::Silent { .. } | SessionError::Lapsed(_) | SessionError::Peer(_),
            ) => None,
            Self::Protocol(_) => Some(Fault::Protocol),
            Self::Io { kind, .. } => Fault::of_io(*kind),
            Self::Truncated => Some(Fault::Truncated),
            _ => None,
        }
    }
}

impl From<io::Error> for Disconnected {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A peer that is killed with data unread resets the connection.
            io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted => Self::PeerClosed,
            kind => Self::Io {
                kind,
                message: error.to_string(),
            },
        }
    }
}

/// A call did not give a result.
///
/// It can be a part of a service's own error type: it is serializable, so that
/// `#[error(transparent)] Call(#[from] CallError)` is all that such a type needs.
#[derive(Debug, Clone, PartialEq, Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CallError {
    /// The request was never accepted: it may be sent again, here or elsewhere, without harm.
    #[error("the request was not accepted: {reason}")]
    NotAccepted {
        /// Why not.
        reason: String,
        /// How long to wait before sending it again, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The connection was lost after the request had been sent: nobody knows whether it was
    /// handled. Only what is declared idempotent is repeated by itself.
    #[error("the connection was lost and the outcome is unknown: {reason}")]
    OutcomeUnknown {
        /// Why it was lost.
        reason: String,
    },
    /// The deadline passed.
    #[error("the deadline passed before the answer was complete")]
    DeadlineExceeded,
    /// The method gave its own error.
    #[error("the method failed with an error of its own ({} bytes of {})", .0.bytes.len(), .0.codec)]
    Application(Payload),
    /// Linkspan at the other end could not go on: no such method, wrong parameters, a panic.
    #[error(transparent)]
    Failed(Box<Failure>),
    /// A message is longer than a side takes.
    #[error("message of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Its length, as far as it is known.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A body of this side cannot be encoded.
    #[error("the request {0}")]
    Encode(#[source] CodecError),
    /// A body of the peer's cannot be decoded.
    #[error("the answer cannot be decoded: {0}")]
    Decode(#[source] CodecError),
    /// The caller gave up.
    #[error("the call was cancelled")]
    Cancelled,
}

impl CallError {
    pub(crate) fn not_accepted(reason: &(impl ToString + ?Sized)) -> Self {
        Self::NotAccepted {
            reason: reason.to_string(),
            retry_after: None,
        }
    }

    /// What kind of failure it is.
    pub fn category(&self) -> Category {
        match self {
            Self::NotAccepted { .. } | Self::OutcomeUnknown { .. } => Category::Connection,
            Self::DeadlineExceeded => Category::Deadline,
            Self::Application(_) => Category::Other,
            Self::Failed(failure) => failure.category,
            Self::TooLarge { .. } => Category::Limit,
            Self::Encode(_) | Self::Decode(_) => Category::Request,
            Self::Cancelled => Category::Cancelled,
        }
    }

    /// Which failure it is: a name that stays the same for ever.
    pub fn code(&self) -> Code {
        match self {
            Self::NotAccepted { .. } => Code::REFUSED,
            Self::OutcomeUnknown { .. } => Code::OUTCOME_UNKNOWN,
            Self::DeadlineExceeded => Code::DEADLINE_EXCEEDED,
            Self::Application(_) => Code::APPLICATION,
            Self::Failed(failure) => failure.code.clone(),
            Self::TooLarge { .. } => Code::TOO_LARGE,
            Self::Encode(_) | Self::Decode(_) => Code::UNSUPPORTED_CODEC,
            Self::Cancelled => Code::CANCELLED,
        }
    }

    /// Whether the same request may succeed later, and does no harm when it is repeated.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NotAccepted { .. } => true,
            Self::Failed(failure) => failure.retryable,
            _ => false,
        }
    }

    /// How long to wait before trying again, if the peer said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotAccepted { retry_after, .. } => *retry_after,
            Self::Failed(failure) => failure.retry_after,
            _ => None,
        }
    }

    /// What led to it, the nearest cause first.
    pub fn causes(&self) -> &[String] {
        match self {
            Self::Failed(failure) => &failure.causes,
            _ => &[],
        }
    }

    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Encode(_) | Self::Cancelled | Self::TooLarge { .. } => Blame::Caller,
            Self::NotAccepted { .. } | Self::OutcomeUnknown { .. } => Blame::System,
            Self::DeadlineExceeded | Self::Application(_) | Self::Decode(_) => Blame::Peer,
            Self::Failed(failure) => match failure.category {
                Category::Request | Category::Authorization => Blame::Caller,
                _ => Blame::Peer,
            },
        }
    }

    /// What a server whose handler gave this error tells its client.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => *failure,
            // What the handler could not reach never accepted its request; this one was accepted,
            // and must not be repeated as if it were not.
            Self::NotAccepted { .. } => {
                let message = format!("the handler gave up: {self}");
                Failure::new(Category::Connection, Code::UNAVAILABLE, message)
            }
            error => Failure::new(error.category(), error.code(), error.to_string()),
        }
    }
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        if failure.code == Code::REFUSED {
            let retry_after = failure.retry_after;
            Self::NotAccepted {
                reason: failure.message,
                retry_after,
            }
        } else if failure.code == Code::DEADLINE_EXCEEDED {
            Self::DeadlineExceeded
        } else {
            Self::Failed(Box::new(failure))
        }
    }
}

impl From<SendError> for CallError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::TooLarge { bytes, limit } => Self::TooLarge { bytes, limit },
            SendError::Deadline => Self::DeadlineExceeded,
            SendError::Closed | SendError::Stopped(_) => Self::Cancelled,
            SendError::NotAgreed { .. } => {
                Failure::new(Category::Protocol, Code::VERSION, error.to_string()).into()
            }
            error => Self::not_accepted(&error),
        }
    }
}
