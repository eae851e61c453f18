//! The exchange frame: length, CRC-32, and the bytes of one message (docs/protocol.md, section 17).
//!
//! Questions and answers alternate, so a frame has no kind and no id. Both ends have to know the
//! [`Variant`] of the sum and the longest message beforehand.
//!
//! ```
//! use bytes::{Buf, Bytes, BytesMut};
//! use linkspan_proto::frame::Segments;
//! use linkspan_proto::frame::crc32::{Decoder, Encoder, Variant};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut wire = Segments::new();
//! let question = Bytes::from_static(b"\x0a\x03t-1");
//! Encoder::new(Variant::Ieee, 1_048_576).encode(&question, &mut wire)?;
//!
//! let mut input = BytesMut::from(&wire.copy_to_bytes(13)[..]);
//! let mut server = Decoder::new(Variant::Ieee, 1_048_576);
//! assert_eq!(server.decode(&mut input)?, Some(question));
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{ExchangeDecodeError, ExchangeEncodeError, UnknownVariant};
use crate::frame::{Segments, to_u64};

/// Which CRC-32 protects the messages.
///
/// As text `ieee` or `castagnoli`; capitals are read, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Variant {
    /// That of IEEE 802.3, zlib and PNG: polynomial `04c11db7`.
    #[default]
    Ieee,
    /// CRC-32C, as iSCSI and SCTP use it: polynomial `1edc6f41`.
    Castagnoli,
}

impl Variant {
    /// All variants.
    pub const ALL: [Self; 2] = [Self::Ieee, Self::Castagnoli];

    /// Its name in configurations and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ieee => "ieee",
            Self::Castagnoli => "castagnoli",
        }
    }

    /// The sum of `bytes`; by the processor's instructions where it has them.
    pub fn crc(self, bytes: &[u8]) -> u32 {
        self.extend_crc(EMPTY_CRC, bytes)
    }

    /// The sum of some bytes and then `bytes`, from the sum of those before.
    fn extend_crc(self, before: u32, bytes: &[u8]) -> u32 {
        match self {
            Self::Ieee => {
                let mut hasher = crc32fast::Hasher::new_with_initial(before);
                hasher.update(bytes);
                hasher.finalize()
            }
            Self::Castagnoli => crc32c::crc32c_append(before, bytes),
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Variant {
    type Err = UnknownVariant;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_meant = |variant: &Self| variant.name().eq_ignore_ascii_case(text);
        let found = Self::ALL.into_iter().find(is_meant);
        found.ok_or_else(|| UnknownVariant { name: text.into() })
    }
}

/// Puts messages into frames.
#[derive(Debug, Clone, Copy)]
pub struct Encoder {
    variant: Variant,
    max_message_bytes: u32,
}

impl Encoder {
    /// Makes an encoder that refuses longer messages than `max_message_bytes`.
    pub fn new(variant: Variant, max_message_bytes: u32) -> Self {
        Self {
            variant,
            max_message_bytes,
        }
    }

    /// Encodes one frame at the end of `out`.
    ///
    /// Messages from 4 KiB on are taken by reference, smaller ones are copied.
    ///
    /// # Errors
    ///
    /// Nothing is written if the message is
    ///
    /// - [`Empty`](ExchangeEncodeError::Empty), or
    /// - [`TooLarge`](ExchangeEncodeError::TooLarge).
    pub fn encode(&self, message: &Bytes, out: &mut Segments) -> Result<(), ExchangeEncodeError> {
        let header = self.header(message)?;
        out.inline().extend_from_slice(&header.to_bytes());
        out.push_body(message);
        Ok(())
    }

    /// The header that goes before `message`, for whoever writes both by other means.
    ///
    /// # Errors
    ///
    /// The message is [`Empty`](ExchangeEncodeError::Empty) or
    /// [`TooLarge`](ExchangeEncodeError::TooLarge).
    pub fn header(&self, message: &[u8]) -> Result<Header, ExchangeEncodeError> {
        if message.is_empty() {
            return Err(ExchangeEncodeError::Empty);
        }
        let limit = self.max_message_bytes;
        let fitting = u32::try_from(message.len())
            .ok()
            .filter(|bytes| *bytes <= limit);
        let message_bytes = fitting.ok_or_else(|| ExchangeEncodeError::TooLarge {
            bytes: to_u64(message.len()),
            limit,
        })?;
        Ok(Header {
            message_bytes,
            crc: self.variant.crc(message),
        })
    }
}

/// The first 8 bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Length of the message, in bytes.
    pub message_bytes: u32,
    /// CRC-32 of the message. Without a message: when to come back, in milliseconds.
    pub crc: u32,
}

