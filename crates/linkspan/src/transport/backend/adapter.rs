//! Streams of tokio's traits as links: what only reads and writes, without telling when it could.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

use crate::transport::backend::Halves;
use crate::transport::bytes::{ByteReader, ByteWriter};

/// What tokio's traits cannot say of a stream.
pub(super) trait Direct: fmt::Debug + Send + Sync + 'static {
    /// Tells the peer that nothing follows.
    fn shutdown(&self);

    /// Reads what has come even if the runtime has not noticed it yet, where there is a way to.
    fn receive(&self, _: &mut BytesMut, _: usize) -> Option<io::Result<usize>> {
        None
    }
}

/// Both halves of a stream that several may use through references.
pub(super) fn split<S>(stream: S) -> Halves
where
    S: Direct,
    for<'a> &'a S: AsyncRead + AsyncWrite,
{
    let stream = Arc::new(stream);
    let reader = StreamReader {
        stream: Arc::clone(&stream),
        ahead: [0; AHEAD_BYTES],
        first: 0,
        end: 0,
        is_ended: false,
    };
    let writer = StreamWriter {
        stream,
        readiness: Arc::default(),
    };
    (Box::new(reader), Box::new(writer))
}

/// The reading half.
///
/// It learns that there is something to read by reading a little of it, so that an idle link holds
/// no larger buffer.
struct StreamReader<S> {
    stream: Arc<S>,
    ahead: [u8; AHEAD_BYTES],
    /// Where in `ahead` what was read begins and ends.
    first: usize,
    end: usize,
    is_ended: bool,
}

impl<S> ByteReader for StreamReader<S>
where
    S: Direct,
    for<'a> &'a S: AsyncRead,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.first == self.end && !self.is_ended {
            let mut read = ReadBuf::new(&mut self.ahead);
            ready!(Pin::new(&mut &*self.stream).poll_read(cx, &mut read))?;
            (self.first, self.end) = (0, read.filled().len());
            self.is_ended = self.end == 0;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(cx))?;
        let ahead = self.ahead.get(self.first..self.end).unwrap_or_default();
        let count = ahead.len().min(limit).min(buffer.capacity() - buffer.len());
        buffer.put_slice(ahead.get(..count).unwrap_or_default());
        self.first += count;
        // Less than there was room for means that nothing more is there now.
        let is_all = self.first < self.end || self.end < AHEAD_BYTES || count == limit;
        if is_all || self.is_ended {
            return Poll::Ready(Ok(count));
        }
        let mut rest = (&mut *buffer).limit(limit - count);
        match poll_read_buf(Pin::new(&mut &*self.stream), cx, &mut rest) {
            Poll::Ready(Ok(more)) => {
                self.is_ended = more == 0;
                Poll::Ready(Ok(count + more))
            }
            // What came before the error is given out first; the error comes again.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(Ok(count)),
        }
    }

    fn try_read(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
        let is_next = self.first == self.end && !self.is_ended;
        let received = is_next
            .then(|| self.stream.receive(buffer, limit))
            .flatten();
        received.unwrap_or_else(|| {
            let mut cx = Context::from_waker(Waker::noop());
            match self.poll_read(&mut cx, buffer, limit) {
                Poll::Ready(read) => read,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            }
        })
    }
}

/// The writing half.
struct StreamWriter<S> {
    stream: Arc<S>,
    readiness: Arc<Readiness>,
}

impl<S> ByteWriter for StreamWriter<S>
where
    S: Direct,
    for<'a> &'a S: AsyncWrite,
{
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.readiness.is_ready.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.readiness));
        let mut cx = Context::from_waker(&waker);
        match Pin::new(&mut &*self.stream).poll_write_vectored(&mut cx, slices) {
            Poll::Ready(Ok(0)) => Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.readiness.poll(cx).map(Ok)
    }

    fn shutdown(&self) {
        self.stream.shutdown();
    }
}

/// Whether a write that was refused may be tried again, and who waits for that.
#[derive(Default)]
struct Readiness {
    is_ready: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Readiness {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        // Whoever sets it after this finds the waker.
        match self.is_ready.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Wake for Readiness {
    fn wake(self: Arc<Self>) {
        self.is_ready.store(true, Ordering::Release);
        let waiting = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for StreamReader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamReader").field(&self.stream).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for StreamWriter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamWriter").field(&self.stream).finish()
    }
}

/// What is read to learn that there is something; most small messages fit.
const AHEAD_BYTES: usize = 256;
