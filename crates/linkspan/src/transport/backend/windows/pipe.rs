//! Named pipes watched by tokio.
//!
//! A pipe has no half to close: its end is seen by the peer when the handle closes. So that the last
//! bytes are not lost, the handle is kept, for a limited time, until the system has taken them; what
//! the system has taken, the peer can read even after the handle is closed.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer};
use tokio::runtime::Handle;

use crate::transport::backend::windows::Local;
use crate::transport::backend::{Backend, Halves};
use crate::transport::bytes::{ByteReader, ByteWriter};

/// The default.
pub(super) struct Tokio;

impl Local for Tokio {
    fn backend(&self) -> Backend {
        Backend::Tokio
    }

    fn server(&self, pipe: NamedPipeServer) -> io::Result<Halves> {
        Ok(split(Pipe::Server(pipe)))
    }

    fn client(&self, pipe: NamedPipeClient) -> io::Result<Halves> {
        Ok(split(Pipe::Client(pipe)))
    }
}

fn split(pipe: Pipe) -> Halves {
    let shared = Arc::new(Shared {
        pipe: RwLock::new(Some(pipe)),
    });
    let reader = Reader(Arc::clone(&shared));
    (Box::new(reader), Box::new(Writer(shared)))
}

/// Either end of a connection.
#[derive(Debug)]
enum Pipe {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
}

impl Pipe {
    /// Ends the connection with what the peer has not read. A write under way keeps the handle open
    /// otherwise, however long the peer takes.
    fn abandon(&self) {
        if let Self::Server(pipe) = self {
            pipe.disconnect().ok();
        }
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Server(pipe) => pipe.poll_read_ready(cx),
            Self::Client(pipe) => pipe.poll_read_ready(cx),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Server(pipe) => pipe.poll_write_ready(cx),
            Self::Client(pipe) => pipe.poll_write_ready(cx),
        }
    }

    fn try_read(&self, buffer: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Self::Server(pipe) => pipe.try_read_buf(buffer),
            Self::Client(pipe) => pipe.try_read_buf(buffer),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Server(pipe) => pipe.try_write(bytes),
            Self::Client(pipe) => pipe.try_write(bytes),
        }
    }
}

/// The pipe of both halves, until it is closed.
#[derive(Debug)]
struct Shared {
    pipe: RwLock<Option<Pipe>>,
}

impl Shared {
    /// Does something with the pipe, if it is open.
    fn with<T>(&self, work: impl FnOnce(&Pipe) -> T) -> Option<T> {
        let pipe = self.pipe.read().unwrap_or_else(PoisonError::into_inner);
        pipe.as_ref().map(work)
    }

    /// Closes the pipe for both halves, as soon as the system has taken what was written.
    fn close(&self) {
        let pipe = self
            .pipe
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(pipe) = pipe else {
            return;
        };
        let mut cx = Context::from_waker(Waker::noop());
        if let (Poll::Pending, Ok(runtime)) =
            (pipe.poll_write_ready(&mut cx), Handle::try_current())
        {
            drop(runtime.spawn(async move {
                let taken = poll_fn(|cx| pipe.poll_write_ready(cx));
                // Whoever does not read by then loses the rest.
                if tokio::time::timeout(LINGER, taken).await.is_err() {
                    pipe.abandon();
                }
            }));
        }
    }
}

/// The reading half.
#[derive(Debug)]
struct Reader(Arc<Shared>);

impl ByteReader for Reader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = self.0.with(|pipe| pipe.poll_read_ready(cx));
        ready.unwrap_or(Poll::Ready(Ok(())))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_ready(cx))?;
            let room = limit.min(buffer.capacity() - buffer.len());
            let mut spare = (&mut *buffer).limit(room);
            match self.0.with(|pipe| pipe.try_read(&mut spare)) {
                None => return Poll::Ready(Ok(0)),
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                // So a pipe says that its other end was closed.
                Some(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Poll::Ready(Ok(0));
                }
                Some(result) => return Poll::Ready(result),
            }
        }
    }
}

/// The writing half.
#[derive(Debug)]
struct Writer(Arc<Shared>);

impl ByteWriter for Writer {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let gathered;
        let bytes = match slices {
            // What is written is copied anyway, and only one write can be under way.
            [only] => only.get(..only.len().min(WRITE_BYTES)).unwrap_or_default(),
            several => {
                gathered = gather(several);
                &gathered
            }
        };
        match self.0.with(|pipe| pipe.try_write(bytes)) {
            None => Err(io::ErrorKind::BrokenPipe.into()),
            Some(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
            Some(result) => result,
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = self.0.with(|pipe| pipe.poll_write_ready(cx));
        ready.unwrap_or(Poll::Ready(Ok(())))
    }

    fn shutdown(&self) {
        self.0.close();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The beginning of several slices, in one piece.
fn gather(slices: &[IoSlice<'_>]) -> Vec<u8> {
    let total: usize = slices.iter().map(|slice| slice.len()).sum();
    let mut bytes = Vec::with_capacity(total.min(WRITE_BYTES));
    for slice in slices {
        let room = WRITE_BYTES - bytes.len();
        bytes.extend_from_slice(slice.get(..room.min(slice.len())).unwrap_or_default());
    }
    bytes
}

/// The most that is written at once: what the system's buffer holds.
const WRITE_BYTES: usize = 64 * 1024;
/// How long the last bytes of a connection are waited for.
const LINGER: Duration = Duration::from_secs(1);
