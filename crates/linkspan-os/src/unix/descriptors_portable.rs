//! Descriptors on systems without `close_range`.

use std::io;
use std::os::fd::RawFd;

use crate::unix::descriptors::close_one_by_one;

/// Closes every descriptor from `first` on when the process becomes another program. To be called
/// between fork and exec: it only makes system calls.
pub(crate) fn close_on_exec_from(first: RawFd, limit: RawFd) -> io::Result<()> {
    close_one_by_one(first, limit);
    Ok(())
}
