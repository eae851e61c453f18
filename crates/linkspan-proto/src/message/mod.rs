//! Messages: what frames say, one file for each kind.
//!
//! A message's payload is a prefix of fixed form followed by a body that is never looked into.

mod binary;
mod cancel;
mod chunk;
mod credit;
mod event;
mod failure;
mod goodbye;
mod handshake;
mod heartbeat;
mod metadata;
mod proof;
mod request;
mod response;
mod text;

pub use cancel::{Cancel, CancelReason};
pub use chunk::Chunk;
pub use credit::Credit;
pub use event::Event;
pub use failure::Failure;
pub use goodbye::Goodbye;
pub(crate) use handshake::Wire;
pub use handshake::{Choice, Handshake, Identity, Offer, VersionRange};
pub use heartbeat::Heartbeat;
pub use metadata::{Metadata, Usage};
pub use proof::{Accepted, Proof, Renewal};
pub use request::Request;
pub use response::{Response, Status};
pub use text::Text;

use bytes::{Buf, Bytes};

use crate::error::MessageError;
use crate::frame::{Compression, Flags, Kind};

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// A step of the opening.
    Handshake(Box<Handshake>),
    /// A question that opens a stream.
    Request(Request),
    /// The answer to a request.
    Response(Response),
    /// Something told without expecting an answer.
    Event(Event),
    /// A sign of life, asked or given.
    Heartbeat(Heartbeat),
    /// Linkspan's own failure.
    Error(Box<Failure>),
    /// A further piece of data.
    Chunk(Chunk),
    /// Permission to send more.
    Credit(Credit),
    /// A stream is given up.
    Cancel(Cancel),
    /// The sender's direction of the stream ends.
    End,
    /// The sender takes no new streams.
    Goodbye(Goodbye),
    /// A kind from 128 on that this version does not know and ignores.
    Unknown(u8),
}

impl Message {
    /// The number of its kind.
    pub fn kind(&self) -> u8 {
        let kind = match self {
            Self::Handshake(_) => Kind::Handshake,
            Self::Request(_) => Kind::Request,
            Self::Response(_) => Kind::Response,
            Self::Event(_) => Kind::Event,
            Self::Heartbeat(_) => Kind::Heartbeat,
            Self::Error(_) => Kind::Error,
            Self::Chunk(_) => Kind::Chunk,
            Self::Credit(_) => Kind::Credit,
            Self::Cancel(_) => Kind::Cancel,
            Self::End => Kind::End,
            Self::Goodbye(_) => Kind::Goodbye,
            Self::Unknown(kind) => return *kind,
        };
        kind as u8
    }

