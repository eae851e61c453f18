//! Bodies that do not inflate.

use thiserror::Error;

use crate::error::{Category, Code};
use crate::frame::Compression;
use crate::message::Failure;

/// A compressed body is not what it says, or says that it is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InflateError {
    /// It announces more than its receiver takes; nothing was inflated.
    #[error(
        "a body compressed by {compression} announces {bytes} bytes, \
         which exceeds the limit of {limit} bytes"
    )]
    TooLarge {
        /// By what it is compressed.
        compression: Compression,
        /// What it announces, in bytes.
        bytes: u32,
        /// The most that is taken, in bytes.
        limit: u32,
    },
    /// It ends before it has said how long it is.
    #[error("a body compressed by {compression} has {bytes} bytes and does not say its length")]
    Truncated {
        /// By what it is compressed.
        compression: Compression,
        /// What it has, in bytes.
        bytes: usize,
    },
    /// What follows the announced length is cut off or no such block, or inflates to another length.
    #[error("a body compressed by {compression} is not the {announced} bytes that it announces")]
    Malformed {
        /// By what it is compressed.
        compression: Compression,
        /// What it announces, in bytes.
        announced: u32,
    },
    /// The algorithm is not built in.
    #[error("a body is compressed by {compression}, which is not built in here")]
    Unsupported {
        /// By what it is compressed.
        compression: Compression,
    },
}

impl InflateError {
    /// What to tell the peer.
    pub fn to_failure(&self) -> Failure {
        Failure::new(Category::Protocol, self.code(), self.to_string())
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::TOO_LARGE,
            _ => Code::BAD_COMPRESSION,
        }
    }
}
