//! Decoding and encoding of native frames.

use bytes::{Buf, BytesMut};
use proto::Decoder;
use proto::error::DecodeError;
use proto::frame::{Checksum, Frame, HEADER_BYTES, Segments, TRAILER_BYTES};
use proto::message::Message;

use crate::fuzz::wire::{reads, repair};

/// Decodes `data` after its first four bytes, which say how.
///
/// - However the bytes are cut into reads, the same frames come out, and the same error.
/// - What waits for the rest of a frame is never longer than the longest frame.
/// - What was decoded has one encoding, which means the same; if the input had no other form to
///   choose, it is the input.
pub fn frame(data: &[u8]) {
    let Some(([options, limit, lengths @ ..], wire)) = data.split_first_chunk::<4>() else {
        return;
    };
    let mut wire = wire.to_vec();
    if options & REPAIRED != 0 {
        repair(&mut wire);
    }
    let case = Case {
        checksum: if options & UNCHECKED != 0 {
            Checksum::Off
        } else {
            Checksum::Crc32
        },
        max_payload_bytes: u32::from(*limit) << 8 | 0xff,
    };
    let whole = case.decode([&wire[..]].into_iter());
    let pieces = case.decode(reads(&wire, *lengths));
    assert_eq!(whole.frames, pieces.frames);
    assert_eq!(whole.end, pieces.end);
}

/// How the bytes are to be read.
struct Case {
    checksum: Checksum,
    max_payload_bytes: u32,
}

/// What came out of some bytes.
#[derive(Default)]
struct Decoded {
    /// The frames, encoded again: metadata may hold NaN, which equals nothing.
    frames: Vec<Vec<u8>>,
    end: Option<DecodeError>,
}

impl Case {
    fn decode<'a>(&self, reads: impl Iterator<Item = &'a [u8]>) -> Decoded {
        let mut decoder = Decoder::new(1, self.checksum, self.max_payload_bytes);
        let mut input = BytesMut::new();
        let mut decoded = Decoded::default();
        for read in reads {
            input.extend_from_slice(read);
            if let Err(error) = self.decode_all(&mut decoder, &mut input, &mut decoded.frames) {
                decoded.end = Some(without_bytes_unread(error));
                break;
            }
            self.check_waiting(&decoder, &input);
        }
        decoded
    }

    fn decode_all(
        &self,
        decoder: &mut Decoder,
        input: &mut BytesMut,
        frames: &mut Vec<Vec<u8>>,
    ) -> Result<(), DecodeError> {
        loop {
            let before = input.clone();
            let Some(frame) = decoder.decode(input)? else {
                return Ok(());
            };
            let wire = before.get(..before.len() - input.len());
            frames.push(self.check_frame(&frame, wire.expect("a decoder only takes")));
        }
    }

    fn check_waiting(&self, decoder: &Decoder, input: &BytesMut) {
        let longest = self.max_payload_bytes as usize + HEADER_BYTES + TRAILER_BYTES;
        let missing = decoder.missing_bytes(input);
        assert_eq!(decoder.has_begun(input), !input.is_empty());
        assert_eq!(missing == 0, input.is_empty(), "a frame lacks something");
        assert!(input.len() + missing <= longest, "a frame is too long");
    }

    /// Checks a frame against the bytes that it was decoded from; gives its encoding.
    fn check_frame(&self, frame: &Frame, wire: &[u8]) -> Vec<u8> {
        assert_eq!(frame.wire_bytes(), wire.len() as u64);
        let made = Frame::new(frame.id, frame.stream, frame.flags, frame.message.clone());
        let encoded = self.encode(frame);
        assert_eq!(made.wire_bytes(), encoded.len() as u64);

        let mut decoder = Decoder::new(1, self.checksum, u32::MAX);
        let again = decoder.decode(&mut BytesMut::from(&encoded[..]));
        let again = again
            .expect("an encoding is well-formed")
            .expect("an encoding is complete");
        assert_eq!(self.encode(&again), encoded);

        if has_one_form(&frame.message, wire) {
            let sums = match self.checksum {
                Checksum::Off => TRAILER_BYTES,
                _ => 0,
            };
            let compared = ..wire.len() - sums;
            assert_eq!(encoded.get(compared), wire.get(compared));
        }
        encoded
    }

    fn encode(&self, frame: &Frame) -> Vec<u8> {
        let mut segments = Segments::new();
        frame.encode(1, self.checksum, &mut segments);
        segments.copy_to_bytes(segments.remaining()).to_vec()
    }
}

/// Whether the message can be encoded in one way only; MessagePack can say the same in several.
fn has_one_form(message: &Message, wire: &[u8]) -> bool {
    match message {
        Message::Request(request) => request.metadata.is_none(),
        Message::Response(response) => response.metadata.is_none(),
        Message::Event(event) => event.metadata.is_none(),
        Message::End => wire.get(NUMBER) == Some(&[0; 8]),
        Message::Handshake(_) | Message::Error(_) | Message::Unknown(_) => false,
        _ => true,
    }
}

/// The error, without how far reading had come when it was noticed.
fn without_bytes_unread(error: DecodeError) -> DecodeError {
    match error {
        DecodeError::Magic { .. } => DecodeError::Magic { found: [0; 4] },
        error => error,
    }
}

/// Frames go without checksums.
const UNCHECKED: u8 = 1;
/// Checksums are made right before decoding.
const REPAIRED: u8 = 1 << 1;
/// Place of the number in a header.
const NUMBER: std::ops::Range<usize> = 24..32;