    /// The name of its kind, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Handshake(_) => "handshake",
            Self::Request(_) => "request",
            Self::Response(_) => "response",
            Self::Event(_) => "event",
            Self::Heartbeat(_) => "heartbeat",
            Self::Error(_) => "error",
            Self::Chunk(_) => "chunk",
            Self::Credit(_) => "credit",
            Self::Cancel(_) => "cancel",
            Self::End => "end",
            Self::Goodbye(_) => "goodbye",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The body, for the kinds that have one.
    pub(crate) fn body(&self) -> &Bytes {
        static EMPTY: Bytes = Bytes::new();
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
            Self::Event(event) => &event.body,
            Self::Chunk(chunk) => &chunk.body,
            _ => &EMPTY,
        }
    }

    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        let metadata = match self {
            Self::Request(request) => &request.metadata,
            Self::Response(response) => &response.metadata,
            Self::Event(event) => &event.metadata,
            _ => return None,
        };
        metadata.as_deref()
    }

    /// How the body is wrapped, as flags.
    pub(crate) fn wrapping(&self) -> Flags {
        let (sealed, compression) = match self {
            Self::Request(request) => (request.sealed, request.compression),
            Self::Response(response) => (response.sealed, response.compression),
            Self::Event(event) => (event.sealed, event.compression),
            Self::Chunk(chunk) => (false, chunk.compression),
            _ => return Flags::NONE,
        };
        Flags::SEALED
            .when(sealed)
            .with(Compression::flags(compression))
    }

    /// Takes note of how the body is wrapped.
    pub(crate) fn set_wrapping(&mut self, flags: Flags) {
        let sealed = flags.contains(Flags::SEALED);
        let wrapped = match self {
            Self::Request(request) => Some((&mut request.sealed, &mut request.compression)),
            Self::Response(response) => Some((&mut response.sealed, &mut response.compression)),
            Self::Event(event) => Some((&mut event.sealed, &mut event.compression)),
            Self::Chunk(chunk) => return chunk.compression = Compression::of(flags),
            _ => None,
        };
        if let Some(wrapped) = wrapped {
            (*wrapped.0, *wrapped.1) = (sealed, Compression::of(flags));
        }
    }

    /// The number in the header.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Handshake(handshake) => handshake.step(),
            Self::Request(request) => request.number(),
            Self::Response(response) => response.status as u64,
            Self::Event(event) => event.micros_since_1970,
            Self::Heartbeat(heartbeat) => *heartbeat as u64,
            Self::Error(failure) => failure.category as u64,
            Self::Chunk(chunk) => chunk.number,
            Self::Credit(credit) => credit.bytes,
            Self::Cancel(cancel) => cancel.reason.number(),
            Self::Goodbye(goodbye) => goodbye.last_stream.get(),
            Self::End | Self::Unknown(_) => 0,
        }
    }

    /// Writes the part of the payload that stands before the body.
    pub(crate) fn encode_prefix(&self, out: &mut Vec<u8>) {
        match self {
            Self::Handshake(handshake) => handshake.encode(out),
            Self::Request(request) => request.encode_prefix(out),
            Self::Response(response) => response.encode_prefix(out),
            Self::Event(event) => event.encode_prefix(out),
            Self::Error(failure) => failure.encode(out),
            Self::Goodbye(goodbye) => out.extend_from_slice(goodbye.reason.as_bytes()),
            Self::Heartbeat(_)
            | Self::Chunk(_)
            | Self::Credit(_)
            | Self::Cancel(_)
            | Self::End
            | Self::Unknown(_) => {}
        }
    }

    /// Length of the payload, in bytes.
    pub(crate) fn payload_bytes(&self) -> usize {
        let prefix = match self {
            Self::Request(request) => text_bytes(&request.method),
            Self::Event(event) => text_bytes(&event.topic),
            Self::Handshake(_) | Self::Error(_) | Self::Goodbye(_) => {
                let mut prefix = Vec::new();
                self.encode_prefix(&mut prefix);
                prefix.len()
            }
            _ => 0,
        };
        let metadata = self.metadata().map_or(0, Metadata::encoded_bytes);
        prefix
            .saturating_add(metadata)
            .saturating_add(self.body().len())
    }

    /// Reads the message of a frame; the body stays a slice of `payload`.
    pub(crate) fn decode(
        kind: u8,
        flags: Flags,
        number: u64,
        payload: Bytes,
    ) -> Result<Self, MessageError> {
        let Some(kind) = Kind::from_byte(kind) else {
            return Ok(Self::Unknown(kind));
        };
        let surplus = flags.without(kind.allowed_flags());
        if !surplus.is_empty() {
            return Err(MessageError::Flags {
                kind,
                flags: surplus,
            });
        }
        let metadata = flags.contains(Flags::METADATA);
        let empty = |message| match payload.len() {
            0 => Ok(message),
            _ => Err(MessageError::Malformed {
                part: "payload of a kind that has none",
            }),
        };
        Ok(match kind {
            Kind::Handshake => Self::Handshake(Box::new(Handshake::decode(number, &payload)?)),
            Kind::Request => Self::Request(Request::decode(number, payload, metadata)?),
            Kind::Response => Self::Response(Response::decode(number, payload, metadata)?),
            Kind::Event => Self::Event(Event::decode(number, payload, metadata)?),
            Kind::Heartbeat => empty(Self::Heartbeat(Heartbeat::from_number(number)?))?,
            Kind::Error => Self::Error(Box::new(Failure::decode(number, &payload)?)),
            Kind::Chunk => Self::Chunk(Chunk::new(number, payload)),
            Kind::Credit => empty(Self::Credit(Credit { bytes: number }))?,
            Kind::Cancel => empty(Self::Cancel(Cancel::new(CancelReason::from_number(number))))?,
            Kind::End => empty(Self::End)?,
            Kind::Goodbye => Self::Goodbye(Goodbye::decode(number, payload)?),
        })
    }
}

/// Length of what [`encode_text`] writes.
fn text_bytes(text: &Text) -> usize {
    text.len().saturating_add(size_of::<u16>())
}

fn encode_text(text: &Text, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn decode_text(payload: &mut Bytes, part: &'static str) -> Result<Text, MessageError> {
    let length = payload
        .try_get_u16_le()
        .map_err(|_| MessageError::Malformed { part })?;
    let bytes = split(payload, usize::from(length), part)?;
    Text::from_utf8(bytes).ok_or(MessageError::Malformed { part })
}

fn encode_metadata(metadata: Option<&Metadata>, out: &mut Vec<u8>) {
    if let Some(metadata) = metadata {
        metadata.encode(out);
    }
}

fn decode_metadata(
    payload: &mut Bytes,
    present: bool,
) -> Result<Option<Box<Metadata>>, MessageError> {
    const PART: &str = "metadata length";
    if !present {
        return Ok(None);
    }
    let length = payload
        .try_get_u32_le()
        .map_err(|_| MessageError::Malformed { part: PART })?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let encoded = split(payload, length, PART)?;
    Metadata::decode(&encoded).map(|metadata| Some(Box::new(metadata)))
}

fn split(payload: &mut Bytes, length: usize, part: &'static str) -> Result<Bytes, MessageError> {
    if length > payload.len() {
        return Err(MessageError::Malformed { part });
    }
    Ok(payload.split_to(length))
}
