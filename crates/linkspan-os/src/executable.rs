//! Whether a program's file is still the same.

use std::io;
use std::path::Path;

#[cfg(unix)]
use crate::unix::executable as sys;
#[cfg(windows)]
use crate::windows::executable as sys;

/// What tells a file from another in its place, without reading it.
///
/// A file that was replaced or written to has another. One that was copied has another, too, so
/// this is no proof that two files differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ExecutableId {
    /// The device or volume.
    pub device: u64,
    /// The file's number on it: its inode.
    pub inode: u64,
    /// When it was written to, in nanoseconds since 1970.
    pub modified_nanos: i128,
    /// How long it is, in bytes.
    pub size_bytes: u64,
}

/// The identity of the file at `path` now; symbolic links are followed.
///
/// # Errors
///
/// The system's error; [`io::ErrorKind::NotFound`] if the file is gone.
pub fn executable_id(path: &Path) -> io::Result<ExecutableId> {
    sys::executable_id(path)
}
