//! Named pipes watched by tokio.

use std::io::{self, IoSlice};
use std::os::windows::io::{AsHandle, BorrowedHandle};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use tokio::net::windows::named_pipe::{NamedPipeClient, NamedPipeServer};

use crate::transport::backend::windows::shared::{self, Shared, WRITE_BYTES, gather};
use crate::transport::backend::windows::{Accept, Connected, Connecting, Local};
use crate::transport::backend::{Backend, Halves};
use crate::transport::bytes::{ByteReader, ByteWriter};

/// The default.
pub(super) struct Tokio;

impl Local for Tokio {
    fn backend(&self) -> Backend {
        Backend::Tokio
    }

    fn accept(&self, pipe: &Arc<os::Pipe>) -> io::Result<Box<dyn Accept>> {
        let listener = os::PipeListener::new(Arc::clone(pipe))?;
        Ok(Box::new(listener))
    }

    fn connect(&self, name: &str) -> io::Result<Connected> {
        connected(Pipe::Client(os::connect_pipe(name)?))
    }
}

impl Accept for os::PipeListener {
    fn connected(&mut self) -> Connecting<'_> {
        Box::pin(self.connected())
    }

    fn take_next(&mut self) -> io::Result<Connected> {
        connected(Pipe::Server(self.take_next()?))
    }

    fn take_last(self: Box<Self>) -> io::Result<Connected> {
        connected(Pipe::Server((*self).take_last()))
    }
}

fn connected(pipe: Pipe) -> io::Result<Connected> {
    let peer = os::peer_credentials(&pipe)?;
    let halves = split(pipe);
    Ok(Connected { peer, halves })
}

fn split(pipe: Pipe) -> Halves {
    let shared = Arc::new(Shared::new(pipe));
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

impl shared::Pipe for Pipe {
    fn poll_taken(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if ready!(self.poll_write_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            // A write that was taken over but is still under way is only seen by the next one. Of
            // nothing, it is no write.
            match self.try_write(&[]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl AsHandle for Pipe {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        match self {
            Self::Server(pipe) => pipe.as_handle(),
            Self::Client(pipe) => pipe.as_handle(),
        }
    }
}

/// The reading half.
#[derive(Debug)]
struct Reader(Arc<Shared<Pipe>>);

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
struct Writer(Arc<Shared<Pipe>>);

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
