//! Frames of an enemy.

use arbitrary::Arbitrary;
use proto::StreamId;
use proto::frame::{Flags, Kind};

use crate::fuzz::session::op::{Length, Pick};

/// A frame that may break every rule above those of encoding.
#[derive(Debug, Arbitrary)]
pub(super) struct Attack {
    kind: u8,
    flags: u8,
    pub(super) stream: u8,
    /// None is the number that is right for a chunk, and 0 for all else.
    pub(super) number: Option<u8>,
    pub(super) payload: Length,
    /// 0 skips a frame.
    pub(super) order: u8,
}

impl Attack {
    /// Whether what a byte stands for is to be as the rules want it.
    pub(super) fn fits(byte: u8) -> bool {
        byte < 224
    }

    pub(super) fn kind(&self) -> u8 {
        match self.kind {
            fits if Self::fits(fits) => 2 + fits % 10,
            other => other,
        }
    }

    pub(super) fn flags(&self, kind: u8) -> u16 {
        let sensible = match Kind::from_byte(kind) {
            Some(Kind::Request | Kind::Response) => {
                Flags::END.with(Flags::CONTINUED).with(Flags::METADATA)
            }
            Some(Kind::Chunk) => Flags::END.with(Flags::CONTINUED),
            Some(Kind::Event) => Flags::METADATA,
            _ => Flags::NONE,
        };
        match self.flags {
            fits if Self::fits(fits) => u16::from(fits) & sensible.bits(),
            other => u16::from(other),
        }
    }

    pub(super) fn open_stream(&self, open: &[StreamId]) -> u64 {
        Pick::from(self.stream).of(open).map_or(0, StreamId::get)
    }
}

/// A payload of `length` bytes that has the form of its kind, as long as there is room for it.
pub(super) fn payload(kind: u8, flags: u16, length: usize) -> Vec<u8> {
    let name: &[u8] = b"\x01\x00m";
    let no_metadata: &[u8] = match flags & Flags::METADATA.bits() {
        0 => &[],
        _ => b"\x01\x00\x00\x00\x80",
    };
    let mut payload = match Kind::from_byte(kind) {
        Some(Kind::Request | Kind::Event) => [name, no_metadata].concat(),
        Some(Kind::Response) => no_metadata.to_vec(),
        Some(Kind::Chunk | Kind::Goodbye) => Vec::new(),
        Some(Kind::Error) => return b"\x81\xa4code\xa4busy".to_vec(),
        _ => return Vec::new(),
    };
    payload.resize(payload.len() + length, 0);
    payload
}
