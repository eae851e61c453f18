//! What happens in the new process before it becomes the program.
//!
//! The other threads of the parent are not there, and whatever lock they held stays taken. So
//! nothing here allocates, and only what is safe in a signal handler is called.
#![expect(unsafe_code, reason = "calls the system")]

use std::io;
use std::os::fd::RawFd;

use rustix::fs::Mode;

#[cfg(target_os = "linux")]
use crate::linux::descriptors as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::descriptors_portable as sys;

use crate::ready::PID;
use crate::unix::process::own_start_time;
use crate::unix::signals;

/// What is needed for that, made before the fork.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detach {
    ready: RawFd,
    descriptor_limit: RawFd,
}

impl Detach {
    /// `ready` is the one descriptor, besides the standard ones, that the program keeps.
    pub(crate) fn new(ready: RawFd) -> Self {
        // Higher numbers can be had only by raising the limit, which hardly anybody does.
        let limit = crate::descriptor_limit().unwrap_or(MAX_DESCRIPTORS);
        let limit = RawFd::try_from(limit.min(MAX_DESCRIPTORS)).unwrap_or(RawFd::MAX);
        Self {
            ready,
            descriptor_limit: limit,
        }
    }

    /// Returns in the daemon-to-be only: the process between ends here.
    pub(crate) fn run(&self) -> io::Result<()> {
        rustix::process::setsid()?;
        leave_parent()?;
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        signals::reset();
        // Not closed yet: the standard library tells the parent about errors on one of them.
        sys::close_on_exec_from(FIRST, self.descriptor_limit)?;
        keep(self.ready)?;
        tell_process(self.ready)
    }
}

/// The second fork. What is not the leader of its session cannot come by a terminal, and nobody has
/// to wait for what is not his child.
fn leave_parent() -> io::Result<()> {
    // SAFETY: this process has one thread and goes on to exec only.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(()),
        // SAFETY: runs no handlers and no destructors, which are the parent's.
        _ => unsafe { libc::_exit(0) },
    }
}

fn keep(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: concerns one flag of a descriptor that this process has.
    match unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Says who this process is, as long as only this program runs in it: number and start time stay.
fn tell_process(channel: RawFd) -> io::Result<()> {
    let start_time = own_start_time().unwrap_or_default();
    let mut line = [0; 40];
    let mut length = 0;
    let pid = decimal(std::process::id().into()).chain(*b" ");
    let bytes = PID
        .bytes()
        .chain(pid)
        .chain(decimal(start_time))
        .chain(*b"\n");
    for (place, byte) in line.iter_mut().zip(bytes) {
        *place = byte;
        length += 1;
    }
    // SAFETY: the pointer leads to at least `length` bytes. So short a text is taken as a whole.
    match unsafe { libc::write(channel, line.as_ptr().cast(), length) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A number's digits without the help of the heap.
fn decimal(number: u64) -> impl Iterator<Item = u8> {
    let powers = (0..20).rev().map(|power| 10_u64.pow(power));
    powers
        .filter(move |power| number >= *power || *power == 1)
        .map(move |power| b'0' + u8::try_from(number / power % 10).unwrap_or_default())
}

const FIRST: RawFd = 3;
const MAX_DESCRIPTORS: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 1, 7, 10, 99, 100, 4_194_304, u64::MAX] {
            let text: Vec<u8> = decimal(number).collect();
            assert_eq!(text, number.to_string().as_bytes());
        }
    }
}
