//! Why a daemon has no place, or was not started.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// A file, lock or directory of a daemon cannot be used.
#[derive(Debug, Error)]
#[error("{source}")]
pub struct PlaceError {
    source: Box<dyn Error + Send + Sync>,
}

impl From<os::RuntimeDirectoryError> for PlaceError {
    fn from(error: os::RuntimeDirectoryError) -> Self {
        Self::of(error)
    }
}

impl From<os::DirectoryError> for PlaceError {
    fn from(error: os::DirectoryError) -> Self {
        Self::of(error)
    }
}

impl From<os::LockError> for PlaceError {
    fn from(error: os::LockError) -> Self {
        Self::of(error)
    }
}

impl From<os::FileError> for PlaceError {
    fn from(error: os::FileError) -> Self {
        Self::of(error)
    }
}

/// A directory cannot be read.
#[derive(Debug, Error)]
#[error("cannot read {}", path.display())]
struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

impl PlaceError {
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::of(Unreadable { path, source })
    }

    fn of(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            source: Box::new(error),
        }
    }
}

/// No daemon was started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// This process was itself started by the daemon that it would start.
    #[error("daemon {id} is not started from within itself ({chain})")]
    Chain {
        /// The daemon.
        id: String,
        /// All daemons that led here, by the names of their directories.
        chain: String,
    },
    /// The program is not known.
    #[error("cannot find this program's own file")]
    Program(#[source] io::Error),
    /// Its log cannot be written.
    #[error("cannot open the daemon's log {}", path.display())]
    Log {
        /// The log.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It started and was not ready.
    #[error("{message}")]
    Failed {
        /// What it said, and the end of its log.
        message: String,
    },
    /// Somebody else was starting it for all this time.
    #[error("another process was starting the daemon for {} ms", waited.as_millis())]
    Waited {
        /// How long it was waited for.
        waited: Duration,
    },
    /// As many older daemons as are allowed still finish their commands.
    #[error("{drainers} older daemons still finish their commands")]
    Drainers {
        /// How many.
        drainers: usize,
    },
    /// It is there and cannot be reached.
    #[error("the daemon is ready and cannot be reached")]
    Unreachable,
}
