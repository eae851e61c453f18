//! How a process of a plugin ended.

use std::error::Error;
use std::fmt;
use std::iter;
use std::time::{Duration, SystemTime};

use os::sandbox::Exit;

use crate::plugin::host::RunError;
use crate::session::Disconnected;

/// How a process of a plugin ended, or did not come to run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ending {
    /// Which instance of the plugin it was, from 0 on.
    pub instance: u32,
    /// Its process id, if it had come so far.
    pub pid: Option<u32>,
    /// When it ended.
    pub at: SystemTime,
    /// How long it was there.
    pub ran: Duration,
    /// Why it ended.
    pub cause: Cause,
    /// What it last wrote to its standard error.
    pub last_words: Vec<String>,
}

/// Why a process of a plugin ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Cause {
    /// It was to end.
    Asked(Exit),
    /// It ended by itself, was ended by somebody else, or exceeded what it may use.
    Exited(Exit),
    /// It closed its connection and went on, so it was killed.
    Closed,
    /// It broke the protocol, so it was killed.
    Broke(Disconnected),
    /// It gave no sign of life, so it was killed.
    Silent {
        /// For so long.
        limit: Duration,
    },
    /// It did not come to run.
    NotRun(RunError),
}

impl Ending {
    /// Whether the plugin has failed: it did not end in order.
    pub fn is_failure(&self) -> bool {
        match &self.cause {
            Cause::Asked(_) => false,
            Cause::Exited(exit) => !exit.is_success(),
            _ => true,
        }
    }

    /// What can be done about it; none if it says it all.
    pub fn remedy(&self) -> Option<String> {
        match &self.cause {
            Cause::NotRun(error) => error.remedy(),
            Cause::Exited(Exit::OutOfMemory { .. }) => {
                Some("allow it more by `max_memory_mb`, if that is what it needs".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Asked(exit) => write!(f, "{exit} when it was stopped"),
            Cause::Exited(exit) => exit.fmt(f),
            Cause::Closed => f.write_str("closed its connection without ending"),
            Cause::Broke(reason) => write!(f, "broke the protocol: {reason}"),
            Cause::Silent { limit } => write!(f, "gave no sign of life for {limit:?}"),
            Cause::NotRun(error) => {
                write!(f, "did not run: {error}")?;
                let mut sources = iter::successors(error.source(), |error| (*error).source());
                sources.try_for_each(|source| write!(f, ": {source}"))
            }
        }
    }
}
