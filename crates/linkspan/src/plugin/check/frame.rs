//! Frames as bytes, right ones and wrong ones (docs/protocol.md, section 1).
//!
//! They are written here once more, as the encoder of sessions cannot write wrong ones.

use proto::frame::crc32::Variant;
use proto::frame::{HEADER_BYTES, Kind, MAGIC};

use crate::plugin::check::pack::Value;

/// A frame, before it is bytes.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u16,
    pub(super) stream: u64,
    pub(super) number: u64,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// A frame of the connection, without flags and payload.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind: kind as u8,
            flags: 0,
            stream: 0,
            number: 0,
            payload: Vec::new(),
        }
    }

    /// A request without time limit and metadata, which ends with itself.
    pub(super) fn request(stream: u64, method: &str, body: &[u8]) -> Self {
        let payload = [&text(method), body].concat();
        Self::new(Kind::Request)
            .on(stream)
            .flags(END)
            .payload(payload)
    }

    /// A request with metadata.
    pub(super) fn request_with(
        method: &str,
        entries: Vec<(&'static str, Value)>,
        body: &[u8],
    ) -> Self {
        let metadata = metadata(&Value::Map(entries).pack());
        Self::new(Kind::Request)
            .flags(END | METADATA)
            .payload([&text(method), &metadata, body].concat())
    }

    pub(super) fn flags(mut self, flags: u16) -> Self {
        self.flags = flags;
        self
    }

    pub(super) fn on(mut self, stream: u64) -> Self {
        self.stream = stream;
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    pub(super) fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// The bytes of the frame with this number in its direction.
    pub(super) fn encode(&self, id: u64) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.payload.len() + 8);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, self.kind]);
        bytes.extend_from_slice(&self.flags.to_le_bytes());
        for field in [id, self.stream, self.number] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&length.to_le_bytes());
        let header_sum = Variant::Ieee.crc(&bytes);
        bytes.extend_from_slice(&self.payload);
        bytes.extend_from_slice(&header_sum.to_le_bytes());
        bytes.extend_from_slice(&Variant::Ieee.crc(&self.payload).to_le_bytes());
        bytes
    }
}

/// The same frame with other bytes in its header, whose sum is right again.
pub(super) fn patched(mut frame: Vec<u8>, place: usize, bytes: &[u8]) -> Vec<u8> {
    overwrite(&mut frame, place, bytes);
    let sum = Variant::Ieee.crc(frame.get(..HEADER_BYTES).unwrap_or_default());
    let place = frame.len().saturating_sub(8);
    overwrite(&mut frame, place, &sum.to_le_bytes());
    frame
}

/// The same frame with other bytes at a place, whatever its sums say.
pub(super) fn overwrite(frame: &mut [u8], place: usize, bytes: &[u8]) {
    let target = frame.get_mut(place..).unwrap_or_default();
    for (target, byte) in target.iter_mut().zip(bytes) {
        *target = *byte;
    }
}

/// A method or topic: its length in two bytes, and the text.
pub(super) fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&length.to_le_bytes(), text.as_bytes()].concat()
}

/// Metadata: its length in four bytes, and the map.
pub(super) fn metadata(map: &[u8]) -> Vec<u8> {
    let length = u32::try_from(map.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), map].concat()
}

/// The version of all frames that are sent here.
pub(super) const VERSION: u8 = 1;
/// Flags of a frame.
pub(super) const LZ4: u16 = 1;
pub(super) const END: u16 = 8;
pub(super) const CONTINUED: u16 = 16;
pub(super) const METADATA: u16 = 32;

#[cfg(test)]
mod tests {
    use proto::StreamId;
    use proto::frame::{Checksum, Flags, Segments};
    use proto::message::{Message, Request};

    use super::*;
    use bytes::Buf;

    #[test]
    fn right_frames_are_those_of_sessions() {
        let ours = Frame::request(3, "greeter.greet", b"body").encode(7);
        let request = Request::new("greeter.greet", bytes::Bytes::from_static(b"body"));
        let message = Message::Request(request);
        let theirs = proto::frame::Frame::new(7, StreamId::new(3), Flags::END, message);
        let mut segments = Segments::new();
        theirs.encode(VERSION, Checksum::Crc32, &mut segments);
        assert_eq!(ours, segments.copy_to_bytes(segments.remaining()));
        assert_eq!(patched(ours.clone(), 0, &MAGIC), ours);
    }
}
