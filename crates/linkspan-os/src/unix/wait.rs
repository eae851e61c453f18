//! Waiting on a thread.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Keeps the calling thread until one of two descriptors can be read, accepts, or has ended.
///
/// # Errors
///
/// The system's error.
pub fn wait_readable(first: impl AsFd, second: impl AsFd) -> io::Result<()> {
    let mut descriptors = [
        PollFd::new(&first, PollFlags::IN),
        PollFd::new(&second, PollFlags::IN),
    ];
    loop {
        match poll(&mut descriptors, None) {
            Err(rustix::io::Errno::INTR) => {}
            result => return result.map(|_| ()).map_err(io::Error::from),
        }
    }
}

/// Keeps the calling thread until a descriptor can be read or has ended, and says whether it can;
/// not longer than until `deadline`.
pub(crate) fn readable_before(descriptor: impl AsFd, deadline: Instant) -> io::Result<bool> {
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::IN)];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut descriptors, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result? > 0),
        }
    }
}
