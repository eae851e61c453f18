//! Both ends of the channel on which a daemon says that it is ready.
//!
//! It is a pair of sockets: writing to them never raises SIGPIPE, even if whoever has started the
//! daemon is gone.
#![expect(unsafe_code, reason = "takes over an inherited descriptor")]

use std::env;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::fs::FileType;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

use crate::ready::{self, Outcome};
use crate::unix::socket::as_u64;
use crate::unix::wait::readable_before;
use crate::{NotReady, Process, Ready, send_vectored, thread_count};

/// Where the daemon finds its end: `DESCRIPTOR:INODE`. The inode keeps it from taking another
/// descriptor for it if the variable was handed on further than the descriptor.
pub(crate) const VARIABLE: &str = "LINKSPAN_READY_FD";

/// The receiving and the sending end; the latter above the standard descriptors.
pub(crate) fn channel() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = UnixStream::pair()?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(&theirs, true)?;
    Ok((ours, fcntl_dupfd_cloexec(&theirs, FIRST)?))
}

/// What [`VARIABLE`] says about a sending end.
pub(crate) fn name(sender: &OwnedFd) -> io::Result<String> {
    let inode = as_u64(rustix::fs::fstat(sender)?.st_ino);
    Ok(format!("{}:{inode}", sender.as_raw_fd()))
}

/// Hears from a daemon whether it is ready.
#[derive(Debug)]
pub(crate) struct ReadyReceiver {
    channel: UnixStream,
    received: Vec<u8>,
}

impl ReadyReceiver {
    pub(crate) fn new(channel: UnixStream) -> Self {
        Self {
            channel,
            received: Vec::new(),
        }
    }

    /// Who the new process is, which it says before it becomes the program.
    pub(crate) fn read_process(&mut self) -> io::Result<Process> {
        loop {
            if let Some(process) = ready::take_process(&mut self.received) {
                return Ok(process);
            }
            if self.read()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// `None` at the deadline.
    pub(crate) fn wait(&mut self, deadline: Instant) -> Result<Option<Ready>, NotReady> {
        loop {
            if let Some(ready) = ready::decode(&self.received)? {
                return Ok(Some(ready));
            }
            if !readable_before(&self.channel, deadline).map_err(NotReady::Io)? {
                return Ok(None);
            }
            if self.read().map_err(NotReady::Io)? == 0 {
                return Err(NotReady::Ended);
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut piece = [0; 4096];
        let length = loop {
            match self.channel.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(0),
                result => break result?,
            }
        };
        let piece = piece.get(..length).unwrap_or_default();
        self.received.extend_from_slice(piece);
        Ok(length)
    }
}

/// Tells whoever has started this process as a daemon that it is ready, or why not.
///
/// Dropping it without either counts as having failed without a word. It is not inherited by
/// processes that the daemon starts.
#[derive(Debug)]
pub struct ReadySender {
    channel: OwnedFd,
}

impl ReadySender {
    /// The way back to whoever has started this process by [`Spawn`](crate::Spawn); `None` if nobody
    /// has, and from the second time on.
    ///
    /// To be called first thing in `main`: as long as this process has one thread, the variable is
    /// taken out of the environment as well. Later it stays, and does no harm to processes that
    /// inherit it.
    pub fn from_environment() -> Option<Self> {
        let value = env::var(VARIABLE).ok()?;
        remove_variable();
        let (number, inode) = value.split_once(':')?;
        let (number, inode) = (number.parse().ok()?, inode.parse().ok()?);
        if number < FIRST || !is_channel(number, inode) || TAKEN.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: it is the open descriptor that the starting process has made for this, and as it
        // is taken once only, nobody else owns it.
        let channel = unsafe { OwnedFd::from_raw_fd(number) };
        fcntl_setfd(&channel, FdFlags::CLOEXEC).ok()?;
        Some(Self { channel })
    }

    /// Says that the daemon can be used, with a text of up to 65,536 bytes for the starting process.
    ///
    /// # Errors
    ///
    /// The system's error, if nobody listens any more; the daemon can go on nevertheless.
    pub fn ready(self, text: &str) -> io::Result<()> {
        self.send(Outcome::Ready, text)
    }

    /// Says why it cannot, in up to 65,536 bytes.
    ///
    /// # Errors
    ///
    /// The system's error, if nobody listens any more.
    pub fn failed(self, text: &str) -> io::Result<()> {
        self.send(Outcome::Failed, text)
    }

    fn send(self, outcome: Outcome, text: &str) -> io::Result<()> {
        let bytes = ready::encode(outcome, text);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match send_vectored(&self.channel, &[io::IoSlice::new(rest)]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => rest = rest.get(result?..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

/// Nobody else reads or writes the environment while there is one thread only.
fn remove_variable() {
    if thread_count() == Some(1) {
        // SAFETY: there is no other thread, and this one does nothing else meanwhile.
        unsafe { env::remove_var(VARIABLE) };
    }
}

/// Whether a number is an open socket with this inode.
fn is_channel(number: RawFd, inode: u64) -> bool {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the pointer is to a local of that type; a number that is not open is refused.
    if unsafe { libc::fstat(number, stat.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: the call above has filled it.
    let stat = unsafe { stat.assume_init() };
    FileType::from_raw_mode(stat.st_mode) == FileType::Socket && as_u64(stat.st_ino) == inode
}

static TAKEN: AtomicBool = AtomicBool::new(false);
const FIRST: RawFd = 3;
