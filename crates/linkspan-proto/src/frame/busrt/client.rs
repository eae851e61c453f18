//! What clients send, and what a broker reads it with.

use bytes::{Bytes, BytesMut};

use crate::error::{BusrtDecodeError, BusrtEncodeError};
use crate::frame::Segments;
use crate::frame::busrt::body::Body;
use crate::frame::busrt::cutter::Cutter;
use crate::frame::busrt::name::check_length;
use crate::frame::busrt::operation::{is_ping, measure};
use crate::frame::busrt::{Field, GREETING, Limits, Name, OPERATION_HEADER_BYTES, Operation};
use crate::message::Text;

/// One thing that a client says: a greeting, then its name, then operations and pings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FromClient {
    /// The version of the broker's greeting is known.
    Greeting,
    /// The name that it wants.
    Name(Name),
    /// It is alive.
    Ping,
    /// It wants something done.
    Operation(Operation),
}

impl FromClient {
    /// Encodes it at the end of `out`.
    ///
    /// Payloads from 4 KiB on are taken by reference, smaller ones are copied.
    ///
    /// # Errors
    ///
    /// Nothing is written if
    ///
    /// - [`TooLarge`](BusrtEncodeError::TooLarge): the body exceeds [`Limits::max_body_bytes`], or a
    ///   name 65,535 bytes;
    /// - [`Nul`](BusrtEncodeError::Nul): a text of it has a NUL.
    pub fn encode(&self, limits: &Limits, out: &mut Segments) -> Result<(), BusrtEncodeError> {
        match self {
            Self::Greeting => out.inline().extend_from_slice(&GREETING),
            Self::Ping => out.inline().extend_from_slice(&PING),
            Self::Operation(operation) => operation.encode(limits, out)?,
            Self::Name(name) => {
                let body = Body {
                    fields: [None, None],
                    payload: name.as_text().as_bytes(),
                };
                let [a, b, ..] = body.checked_bytes(MAX_NAME_BYTES)?.to_le_bytes();
                out.inline().extend_from_slice(&[a, b]);
                out.push_body(body.payload);
            }
        }
        Ok(())
    }
}

/// Cuts what a client says out of a stream of bytes.
///
/// The reader fills a buffer of its own and hands it over; payloads are slices of that buffer.
/// Nothing is allocated here, and a length over its limit is refused as soon as its header is there.
#[derive(Debug, Clone)]
pub struct FromClientDecoder {
    limits: Limits,
    phase: Phase,
    cutter: Cutter,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Greeting,
    Name,
    Operations,
}

impl FromClientDecoder {
    /// Makes a decoder for a new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            phase: Phase::Greeting,
            cutter: Cutter::default(),
        }
    }

    /// Takes what comes next from the front of `input`, if it is complete.
    ///
    /// # Errors
    ///
    /// The stream cannot be read further, so the same error comes again, whatever is added;
    /// [`BusrtDecodeError::status`] says what the client is told:
    ///
    /// - [`Greeting`](BusrtDecodeError::Greeting): the first three bytes are not those of version 1;
    ///   they are left in `input`, because another protocol may begin with them;
    /// - [`Name`](BusrtDecodeError::Name): no client can have the name;
    /// - [`Operation`](BusrtDecodeError::Operation): an unknown code;
    /// - [`TooLarge`](BusrtDecodeError::TooLarge),
    ///   [`TooManyMasks`](BusrtDecodeError::TooManyMasks): over a limit;
    /// - [`Unended`](BusrtDecodeError::Unended): a text does not end within its body;
    /// - [`Utf8`](BusrtDecodeError::Utf8): a text or the name is none.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<FromClient>, BusrtDecodeError> {
        let (phase, limits) = (self.phase, &self.limits);
        let cut = self.cutter.cut(input, |input| match phase {
            Phase::Greeting => measure_greeting(input),
            Phase::Name => measure_name(input, limits),
            Phase::Operations => measure(input, limits),
        })?;
        let Some(part) = cut else {
            return Ok(None);
        };
        let read = match phase {
            Phase::Greeting => Ok(FromClient::Greeting),
            Phase::Name => read_name(part.slice(NAME_HEADER_BYTES..), limits),
            Phase::Operations if is_ping(&part) => Ok(FromClient::Ping),
            Phase::Operations => Operation::read(part, limits).map(FromClient::Operation),
        };
        self.phase = match phase {
            Phase::Greeting => Phase::Name,
            Phase::Name | Phase::Operations => Phase::Operations,
        };
        read.map(Some).map_err(|error| self.cutter.fail(error))
    }

    /// Bytes that the part at the front of `input` still lacks; 0 if none was begun.
    ///
    /// Valid after [`decode`](Self::decode) returned nothing. A reader that makes room for all of
    /// them at once lets a peer's header decide how much memory it takes, within the limit.
    pub fn missing_bytes(&self, input: &BytesMut) -> usize {
        let least_bytes = match self.phase {
            Phase::Greeting => GREETING.len(),
            Phase::Name => NAME_HEADER_BYTES,
            Phase::Operations => OPERATION_HEADER_BYTES,
        };
        self.cutter.missing_bytes(input, least_bytes)
    }

    /// Whether the first bytes of a part were read but not yet the last.
    ///
    /// After an error it is false.
    pub fn has_begun(&self, input: &BytesMut) -> bool {
        self.cutter.has_begun(input)
    }
}

pub(super) fn measure_greeting(input: &[u8]) -> Result<Option<usize>, BusrtDecodeError> {
    match input.first_chunk() {
        Some(&GREETING) => Ok(Some(GREETING.len())),
        Some(found) => Err(BusrtDecodeError::Greeting { found: *found }),
        None => Ok(None),
    }
}

fn measure_name(input: &[u8], limits: &Limits) -> Result<Option<usize>, BusrtDecodeError> {
    let Some(length) = input.first_chunk() else {
        return Ok(None);
    };
    let bytes = usize::from(u16::from_le_bytes(*length));
    check_length(bytes, limits)?;
    Ok(Some(bytes.saturating_add(NAME_HEADER_BYTES)))
}

fn read_name(bytes: Bytes, limits: &Limits) -> Result<FromClient, BusrtDecodeError> {
    let field = Field::Name;
    let text = Text::from_utf8(bytes).ok_or(BusrtDecodeError::Utf8 { field })?;
    let name = Name::new(text, limits).map_err(BusrtDecodeError::from);
    name.map(FromClient::Name)
}

/// A client's ping. Only the fifth byte counts.
const PING: [u8; OPERATION_HEADER_BYTES] = [0; OPERATION_HEADER_BYTES];
const NAME_HEADER_BYTES: usize = 2;
const MAX_NAME_BYTES: u32 = 65_535;
