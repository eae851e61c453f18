//! TCP connections watched by tokio.

use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::transport::backend::Halves;
use crate::transport::bytes::{ByteReader, ByteWriter};

/// Both halves of a connection.
pub(super) fn split(stream: TcpStream) -> Halves {
    let (reader, writer) = stream.into_split();
    let writer = Writer(Mutex::new(Some(writer)));
    (Box::new(Reader(reader)), Box::new(writer))
}

#[derive(Debug)]
struct Reader(OwnedReadHalf);

impl ByteReader for Reader {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_ref().poll_read_ready(cx)
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.as_ref().poll_read_ready(cx))?;
            let room = limit.min(buffer.capacity() - buffer.len());
            match self.0.try_read_buf(&mut (&mut *buffer).limit(room)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

/// Dropping tokio's half tells the peer that nothing follows.
#[derive(Debug)]
struct Writer(Mutex<Option<OwnedWriteHalf>>);

impl ByteWriter for Writer {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match &*self.half() {
            None => Err(io::ErrorKind::BrokenPipe.into()),
            Some(half) => match half.try_write_vectored(slices) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                result => result,
            },
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self.half() {
            None => Poll::Ready(Ok(())),
            Some(half) => half.as_ref().poll_write_ready(cx),
        }
    }

    fn shutdown(&self) {
        drop(self.half().take());
    }
}

impl Writer {
    fn half(&self) -> MutexGuard<'_, Option<OwnedWriteHalf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
