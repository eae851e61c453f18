//! Putting a body together from its pieces.

use bytes::{Bytes, BytesMut};

use crate::session::CallError;
use crate::session::budget::Share;

/// Pieces of one body or item, which become one when all are there.
///
/// Of a body of some pieces the large ones are kept as they came and copied once. Small ones are put
/// together at once, so that they cost no more than their bytes; and so is all of a long body, whose
/// pieces would keep many buffers from being used again.
#[derive(Debug)]
pub(super) struct Gather {
    parts: Vec<Bytes>,
    tail: BytesMut,
    bytes: usize,
    /// Longest body or item, in bytes.
    limit: usize,
    /// What of its connection's budget it has; none if there is no budget for it.
    share: Option<Share>,
}

impl Gather {
    /// Nothing yet, of a body or of items within these limits.
    pub(super) fn within(limit: usize, share: Option<Share>) -> Self {
        Self {
            parts: Vec::new(),
            tail: BytesMut::new(),
            bytes: 0,
            limit,
            share,
        }
    }

    /// Whether nothing is there.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether so much more would be within the limit of one body or item.
    ///
    /// # Errors
    ///
    /// [`CallError::TooLarge`] if not.
    pub(super) fn check(&self, more: usize) -> Result<(), CallError> {
        let bytes = self.bytes.saturating_add(more);
        if bytes <= self.limit {
            return Ok(());
        }
        let count = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        Err(CallError::TooLarge {
            bytes: count(bytes),
            limit: count(self.limit),
        })
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// It is too much, for one body or item or for the connection.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), CallError> {
        self.check(piece.len())?;
        if let Some(share) = &mut self.share {
            share.grow(piece.len())?;
        }
        self.add(piece);
        Ok(())
    }

    fn add(&mut self, piece: Bytes) {
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

    /// The whole; nothing is left, and what it had of the budget is given back.
    pub(super) fn take(&mut self) -> Bytes {
        let whole = self.join();
        if let Some(share) = &mut self.share {
            share.release();
        }
        whole
    }

    /// The whole, and what it has of the budget.
    pub(super) fn into_whole(mut self) -> (Bytes, Option<Share>) {
        (self.join(), self.share)
    }

    fn join(&mut self) -> Bytes {
        let mut parts = std::mem::take(&mut self.parts);
        let tail = std::mem::take(&mut self.tail);
        let bytes = std::mem::take(&mut self.bytes);
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

/// Without limits, for what this process makes itself.
impl Default for Gather {
    fn default() -> Self {
        Self::within(usize::MAX, None)
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
            gather.push(piece.into()).unwrap();
            assert_eq!(gather.bytes, expected.len());
        }
        assert!(gather.take() == expected);
        assert!(gather.is_empty());
        assert_eq!(gather.take(), Bytes::new());
    }

    #[test]
    fn the_limit_is_of_one_body_or_item() {
        let mut gather = Gather::within(10, None);
        gather.push(vec![1; 6].into()).unwrap();
        let too_large = CallError::TooLarge {
            bytes: 11,
            limit: 10,
        };
        assert_eq!(gather.push(vec![2; 5].into()), Err(too_large));
        gather.push(vec![2; 4].into()).unwrap();
        assert_eq!(gather.take().len(), 10);
        gather.push(vec![3; 10].into()).unwrap();
    }
}
