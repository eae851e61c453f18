//! The connection that a program was started with, by the process that started it.
#![expect(unsafe_code, reason = "takes over an inherited descriptor")]

use std::env;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;

use crate::{Heard, InheritedError, thread_count};

/// One end of a pair of connected sockets, whose other end the process has that started this one. It
/// is not handed on to processes that this one starts.
#[derive(Debug)]
pub struct Inherited {
    socket: UnixStream,
}

impl Inherited {
    /// Takes over the connected stream socket whose number a variable of the environment says; `None`
    /// without the variable, which is removed.
    ///
    /// To be called first thing in `main`, as only a single thread may change the environment.
    ///
    /// # Errors
    ///
    /// Any [`InheritedError`].
    ///
    /// # Platform notes
    ///
    /// Where the system does not say how many threads there are, the variable stays; the descriptor is
    /// kept from other processes everywhere.
    pub fn from_environment(variable: &str) -> Result<Option<Self>, InheritedError> {
        let Some(value) = env::var_os(variable) else {
            return Ok(None);
        };
        match thread_count() {
            // SAFETY: there is no other thread, and this one does nothing else meanwhile.
            Some(1) => unsafe { env::remove_var(variable) },
            Some(count) => return Err(InheritedError::Threads { count }),
            None => {}
        }
        let text = value.to_string_lossy();
        let number = text.parse().ok().filter(|number| *number >= FIRST);
        let number = number.ok_or_else(|| InheritedError::Number {
            value: text.into_owned(),
        })?;
        let socket = take(number)?;
        check(&socket).map_err(|source| InheritedError::Socket { number, source })?;
        Ok(Some(Self {
            socket: socket.into(),
        }))
    }

    /// A way to hear of its end, and one to call whoever waits for that.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn lifeline(&self) -> io::Result<(Lifeline, Caller)> {
        let (calls, caller) = UnixStream::pair()?;
        calls.set_nonblocking(true)?;
        caller.set_nonblocking(true)?;
        let lifeline = Lifeline {
            connection: Some(fcntl_dupfd_cloexec(&self.socket, FIRST)?),
            calls,
        };
        Ok((lifeline, Caller(caller)))
    }

    /// The socket.
    pub fn into_socket(self) -> UnixStream {
        self.socket
    }
}

/// Hears when the other end of a connection is gone, and reads nothing from it.
#[derive(Debug)]
pub struct Lifeline {
    /// Until its end was heard.
    connection: Option<OwnedFd>,
    calls: UnixStream,
}

impl Lifeline {
    /// Keeps the calling thread until the other end is gone, which is heard once, or until another
    /// thread calls; not longer than `limit`, if there is one.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn wait(&mut self, limit: Option<Duration>) -> io::Result<Heard> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let [called, ended] = loop {
            match self.poll(deadline) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                heard => break heard?,
            }
        };
        if ended {
            self.connection = None;
            return Ok(Heard::End);
        }
        if called {
            self.hear_calls();
            return Ok(Heard::Call);
        }
        Ok(Heard::Nothing)
    }

    /// Whether somebody called, and whether the other end is gone.
    fn poll(&self, deadline: Option<Instant>) -> io::Result<[bool; 2]> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut awaited = vec![PollFd::new(&self.calls, PollFlags::IN)];
        if let Some(connection) = &self.connection {
            awaited.push(PollFd::new(connection, end_of_peer()));
        }
        poll(&mut awaited, left.as_ref())?;
        let mut heard = awaited.iter().map(|one| !one.revents().is_empty());
        Ok([heard.next(), heard.next()].map(|heard| heard.unwrap_or(false)))
    }

    fn hear_calls(&mut self) {
        let mut calls = [0; 64];
        // Nothing more to read is an error, too.
        while self.calls.read(&mut calls).is_ok_and(|count| count > 0) {}
    }
}

/// Calls a thread that waits at a [`Lifeline`].
#[derive(Debug)]
pub struct Caller(UnixStream);

impl Caller {
    /// Has it come back at once, now or when it waits the next time.
    pub fn call(&self) {
        // If there is no room, calls enough are unheard.
        (&self.0).write_all(&[1]).ok();
    }
}

/// Ends this process at once, whatever its threads do: no destructor runs, nothing is flushed.
pub fn exit_at_once(code: u8) -> ! {
    // SAFETY: runs no handlers and no destructors.
    unsafe { libc::_exit(code.into()) }
}

/// Takes over the descriptor of a number, which nobody else owns.
fn take(number: RawFd) -> Result<OwnedFd, InheritedError> {
    // SAFETY: of a number that is not open it only says so.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        let source = io::Error::last_os_error();
        return Err(InheritedError::Socket { number, source });
    }
    if TAKEN.swap(number, Ordering::AcqRel) == number {
        return Err(InheritedError::Taken { number });
    }
    // SAFETY: it is open, the process that started this one has made it for this, and as it is taken
    // once only, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Makes sure that it is a connected stream socket, and that no other process gets it.
fn check(socket: &OwnedFd) -> io::Result<()> {
    fcntl_setfd(socket, FdFlags::CLOEXEC)?;
    if socket_type(socket)? != SocketType::STREAM {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::getpeername(socket)?;
    Ok(())
}

/// By what the end of the other side is told.
#[cfg(target_os = "linux")]
fn end_of_peer() -> PollFlags {
    PollFlags::RDHUP
}

/// By what the end of the other side is told: always, whether or not it is asked for.
#[cfg(not(target_os = "linux"))]
fn end_of_peer() -> PollFlags {
    PollFlags::empty()
}

/// The number that was taken over last.
static TAKEN: AtomicI32 = AtomicI32::new(-1);
const FIRST: RawFd = 3;
