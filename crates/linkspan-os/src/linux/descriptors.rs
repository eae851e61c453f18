//! Descriptors by `close_range`.
#![expect(unsafe_code, reason = "calls the system between fork and exec")]

use std::io;
use std::os::fd::RawFd;

/// Closes every descriptor from `first` on when the process becomes another program. To be called
/// between fork and exec: it only makes system calls.
pub(crate) fn close_on_exec_from(first: RawFd, limit: RawFd) -> io::Result<()> {
    // SAFETY: sets a flag of this process's descriptors, and touches no memory.
    let result = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if result == 0 {
        return Ok(());
    }
    // Kernels before 5.11, and sandboxes that do not know it.
    crate::unix::descriptors::close_one_by_one(first, limit);
    Ok(())
}
