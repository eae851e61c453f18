//! Why a plugin cannot be tried out at all.

use std::io;

use thiserror::Error;

use crate::plugin::host::StartError;

/// A plugin cannot be tried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It cannot be started.
    #[error("the plugin cannot be started")]
    Start(#[from] StartError),
    /// The system refused something to this process.
    #[error("the system does not let plugins be checked")]
    Io(#[source] io::Error),
}
