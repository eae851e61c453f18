//! Topics and masks that are not taken.

use thiserror::Error;

use crate::error::Blame;

/// A text cannot be a topic, a mask of topics or a mask of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopicError {
    /// It is too long.
    #[error("topic or mask of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// Its length.
        bytes: u64,
        /// The longest that is taken.
        limit: u16,
    },
    /// It has too many levels.
    #[error("topic or mask of {levels} levels exceeds the limit of {limit} levels")]
    TooDeep {
        /// How many it has.
        levels: usize,
        /// The most that are taken.
        limit: u8,
    },
    /// It has a NUL, which ends a topic on the wire.
    #[error("topic or mask has a NUL at byte {at}")]
    Nul {
        /// Where.
        at: usize,
    },
}

impl TopicError {
    /// Who has to change something.
    pub fn blame(&self) -> Blame {
        Blame::Caller
    }
}
