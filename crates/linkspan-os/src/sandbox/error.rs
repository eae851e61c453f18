//! Why a program was not launched.

use std::io;

use thiserror::Error;

use crate::sandbox::Level;

/// A program was not launched, and nothing of it is left.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The description cannot be followed, whoever tries.
    #[error("{what} {value:?} {problem}")]
    Invalid {
        /// What of it, as in `argument`.
        what: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// This system cannot confine programs that far, or this process may not.
    #[error("a sandbox of level {level} needs {missing}, which is not to be had here")]
    Unavailable {
        /// The level.
        level: Level,
        /// What it needs.
        missing: &'static str,
        /// The system's answer, where it was asked.
        source: Option<io::Error>,
    },
    /// This process could not prepare it.
    #[error("cannot prepare {what}")]
    Prepare {
        /// What was to be prepared.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The new process failed at a step on its way to the program.
    #[error("cannot {step}")]
    Step {
        /// What it was to do, as in `mount its file system`.
        step: &'static str,
        /// The system's answer to it.
        source: io::Error,
    },
    /// The new process ended on its way to the program without a word.
    #[error("the new process ended before it became the program")]
    Vanished,
    /// The new process was not done within 30 seconds.
    #[error("the new process did not become the program within 30 s")]
    Deadline,
}
