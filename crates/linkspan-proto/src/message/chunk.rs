//! Kind 7: a further piece of a stream's data.

use bytes::Bytes;

use crate::frame::Compression;

/// A piece of one direction of a stream.
///
/// Without [`Flags::CONTINUED`](crate::frame::Flags::CONTINUED) it completes an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk {
    /// Place of the chunk in its direction, from 0 on.
    pub number: u64,
    /// The bytes.
    pub body: Bytes,
    /// By what the bytes are compressed, if they are (docs/protocol.md, section 22).
    pub compression: Option<Compression>,
}

impl Chunk {
    /// Makes the chunk with this number.
    pub fn new(number: u64, body: Bytes) -> Self {
        Self {
            number,
            body,
            compression: None,
        }
    }
}
