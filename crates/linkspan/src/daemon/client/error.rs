//! Why a command was not run to its end, from the client's side.

use std::error::Error;
use std::io;
use std::time::Duration;

use proto::error::{DelimitedDecodeError, DelimitedEncodeError};
use proto::message::VersionRange;

use crate::Blame;
use crate::daemon::lifecycle::{PlaceError, StartError};
use crate::daemon::wire::{DecodeError, Refusal};
use crate::transport::DialError;

/// A command came to no end of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Id, settings or program of the daemon cannot be used.
    #[error("the daemon's settings cannot be used")]
    Settings(#[source] Box<dyn Error + Send + Sync>),
    /// The daemon's directory cannot be used.
    #[error("the daemon's directory cannot be used")]
    Place(#[from] PlaceError),
    /// There is no daemon, and none could be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It cannot be connected to.
    #[error("the daemon cannot be reached")]
    Dial(#[from] DialError),
    /// Somebody listens and says nothing.
    #[error("the daemon did not answer within {} ms", limit.as_millis())]
    Silent {
        /// How long it was waited for.
        limit: Duration,
    },
    /// It is of another sort.
    #[error(
        "the daemon speaks versions {} to {} of the protocol, this program {} to {}",
        theirs.min, theirs.max, ours.min, ours.max
    )]
    Versions {
        /// What the daemon speaks.
        theirs: VersionRange,
        /// What this client speaks.
        ours: VersionRange,
    },
    /// The connection ended while the command was at work, or might have been.
    #[error("the daemon was lost while it ran the command: {0}")]
    Lost(Lost),
    /// The daemon has no place.
    #[error("the daemon is busy: {reason}; try again in {} ms", retry_after.as_millis())]
    Busy {
        /// What there is too much of.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The daemon does not run the command.
    #[error("the daemon refused the command: {message}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// The same in its words.
        message: String,
    },
    /// The command's time is over.
    #[error("the command did not end within {} ms", limit.as_millis())]
    Deadline {
        /// The limit.
        limit: Duration,
    },
    /// The command is too large for the daemon.
    #[error("the command cannot be sent")]
    TooLarge(#[from] DelimitedEncodeError),
    /// The system refused.
    #[error("cannot {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl ClientError {
    /// The exit code of a command line that has met this: 124 for a deadline, 126 for a daemon that
    /// does not want, 125 for one that cannot be reached or was lost.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Deadline { .. } => DEADLINE,
            Self::Busy { .. }
            | Self::Refused { .. }
            | Self::TooLarge(_)
            | Self::Start(StartError::Drainers { .. }) => REFUSED,
            _ => UNREACHABLE,
        }
    }

    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::TooLarge(_) | Self::Settings(_) => Blame::Caller,
            Self::Place(_) | Self::Start(_) | Self::Dial(_) | Self::Io { .. } => Blame::System,
            _ => Blame::Peer,
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Lost {
    problem: String,
}

impl Lost {
    /// The daemon closed it, or is gone.
    pub(in crate::daemon) fn closed() -> Self {
        Self {
            problem: "it closed the connection".to_owned(),
        }
    }

    pub(super) fn by(error: &ProtocolError) -> Self {
        Self {
            problem: error.to_string(),
        }
    }
}

/// What came is no protocol, or does not come any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error(transparent)]
    Frame(#[from] DelimitedDecodeError),
    #[error(transparent)]
    Message(#[from] DecodeError),
    #[error("the daemon sent {what} where it has no place")]
    Order { what: &'static str },
    #[error("the daemon sent more output than it had credit for")]
    Excess,
    #[error(transparent)]
    Io(#[from] io::Error),
}

const DEADLINE: u8 = 124;
const UNREACHABLE: u8 = 125;
const REFUSED: u8 = 126;
