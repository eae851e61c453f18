//! How commands ended, for their callers.

use bytes::Bytes;

use crate::daemon::client::ClientError;
use crate::daemon::client::capture::Captured;
use crate::daemon::client::slot::End;
use crate::daemon::wire::{CommandError, Outcome};
use crate::signals::Caught;

/// How a command ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// By code, by signal, by being cancelled, or cut off.
    pub outcome: Outcome,
    /// Why it failed, in its handler's words.
    pub error: Option<CommandError>,
    /// The signal by which the user wanted it to end.
    wanted_end: Option<Caught>,
}

/// How a command ended, and what it has written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommandOutput {
    /// How it ended.
    pub finished: Finished,
    /// Its output.
    pub stdout: Bytes,
    /// Its output for errors.
    pub stderr: Bytes,
}

impl Finished {
    pub(super) fn new(
        end: End,
        error: Option<CommandError>,
        wanted_end: Option<Caught>,
    ) -> Result<Self, ClientError> {
        match end {
            End::Exit(Outcome::Refused { refusal, message }) => {
                Err(ClientError::Refused { refusal, message })
            }
            End::Exit(outcome) => Ok(Self {
                outcome,
                error,
                wanted_end,
            }),
            End::Busy(busy) => Err(ClientError::Busy {
                retry_after: busy.retry_after(),
                reason: busy.reason,
            }),
            End::Lost(lost) => Err(ClientError::Lost(lost)),
        }
    }

    /// The exit code, if it ended by one.
    pub fn code(&self) -> Option<u32> {
        match self.outcome {
            Outcome::Code { code } => Some(code),
            _ => None,
        }
    }

    /// The signal by which a command line ends that has run this command: the command's own, or
    /// the one by which its user cancelled it.
    pub fn signal(&self) -> Option<i32> {
        match self.outcome {
            Outcome::Signal { signal } => Some(signal),
            Outcome::Cancelled => self.wanted_end.map(Caught::number),
            _ => None,
        }
    }
}

impl CommandOutput {
    pub(super) fn new(finished: Finished, output: Captured) -> Self {
        Self {
            finished,
            stdout: output.stdout.freeze(),
            stderr: output.stderr.freeze(),
        }
    }
}
