//! A queue of received pieces that stays small when the pieces are.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use proto::frame::Compression;
use proto::session::Piece;

/// Pieces of items, in their order.
///
/// A peer may cut its data as fine as it likes; a piece of one byte costs five here.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    order: VecDeque<Entry>,
    /// The small pieces, one after the other.
    small: BytesMut,
    /// The others, as they came.
    large: VecDeque<Bytes>,
}

/// What is known of a piece: its length if it is small, by what it is compressed, and whether its item
/// goes on.
#[derive(Debug, Clone, Copy)]
struct Entry(u16);

impl Pieces {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        let length = u16::try_from(piece.bytes.len()).ok();
        let (kind, length) = match length.filter(|length| *length < Entry::LARGE) {
            Some(length) => {
                // It is copied, because it would keep the whole buffer that it was read into.
                self.small.extend_from_slice(&piece.bytes);
                (0, length)
            }
            None => {
                self.large.push_back(piece.bytes);
                (Entry::LARGE, 0)
            }
        };
        let continued = if piece.continued { Entry::CONTINUED } else { 0 };
        let packed = Entry::packed(piece.compression);
        self.order
            .push_back(Entry(kind | continued | packed | length));
    }

    pub(crate) fn pop(&mut self) -> Option<Piece> {
        let Entry(entry) = self.order.pop_front()?;
        let bytes = if entry & Entry::LARGE == 0 {
            let length = usize::from(entry & (Entry::LARGE - 1)).min(self.small.len());
            self.small.split_to(length).freeze()
        } else {
            self.large.pop_front().unwrap_or_default()
        };
        if self.order.is_empty() {
            *self = Self::default();
        }
        let mut piece = Piece::new(bytes);
        piece.compression = Entry(entry).compression();
        piece.continued = entry & Entry::CONTINUED != 0;
        Some(piece)
    }

    /// Credit of all that is there; nothing is left.
    pub(crate) fn clear(&mut self) -> u64 {
        let pieces = std::mem::take(self);
        let lengths = pieces
            .order
            .iter()
            .filter(|entry| entry.0 & Entry::LARGE == 0);
        let small = lengths.map(|entry| cost(usize::from(entry.0 & (Entry::LARGE - 1))));
        let large = pieces.large.iter().map(|bytes| cost(bytes.len()));
        small.chain(large).sum()
    }
}

impl Entry {
    const CONTINUED: u16 = 1 << 15;
    const LARGE: u16 = 1 << 12;
    const PACKED: [(Compression, u16); 2] =
        [(Compression::Lz4, 1 << 13), (Compression::Zstd, 1 << 14)];

    fn packed(compression: Option<Compression>) -> u16 {
        let found = Self::PACKED.iter().find(|(it, _)| Some(*it) == compression);
        found.map_or(0, |(_, bit)| *bit)
    }

    fn compression(self) -> Option<Compression> {
        let found = Self::PACKED.iter().find(|(_, bit)| self.0 & bit != 0);
        found.map(|(it, _)| *it)
    }
}

/// Credit of a chunk (docs/protocol.md, section 6.1).
fn cost(bytes: usize) -> u64 {
    u64::try_from(bytes.max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(length: usize, continued: bool) -> Piece {
        let bytes = (0..length)
            .map(|place| u8::try_from(place % 251).unwrap())
            .collect();
        let mut piece = Piece::new(bytes);
        piece.continued = continued;
        piece
    }

    #[test]
    fn pieces_come_out_as_they_went_in() {
        let lengths = [0, 1, 4095, 4096, 4097, 2, 0, 70_000, 3];
        let compressions = [None, Some(Compression::Lz4), Some(Compression::Zstd)];
        let numbered = || lengths.into_iter().zip(compressions.into_iter().cycle());
        let mut pieces = Pieces::default();
        for (number, (length, compression)) in numbered().enumerate() {
            let mut piece = piece(length, number % 2 == 0);
            piece.compression = compression;
            pieces.push(piece);
        }
        for (number, (length, compression)) in numbered().enumerate() {
            let popped = pieces.pop().unwrap();
            assert_eq!(popped.bytes, piece(length, false).bytes, "{length} bytes");
            assert_eq!(popped.continued, number % 2 == 0);
            assert_eq!(popped.compression, compression, "{length} bytes");
        }
        assert!(pieces.pop().is_none() && pieces.is_empty());
    }

    #[test]
    fn what_is_dropped_costs_what_was_taken() {
        let lengths = [0, 1, 4096, 10];
        let mut pieces = Pieces::default();
        for length in lengths {
            pieces.push(piece(length, false));
        }
        assert_eq!(pieces.clear(), 1 + 1 + 4096 + 10);
        assert!(pieces.is_empty());
    }
}
