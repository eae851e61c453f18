//! Looking at processes, and ending them.

use std::io;
use std::time::Instant;

use rustix::process::{Pid, Signal};

#[cfg(target_os = "linux")]
use crate::linux::process as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::process_portable as sys;

use crate::process::Facts;

pub(crate) use sys::{boot_id, own_start_time};

/// How a process is ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    Terminate,
    Kill,
}

/// What is known about the process with a number; `None` if there is none.
pub(crate) fn facts(pid: u32) -> io::Result<Option<Facts>> {
    number(pid).map_or(Ok(None), sys::facts)
}

/// All that is known where processes cannot be looked at: whether there is one.
#[cfg(not(any(target_vendor = "apple", target_os = "freebsd")))]
pub(crate) fn facts_by_signal(pid: Pid) -> Option<Facts> {
    let exists = rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH);
    exists.then_some(Facts {
        start_time: None,
        is_running: true,
    })
}

/// The process that has a number, so that it can be ended and waited for.
pub(crate) struct Handle(sys::Handle);

impl Handle {
    /// `None` if there is no such process.
    pub(crate) fn open(pid: u32) -> io::Result<Option<Self>> {
        match number(pid) {
            Some(number) => Ok(sys::Handle::open(number)?.map(Self)),
            None => Ok(None),
        }
    }

    /// [`io::ErrorKind::NotFound`] if it has ended.
    pub(crate) fn end(&self, how: End) -> io::Result<()> {
        let signal = match how {
            End::Terminate => Signal::TERM,
            End::Kill => Signal::KILL,
        };
        match self.0.signal(signal) {
            Err(rustix::io::Errno::SRCH) => Err(io::ErrorKind::NotFound.into()),
            result => Ok(result?),
        }
    }

    pub(crate) fn wait(&self, deadline: Instant) -> io::Result<bool> {
        self.0.wait(deadline)
    }
}

/// Numbers that stand for groups of processes are nobody's.
fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}
