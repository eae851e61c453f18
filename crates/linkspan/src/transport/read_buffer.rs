//! A buffer for reading that fits the traffic: large while reads fill it, none while a link is idle.

use std::collections::VecDeque;
use std::mem;

use bytes::BytesMut;

/// Bytes that were read and are not whole frames yet, and where the next ones go.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    pub(crate) bytes: BytesMut,
    /// Earlier buffers; memory that was used before costs less than new memory.
    retired: VecDeque<BytesMut>,
    /// Space that is made for a read: more when reads fill it, less when they bring little.
    read_bytes: usize,
}

impl ReadBuffer {
    /// Begins with what was read already. Room that was made for an opening is given back: many who
    /// connect say nothing more for long.
    pub(crate) fn new(bytes: BytesMut) -> Self {
        let bytes = match bytes.is_empty() {
            true => BytesMut::new(),
            false => bytes,
        };
        Self {
            bytes,
            retired: VecDeque::new(),
            read_bytes: LEAST_READ_BYTES,
        }
    }

    /// Makes room for a read while `missing` bytes of a frame are to come, and says how much of it
    /// may be used.
    ///
    /// Inside a large frame exactly its rest and the next header are asked for: then the next
    /// frame's payload begins in a new buffer and nothing has to be moved. Space beyond what has
    /// come so far is made only in proportion to it, whatever a header announces. Short frames come
    /// together, wherever the read before has ended.
    pub(crate) fn make_room(&mut self, missing: usize, header_bytes: usize) -> usize {
        let spare = self.bytes.capacity() - self.bytes.len();
        if missing > header_bytes && self.bytes.len().saturating_add(missing) > SHORT_FRAME_BYTES {
            let wanted = missing + header_bytes;
            if spare < wanted {
                self.reserve(wanted.min(self.read_bytes.max(self.bytes.len())));
            }
            return wanted.min(self.bytes.capacity() - self.bytes.len());
        }
        if spare < self.read_bytes / 4 {
            self.reserve(self.read_bytes);
        }
        self.bytes.capacity() - self.bytes.len()
    }

    /// Notes that a read of at most `limit` bytes gave `count`.
    pub(crate) fn note_read(&mut self, count: usize, limit: usize) {
        if count == limit {
            self.read_bytes = (self.read_bytes * 2).min(MOST_READ_BYTES);
        } else if count < self.read_bytes / 8 {
            self.read_bytes = (self.read_bytes / 2).max(LEAST_READ_BYTES);
        }
    }

    /// Whether memory is held that an idle link does not need.
    pub(crate) fn is_large(&self) -> bool {
        self.bytes.is_empty() && self.bytes.capacity() + self.retired.capacity() > 0
    }

    /// Gives memory back that an idle link does not need; how much reads brought is remembered.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            self.retired = VecDeque::new();
        }
    }

    /// Makes room for `additional` bytes, if possible in a buffer that has been used before.
    fn reserve(&mut self, additional: usize) {
        if self.bytes.try_reclaim(additional) {
            return;
        }
        let fresh = self.take_retired(self.bytes.len() + additional);
        let mut old = mem::replace(&mut self.bytes, fresh);
        self.bytes.extend_from_slice(&old);
        self.bytes.reserve(additional);
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

const LEAST_READ_BYTES: usize = 1024;
/// To move what has come of a frame of this size costs less than a read of its own.
const SHORT_FRAME_BYTES: usize = 4 * 1024;
/// A frame of the longest piece of a body, and the header of the next.
const MOST_READ_BYTES: usize = 64 * 1024 + 1024;
/// Buffers that are kept while frames in them are still being read.
const MOST_RETIRED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: usize = 9;

    #[test]
    fn short_frames_come_together_wherever_a_read_has_ended() {
        let mut buffer = ReadBuffer::new(BytesMut::new());
        buffer.make_room(HEADER, HEADER);
        buffer.bytes.extend_from_slice(&[0; HEADER]);
        let room = buffer.make_room(110, HEADER);
        assert!(room >= LEAST_READ_BYTES / 4, "{room}");
    }

    #[test]
    fn a_large_frame_comes_with_the_next_header() {
        let mut buffer = ReadBuffer::new(BytesMut::new());
        buffer.bytes.extend_from_slice(&[0; 40_000]);
        assert_eq!(buffer.make_room(5000, HEADER), 5000 + HEADER);
        // Its end is not moved with it, however little is missing.
        buffer.bytes.extend_from_slice(&[0; 4990]);
        assert_eq!(buffer.make_room(10, HEADER), 10 + HEADER);
    }
}
