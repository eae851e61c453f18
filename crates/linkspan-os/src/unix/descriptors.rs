//! Descriptors, all of them at once.
#![expect(unsafe_code, reason = "calls the system between fork and exec")]

use std::os::fd::RawFd;

/// Closes every descriptor from `first` to before `limit` when the process becomes another program.
/// To be called between fork and exec: it only makes system calls.
pub(crate) fn close_one_by_one(first: RawFd, limit: RawFd) {
    for descriptor in first..limit {
        // SAFETY: sets a flag of this process's descriptors; numbers that are none are refused.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}
