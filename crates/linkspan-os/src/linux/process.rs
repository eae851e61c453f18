//! Processes by `/proc` and by pidfd, which stands for one process whatever becomes of its number.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::process::Facts;
use crate::unix::process::facts_by_signal;
use crate::unix::wait::readable_before;

pub(crate) fn facts(pid: Pid) -> io::Result<Option<Facts>> {
    match fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())) {
        Ok(stat) => parse(&stat).map(Some).ok_or_else(|| {
            let text = format!("/proc/{}/stat cannot be read", pid.as_raw_nonzero());
            io::Error::new(io::ErrorKind::InvalidData, text)
        }),
        // Where /proc is not mounted or hides processes, they exist nevertheless.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(facts_by_signal(pid)),
        // It has ended while it was looked at.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
        Err(error) => Err(error),
    }
}

/// When this process was started. Only makes system calls, so that it can be asked between fork and
/// exec.
pub(crate) fn own_start_time() -> Option<u64> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open("/proc/self/stat", flags, Mode::empty()).ok()?;
    let mut stat = [0; 1024];
    let length = rustix::io::read(&file, &mut stat).ok()?;
    parse(stat.get(..length)?)?.start_time
}

/// Which run of the system this is.
pub(crate) fn boot_id() -> Option<u128> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    u128::from_str_radix(&text.trim().replace('-', ""), 16).ok()
}

/// The program's name stands in parentheses and may hold more of them, so what follows is counted
/// from the last: state is field 3, the start time field 22.
fn parse(stat: &[u8]) -> Option<Facts> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let start_time = fields.nth(22 - 4)?.parse().ok()?;
    Some(Facts {
        start_time: Some(start_time),
        is_running: !matches!(state, "Z" | "X" | "x"),
    })
}

pub(crate) enum Handle {
    Pidfd(OwnedFd),
    /// Kernels before 5.3, and sandboxes that do not know pidfd.
    Number(Pid),
}

impl Handle {
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => Ok(Some(Self::Pidfd(descriptor))),
            // The other two: the number is a thread's.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(Errno::NOSYS | Errno::PERM) => Ok(Some(Self::Number(pid))),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Errno> {
        match self {
            Self::Pidfd(descriptor) => pidfd_send_signal(descriptor, signal),
            Self::Number(pid) => kill_process(*pid, signal),
        }
    }

    pub(crate) fn wait(&self, deadline: Instant) -> io::Result<bool> {
        match self {
            Self::Pidfd(descriptor) => readable_before(descriptor, deadline),
            Self::Number(pid) => wait_by_looking(*pid, deadline),
        }
    }
}

fn wait_by_looking(pid: Pid, deadline: Instant) -> io::Result<bool> {
    let before = facts(pid)?.and_then(|facts| facts.start_time);
    while Instant::now() < deadline {
        let now = facts(pid)?;
        if !now.is_some_and(|now| now.is_running && now.start_time == before) {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_move_the_fields() {
        let stat = b"77 (a) Z 1 (b)) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 9 9\n";
        let facts = parse(stat).unwrap();
        assert_eq!(facts.start_time, Some(123_456));
        assert!(facts.is_running);
    }

    #[test]
    fn who_was_not_waited_for_does_not_run() {
        let stat = b"77 (x) Z 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 5 9 9\n";
        assert!(!parse(stat).unwrap().is_running);
        assert!(parse(b"77 (x").is_none());
    }

    #[test]
    fn looking_sees_the_end_where_there_is_no_pidfd() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        let handle = Handle::Number(pid);
        let soon = Instant::now() + Duration::from_millis(30);
        assert!(!handle.wait(soon).unwrap());
        drop(child.stdin.take());
        let late = Instant::now() + Duration::from_secs(30);
        assert!(handle.wait(late).unwrap());
        child.wait().unwrap();
        assert!(handle.wait(late).unwrap());
    }
}
