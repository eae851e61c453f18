//! Kind 9: a stream is given up.

/// Ends a stream (from its opener) or asks its opener to stop sending (from the answerer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancel {
    /// Why.
    pub reason: CancelReason,
}

impl Cancel {
    /// Makes a cancel message.
    pub fn new(reason: CancelReason) -> Self {
        Self { reason }
    }
}

/// Why a stream is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelReason {
    /// The caller lost interest.
    Dropped,
    /// The deadline passed.
    Deadline,
    /// The answer is complete; what is still being sent is not needed.
    Done,
    /// A reason that a newer peer knows.
    Other(u64),
}

impl CancelReason {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Dropped => 0,
            Self::Deadline => 1,
            Self::Done => 2,
            Self::Other(number) => number,
        }
    }

    pub(crate) fn from_number(number: u64) -> Self {
        match number {
            0 => Self::Dropped,
            1 => Self::Deadline,
            2 => Self::Done,
            _ => Self::Other(number),
        }
    }
}
