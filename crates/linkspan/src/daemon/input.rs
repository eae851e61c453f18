//! What comes in on a connection: reading into a buffer that fits the traffic, and cutting frames
//! out of it.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use crate::daemon::error::DelimitedDecodeError;
use crate::daemon::wire::{Decoder, Frame, HEADER_BYTES, Kind};
use crate::transport::{ByteReader, ReadBuffer};

/// The receiving side of a connection.
#[derive(Debug)]
pub(super) struct Input {
    reader: Box<dyn ByteReader>,
    decoder: Decoder,
    /// Bytes that are not a whole frame yet.
    buffer: ReadBuffer,
}

impl Input {
    pub(super) fn new(reader: Box<dyn ByteReader>, decoder: Decoder) -> Self {
        Self {
            reader,
            decoder,
            buffer: ReadBuffer::new(BytesMut::new()),
        }
    }

    /// Lets frames of commands in.
    pub(super) fn open(&mut self) {
        self.decoder.open();
    }

    /// The next whole frame of what was read.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, DelimitedDecodeError> {
        self.decoder.decode(&mut self.buffer.bytes)
    }

    /// Whether a frame has begun and not ended.
    pub(super) fn is_inside_frame(&self) -> bool {
        self.decoder.has_begun(&self.buffer.bytes)
    }

    /// Whether what was read begins with the header of a frame of this kind.
    pub(super) fn is_at(&self, kind: Kind) -> bool {
        let header = self.buffer.bytes.first_chunk::<HEADER_BYTES>();
        header.is_some_and(|[.., number]| Kind::from_number(*number) == Some(kind))
    }

    /// Reads once and throws it away, with all that was read before; gives how many bytes came.
    pub(super) async fn discard(&mut self) -> io::Result<usize> {
        self.buffer.bytes.clear();
        self.fill().await
    }

    /// Reads once; gives how many bytes came, none at the end.
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // An idle connection holds no room for what may never come.
        ready!(self.reader.poll_ready(cx))?;
        let missing = self.decoder.missing_bytes(&self.buffer.bytes);
        let limit = self.buffer.make_room(missing, HEADER_BYTES);
        let count = ready!(self.reader.poll_read(cx, &mut self.buffer.bytes, limit))?;
        self.buffer.note_read(count, limit);
        Poll::Ready(Ok(count))
    }

    /// Whether memory is held that an idle connection does not need.
    pub(super) fn is_large(&self) -> bool {
        self.buffer.is_large()
    }

    /// Gives memory back that an idle connection does not need.
    pub(super) fn shrink(&mut self) {
        self.buffer.shrink();
    }
}
