//! Putting a body together from its pieces.

use bytes::{Bytes, BytesMut};

/// Pieces of one body or item, which become one when all are there.
///
/// Of a body of some pieces the large ones are kept as they came and copied once. Small ones are put
/// together at once, so that they cost no more than their bytes; and so is all of a long body, whose
/// pieces would keep many buffers from being used again.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    parts: Vec<Bytes>,
    tail: BytesMut,
    bytes: usize,
}

impl Gather {
    /// Length of what is there.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes = self.bytes.saturating_add(piece.len());
        if piece.len() < SMALL_BYTES || self.bytes > LONG_BYTES {
            self.merge();
            self.tail.extend_from_slice(&piece);
            return;
        }
        if !self.tail.is_empty() {
            self.parts.push(self.tail.split().freeze());
        }
        self.parts.push(piece);
    }

    /// Puts the parts of a long body into one.
    fn merge(&mut self) {
        if self.bytes > LONG_BYTES && !self.parts.is_empty() {
            let mut whole = BytesMut::with_capacity(self.bytes.saturating_mul(2));
            let tail = std::mem::take(&mut self.tail);
            for part in self.parts.drain(..).chain([tail.freeze()]) {
                whole.extend_from_slice(&part);
            }
            self.tail = whole;
        }
    }

    /// The whole; nothing is left.
    pub(crate) fn take(&mut self) -> Bytes {
        let Self {
            mut parts,
            tail,
            bytes,
        } = std::mem::take(self);
        if !tail.is_empty() {
            parts.push(tail.freeze());
        }
        if parts.len() <= 1 {
            return parts.pop().unwrap_or_default();
        }
        let mut whole = BytesMut::with_capacity(bytes);
        for part in parts {
            whole.extend_from_slice(&part);
        }
        whole.freeze()
    }
}

/// From here on a body is put together as it comes.
const LONG_BYTES: usize = 384 * 1024;
/// Copying less than this costs less than keeping it.
const SMALL_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_lengths_become_one() {
        let lengths = [
            3, 5000, 0, 1, 4095, 4096, 70_000, 2, 200_000, 100_000, 9000, 80_000, 1, 5000,
        ];
        let mut gather = Gather::default();
        let mut expected = Vec::new();
        for (number, length) in (0_u8..).zip(lengths) {
            let piece = vec![number; length];
            expected.extend_from_slice(&piece);
            gather.push(piece.into());
            assert_eq!(gather.len(), expected.len());
        }
        assert!(gather.take() == expected);
        assert_eq!((gather.len(), gather.take()), (0, Bytes::new()));
    }
}
