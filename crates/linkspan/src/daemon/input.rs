//! What comes in on a connection: reading into a buffer that fits the traffic, and cutting frames
//! out of it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use crate::daemon::error::DelimitedDecodeError;
use crate::daemon::wire::{Decoder, Frame, HEADER_BYTES};
use crate::transport::ByteReader;

/// The receiving side of a connection.
#[derive(Debug)]
pub(super) struct Input {
    reader: Box<dyn ByteReader>,
    decoder: Decoder,
    /// Bytes that are not a whole frame yet.
    buffer: BytesMut,
    /// Earlier buffers; memory that was used before costs less than new memory.
    retired: VecDeque<BytesMut>,
    /// Space that is made for a read: more when reads fill it.
    read_bytes: usize,
}

impl Input {
    pub(super) fn new(reader: Box<dyn ByteReader>, decoder: Decoder) -> Self {
        Self {
            reader,
            decoder,
            buffer: BytesMut::new(),
            retired: VecDeque::new(),
            read_bytes: LEAST_READ_BYTES,
        }
    }

    /// Lets frames of commands in.
    pub(super) fn open(&mut self) {
        self.decoder.open();
    }

    /// The next whole frame of what was read.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, DelimitedDecodeError> {
        self.decoder.decode(&mut self.buffer)
    }

    /// Whether a frame has begun and not ended.
    pub(super) fn is_inside_frame(&self) -> bool {
        self.decoder.has_begun(&self.buffer)
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
        let limit = self.make_room();
        let count = ready!(self.reader.poll_read(cx, &mut self.buffer, limit))?;
        if count == limit {
            self.read_bytes = (self.read_bytes * 2).min(MOST_READ_BYTES);
        }
        Poll::Ready(Ok(count))
    }

    /// Whether memory is held that an idle connection does not need.
    pub(super) fn is_large(&self) -> bool {
        self.buffer.is_empty() && self.buffer.capacity() + self.retired.capacity() > 0
    }

    /// Gives memory back that an idle connection does not need.
    pub(super) fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.retired = VecDeque::new();
            self.read_bytes = LEAST_READ_BYTES;
        }
    }

    /// Makes room for a read, and says how much of it may be used.
    ///
    /// Inside a large frame its rest and the next header are asked for: then the next chunk begins in
    /// a new buffer, and nothing has to be moved. Space beyond what has come so far is made only in
    /// proportion to it, whatever a header announces.
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

    /// A used buffer of this size whose chunks have all been dropped, or a new one.
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
/// A chunk of usual length with its header, and the next header.
const MOST_READ_BYTES: usize = 64 * 1024 + 1024;
/// Buffers that are kept while chunks in them are still being read: as many as a window of input has.
const MOST_RETIRED: usize = 16;
