//! Small files in checked directories: what does not depend on the system.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

#[cfg(unix)]
use crate::unix::executable::identity;
#[cfg(windows)]
use crate::windows::executable::identity;

/// What tells a file from another that has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId(pub(crate) (u64, u64));

impl FileId {
    /// That of an open file, wherever it has been moved to.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn of(file: &File) -> io::Result<Self> {
        identity(file).map(Self)
    }
}

/// Hexadecimal numbers, as for names that are made of it.
impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (device, number) = self.0;
        write!(f, "{device:x}-{number:x}")
    }
}

/// Where a file is that stands in a directory itself.
pub(crate) fn file_path(directory: &Path, name: &Path) -> Result<PathBuf, FileError> {
    let mut parts = name.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name.as_os_str() => {
            Ok(directory.join(name))
        }
        _ => Err(FileError::Name { name: name.into() }),
    }
}

/// What a file is called until it is whole. No two threads use the same.
pub(crate) fn temporary_name(name: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{number}.tmp", process::id()));
    temporary.into()
}

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
    /// Others may at least read it.
    #[error("file {path} is open to others ({access}), and holds secrets")]
    Shared {
        /// The file.
        path: PathBuf,
        /// What others may: its mode, or the first of those who may on Windows.
        access: String,
    },
    /// Others may change it.
    #[error("file {path} can be changed by others ({access})")]
    Writable {
        /// The file.
        path: PathBuf,
        /// What others may: its mode, or the first of those who may on Windows.
        access: String,
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
