//! What brokers send, and what a client reads it with.

use bytes::{Bytes, BytesMut};

use crate::error::{BusrtDecodeError, BusrtEncodeError};
use crate::frame::Segments;
use crate::frame::busrt::client::measure_greeting;
use crate::frame::busrt::cutter::Cutter;
use crate::frame::busrt::delivery::{BROADCAST, MESSAGE, PUBLICATION};
use crate::frame::busrt::{DELIVERY_HEADER_BYTES, Delivery, GREETING, Limits, Status};

/// One thing that a broker says: a greeting, a status for the client's greeting and one for its
/// name, then the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FromBroker {
    /// The version that it speaks; it says so before anything else.
    Greeting,
    /// How the greeting or the registration went.
    Status(Status),
    /// It is alive.
    Ping,
    /// How an operation went.
    Ack {
        /// The operation's number.
        id: u32,
        /// How it went.
        status: Status,
    },
    /// Something from a client.
    Delivery(Delivery),
}

impl FromBroker {
    /// Encodes it at the end of `out`.
    ///
    /// Payloads from 4 KiB on are taken by reference, smaller ones are copied.
    ///
    /// # Errors
    ///
    /// Nothing is written if
    ///
    /// - [`TooLarge`](BusrtEncodeError::TooLarge): a delivery exceeds
    ///   [`Limits::max_delivery_bytes`];
    /// - [`Nul`](BusrtEncodeError::Nul): its sender or topic has a NUL.
    pub fn encode(&self, limits: &Limits, out: &mut Segments) -> Result<(), BusrtEncodeError> {
        match self {
            Self::Greeting => out.inline().extend_from_slice(&GREETING),
            Self::Status(status) => out.inline().push(status.number()),
            Self::Ping => out.inline().extend_from_slice(&PING),
            Self::Ack { id, status } => {
                let [a, b, c, d] = id.to_le_bytes();
                let ack = [ACK, a, b, c, d, status.number()];
                out.inline().extend_from_slice(&ack);
            }
            Self::Delivery(delivery) => delivery.encode(limits, out)?,
        }
        Ok(())
    }
}

/// Cuts what a broker says out of a stream of bytes.
///
/// The reader fills a buffer of its own and hands it over; payloads are slices of that buffer.
/// Nothing is allocated here, and a length over its limit is refused as soon as its header is there.
#[derive(Debug, Clone)]
pub struct FromBrokerDecoder {
    limits: Limits,
    phase: Phase,
    cutter: Cutter,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Greeting,
    /// About the client's greeting.
    FirstStatus,
    /// About its name.
    SecondStatus,
    Frames,
}

impl FromBrokerDecoder {
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
    /// A status that it gives is always [`Status::Ok`].
    ///
    /// # Errors
    ///
    /// The stream cannot be read further, so the same error comes again, whatever is added:
    ///
    /// - [`Greeting`](BusrtDecodeError::Greeting): the first three bytes are not those of version 1;
    /// - [`Refused`](BusrtDecodeError::Refused): any other status;
    /// - [`Kind`](BusrtDecodeError::Kind): an unknown kind of frame;
    /// - [`TooLarge`](BusrtDecodeError::TooLarge): over [`Limits::max_delivery_bytes`];
    /// - [`Unended`](BusrtDecodeError::Unended): a text does not end within its body;
    /// - [`Utf8`](BusrtDecodeError::Utf8): a text is none.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<FromBroker>, BusrtDecodeError> {
        let (phase, limits) = (self.phase, &self.limits);
        let cut = self.cutter.cut(input, |input| match phase {
            Phase::Greeting => measure_greeting(input),
            Phase::FirstStatus | Phase::SecondStatus => Ok(input.first().map(|_| STATUS_BYTES)),
            Phase::Frames => measure(input, limits),
        })?;
        let Some(part) = cut else {
            return Ok(None);
        };
        let (read, next) = match phase {
            Phase::Greeting => (Ok(FromBroker::Greeting), Phase::FirstStatus),
            Phase::FirstStatus => (read_status(&part), Phase::SecondStatus),
            Phase::SecondStatus => (read_status(&part), Phase::Frames),
            Phase::Frames => (read_frame(part), Phase::Frames),
        };
        self.phase = next;
        read.map(Some).map_err(|error| self.cutter.fail(error))
    }

    /// Bytes that the part at the front of `input` still lacks; 0 if none was begun.
    ///
    /// Valid after [`decode`](Self::decode) returned nothing. A reader that makes room for all of
    /// them at once lets a peer's header decide how much memory it takes, within the limit.
    pub fn missing_bytes(&self, input: &BytesMut) -> usize {
        let least_bytes = match self.phase {
            Phase::Greeting => GREETING.len(),
            Phase::FirstStatus | Phase::SecondStatus => STATUS_BYTES,
            Phase::Frames => DELIVERY_HEADER_BYTES,
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

fn measure(input: &[u8], limits: &Limits) -> Result<Option<usize>, BusrtDecodeError> {
    let Some([kind, length @ .., _]) = input.first_chunk::<DELIVERY_HEADER_BYTES>() else {
        return Ok(None);
    };
    match *kind {
        // What else is in the header of a ping does not count.
        NOTHING | ACK => return Ok(Some(DELIVERY_HEADER_BYTES)),
        PUBLICATION | MESSAGE | BROADCAST => {}
        kind => return Err(BusrtDecodeError::Kind { kind }),
    }
    let (bytes, limit) = (u32::from_le_bytes(*length), limits.max_delivery_bytes());
    if bytes > limit {
        return Err(BusrtDecodeError::TooLarge { bytes, limit });
    }
    let body_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    Ok(Some(body_bytes.saturating_add(DELIVERY_HEADER_BYTES)))
}

fn read_status(part: &[u8]) -> Result<FromBroker, BusrtDecodeError> {
    match part.first().map(|number| Status::from_number(*number)) {
        Some(status) if status != Status::Ok => Err(BusrtDecodeError::Refused { status }),
        _ => Ok(FromBroker::Status(Status::Ok)),
    }
}

fn read_frame(part: Bytes) -> Result<FromBroker, BusrtDecodeError> {
    match part.first_chunk::<DELIVERY_HEADER_BYTES>() {
        Some([NOTHING, ..]) => Ok(FromBroker::Ping),
        Some([ACK, a, b, c, d, number]) => Ok(FromBroker::Ack {
            id: u32::from_le_bytes([*a, *b, *c, *d]),
            status: Status::from_number(*number),
        }),
        _ => Delivery::read(part).map(FromBroker::Delivery),
    }
}

const NOTHING: u8 = 0x00;
const ACK: u8 = 0xfe;
/// A broker's ping.
const PING: [u8; DELIVERY_HEADER_BYTES] = [NOTHING, 0, 0, 0, 0, 0];
const STATUS_BYTES: usize = 1;
