//! The native frame: a 36-byte header, the payload, an 8-byte trailer (docs/protocol.md, section 1).

use std::fmt;

use bytes::{Buf, BufMut};

use crate::error::DecodeError;
use crate::frame::Segments;
use crate::message::Message;
use crate::stream_id::StreamId;

/// One frame, decoded: where it belongs and what it says.
///
/// In-process transports move values of this type; byte transports encode them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Frame {
    /// Number of this message in its direction; the first is 1, each next one higher by one.
    pub id: u64,
    /// The stream that it belongs to, or [`StreamId::CONNECTION`].
    pub stream: StreamId,
    /// Flags; [`Flags::METADATA`] is left to the codec.
    pub flags: Flags,
    /// What the frame says.
    pub message: Message,
    /// Length of the payload on the wire, in bytes; credit counts it.
    pub(crate) payload_bytes: usize,
}

impl Frame {
    /// Makes a frame.
    pub fn new(id: u64, stream: StreamId, flags: Flags, message: Message) -> Self {
        let payload_bytes = message.payload_bytes();
        Self {
            id,
            stream,
            flags,
            message,
            payload_bytes,
        }
    }

    /// Length of the whole frame on the wire, in bytes.
    pub fn wire_bytes(&self) -> u64 {
        to_u64(
            self.payload_bytes
                .saturating_add(HEADER_BYTES + TRAILER_BYTES),
        )
    }

    /// Bytes of credit that the frame costs: those of its payload, and one for an empty chunk, so
    /// that not even empty items come without limit.
    pub(crate) fn cost_bytes(&self) -> u64 {
        match self.message {
            Message::Request(_) | Message::Response(_) | Message::Event(_) => {
                to_u64(self.payload_bytes)
            }
            Message::Chunk(_) => to_u64(self.payload_bytes.max(1)),
            _ => 0,
        }
    }

    /// Encodes the frame at the end of `out`.
    ///
    /// Bodies from 4 KiB on are taken by reference; smaller ones are copied, which is cheaper than
    /// one more entry in a vectored write.
    ///
    /// A payload longer than 4 GiB cannot be expressed; sessions refuse it long before.
    pub fn encode(&self, version: u8, checksum: Checksum, out: &mut Segments) {
        let body = self.message.body();
        let mut flags = self.flags;
        if self.message.metadata().is_some() {
            flags = flags.with(Flags::METADATA);
        }
        let start = out.inline_len();
        out.reserve(HEADER_BYTES + TRAILER_BYTES);
        let header = Header {
            version,
            kind: self.message.kind(),
            flags,
            id: self.id,
            stream: self.stream,
            number: self.message.number(),
            payload_bytes: 0,
        };
        header.put(out.inline());
        self.message.encode_prefix(out.inline());
        let prefix_start = start.saturating_add(HEADER_BYTES);
        let prefix_bytes = out.inline_len().saturating_sub(prefix_start);
        let payload_bytes = prefix_bytes.saturating_add(body.len());
        out.patch_u32(
            start.saturating_add(LENGTH_OFFSET),
            clamp_u32(payload_bytes),
        );

        let crc = match checksum {
            Checksum::Off => [0; 2],
            Checksum::Crc32 => {
                let (header, prefix) = out.tail_from(start).split_at(HEADER_BYTES);
                let mut payload = crc32fast::Hasher::new();
                payload.update(prefix);
                payload.update(body);
                [crc32fast::hash(header), payload.finalize()]
            }
        };
        out.push_body(body);
        for sum in crc {
            out.inline().put_u32_le(sum);
        }
    }
}

/// The first 36 bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Frame version: 1 in handshake frames, the negotiated version in all later ones.
    pub version: u8,
    /// What kind of message follows.
    pub kind: u8,
    /// Flags of the frame.
    pub flags: Flags,
    /// Number of this message in its direction.
    pub id: u64,
    /// The stream that the message belongs to.
    pub stream: StreamId,
    /// The number that the kind gives a meaning to.
    pub number: u64,
    /// Length of the payload, in bytes.
    pub payload_bytes: u32,
}

