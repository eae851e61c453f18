//! A pipe that only the host can write to: it is cut when the host ends, however that is.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Lets the one who waits go on.
pub(super) fn give_word(lifeline: Option<impl AsFd>) -> Result<(), Errno> {
    rustix::io::write(lifeline.ok_or(Errno::PIPE)?, &[1]).map(drop)
}

/// Waits for a word; false if the lifeline was cut. Only makes system calls.
pub(super) fn wait_for_word(lifeline: impl AsFd) -> bool {
    let mut word = [0];
    loop {
        match rustix::io::read(&lifeline, &mut word) {
            Err(Errno::INTR) => {}
            result => return result == Ok(1),
        }
    }
}

/// Whether it was cut. Only makes a system call.
pub(super) fn is_cut(lifeline: impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(&lifeline, PollFlags::empty())];
    let now = Timespec::default();
    poll(&mut descriptors, Some(&now)).is_ok_and(|count| count > 0)
}
