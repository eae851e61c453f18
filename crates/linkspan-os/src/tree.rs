//! Trees of files that nobody else can change: what does not depend on the system.

use std::ffi::OsString;
use std::fs::File;
use std::io;

#[cfg(unix)]
use crate::unix::tree::read_some_at;
#[cfg(windows)]
use crate::windows::tree::read_some_at;

/// A file that nobody else can change, opened to be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct TrustedFile {
    /// The file.
    pub file: File,
    /// How many bytes it had when it was opened.
    pub length: u64,
    /// Whether its owner may run it; always on Windows, where names say so.
    pub is_executable: bool,
}

/// Something that stands in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct DirectoryEntry {
    /// Its name.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// What stands in a directory under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, or a junction on Windows.
    Link,
    /// A socket, a pipe, a device.
    Other,
}

/// Reads bytes from a place in a file, whatever others read from it at the same time; how many there
/// were, fewer than fit only at its end.
///
/// # Errors
///
/// The system's error.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        let at = u64::try_from(length).unwrap_or(u64::MAX);
        match read_some_at(file, rest, offset.saturating_add(at)) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
