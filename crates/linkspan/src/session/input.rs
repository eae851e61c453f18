//! What comes in: reading into a buffer that fits the traffic, and cutting frames out of it.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::BytesMut;
use proto::Decoder;
use proto::error::DecodeError;
use proto::frame::{Frame, HEADER_BYTES};

use crate::clock;
use crate::transport::{ReadEvent, Reader};

/// The receiving side of a link.
#[derive(Debug)]
pub(crate) struct Input {
    reader: Reader,
    decoder: Decoder,
    /// Bytes that are not a whole frame yet.
    buffer: BytesMut,
    /// Earlier buffers; memory that was used before costs less than new memory.
    retired: VecDeque<BytesMut>,
    /// Frames that came by value.
    frames: VecDeque<Frame>,
    /// Space that is made for a read: more when reads fill it, little when the link is idle.
    read_bytes: usize,
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
            buffer,
            retired: VecDeque::new(),
            frames,
            read_bytes: LEAST_READ_BYTES,
            progress,
        }
    }

    /// Reads once; gives how many bytes came, or the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        // An idle link holds no room for what may never come.
        ready!(self.reader.poll_ready(cx))?;
        let limit = self.make_room();
        let before = self.buffer.len();
        let read = self
            .reader
            .poll_read(cx, &mut self.buffer, limit, &mut self.frames)?;
        read.map(|event| {
            let count = self.buffer.len() - before;
            if count == limit {
                self.read_bytes = (self.read_bytes * 2).min(MOST_READ_BYTES);
            }
            Ok((event == ReadEvent::Data).then_some(count))
        })
    }

    /// The next whole frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        match self.frames.pop_front() {
            None => self.decoder.decode(&mut self.buffer),
            frame => Ok(frame),
        }
    }

    /// Drops what came and was not decoded.
    pub(crate) fn discard(&mut self) {
        self.buffer.clear();
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
        self.decoder.has_begun(&self.buffer)
    }

    /// Whether memory is held that an idle link does not need.
    pub(crate) fn is_large(&self) -> bool {
        self.buffer.is_empty() && self.buffer.capacity() + self.frames.capacity() > 0
    }

    /// Gives memory back that an idle link does not need.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.retired = VecDeque::new();
            self.read_bytes = LEAST_READ_BYTES;
        }
        self.frames.shrink_to_fit();
    }

    /// Makes room for a read, and says how much of it may be used.
    ///
    /// Inside a large frame exactly its rest and the next header are asked for: then the next
    /// frame's payload begins in a new buffer and nothing has to be moved. Space beyond what has
    /// come so far is made only in proportion to it, whatever a header announces.
    fn make_room(&mut self) -> usize {
        let missing = self.decoder.missing_bytes(&self.buffer);
        let spare = self.buffer.capacity() - self.buffer.len();
        if missing > HEADER_BYTES {
            let wanted = missing + HEADER_BYTES;
            if spare < wanted {
                self.reserve(wanted.min(self.read_bytes.max(self.buffer.len())));
            }
            return wanted.min(self.buffer.capacity() - self.buffer.len());
        }
        if spare < self.read_bytes / 4 {
            self.reserve(self.read_bytes);
        }
        self.buffer.capacity() - self.buffer.len()
    }

    /// Makes room for `additional` bytes, if possible in a buffer that has been used before.
    fn reserve(&mut self, additional: usize) {
        if self.buffer.try_reclaim(additional) {
            return;
        }
        let fresh = self.take_retired(self.buffer.len() + additional);
        let mut old = mem::replace(&mut self.buffer, fresh);
        self.buffer.extend_from_slice(&old);
        self.buffer.reserve(additional);
        if self.retired.len() < MOST_RETIRED && old.capacity() > 0 {
            old.clear();
            self.retired.push_back(old);
        }
    }

    /// A used buffer of this size whose frames have all been dropped, or a new one.
    fn take_retired(&mut self, bytes: usize) -> BytesMut {
        let free = self
            .retired
            .iter_mut()
            .position(|buffer| buffer.try_reclaim(bytes));
        let free = free.and_then(|place| self.retired.swap_remove_back(place));
        free.unwrap_or_else(|| BytesMut::with_capacity(bytes.max(self.read_bytes)))
    }
}

const LEAST_READ_BYTES: usize = 4 * 1024;
/// A frame of the longest piece of a body, and the header of the next.
const MOST_READ_BYTES: usize = 64 * 1024 + 1024;
/// Buffers that are kept while frames in them are still being read.
const MOST_RETIRED: usize = 16;
