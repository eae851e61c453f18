//! What can go wrong with sealed bodies and with key rings.

use std::path::PathBuf;

use os::{DirectoryError, FileError, LockError};
use proto::error::{Blame, Category, Code};
use proto::message::Failure;
use thiserror::Error;

/// A body is not opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no sealed one, and only such are taken.
    #[error("the body is not sealed")]
    NotSealed,
    /// It is no envelope.
    #[error("the {part} of the envelope is malformed")]
    Malformed {
        /// What cannot be read.
        part: &'static str,
    },
    /// Its format is of a newer version, or it is no envelope.
    #[error("envelope of an unknown format {format:#04x}")]
    UnknownFormat {
        /// The format.
        format: u8,
    },
    /// It was sealed with a key that is not in the ring, not even after reading it again.
    #[error("the body is sealed with the key {id:?}, which is not in the ring")]
    UnknownKey {
        /// Name of the key.
        id: String,
    },
    /// It was altered on its way, or made without the key.
    #[error("the body was altered, or sealed with another key")]
    Tampered,
    /// It was sealed for another method, topic, sender, encoding or call, or for another place in one.
    #[error("the body was sealed for something else, or by somebody else")]
    Misaddressed,
    /// It was opened here before, or is older than anything that is remembered of its sender.
    #[error("the body was received before (number {counter} of its sender)")]
    Replayed {
        /// Its number.
        counter: u64,
    },
    /// A stream ended without the end that its sender seals.
    #[error("the stream was cut off after {items} items")]
    CutOff {
        /// Items that came.
        items: u64,
    },
}

impl OpenError {
    /// Which failure it is: a name that stays the same for ever.
    pub fn code(&self) -> Code {
        match self {
            Self::NotSealed => Code::NOT_SEALED,
            Self::Malformed { .. } | Self::UnknownFormat { .. } | Self::Tampered => Code::TAMPERED,
            Self::UnknownKey { .. } => Code::UNKNOWN_KEY,
            Self::Misaddressed => Code::MISADDRESSED,
            Self::Replayed { .. } => Code::REPLAYED,
            Self::CutOff { .. } => Code::CUT_OFF,
        }
    }

    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::UnknownKey { .. } => Blame::Caller,
            _ => Blame::Peer,
        }
    }

    /// As what goes to a peer, or stands for its answer.
    pub(crate) fn into_failure(self) -> Failure {
        Failure::new(Category::Authentication, self.code(), self.to_string())
    }
}

/// A body cannot be sealed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealError {
    /// No key of the ring may be used yet.
    #[error("the ring has no key for sealing yet")]
    NoKey,
    /// The cipher does not take so much.
    #[error("a body of {bytes} bytes cannot be sealed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The system gives no randomness.
    #[error("no randomness")]
    Random(#[source] std::io::Error),
}

impl SealError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::NoKey | Self::TooLong { .. } => Blame::Caller,
            Self::Random(_) => Blame::System,
        }
    }

    /// As what a caller is told.
    pub(crate) fn into_failure(self) -> Failure {
        let message = format!("the body cannot be sealed: {self}");
        Failure::new(Category::Authentication, Code::INTERNAL, message)
    }
}

/// A key ring cannot be read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RingError {
    /// There is no such file.
    #[error("there is no key ring {path}; `linkspan key new` makes one")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There is a file already.
    #[error("{path} exists already; a ring that is replaced takes its keys with it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It is no key ring, or one of a newer version.
    #[error("{path}, line {line}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where, from 1 on.
        line: usize,
        /// What is wrong; never with what stands there.
        problem: &'static str,
    },
    /// Its directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// It cannot be read or written, or others may read it.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else has been changing it for too long.
    #[error("the key ring is being changed by another process")]
    Lock(#[source] LockError),
    /// The system gives no randomness.
    #[error("no randomness")]
    Random(#[source] std::io::Error),
}

impl RingError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Missing { .. } | Self::Exists { .. } | Self::Malformed { .. } => Blame::Caller,
            Self::Directory(_) | Self::File(_) | Self::Lock(_) | Self::Random(_) => Blame::System,
        }
    }
}
