//! What a client tells the daemon about a command that runs.

use serde::{Deserialize, Serialize};

use crate::daemon::wire::Size;

/// Wants a command to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cancel {
    /// The command.
    pub command: u32,
    /// Why.
    #[serde(default)]
    pub reason: CancelReason,
}

impl Cancel {
    /// Makes the wish.
    pub fn new(command: u32, reason: CancelReason) -> Self {
        Self { command, reason }
    }
}

/// Why a command is to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CancelReason {
    /// The user interrupted it.
    Interrupt,
    /// The client was told to end.
    Terminate,
    /// The terminal is gone.
    Hangup,
    /// Nobody reads the output any more.
    ReaderGone,
    /// Its time is over.
    Deadline,
    /// None was given, or one that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}

/// The client's terminal has another size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resize {
    /// The command.
    pub command: u32,
    /// The new size.
    pub size: Size,
}

impl Resize {
    /// Makes the news.
    pub fn new(command: u32, size: Size) -> Self {
        Self { command, size }
    }
}

/// A signal for a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signal {
    /// The command.
    pub command: u32,
    /// Number of the signal on this machine.
    pub signal: i32,
}

impl Signal {
    /// Makes a signal.
    pub fn new(command: u32, signal: i32) -> Self {
        Self { command, signal }
    }
}
