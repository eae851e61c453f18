//! Which process is meant, even after its number was given to another.

use std::io;
use std::time::Instant;

use thiserror::Error;

#[cfg(unix)]
use crate::unix::process as sys;
#[cfg(windows)]
use crate::windows::process as sys;

/// A process, told from all others that had its number before or get it later.
///
/// The number alone names somebody else as soon as the process is gone. Number and start time do
/// not, within one boot of the system; so all three are kept, and can be written to a file and
/// read again. What this value does to a process it does to the one that is meant, or it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Process {
    pid: u32,
    start_time: Option<u64>,
    boot_id: Option<u128>,
}

impl Process {
    /// This process.
    pub fn own() -> Self {
        let pid = std::process::id();
        let facts = sys::facts(pid).ok().flatten();
        Self {
            pid,
            start_time: facts.and_then(|facts| facts.start_time),
            boot_id: sys::boot_id(),
        }
    }

    /// The process that has the number `pid` now; `None` if there is none, or if it has ended and
    /// only waits for its parent to notice.
    ///
    /// # Errors
    ///
    /// The system's error if it does not let this process look.
    pub fn find(pid: u32) -> io::Result<Option<Self>> {
        let facts = sys::facts(pid)?.filter(|facts| facts.is_running);
        Ok(facts.map(|facts| Self {
            pid,
            start_time: facts.start_time,
            boot_id: sys::boot_id(),
        }))
    }

    /// A process by what its [`pid`](Self::pid), [`start_time`](Self::start_time) and
    /// [`boot_id`](Self::boot_id) said before.
    pub fn from_parts(pid: u32, start_time: Option<u64>, boot_id: Option<u128>) -> Self {
        Self {
            pid,
            start_time,
            boot_id,
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When it was started, in the system's own unit; `None` where the system does not tell.
    ///
    /// # Platform notes
    ///
    /// Linux counts clock ticks since boot, macOS and FreeBSD microseconds since 1970, Windows
    /// tenths of a microsecond since 1601.
    pub fn start_time(&self) -> Option<u64> {
        self.start_time
    }

    /// During which run of the system; only where start times begin anew with each, which is on
    /// Linux.
    pub fn boot_id(&self) -> Option<u128> {
        self.boot_id
    }

    /// Whether it runs. One that has ended and was not waited for by its parent does not.
    ///
    /// Where start times are not known, any process with its number is taken for it.
    ///
    /// # Errors
    ///
    /// The system's error if it does not let this process look.
    pub fn is_alive(&self) -> io::Result<bool> {
        Ok(self.state()? == State::Same)
    }

    /// Asks it to end, by SIGTERM. On Windows, where nothing can be asked so, it is
    /// [killed](Self::kill).
    ///
    /// # Errors
    ///
    /// - [`SignalError::Ended`]: it has ended before.
    /// - [`SignalError::Recycled`]: so it has, and its number is another process's.
    /// - [`SignalError::Unidentified`]: it is not known who has the number.
    /// - [`SignalError::Io`]: the system refused, as for a process of another user.
    pub fn terminate(&self) -> Result<(), SignalError> {
        self.end(sys::End::Terminate)
    }

    /// Ends it at once, by SIGKILL. It may take a moment until it is gone, see
    /// [`wait_end`](Self::wait_end).
    ///
    /// # Errors
    ///
    /// Those of [`terminate`](Self::terminate).
    pub fn kill(&self) -> Result<(), SignalError> {
        self.end(sys::End::Kill)
    }

    /// Keeps the calling thread until the process has ended, and says whether it has; not longer
    /// than until `deadline`.
    ///
    /// # Errors
    ///
    /// The system's error if it does not let this process look.
    pub fn wait_end(&self, deadline: Instant) -> io::Result<bool> {
        let Some(handle) = sys::Handle::open(self.pid)? else {
            return Ok(true);
        };
        // The handle stands for whoever had the number when it was opened, so this is looked at now.
        match self.state()? {
            // One whose first thread has ended may have others, which still hold its locks.
            State::Same | State::Ended => handle.wait(deadline),
            State::Recycled => Ok(true),
        }
    }

    fn end(&self, how: sys::End) -> Result<(), SignalError> {
        let pid = self.pid;
        let io = |source| SignalError::Io { pid, source };
        if self.start_time.is_none() {
            return Err(SignalError::Unidentified { pid });
        }
        let handle = sys::Handle::open(pid)
            .map_err(io)?
            .ok_or(SignalError::Ended { pid })?;
        // Whoever the handle stands for is looked at after it was opened: were it another than the
        // one that is seen here, the one that is meant would have ended in between.
        match self.state().map_err(io)? {
            State::Same => handle.end(how).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => SignalError::Ended { pid },
                _ => io(error),
            }),
            State::Ended => Err(SignalError::Ended { pid }),
            State::Recycled => Err(SignalError::Recycled { pid }),
        }
    }

    fn state(&self) -> io::Result<State> {
        if self.boot_id.is_some() && self.boot_id != sys::boot_id() {
            return Ok(State::Ended);
        }
        let Some(facts) = sys::facts(self.pid)? else {
            return Ok(State::Ended);
        };
        Ok(match (self.start_time, facts.start_time) {
            (Some(ours), Some(theirs)) if ours != theirs => State::Recycled,
            _ if facts.is_running => State::Same,
            _ => State::Ended,
        })
    }
}

/// What became of the process that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Same,
    Ended,
    Recycled,
}

/// What the system says about the process that has a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) start_time: Option<u64>,
    /// Not if it has ended and was not waited for.
    pub(crate) is_running: bool,
}

/// A process was not signalled, and neither was another.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignalError {
    /// It has ended before.
    #[error("process {pid} has ended")]
    Ended {
        /// Its number.
        pid: u32,
    },
    /// It has ended before, and its number was given to another process.
    #[error("process {pid} has ended, and its number belongs to another process by now")]
    Recycled {
        /// The number.
        pid: u32,
    },
    /// It is not known when it was started, and so not who has its number.
    #[error("process {pid} cannot be told from another with its number")]
    Unidentified {
        /// The number.
        pid: u32,
    },
    /// The system refused.
    #[error("cannot signal process {pid}")]
    Io {
        /// Its number.
        pid: u32,
        /// The system's answer.
        source: io::Error,
    },
}