impl Header {
    /// All that a server sends that has no place for a connection.
    ///
    /// Parts of a millisecond count as a whole one, and so does no time, because that would be the
    /// frame of an empty message; what does not fit is told as the longest time that does, 49 days.
    pub fn busy(retry_after: Duration) -> Self {
        let millis = retry_after.as_nanos().div_ceil(NANOS_PER_MILLI);
        Self {
            message_bytes: 0,
            crc: u32::try_from(millis.max(1)).unwrap_or(u32::MAX),
        }
    }

    /// Reads a header, whether or not it makes sense.
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        let mut rest = &bytes[..];
        Self {
            message_bytes: rest.get_u32_le(),
            crc: rest.get_u32_le(),
        }
    }

    /// The header as it stands on the wire.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let wire = u64::from(self.crc) << u32::BITS | u64::from(self.message_bytes);
        wire.to_le_bytes()
    }

    fn frame_bytes(self) -> usize {
        self.payload_bytes().saturating_add(HEADER_BYTES)
    }

    fn payload_bytes(self) -> usize {
        usize::try_from(self.message_bytes).unwrap_or(usize::MAX)
    }
}

/// Cuts messages out of a stream of bytes.
///
/// The reader fills a buffer of its own and hands it over; messages are slices of that buffer. What
/// was handed over stays as it is, and more is added at its end.
/// Nothing is allocated here, and a length over the limit is refused as soon as its four bytes are
/// there.
#[derive(Debug, Clone)]
pub struct Decoder {
    variant: Variant,
    max_message_bytes: u32,
    may_be_busy: bool,
    state: State,
}

/// Where in the stream the decoder is.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Before a header.
    Between,
    /// The frame at the front of the input.
    Begun(Begun),
    /// The stream cannot be read further.
    Failed(ExchangeDecodeError),
}

/// A frame of which the header has come.
#[derive(Debug, Clone, Copy)]
struct Begun {
    header: Header,
    /// The sum of the message up to `summed_bytes` of the frame. It goes on while the rest is on its
    /// way, so that a long message costs its reader next to nothing when its last bytes come.
    crc: u32,
    summed_bytes: usize,
}

impl Decoder {
    /// Makes a decoder that refuses longer messages than `max_message_bytes`.
    pub fn new(variant: Variant, max_message_bytes: u32) -> Self {
        Self {
            variant,
            max_message_bytes,
            may_be_busy: false,
            state: State::Between,
        }
    }

    /// Makes one for a client: instead of its first answer a server may say that it is busy.
    pub fn for_client(variant: Variant, max_message_bytes: u32) -> Self {
        Self {
            may_be_busy: true,
            ..Self::new(variant, max_message_bytes)
        }
    }

