//! Seeing a lock without taking it: here the system tells about locks by `flock`, too.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Nothing is needed for a lock to be seen.
pub(crate) fn mark(_: &File) -> io::Result<()> {
    Ok(())
}

/// And nothing for it to be seen no longer.
pub(crate) fn unmark(_: &File) -> io::Result<()> {
    Ok(())
}

/// Whether somebody holds a lock on this file.
pub(crate) fn is_marked(file: &File) -> io::Result<bool> {
    // SAFETY: it is made of numbers only, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK;
    // SAFETY: the file is open as long as it is borrowed, and the pointer is to a local.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(lock.l_type != libc::F_UNLCK),
    }
}
