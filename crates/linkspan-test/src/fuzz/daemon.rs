//! Daemon frames, and what their bodies say.

use bytes::{Buf, Bytes, BytesMut};
use linkspan::daemon::wire::{FromClient, FromDaemon};
use proto::error::{DelimitedDecodeError, DelimitedEncodeError};
use proto::frame::Segments;
use proto::frame::delimited::{
    Decoder, Encoder, Frame, HEADER_BYTES, Kind, Limits, MAX_CONTROL_BYTES,
};

use crate::fuzz::wire::reads;

/// Decodes `data` after its first seven bytes, which say how.
///
/// - However the bytes are cut into reads, the same frames come out, and the same error.
/// - What waits for the rest of a frame is never longer than the longest frame.
/// - What was decoded is encoded to the bytes that it was decoded from.
/// - After an error nothing is taken, and the error stays.
/// - A body that is a message is still the same one after it was encoded by us.
pub fn daemon(data: &[u8]) {
    let Some((head, wire)) = data.split_first_chunk::<7>() else {
        return;
    };
    let [options, a, b, c, d, lengths @ ..] = *head;
    let mut limits = Limits::default();
    limits.max_command_bytes = u16::from_le_bytes([a, b]).into();
    limits.max_chunk_bytes = u16::from_le_bytes([c, d]).into();
    let case = Case {
        limits,
        opens: options & OPENS != 0,
    };
    let mut wire = wire.to_vec();
    if options & REPAIRED != 0 {
        repair(&mut wire);
    }
    let whole = case.decode([&wire[..]].into_iter());
    let pieces = case.decode(reads(&wire, lengths));
    assert_eq!(whole, pieces);
    for frame in whole.frames {
        check_messages(&frame);
    }
}

/// How the bytes are to be read.
struct Case {
    limits: Limits,
    /// Whether the versions are agreed on after the first frame.
    opens: bool,
}

/// What came out of some bytes.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    frames: Vec<Frame>,
    end: Option<DelimitedDecodeError>,
    /// Whether the bytes end in the middle of a frame.
    is_cut: bool,
}

impl Case {
    fn decode<'a>(&self, reads: impl Iterator<Item = &'a [u8]>) -> Decoded {
        let mut decoder = Decoder::new(self.limits);
        let mut input = BytesMut::new();
        let mut decoded = Decoded::default();
        for read in reads {
            input.extend_from_slice(read);
            if let Err(error) = self.decode_all(&mut decoder, &mut input, &mut decoded.frames) {
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
        frames: &mut Vec<Frame>,
    ) -> Result<(), DelimitedDecodeError> {
        loop {
            let before = input.clone();
            let Some(frame) = decoder.decode(input)? else {
                assert_eq!(before, *input, "nothing is taken of a part");
                return Ok(());
            };
            let taken = before.get(..before.len() - input.len());
            let mut out = Segments::new();
            let encoder = Encoder::new(self.limits);
            let encoded = encoder.encode(frame.kind, &frame.body, &mut out);
            encoded.expect("it is within the limit");
            assert_eq!(Some(&out.copy_to_bytes(out.remaining())[..]), taken);
            frames.push(frame);
            if self.opens {
                decoder.open();
            }
        }
    }

    fn check_waiting(&self, decoder: &Decoder, input: &BytesMut) {
        let limits = [self.limits.max_command_bytes, self.limits.max_chunk_bytes];
        let longest = limits.into_iter().fold(MAX_CONTROL_BYTES, u32::max);
        let longest = longest as usize + CHUNK_PREFIX_BYTES + HEADER_BYTES;
        let missing = decoder.missing_bytes(input);
        assert_eq!(decoder.has_begun(input), !input.is_empty());
        assert_eq!(missing == 0, input.is_empty(), "a frame lacks something");
        assert!(input.len() + missing <= longest, "a frame is too long");
    }
}

/// A stream that failed once is not read again, whatever comes.
fn check_failed(error: DelimitedDecodeError, decoder: &mut Decoder, input: &mut BytesMut) {
    let bytes = input.len();
    for more in ["", "more"] {
        input.extend_from_slice(more.as_bytes());
        decoder.open();
        assert_eq!(decoder.decode(input), Err(error));
        assert_eq!(input.len(), bytes + more.len());
        assert_eq!(decoder.missing_bytes(input), 0);
        assert!(!decoder.has_begun(input));
    }
}

/// Reads a frame as either side would, and again after it was encoded by us.
fn check_messages(frame: &Frame) {
    if let Ok(Some(message)) = FromClient::decode(frame.clone())
        && let Some(again) = rewritten(|out| message.encode(&Encoder::new(Limits::default()), out))
    {
        assert_eq!(FromClient::decode(again), Ok(Some(message)));
    }
    if let Ok(Some(message)) = FromDaemon::decode(frame.clone())
        && let Some(again) = rewritten(|out| message.encode(&Encoder::new(Limits::default()), out))
    {
        assert_eq!(FromDaemon::decode(again), Ok(Some(message)));
    }
}

/// What was encoded, as a frame; nothing if it became too long, because defaults are written out.
fn rewritten(
    encode: impl FnOnce(&mut Segments) -> Result<(), DelimitedEncodeError>,
) -> Option<Frame> {
    let mut out = Segments::new();
    encode(&mut out).ok()?;
    let mut wire: Bytes = out.copy_to_bytes(out.remaining());
    let length = wire.get_u32() as usize;
    assert_eq!(length, wire.len());
    let kind = Kind::from_number(wire.get_u8());
    Some(Frame::new(kind.expect("it was encoded"), wire))
}

/// Makes the lengths of all frames end with the bytes that there are, so that mutations which add
/// and remove bytes get past them.
fn repair(mut rest: &mut [u8]) {
    while let Some((length, after)) = rest.split_first_chunk_mut::<4>() {
        let announced = u32::from_be_bytes(*length) as usize;
        let fitting = announced.clamp(1, after.len().max(1));
        *length = u32::try_from(fitting).unwrap_or(u32::MAX).to_be_bytes();
        let Some((_, after)) = after.split_at_mut_checked(fitting) else {
            return;
        };
        rest = after;
    }
}

/// The versions are agreed on after the first frame.
const OPENS: u8 = 1;
/// Lengths are made right before decoding.
const REPAIRED: u8 = 1 << 1;
const CHUNK_PREFIX_BYTES: usize = 4;
