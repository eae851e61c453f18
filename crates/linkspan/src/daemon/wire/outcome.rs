//! What the daemon tells about a command besides its output.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::daemon::wire::body::cut;

/// The command will be run; its handler begins after this was sent.
///
/// A client that has not seen it when the connection ends may send the command again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accepted {
    /// The command.
    pub command: u32,
}

impl Accepted {
    /// Makes the promise.
    pub fn new(command: u32) -> Self {
        Self { command }
    }
}

/// Why a command failed, in its handler's words. An [`Exit`] follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommandError {
    /// The command.
    pub command: u32,
    /// What went wrong.
    pub message: String,
    /// Its causes, the nearest first.
    #[serde(default)]
    pub chain: Vec<String>,
}

impl CommandError {
    /// Makes the news, cut to what fits into a frame: 16 KiB of the message, 1 KiB of each cause,
    /// and 32 causes.
    pub fn new(
        command: u32,
        message: impl Into<String>,
        chain: impl IntoIterator<Item = String>,
    ) -> Self {
        let chain = chain.into_iter().take(MAX_CAUSES);
        Self {
            command,
            message: cut(message.into(), MAX_MESSAGE_BYTES),
            chain: chain.map(|cause| cut(cause, MAX_CAUSE_BYTES)).collect(),
        }
    }
}

/// A command has ended. Nothing follows for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exit {
    /// The command.
    pub command: u32,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Exit {
    /// Makes the news.
    pub fn new(command: u32, outcome: Outcome) -> Self {
        Self { command, outcome }
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// By itself.
    Code {
        /// Its exit code: up to 255 on Unix, any on Windows.
        code: u32,
    },
    /// As if by a signal.
    Signal {
        /// Number of the signal on this machine.
        signal: i32,
    },
    /// Because it was cancelled: by its client, or because the daemon had to end.
    Cancelled,
    /// It was never begun, and will not be.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The same for people.
        #[serde(default)]
        message: String,
    },
    /// It was cut off: it did not end when it was cancelled, or its handler broke.
    Aborted {
        /// Why, for people.
        #[serde(default)]
        message: String,
    },
    /// In a way that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why a command was not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The daemon is about to end; its successor will take the command.
    Draining,
    /// A command with the same request id was begun before.
    Duplicate,
    /// The daemon does not do this for this user.
    Denied,
    /// The command asks for what the daemon cannot do.
    Unsupported,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// The daemon has no place: for one command, or for any on this connection.
///
/// What it is about was not begun. It is the same in all versions for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Busy {
    /// The command; without one it is about the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<u32>,
    /// When to try again, in milliseconds.
    pub retry_after_ms: u64,
    /// What there is too much of, for people.
    #[serde(default)]
    pub reason: String,
}

impl Busy {
    /// Makes a busy answer; parts of a millisecond count as a whole one.
    pub fn new(command: Option<u32>, retry_after: Duration, reason: impl Into<String>) -> Self {
        let millis = retry_after.as_nanos().div_ceil(NANOS_PER_MILLI);
        Self {
            command,
            retry_after_ms: u64::try_from(millis).unwrap_or(u64::MAX),
            reason: reason.into(),
        }
    }

    /// When to try again, in the daemon's words: a client sets a limit of its own.
    pub fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms)
    }
}

const MAX_MESSAGE_BYTES: usize = 16 * 1024;
const MAX_CAUSE_BYTES: usize = 1024;
const MAX_CAUSES: usize = 32;
const NANOS_PER_MILLI: u128 = 1_000_000;
