//! What comes in: reading into a buffer that fits the traffic, and cutting frames out of it.

use std::collections::VecDeque;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use proto::Decoder;
use proto::error::DecodeError;
use proto::frame::{Frame, HEADER_BYTES};

use crate::clock;
use crate::transport::{ReadBuffer, ReadEvent, Reader};

/// The receiving side of a link.
#[derive(Debug)]
pub(crate) struct Input {
    reader: Reader,
    decoder: Decoder,
    /// Bytes that are not a whole frame yet.
    buffer: ReadBuffer,
    /// Frames that came by value.
    frames: VecDeque<Frame>,
    /// When something last came.
    progress: Instant,
}

impl Input {
    pub(crate) fn new(
        reader: Reader,
        decoder: Decoder,
        buffer: BytesMut,
        frames: VecDeque<Frame>,
    ) -> Self {
        let progress = clock::now();
        Self {
            reader,
            decoder,
            buffer: ReadBuffer::new(buffer),
            frames,
            progress,
        }
    }

    /// Reads once; gives how many bytes came, or the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        // An idle link holds no room for what may never come.
        ready!(self.reader.poll_ready(cx))?;
        let missing = self.decoder.missing_bytes(&self.buffer.bytes);
        let limit = self.buffer.make_room(missing, HEADER_BYTES);
        let before = self.buffer.bytes.len();
        let read = self
            .reader
            .poll_read(cx, &mut self.buffer.bytes, limit, &mut self.frames)?;
        read.map(|event| {
            let count = self.buffer.bytes.len() - before;
            self.buffer.note_read(count, limit);
            Ok((event == ReadEvent::Data).then_some(count))
        })
    }

    /// The next whole frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        match self.frames.pop_front() {
            None => self.decoder.decode(&mut self.buffer.bytes),
            frame => Ok(frame),
        }
    }

    /// Drops what came and was not decoded.
    pub(crate) fn discard(&mut self) {
        self.buffer.bytes.clear();
        self.frames.clear();
    }

    /// Notes that something came.
    pub(crate) fn note_progress(&mut self, now: Instant) {
        self.progress = now;
    }

    /// When something last came.
    pub(crate) fn progress(&self) -> Instant {
        self.progress
    }

    /// Whether a frame has begun and not ended.
    pub(crate) fn is_inside_frame(&self) -> bool {
        self.decoder.has_begun(&self.buffer.bytes)
    }

    /// Whether memory is held that an idle link does not need.
    pub(crate) fn is_large(&self) -> bool {
        self.buffer.is_large() || (self.buffer.bytes.is_empty() && self.frames.capacity() > 0)
    }

    /// Gives memory back that an idle link does not need.
    pub(crate) fn shrink(&mut self) {
        self.buffer.shrink();
        self.frames.shrink_to_fit();
    }
}
