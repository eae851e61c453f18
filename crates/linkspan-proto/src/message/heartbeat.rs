//! Kind 5: a sign of life.

use crate::error::MessageError;

/// Whether a sign of life is asked for or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Heartbeat {
    /// Are you there?
    Ask = 0,
    /// Yes.
    Answer = 1,
}

impl Heartbeat {
    pub(crate) fn from_number(number: u64) -> Result<Self, MessageError> {
        match number {
            0 => Ok(Self::Ask),
            1 => Ok(Self::Answer),
            _ => Err(MessageError::Number {
                kind: "heartbeat",
                number,
            }),
        }
    }
}
