//! Both ends of the channel on which a daemon says that it is ready: a pipe.
#![expect(unsafe_code, reason = "takes over an inherited handle")]

use std::env;
use std::io::{self, PipeReader, Read, Write};
use std::os::windows::io::{FromRawHandle, OwnedHandle, RawHandle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_PIPE, GetFileType};

use crate::ready::{self, Outcome};
use crate::windows::token::check;
use crate::{NotReady, Ready};

/// Where the daemon finds its end.
pub(crate) const VARIABLE: &str = "LINKSPAN_READY_HANDLE";

/// Hears from a daemon whether it is ready.
///
/// Such a pipe cannot be waited for until a deadline, so a thread reads it. It ends when the daemon
/// has said what it has to say, or is gone.
#[derive(Debug)]
pub(crate) struct ReadyReceiver {
    pieces: Receiver<io::Result<Vec<u8>>>,
    received: Vec<u8>,
}

impl ReadyReceiver {
    pub(crate) fn new(pipe: PipeReader) -> io::Result<Self> {
        let (sender, pieces) = sync_channel(1);
        thread::Builder::new()
            .name("linkspan-ready".to_owned())
            .spawn(move || read(pipe, &sender))?;
        Ok(Self {
            pieces,
            received: Vec::new(),
        })
    }

    /// `None` at the deadline.
    pub(crate) fn wait(&mut self, deadline: Instant) -> Result<Option<Ready>, NotReady> {
        loop {
            if let Some(ready) = ready::decode(&self.received)? {
                return Ok(Some(ready));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.received.extend(piece.map_err(NotReady::Io)?),
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(NotReady::Ended),
            }
        }
    }
}

fn read(mut pipe: PipeReader, pieces: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    loop {
        let piece = match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => Ok(buffer.get(..length).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return,
            Err(error) => Err(error),
        };
        let is_last = piece.is_err();
        if pieces.send(piece).is_err() || is_last {
            return;
        }
    }
}

/// Tells whoever has started this process as a daemon that it is ready, or why not.
///
/// Dropping it without either counts as having failed without a word. It is not inherited by
/// processes that the daemon starts.
#[derive(Debug)]
pub struct ReadySender {
    pipe: OwnedHandle,
}

impl ReadySender {
    /// The way back to whoever has started this process by [`Spawn`](crate::Spawn); `None` if nobody
    /// has, and from the second time on.
    ///
    /// To be called first thing in `main`; the variable is taken out of the environment as well.
    pub fn from_environment() -> Option<Self> {
        let value = env::var(VARIABLE).ok()?;
        // SAFETY: on Windows the environment can be changed at any time.
        unsafe { env::remove_var(VARIABLE) };
        let number: usize = value.parse().ok()?;
        let handle: RawHandle = std::ptr::with_exposed_provenance_mut(number);
        // SAFETY: what is not an open handle is refused.
        let kind = unsafe { GetFileType(handle) };
        if kind != FILE_TYPE_PIPE || TAKEN.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: the handle is open. It must not be handed on to children of this process.
        check(unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) }).ok()?;
        // SAFETY: it is the open handle that the starting process has made for this, and as it is
        // taken once only, nobody else owns it.
        let pipe = unsafe { OwnedHandle::from_raw_handle(handle) };
        Some(Self { pipe })
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
        io::PipeWriter::from(self.pipe).write_all(&ready::encode(outcome, text))
    }
}

static TAKEN: AtomicBool = AtomicBool::new(false);
