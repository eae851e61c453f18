//! Waiting on a thread for one of two things.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};

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
