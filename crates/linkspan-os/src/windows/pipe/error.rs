//! Why a pipe cannot be made.

use std::io;

use thiserror::Error;

use crate::PipeNameError;

/// A pipe cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PipeError {
    /// Somebody has a pipe of this name: a server listens, or connections to an earlier one live.
    #[error("pipe {name} is in use by {}", pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// Its name.
        name: String,
        /// The process that made it, where it is known.
        pid: Option<u32>,
    },
    /// It cannot have this name.
    #[error(transparent)]
    Name(#[from] PipeNameError),
    /// The security descriptor is not one, or protects nothing.
    #[error("security descriptor {sddl:?} cannot be used")]
    SecurityDescriptor {
        /// The text.
        sddl: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The system refused.
    #[error("cannot listen at pipe {name}")]
    Io {
        /// The pipe's name.
        name: String,
        /// The system's answer.
        source: io::Error,
    },
}
