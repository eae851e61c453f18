//! Outgoing bytes: small ones in one buffer, large ones by reference.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Encoded frames on their way out.
///
/// Headers and small payloads stand in one growing buffer; a large payload is kept as the
/// [`Bytes`] that it came as, together with the place in the buffer where it belongs. Reading it
/// as a [`Buf`] gives the bytes in their order, and
/// [`chunks_vectored`](Buf::chunks_vectored) fills a vectored write.
///
/// Two of these swapped back and forth carry a connection without allocating.
#[derive(Debug, Default)]
pub struct Segments {
    inline: Vec<u8>,
    /// Bytes of `inline` that were read.
    read: usize,
    /// Each body stands before the byte of `inline` with this offset.
    shared: VecDeque<(usize, Bytes)>,
    shared_bytes: usize,
}

impl Segments {
    /// Makes an empty one; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives memory beyond `keep_bytes` back, if nothing is held.
    pub fn shrink(&mut self, keep_bytes: usize) {
        if self.is_empty() && self.inline.capacity() > keep_bytes {
            self.inline = Vec::new();
            self.shared = VecDeque::new();
            self.read = 0;
        }
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    pub(crate) fn inline(&mut self) -> &mut Vec<u8> {
        &mut self.inline
    }

    pub(crate) fn inline_len(&self) -> usize {
        self.inline.len()
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        self.inline.reserve(additional);
    }

    /// What was put into the buffer from `start` on.
    pub(crate) fn tail_from(&self, start: usize) -> &[u8] {
        self.inline.get(start..).unwrap_or_default()
    }

    pub(crate) fn patch_u32(&mut self, offset: usize, value: u32) {
        let place = self
            .inline
            .get_mut(offset..)
            .and_then(|rest| rest.first_chunk_mut());
        if let Some(place) = place {
            *place = value.to_le_bytes();
        }
    }

    /// Adds a body: large ones by reference. Smaller ones are copied, which is cheaper than one more
    /// entry in a vectored write.
    pub fn push_body(&mut self, body: &Bytes) {
        if body.len() < SHARE_BYTES {
            self.inline.extend_from_slice(body);
        } else {
            self.push_shared(body.clone());
        }
    }

    fn push_shared(&mut self, body: Bytes) {
        self.shared_bytes = self.shared_bytes.saturating_add(body.len());
        self.shared.push_back((self.inline.len(), body));
    }

    /// The unread part of the buffer up to the offset `end`.
    fn unread(&self, end: usize) -> &[u8] {
        self.inline.get(self.read..end).unwrap_or_default()
    }

    /// Advances by at most `count` bytes, all of one chunk; says by how many.
    fn advance_within_chunk(&mut self, count: usize) -> usize {
        let end = match self.shared.front_mut() {
            Some((place, body)) if *place == self.read => {
                let step = count.min(body.len());
                body.advance(step);
                self.shared_bytes = self.shared_bytes.saturating_sub(step);
                if body.is_empty() {
                    self.shared.pop_front();
                }
                return step;
            }
            Some((place, _)) => *place,
            None => self.inline.len(),
        };
        let step = count.min(end.saturating_sub(self.read));
        self.read = self.read.saturating_add(step);
        step
    }

    fn reset_if_read(&mut self) {
        if self.is_empty() {
            self.inline.clear();
            self.read = 0;
        }
    }
}

impl Buf for Segments {
    fn remaining(&self) -> usize {
        self.inline
            .len()
            .saturating_sub(self.read)
            .saturating_add(self.shared_bytes)
    }

    fn chunk(&self) -> &[u8] {
        match self.shared.front() {
            Some((place, body)) if *place == self.read => body,
            Some((place, _)) => self.unread(*place),
            None => self.unread(self.inline.len()),
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut from = self.read;
        let mut count = 0_usize;
        let mut push = |bytes: &'a [u8]| {
            if let Some(slice) = slices.get_mut(count).filter(|_| !bytes.is_empty()) {
                *slice = IoSlice::new(bytes);
                count = count.saturating_add(1);
            }
        };
        for (place, body) in &self.shared {
            push(self.inline.get(from..*place).unwrap_or_default());
            push(body);
            from = *place;
        }
        push(self.inline.get(from..).unwrap_or_default());
        count
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let step = self.advance_within_chunk(count);
            assert!(step > 0, "advanced past the end");
            count = count.saturating_sub(step);
        }
        self.reset_if_read();
    }
}

/// Bodies of at least this many bytes are sent by reference instead of being copied.
const SHARE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Segments, Vec<u8>) {
        let mut segments = Segments::new();
        let mut plain = Vec::new();
        for (head, body) in [("one", "BODY"), ("", "LARGER"), ("two", "X")] {
            segments.inline().extend_from_slice(head.as_bytes());
            segments.push_shared(Bytes::from(body));
            plain.extend_from_slice(head.as_bytes());
            plain.extend_from_slice(body.as_bytes());
        }
        segments.inline().extend_from_slice(b"tail");
        plain.extend_from_slice(b"tail");
        (segments, plain)
    }

    #[test]
    fn reads_in_order_whatever_the_step() {
        for step in 1..24 {
            let (mut segments, plain) = sample();
            let mut read = Vec::new();
            while segments.has_remaining() {
                let take = step.min(segments.remaining());
                let mut part = vec![0; take];
                segments.copy_to_slice(&mut part);
                read.extend_from_slice(&part);
            }
            assert_eq!(read, plain, "step {step}");
        }
    }

    #[test]
    fn vectored_slices_give_the_same_bytes() {
        let (mut segments, plain) = sample();
        for read in 0..plain.len() {
            let mut slices = [IoSlice::new(&[]); 16];
            let count = segments.chunks_vectored(&mut slices);
            let joined: Vec<u8> = slices[..count]
                .iter()
                .flat_map(|slice| slice.to_vec())
                .collect();
            assert_eq!(joined, plain[read..]);
            segments.advance(1);
        }
        assert!(segments.is_empty());
    }

    #[test]
    fn a_drained_buffer_is_used_again() {
        let (mut segments, plain) = sample();
        segments.advance(plain.len());
        let capacity = segments.inline().capacity();
        segments.inline().extend_from_slice(b"next");
        assert_eq!(segments.chunk(), b"next");
        assert_eq!(segments.inline().capacity(), capacity);
    }
}
