//! Stream sockets watched by tokio, with only as much polling as they need.
//!
//! A server's socket is watched for reading alone: watching for writing, too, wakes the program each
//! time the peer reads something, which doubles the wake-ups of a conversation of small messages. A
//! client's is watched for both: it waits for its answer anyway, and on machines whose idle
//! processors sleep deeply, being woken when the server reads the question finds it awake when the
//! answer comes (docs/decisions/0008). Only a socket that did not take all is waited for, by a second
//! descriptor of it.

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::Sleep;

use crate::transport::backend::unix::{Accept, Local};
use crate::transport::backend::{Backend, Halves, Origin};
use crate::transport::bytes::{ByteReader, ByteWriter};

/// The default.
pub(super) struct Tokio;

impl Local for Tokio {
    fn backend(&self) -> Backend {
        Backend::Tokio
    }

    fn accept(&self, listener: Arc<UnixListener>) -> io::Result<Box<dyn Accept>> {
        Ok(Box::new(Listening(watch(listener, Interest::READABLE)?)))
    }

    fn stream(&self, socket: UnixStream, origin: Origin) -> io::Result<Halves> {
        split(socket.into(), origin)
    }
}

/// Both halves of a connected socket that does not block.
pub(super) fn split(socket: OwnedFd, origin: Origin) -> io::Result<Halves> {
    let socket = Arc::new(socket);
    let interest = match origin {
        Origin::Accepted => Interest::READABLE,
        Origin::Dialed => Interest::READABLE | Interest::WRITABLE,
    };
    let reader = watch(Arc::clone(&socket), interest)?;
    let writer = SocketWriter {
        socket,
        watch: Mutex::default(),
    };
    Ok((Box::new(SocketReader(reader)), Box::new(writer)))
}

/// The reading half.
struct SocketReader(AsyncFd<Arc<OwnedFd>>);

impl ByteReader for SocketReader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_read_ready(cx))?.retain_ready();
        Poll::Ready(Ok(()))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let room = limit.min(buffer.capacity() - buffer.len());
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            let received = os::receive(ready.get_inner(), buffer, room);
            // Less than there was room for means that nothing is left: the next look would only
            // cost a system call. What comes later makes the socket ready again.
            if received
                .as_ref()
                .is_ok_and(|count| (1..room).contains(count))
            {
                ready.clear_ready();
            }
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return Poll::Ready(received),
            }
        }
    }

    fn try_read(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
        loop {
            match os::receive(self.0.get_ref(), buffer, limit) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }
}

/// The writing half; any task may write, one may wait.
struct SocketWriter {
    socket: Arc<OwnedFd>,
    watch: Mutex<Watch>,
}

/// How the waiting task learns that the socket takes more.
#[derive(Default)]
enum Watch {
    /// Nobody has had to wait yet.
    #[default]
    None,
    Descriptor(AsyncFd<OwnedFd>),
    /// There was no descriptor left; the socket is tried again and again.
    Timer(Pin<Box<Sleep>>),
}

impl ByteWriter for SocketWriter {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            match os::send_vectored(&self.socket, slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waiting = self.watch();
        if let Watch::None = *waiting {
            *waiting = match self.socket.try_clone() {
                Ok(socket) => Watch::Descriptor(watch(socket, Interest::WRITABLE)?),
                Err(_) => Watch::Timer(Box::pin(tokio::time::sleep(RETRY))),
            };
        }
        match &mut *waiting {
            Watch::None => Poll::Ready(Ok(())),
            Watch::Descriptor(socket) => {
                // Each report counts once: what comes after the write that it allows comes anew.
                ready!(socket.poll_write_ready(cx))?.clear_ready();
                Poll::Ready(Ok(()))
            }
            Watch::Timer(timer) => {
                ready!(timer.as_mut().poll(cx));
                *waiting = Watch::None;
                Poll::Ready(Ok(()))
            }
        }
    }

    fn stop_waiting(&self) {
        *self.watch() = Watch::None;
    }

    fn shutdown(&self) {
        // A connection that is gone needs no telling.
        os::shutdown_write(self.socket.as_fd()).ok();
    }
}

impl SocketWriter {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listening socket that is watched for connections.
#[derive(Debug)]
struct Listening(AsyncFd<Arc<UnixListener>>);

impl Accept for Listening {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            match ready.get_inner().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                accepted => {
                    let (socket, _) = accepted?;
                    socket.set_nonblocking(true)?;
                    return Poll::Ready(Ok(socket));
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> Vec<UnixStream> {
        Vec::new()
    }
}

/// Has the runtime watch a descriptor for one thing.
#[expect(
    deprecated,
    reason = "its successor is unsafe for descriptors that can change; these own theirs"
)]
fn watch<T: AsFd + AsRawFd>(descriptor: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(descriptor, interest)
}

impl fmt::Debug for SocketReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SocketReader")
            .field(self.0.get_ref())
            .finish()
    }
}

impl fmt::Debug for SocketWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketWriter")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

/// How long to wait between tries without a descriptor to watch.
const RETRY: Duration = Duration::from_millis(1);
