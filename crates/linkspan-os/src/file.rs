//! Small files in checked directories: what does not depend on the system.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What tells a file from another that has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(pub(crate) (u64, u64));

/// A file cannot be read, written or removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// It would be in another directory.
    #[error("{name:?} is not the name of a file in a directory")]
    Name {
        /// The name.
        name: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("file {path} belongs to {owner}, not to {user}")]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner: a user id or the name of a Windows user.
        owner: String,
        /// This process's user, likewise.
        user: String,
    },
    /// Something else stands there.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// It is longer than it may be.
    #[error("file {path} has more than {max_bytes} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        max_bytes: usize,
    },
    /// The system refused.
    #[error("cannot use file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}
