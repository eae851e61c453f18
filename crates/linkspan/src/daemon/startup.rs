//! Why a daemon was started.

use std::fmt;

/// Why this daemon was started, by facts that its predecessor left, not by what a client says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartupReason {
    /// Nothing is known of a daemon before it.
    #[default]
    FirstStart,
    /// The one before it ended in order: it was stopped, or was idle for long.
    AfterStop,
    /// The one before it was asked to restart.
    Restarted,
    /// The one before it ended without a goodbye.
    AfterCrash {
        /// How many did, one after the other.
        crashes: u64,
    },
    /// The one before it was of another build.
    NewBuild {
        /// Which.
        previous: String,
    },
}

impl StartupReason {
    /// How many daemons before it ended without a goodbye, one after the other.
    pub fn crashes(&self) -> u64 {
        match self {
            Self::AfterCrash { crashes } => *crashes,
            _ => 0,
        }
    }
}

impl fmt::Display for StartupReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstStart => f.write_str("first start"),
            Self::AfterStop => f.write_str("after a stop"),
            Self::Restarted => f.write_str("restarted"),
            Self::AfterCrash { crashes } => write!(f, "after a crash, {crashes} in a row"),
            Self::NewBuild { previous } => write!(f, "new build after {previous}"),
        }
    }
}
