//! A program that was launched.

use std::io;
use std::time::Instant;

#[cfg(unix)]
use crate::unix::sandbox as sys;
#[cfg(windows)]
use crate::windows::sandbox as sys;

use crate::sandbox::{Applied, Descriptor, Exit, ProcessTable, Usage};

/// A program that was launched, with all that it starts.
///
/// All of it ends together: when the program ends by itself, when it is [killed](Self::kill), when
/// this is dropped, and when this process ends, by SIGKILL, too.
///
/// On Unix this is [`AsFd`](std::os::fd::AsFd): the descriptor can be read (as `poll`, `epoll` and
/// tokio's `AsyncFd` see it) once every process of it is gone, and [`try_wait`](Self::try_wait) says
/// how it ended.
#[derive(Debug)]
pub struct Running {
    running: sys::Running,
    applied: Applied,
    output: Option<Output>,
}

/// The reading ends of a program's stdout and stderr. A program that writes waits when 64 KiB of
/// either were not read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Output {
    /// What it writes to descriptor 1.
    pub stdout: Descriptor,
    /// What it writes to descriptor 2.
    pub stderr: Descriptor,
}

impl Running {
    #[cfg_attr(windows, expect(dead_code, reason = "nothing is launched there yet"))]
    pub(crate) fn new(running: sys::Running, applied: Applied, output: Output) -> Self {
        Self {
            running,
            applied,
            output: Some(output),
        }
    }

    /// The program's number, as this process sees it.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// What was really done to confine it.
    pub fn applied(&self) -> &Applied {
        &self.applied
    }

    /// What it writes; `None` from the second time on.
    pub fn take_output(&mut self) -> Option<Output> {
        self.output.take()
    }

    /// How it ended, if all of it has; never waits.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn try_wait(&mut self) -> io::Result<Option<Exit>> {
        self.running.try_wait()
    }

    /// Keeps the calling thread until all of it has ended, and says how; `None` at `deadline`.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn wait(&mut self, deadline: Instant) -> io::Result<Option<Exit>> {
        self.running.wait(deadline)
    }

    /// Asks the program, and nothing else of it, to end, by SIGTERM. One that has ended is asked in
    /// vain, which is no error.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn terminate(&self) -> io::Result<()> {
        self.running.terminate()
    }

    /// Ends all of it. It may take a moment until it is gone.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn kill(&mut self) -> io::Result<()> {
        self.running.kill()
    }

    /// What all of it uses, by a look at the system's processes that several programs can share.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn usage(&self, processes: &ProcessTable) -> io::Result<Usage> {
        self.running.usage(processes)
    }

    /// Looks what all of it uses, and ends it if that is more memory than it may use; then it will
    /// have ended with [`Exit::OutOfMemory`]. In a cgroup the system does so by itself.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn check(&mut self, processes: &ProcessTable) -> io::Result<Usage> {
        self.running.check(processes)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Running {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.running.as_fd()
    }
}
