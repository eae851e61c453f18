//! Bytes to frames: incremental, and limited before anything is allocated
//! (docs/protocol.md, section 1.5).

use bytes::{Buf, Bytes, BytesMut};

use crate::error::DecodeError;
use crate::frame::{Checksum, Flags, Frame, HEADER_BYTES, Header, MAGIC, TRAILER_BYTES};
use crate::message::Message;

/// Cuts frames out of a stream of bytes.
///
/// The driver reads into a buffer of its own and hands it over; bodies are slices of that buffer.
#[derive(Debug, Clone)]
pub struct Decoder {
    version: u8,
    checksum: Checksum,
    max_payload_bytes: u32,
    /// Header of the frame at the front of the input, once it was read.
    begun: Option<Header>,
}

impl Decoder {
    /// Makes a decoder for frames of `version`.
    ///
    /// Longer payloads than `max_payload_bytes` are refused by their header alone.
    pub fn new(version: u8, checksum: Checksum, max_payload_bytes: u32) -> Self {
        Self {
            version,
            checksum,
            max_payload_bytes,
            begun: None,
        }
    }

    /// Makes a decoder for the frames of a handshake.
    pub fn handshake() -> Self {
        Self::new(HANDSHAKE_VERSION, Checksum::Crc32, MAX_HANDSHAKE_BYTES)
    }

    /// Takes the next frame from the front of `input`, if it is complete.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] says which rule the bytes break; the stream cannot be read further.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        let header = match self.begun {
            Some(header) => header,
            None => match self.read_header(input)? {
                Some(header) => *self.begun.insert(header),
                None => return Ok(None),
            },
        };
        if input.len() < frame_bytes(&header) {
            return Ok(None);
        }
        self.begun = None;
        self.check_sums(&header, input)?;
        // Advancing costs nothing, cutting costs a reference count: only the payload is cut out.
        input.advance(HEADER_BYTES);
        let payload = input.split_to(payload_bytes(&header)).freeze();
        input.advance(TRAILER_BYTES);
        message(&header, payload).map(Some)
    }

    /// Bytes that the frame at the front of `input` still lacks; 0 if none was begun.
    ///
    /// Valid after [`decode`](Self::decode) returned no frame. A driver may read this much at once,
    /// and the header of the next frame.
    pub fn missing_bytes(&self, input: &BytesMut) -> usize {
        match self.begun {
            Some(header) => frame_bytes(&header).saturating_sub(input.len()),
            None if input.is_empty() => 0,
            None => HEADER_BYTES.saturating_sub(input.len()),
        }
    }

    /// Whether the first bytes of a frame were read but not yet the last.
    pub fn has_begun(&self, input: &BytesMut) -> bool {
        self.begun.is_some() || !input.is_empty()
    }

    fn read_header(&self, input: &BytesMut) -> Result<Option<Header>, DecodeError> {
        let Some(bytes) = input.first_chunk() else {
            return check_magic(input).map(|()| None);
        };
        let header = Header::read(bytes)?;
        if header.version != self.version {
            return Err(DecodeError::Version {
                expected: self.version,
                found: header.version,
            });
        }
        if header.payload_bytes > self.max_payload_bytes {
            return Err(DecodeError::TooLarge {
                bytes: header.payload_bytes,
                limit: self.max_payload_bytes,
            });
        }
        Ok(Some(header))
    }

    fn check_sums(&self, header: &Header, frame: &[u8]) -> Result<(), DecodeError> {
        if self.checksum == Checksum::Off {
            return Ok(());
        }
        let (head, rest) = frame.split_at(HEADER_BYTES);
        let (payload, mut trailer) = rest.split_at(payload_bytes(header));
        for (part, bytes) in [("header", head), ("payload", payload)] {
            let (expected, found) = (trailer.get_u32_le(), crc32fast::hash(bytes));
            if found != expected {
                return Err(DecodeError::Checksum {
                    part,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// Whether the beginning of a header can be one: whoever speaks another protocol is told at once.
fn check_magic(begun: &[u8]) -> Result<(), DecodeError> {
    if begun
        .iter()
        .zip(&MAGIC)
        .all(|(found, expected)| found == expected)
    {
        return Ok(());
    }
    let mut found = [0; MAGIC.len()];
    found
        .iter_mut()
        .zip(begun)
        .for_each(|(place, byte)| *place = *byte);
    Err(DecodeError::Magic { found })
}

fn message(header: &Header, payload: Bytes) -> Result<Frame, DecodeError> {
    let message =
        Message::decode(header.kind, header.flags, header.number, payload).map_err(|source| {
            DecodeError::Message {
                id: header.id,
                stream: header.stream,
                source,
            }
        })?;
    Ok(Frame {
        id: header.id,
        stream: header.stream,
        flags: header.flags.without(Flags::METADATA),
        message,
        payload_bytes: payload_bytes(header),
    })
}

fn payload_bytes(header: &Header) -> usize {
    usize::try_from(header.payload_bytes).unwrap_or(usize::MAX)
}

fn frame_bytes(header: &Header) -> usize {
    payload_bytes(header).saturating_add(HEADER_BYTES + TRAILER_BYTES)
}

/// Handshake frames keep this version for ever.
pub(crate) const HANDSHAKE_VERSION: u8 = 1;
/// Longest payload of a handshake frame.
pub(crate) const MAX_HANDSHAKE_BYTES: u32 = 16 * 1024;
