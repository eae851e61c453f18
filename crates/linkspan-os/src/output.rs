//! Where a process's own output goes.

use std::fs::File;
use std::io;

use crate::FileId;

#[cfg(unix)]
use crate::unix::output as sys;
#[cfg(windows)]
use crate::windows::output as sys;

/// Has stdout and stderr of this process write to `to`, each if it wrote to `from` so far.
///
/// Nothing that other threads write meanwhile is lost: it is in the one file or in the other.
/// Processes that were started before go on with `from`.
///
/// # Errors
///
/// The system's error; one of the two may write to `to` then.
///
/// # Platform notes
///
/// On Windows it concerns whoever asks for the standard handles when he writes, as Rust's standard
/// library does, and not what a C library has opened.
pub fn redirect_output(from: &File, to: &File) -> io::Result<()> {
    sys::redirect(FileId::of(from)?, to)
}
