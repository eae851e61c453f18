//! How a launched program ended, and what it uses while it runs.

use std::fmt;
use std::time::Duration;

/// How a launched program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal, of its own or of somebody else; SIGXCPU is its processor time, SIGSYS a call
    /// for another kind of machine.
    Signal(i32),
    /// By [`Running::kill`](crate::sandbox::Running::kill).
    Killed,
    /// For more memory than its limit, in bytes.
    OutOfMemory {
        /// The limit.
        limit_bytes: u64,
    },
}

impl Exit {
    /// Whether it ended with code 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "ended with code {code}"),
            Self::Signal(signal) => write!(formatter, "was ended by signal {signal}"),
            Self::Killed => write!(formatter, "was killed"),
            Self::OutOfMemory { limit_bytes } => {
                write!(formatter, "exceeded its memory of {limit_bytes} bytes")
            }
        }
    }
}

/// What a program uses now, with all that it has started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Memory in bytes. Without a cgroup that is private and shared memory of all processes, where
    /// what two of them share counts twice, and much of it as mapped, not as used.
    pub memory_bytes: u64,
    /// Processor time so far. Without a cgroup, that of processes which ended counts only once their
    /// parents have waited for them.
    pub cpu_time: Duration,
    /// Processes; in a cgroup, with their threads.
    pub processes: u64,
}