    /// Takes the next message from the front of `input`, if its frame is complete.
    ///
    /// # Errors
    ///
    /// The stream cannot be read further, so the same error comes again, whatever is added:
    ///
    /// - [`Empty`](ExchangeDecodeError::Empty): a length of 0;
    /// - [`TooLarge`](ExchangeDecodeError::TooLarge): a length over the limit;
    /// - [`Checksum`](ExchangeDecodeError::Checksum): the message does not fit its sum;
    /// - [`Busy`](ExchangeDecodeError::Busy): a server refused its client's connection; nothing of
    ///   what the client sent was read.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, ExchangeDecodeError> {
        let taken = match self.state {
            State::Failed(error) => return Err(error),
            State::Begun(frame) => self.take(frame, input),
            State::Between => self.begin(input),
        };
        taken.inspect_err(|error| self.state = State::Failed(*error))
    }

    /// Bytes that the frame at the front of `input` still lacks; 0 if none was begun.
    ///
    /// Valid after [`decode`](Self::decode) returned no message. A reader that makes room for all
    /// of them at once lets a peer's header decide how much memory it takes, within the limit.
    pub fn missing_bytes(&self, input: &BytesMut) -> usize {
        match self.state {
            State::Begun(frame) => frame.header.frame_bytes().saturating_sub(input.len()),
            State::Between if !input.is_empty() => HEADER_BYTES.saturating_sub(input.len()),
            State::Between | State::Failed(_) => 0,
        }
    }

    /// Whether the first bytes of a frame were read but not yet the last.
    ///
    /// At the end of the stream this tells a peer that was cut off from one that closed in order.
    /// After an error it is false.
    pub fn has_begun(&self, input: &BytesMut) -> bool {
        match self.state {
            State::Begun(_) => true,
            State::Between => !input.is_empty(),
            State::Failed(_) => false,
        }
    }

    fn begin(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, ExchangeDecodeError> {
        let Some(length) = input.first_chunk() else {
            return Ok(None);
        };
        self.check_length(u32::from_le_bytes(*length))?;
        let Some(bytes) = input.first_chunk() else {
            return Ok(None);
        };
        let header = Header::read(bytes);
        if header.message_bytes == 0 {
            // The frame of an answer without bytes: the question was handled.
            if header.crc == EMPTY_CRC {
                return Err(ExchangeDecodeError::Empty);
            }
            let retry_after = Duration::from_millis(header.crc.into());
            return Err(ExchangeDecodeError::Busy { retry_after });
        }
        self.may_be_busy = false;
        let frame = Begun {
            header,
            crc: EMPTY_CRC,
            summed_bytes: HEADER_BYTES,
        };
        self.take(frame, input)
    }

    fn check_length(&self, bytes: u32) -> Result<(), ExchangeDecodeError> {
        let limit = self.max_message_bytes;
        if bytes > limit {
            return Err(ExchangeDecodeError::TooLarge { bytes, limit });
        }
        if bytes == 0 && !self.may_be_busy {
            return Err(ExchangeDecodeError::Empty);
        }
        Ok(())
    }

    fn take(
        &mut self,
        mut frame: Begun,
        input: &mut BytesMut,
    ) -> Result<Option<Bytes>, ExchangeDecodeError> {
        let header = frame.header;
        let frame_bytes = header.frame_bytes();
        let come = input.get(..frame_bytes).unwrap_or(input);
        let fresh = come.get(frame.summed_bytes..).unwrap_or_default();
        frame.crc = self.variant.extend_crc(frame.crc, fresh);
        frame.summed_bytes = frame.summed_bytes.saturating_add(fresh.len());
        if input.len() < frame_bytes {
            self.state = State::Begun(frame);
            return Ok(None);
        }
        let (expected, found) = (header.crc, frame.crc);
        if found != expected {
            return Err(ExchangeDecodeError::Checksum { expected, found });
        }
        self.state = State::Between;
        input.advance(HEADER_BYTES);
        Ok(Some(input.split_to(header.payload_bytes()).freeze()))
    }
}

/// Bytes before the message.
pub const HEADER_BYTES: usize = 8;

/// The sum of nothing.
const EMPTY_CRC: u32 = 0;

const NANOS_PER_MILLI: u128 = 1_000_000;
