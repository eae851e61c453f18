//! Seeing a lock without taking it.
//!
//! Locks by `flock` can only be tried, and whoever tries keeps others out for a moment. So their
//! holder locks a byte in another way as well, that the system tells about.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Shows that a lock on this file is held, as long as it is open.
pub(crate) fn mark(file: &File) -> io::Result<()> {
    byte_lock(file, libc::F_OFD_SETLK, libc::F_WRLCK).map(|_| ())
}

/// Shows it no longer.
pub(crate) fn unmark(file: &File) -> io::Result<()> {
    byte_lock(file, libc::F_OFD_SETLK, libc::F_UNLCK).map(|_| ())
}

/// Whether somebody shows that.
pub(crate) fn is_marked(file: &File) -> io::Result<bool> {
    let found = byte_lock(file, libc::F_OFD_GETLK, libc::F_WRLCK)?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

fn byte_lock(file: &File, command: libc::c_int, kind: libc::c_int) -> io::Result<libc::flock> {
    // SAFETY: it is made of numbers only, for which zero is a value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(kind).map_err(io::Error::other)?;
    lock.l_len = 1;
    // SAFETY: the file is open as long as it is borrowed, and the pointer is to a local.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(lock),
    }
}
