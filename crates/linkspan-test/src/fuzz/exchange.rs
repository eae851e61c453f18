//! Decoding and encoding of exchange frames.

use bytes::{Buf, Bytes, BytesMut};
use proto::error::{ExchangeDecodeError, ExchangeEncodeError};
use proto::frame::Segments;
use proto::frame::crc32::{Decoder, Encoder, HEADER_BYTES, Header, Variant};

use crate::fuzz::wire::reads;

/// Decodes `data` after its first five bytes, which say how; then sends it as a message.
///
/// - However the bytes are cut into reads, the same messages come out, and the same error.
/// - What waits for the rest of a frame is never longer than the longest frame.
/// - What was decoded is encoded to the bytes that it was decoded from.
/// - After an error nothing is taken, and the error stays.
/// - A message is refused by its length alone, or comes back as it went.
pub fn exchange(data: &[u8]) {
    let Some(([options, low, high, lengths @ ..], wire)) = data.split_first_chunk::<5>() else {
        return;
    };
    let case = Case {
        variant: if options & CASTAGNOLI != 0 {
            Variant::Castagnoli
        } else {
            Variant::Ieee
        },
        is_client: options & CLIENT != 0,
        max_message_bytes: u16::from_le_bytes([*low, *high]).into(),
    };
    case.check_message(wire);
    let mut wire = wire.to_vec();
    if options & REPAIRED != 0 {
        case.repair(&mut wire);
    }
    let whole = case.decode([&wire[..]].into_iter());
    let pieces = case.decode(reads(&wire, *lengths));
    assert_eq!(whole, pieces);
}

/// How the bytes are to be read.
struct Case {
    variant: Variant,
    is_client: bool,
    max_message_bytes: u32,
}

/// What came out of some bytes.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    messages: Vec<Bytes>,
    end: Option<ExchangeDecodeError>,
    /// Whether the bytes end in the middle of a frame.
    is_cut: bool,
}

impl Case {
    fn decode<'a>(&self, reads: impl Iterator<Item = &'a [u8]>) -> Decoded {
        let mut decoder = self.decoder();
        let mut input = BytesMut::new();
        let mut decoded = Decoded::default();
        for read in reads {
            input.extend_from_slice(read);
            if let Err(error) = self.decode_all(&mut decoder, &mut input, &mut decoded.messages) {
                self.check_end(error, &decoded.messages);
                check_failed(error, &mut decoder, &mut input);
                decoded.end = Some(error);
                break;
            }
            self.check_waiting(&decoder, &input);
        }
        decoded.is_cut = decoder.has_begun(&input);
        decoded
    }

    fn decode_all(
        &self,
        decoder: &mut Decoder,
        input: &mut BytesMut,
        messages: &mut Vec<Bytes>,
    ) -> Result<(), ExchangeDecodeError> {
        loop {
            let before = input.clone();
            let Some(message) = decoder.decode(input)? else {
                assert_eq!(before, *input, "nothing is taken of a part");
                return Ok(());
            };
            let taken = before.get(..before.len() - input.len());
            let encoded = self.encode(&message).expect("it is within the limit");
            assert_eq!(Some(&encoded[..]), taken);
            messages.push(message);
        }
    }

    fn check_waiting(&self, decoder: &Decoder, input: &BytesMut) {
        let longest = self.max_message_bytes as usize + HEADER_BYTES;
        let missing = decoder.missing_bytes(input);
        assert_eq!(decoder.has_begun(input), !input.is_empty());
        assert_eq!(missing == 0, input.is_empty(), "a frame lacks something");
        assert!(input.len() + missing <= longest, "a frame is too long");
    }

    fn check_end(&self, error: ExchangeDecodeError, before: &[Bytes]) {
        let is_right = match error {
            ExchangeDecodeError::TooLarge { bytes, limit } => {
                bytes > limit && limit == self.max_message_bytes
            }
            ExchangeDecodeError::Checksum { expected, found } => expected != found,
            ExchangeDecodeError::Busy { retry_after } => {
                self.is_client && before.is_empty() && !retry_after.is_zero()
            }
            // A first header of zeros is one to a client, too.
            _ => true,
        };
        assert!(is_right, "{error} after {} messages", before.len());
    }

    /// Sends `message` and reads it back.
    fn check_message(&self, message: &[u8]) {
        let fits = u32::try_from(message.len()).is_ok_and(|bytes| bytes <= self.max_message_bytes);
        let message = Bytes::copy_from_slice(message);
        match self.encode(&message) {
            Ok(wire) => {
                let mut input = BytesMut::from(&wire[..]);
                assert_eq!(self.decoder().decode(&mut input), Ok(Some(message)));
                assert!(input.is_empty());
            }
            Err(ExchangeEncodeError::Empty) => assert!(message.is_empty()),
            Err(error) => assert!(!fits, "{error}"),
        }
    }

    fn encode(&self, message: &Bytes) -> Result<Bytes, ExchangeEncodeError> {
        let mut out = Segments::new();
        Encoder::new(self.variant, self.max_message_bytes).encode(message, &mut out)?;
        Ok(out.copy_to_bytes(out.remaining()))
    }

    fn decoder(&self) -> Decoder {
        if self.is_client {
            Decoder::for_client(self.variant, self.max_message_bytes)
        } else {
            Decoder::new(self.variant, self.max_message_bytes)
        }
    }

    /// Makes the sums of all frames right, so that mutations get past them.
    fn repair(&self, mut rest: &mut [u8]) {
        while let Some((header, after)) = rest.split_first_chunk_mut::<HEADER_BYTES>() {
            let mut repaired = Header::read(header);
            let length = repaired.message_bytes as usize;
            let Some((message, after)) = after.split_at_mut_checked(length) else {
                return;
            };
            if !message.is_empty() {
                repaired.crc = self.variant.crc(message);
                *header = repaired.to_bytes();
            }
            rest = after;
        }
    }
}

/// A stream that failed once is not read again, whatever comes.
fn check_failed(error: ExchangeDecodeError, decoder: &mut Decoder, input: &mut BytesMut) {
    let bytes = input.len();
    for more in ["", "more"] {
        input.extend_from_slice(more.as_bytes());
        assert_eq!(decoder.decode(input), Err(error));
        assert_eq!(input.len(), bytes + more.len());
        assert_eq!(decoder.missing_bytes(input), 0);
        assert!(!decoder.has_begun(input));
    }
}

/// Frames have the other sum.
const CASTAGNOLI: u8 = 1;
/// The bytes are read as answers.
const CLIENT: u8 = 1 << 1;
/// Sums are made right before decoding.
const REPAIRED: u8 = 1 << 2;