impl Header {
    /// Reads a header and checks what can be known without the payload.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Magic`], [`DecodeError::Kind`] or [`DecodeError::ReservedFlags`].
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> Result<Self, DecodeError> {
        let (magic, mut rest) = bytes.split_first_chunk::<4>().unwrap_or((&MAGIC, &[]));
        if *magic != MAGIC {
            return Err(DecodeError::Magic { found: *magic });
        }
        let header = Self {
            version: rest.get_u8(),
            kind: rest.get_u8(),
            flags: Flags(rest.get_u16_le()),
            id: rest.get_u64_le(),
            stream: StreamId::new(rest.get_u64_le()),
            number: rest.get_u64_le(),
            payload_bytes: rest.get_u32_le(),
        };
        if header.kind < FIRST_IGNORABLE_KIND && Kind::from_byte(header.kind).is_none() {
            return Err(DecodeError::Kind { kind: header.kind });
        }
        let reserved = header.flags.without(Flags::KNOWN);
        if !reserved.is_empty() {
            return Err(DecodeError::ReservedFlags { flags: reserved.0 });
        }
        Ok(header)
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_slice(&MAGIC);
        out.put_u8(self.version);
        out.put_u8(self.kind);
        out.put_u16_le(self.flags.0);
        out.put_u64_le(self.id);
        out.put_u64_le(self.stream.get());
        out.put_u64_le(self.number);
        out.put_u32_le(self.payload_bytes);
    }
}

/// What a frame is about; the numbers are wire bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// Opening of a session.
    Handshake = 1,
    /// Opens a stream and asks.
    Request = 2,
    /// Answers a request.
    Response = 3,
    /// Tells something and expects no answer.
    Event = 4,
    /// Asks whether the peer is there, or says so.
    Heartbeat = 5,
    /// Linkspan's own failure, of a stream or of the session.
    Error = 6,
    /// A further piece of a stream's data.
    Chunk = 7,
    /// Allows the receiver to send more.
    Credit = 8,
    /// Gives up a stream (opener) or asks to stop sending on it (answerer).
    Cancel = 9,
    /// Ends a direction that has no data left.
    End = 10,
    /// No new streams, please; the session ends soon.
    Goodbye = 11,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Handshake,
        Self::Request,
        Self::Response,
        Self::Event,
        Self::Heartbeat,
        Self::Error,
        Self::Chunk,
        Self::Credit,
        Self::Cancel,
        Self::End,
        Self::Goodbye,
    ];

    /// The kind with this number, if this version of the protocol knows it.
    pub fn from_byte(byte: u8) -> Option<Self> {
        byte.checked_sub(1)
            .and_then(|index| Self::ALL.get(usize::from(index)))
            .copied()
    }

    /// Flags that may be set on frames of this kind.
    pub(crate) fn allowed_flags(self) -> Flags {
        match self {
            Self::Request | Self::Response => Flags::KNOWN,
            Self::Event => Flags::BODY.with(Flags::METADATA),
            Self::Chunk => Flags::COMPRESSED.with(Flags::END).with(Flags::CONTINUED),
            _ => Flags::NONE,
        }
    }
}

/// Flag bits of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The body is compressed with LZ4.
    pub const LZ4: Self = Self(1);
    /// The body is compressed with Zstandard.
    pub const ZSTD: Self = Self(1 << 1);
    /// The body is a sealed envelope, and so is all that follows it in its direction; only if both
    /// sides know [`Config::SEALED`](crate::Config::SEALED).
    pub const SEALED: Self = Self(1 << 2);
    /// The sender's direction of the stream ends with this frame.
    pub const END: Self = Self(1 << 3);
    /// The body goes on in the next chunk of this direction; only if both sides know
    /// [`Config::CONTINUED`](crate::Config::CONTINUED).
    pub const CONTINUED: Self = Self(1 << 4);
    /// The payload has metadata before its body.
    pub const METADATA: Self = Self(1 << 5);

    /// How the body is wrapped.
    pub(crate) const BODY: Self = Self(0b111);
    /// How it is compressed.
    pub(crate) const COMPRESSED: Self = Self(0b11);
    pub(crate) const KNOWN: Self = Self(0b11_1111);

    /// These flags and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags if `on`, else none: for building a set from conditions.
    #[must_use]
    pub const fn when(self, on: bool) -> Self {
        if on { self } else { Self::NONE }
    }

    /// These flags but not `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Those of these flags that are in `other` too.
    #[must_use]
    pub const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The bits as they stand on the wire.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 6] = ["lz4", "zstd", "sealed", "end", "continued", "metadata"];
        let mut list = f.debug_set();
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                list.entry(&format_args!("{name}"));
            }
        }
        list.finish()
    }
}

/// Whether frames carry checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checksum {
    /// Both sums are CRC-32 (IEEE).
    Crc32,
    /// Both sums are zero and not looked at.
    Off,
}

/// The four bytes that every frame begins with: "LSPN".
pub const MAGIC: [u8; 4] = *b"LSPN";
/// Bytes before the payload.
pub const HEADER_BYTES: usize = 36;
/// Bytes after the payload: two checksums.
pub const TRAILER_BYTES: usize = 8;
/// Unknown kinds from here on are ignored; unknown kinds below end the session.
pub(crate) const FIRST_IGNORABLE_KIND: u8 = 128;

const LENGTH_OFFSET: usize = 32;

pub(crate) fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn clamp_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
