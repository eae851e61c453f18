//! Links that carry bytes, as all do but `mem:` between sessions.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;

use crate::transport::Peer;

/// A way to one peer and back, for bytes.
#[derive(Debug)]
pub(crate) struct ByteLink {
    pub(crate) reader: Box<dyn ByteReader>,
    pub(crate) writer: Box<dyn ByteWriter>,
    pub(crate) peer: Peer,
}

/// The half of a stream of bytes that one task reads.
pub(crate) trait ByteReader: fmt::Debug + Send + Sync {
    /// Waits until there may be something to read, or the end.
    ///
    /// What cannot tell without reading is always ready.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads at most `limit` bytes into the spare capacity of `buffer`, and says how many; none at
    /// the end of the stream.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
        limit: usize,
    ) -> Poll<io::Result<usize>>;

    /// Reads what has come by now. A backend that can does so even if the runtime has not noticed
    /// it yet.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing has come, or the system's error.
    fn try_read(&mut self, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.poll_read(&mut cx, buffer, limit) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// The half of a stream of bytes that any task writes, one at a time.
pub(crate) trait ByteWriter: fmt::Debug + Send + Sync {
    /// Writes what is taken now: something, or there is an error.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing is taken now, or the system's error.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Waits until a write that was refused may take something; only one task may wait.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Gives back what waiting needed.
    fn stop_waiting(&self) {}

    /// Has what was written reach the peer, and tells it that nothing follows.
    fn shutdown(&self);
}

/// Writes all of some bytes, and waits for that.
#[cfg(any(feature = "bus", feature = "ws"))]
pub(crate) async fn write_all(writer: &dyn ByteWriter, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.try_write(&[IoSlice::new(bytes)]) {
            Ok(taken) => bytes = bytes.get(taken..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                poll_fn(|cx| writer.poll_write_ready(cx)).await?;
            }
            Err(error) => return Err(error),
        }
    }
    writer.stop_waiting();
    Ok(())
}
