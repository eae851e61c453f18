//! Exchange frames: what is written, what is read, and what is refused.

mod variant;

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{Blame, ExchangeDecodeError, ExchangeEncodeError};
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::crc32::{Decoder, Encoder, HEADER_BYTES, Header, Variant};
use proptest::prelude::*;

const LIMIT: u32 = 64;

#[test]
fn a_frame_may_be_cut_at_every_byte() {
    let (first, second) = (sample(), message(3));
    let wire = [frame(Variant::Ieee, &first), frame(Variant::Ieee, &second)].concat();
    let first_bytes = HEADER_BYTES + first.len();
    for cut in 0..=wire.len() {
        let (mut decoder, mut input) = (decoder(), BytesMut::from(&wire[..cut]));
        let mut messages = drain(&mut decoder, &mut input).unwrap();
        assert_eq!(
            messages.len(),
            usize::from(cut >= first_bytes) + usize::from(cut == wire.len())
        );
        let is_between = [0, first_bytes, wire.len()].contains(&cut);
        assert_eq!(decoder.has_begun(&input), !is_between, "cut at {cut}");

        input.extend_from_slice(&wire[cut..]);
        messages.extend(drain(&mut decoder, &mut input).unwrap());
        assert_eq!(messages, [&first[..], &second], "cut at {cut}");
        assert!(!decoder.has_begun(&input));
    }
}

#[test]
fn the_missing_bytes_are_exactly_those_of_the_frame() {
    let wire = frame(Variant::Ieee, &message(20));
    let (mut decoder, mut input) = (decoder(), BytesMut::new());
    assert_eq!(decoder.missing_bytes(&input), 0);
    for (count, byte) in (1..).zip(&wire[..wire.len() - 1]) {
        input.extend_from_slice(&[*byte]);
        assert_eq!(decoder.decode(&mut input), Ok(None));
        let whole = if count < HEADER_BYTES {
            HEADER_BYTES
        } else {
            wire.len()
        };
        assert_eq!(decoder.missing_bytes(&input), whole - count);
        assert!(decoder.has_begun(&input));
    }
    input.extend_from_slice(&wire[wire.len() - 1..]);
    assert!(decoder.decode(&mut input).unwrap().is_some());
    assert_eq!(decoder.missing_bytes(&input), 0);
}

#[test]
fn three_frames_in_one_read_come_one_by_one_and_without_a_copy() {
    let messages = [message(1), message(LIMIT as usize), message(9)];
    let wire: Vec<u8> = messages
        .iter()
        .flat_map(|message| frame(Variant::Castagnoli, message))
        .collect();
    let mut input = BytesMut::from(&wire[..]);
    let mut address = input.as_ptr() as usize;
    let mut decoder = Decoder::new(Variant::Castagnoli, LIMIT);
    for message in messages {
        let decoded = decoder.decode(&mut input).unwrap().unwrap();
        assert_eq!(decoded, message);
        assert_eq!(decoded.as_ptr() as usize, address + HEADER_BYTES);
        address += HEADER_BYTES + message.len();
    }
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert!(!decoder.has_begun(&input));
}

#[test]
fn every_flipped_bit_of_the_sum_and_the_message_is_noticed() {
    for variant in Variant::ALL {
        let wire = frame(variant, &sample());
        for bit in LENGTH_BITS..wire.len() * 8 {
            let mut decoder = Decoder::new(variant, LIMIT);
            let decoded = decoder.decode(&mut flipped(&wire, bit));
            assert!(is_checksum(&decoded), "{variant}, bit {bit}: {decoded:?}");
        }
    }
}

/// A shorter length is noticed by the sum, one over the limit by itself. Any other waits for bytes;
/// these end it by the sum, and the end of the stream by being in the middle of a frame.
#[test]
fn no_flipped_bit_of_the_length_lets_a_message_through() {
    for variant in Variant::ALL {
        let message = sample();
        let wire = frame(variant, &message);
        for bit in 0..LENGTH_BITS {
            let (mut decoder, mut input) = (Decoder::new(variant, LIMIT), flipped(&wire, bit));
            let claimed = u32::try_from(message.len()).unwrap() ^ (1 << bit);
            let decoded = decoder.decode(&mut input);
            if claimed > LIMIT {
                let error = ExchangeDecodeError::TooLarge {
                    bytes: claimed,
                    limit: LIMIT,
                };
                assert_eq!(decoded, Err(error));
            } else if claimed as usize > message.len() {
                assert_eq!(decoded, Ok(None), "bit {bit}");
                assert!(decoder.has_begun(&input));
                assert_eq!(
                    decoder.missing_bytes(&input),
                    claimed as usize - message.len()
                );
                let more = frame(variant, &self::message(LIMIT as usize));
                input.extend_from_slice(&more);
                assert!(is_checksum(&decoder.decode(&mut input)), "bit {bit}");
            } else {
                assert!(is_checksum(&decoded), "bit {bit}: {decoded:?}");
            }
        }
    }
}

#[test]
fn frames_of_the_other_variant_are_refused() {
    let mut input = BytesMut::from(&frame(Variant::Castagnoli, b"\x0a\x03t-1")[..]);
    let error = decoder().decode(&mut input).unwrap_err();
    assert_eq!(
        error.to_string(),
        "checksum of the frame is 27779a3b, its bytes give bc2bda0b"
    );
    assert_eq!(error.blame(), Blame::Peer);
}

#[test]
fn lengths_are_judged_by_their_four_bytes_before_anything_is_allocated() {
    let too_large = |bytes| ExchangeDecodeError::TooLarge {
        bytes,
        limit: LIMIT,
    };
    let cases = [
        (0, Some(ExchangeDecodeError::Empty)),
        (1, None),
        (LIMIT - 1, None),
        (LIMIT, None),
        (LIMIT + 1, Some(too_large(LIMIT + 1))),
        (u32::MAX, Some(too_large(u32::MAX))),
    ];
    for (length, error) in cases {
        let (mut decoder, mut input) = (decoder(), BytesMut::with_capacity(HEADER_BYTES));
        let capacity = input.capacity();
        for byte in &length.to_le_bytes()[..3] {
            input.extend_from_slice(&[*byte]);
            assert_eq!(decoder.decode(&mut input), Ok(None));
        }
        input.extend_from_slice(&length.to_le_bytes()[3..]);
        assert_eq!(decoder.decode(&mut input), error.map_or(Ok(None), Err));
        assert_eq!(decoder.has_begun(&input), error.is_none());
        assert_eq!(decoder.missing_bytes(&input) == 0, error.is_some());
        assert_eq!(input.capacity(), capacity, "length {length}");
    }
    let error = too_large(LIMIT + 1).to_string();
    assert_eq!(error, "frame of 65 bytes exceeds the limit of 64 bytes");
}

#[test]
fn messages_up_to_the_limit_are_sent_and_read() {
    let encoder = Encoder::new(Variant::Ieee, LIMIT);
    for length in [1, LIMIT - 1, LIMIT] {
        let (message, mut wire) = (message(length as usize), Segments::new());
        encoder.encode(&message, &mut wire).unwrap();
        let mut input = BytesMut::from(&wire.copy_to_bytes(wire.remaining())[..]);
        assert_eq!(decoder().decode(&mut input), Ok(Some(message)));
    }
}

#[test]
fn nothing_is_written_of_a_message_that_does_not_fit() {
    let mut out = Segments::new();
    let encoder = Encoder::new(Variant::Ieee, LIMIT);
    let empty = encoder.encode(&Bytes::new(), &mut out).unwrap_err();
    assert_eq!(empty, ExchangeEncodeError::Empty);
    let long = encoder.encode(&message(65), &mut out).unwrap_err();
    assert_eq!(
        long.to_string(),
        "message of 65 bytes exceeds the limit of 64 bytes"
    );
    assert_eq!(long.blame(), Blame::Caller);
    assert!(out.is_empty());
}

#[test]
fn large_messages_are_sent_by_reference() {
    let (small, large) = (message(4095), message(4096));
    let mut out = Segments::new();
    let encoder = Encoder::new(Variant::Ieee, u32::MAX);
    encoder.encode(&small, &mut out).unwrap();
    encoder.encode(&large, &mut out).unwrap();
    assert_eq!(out.chunk().len(), HEADER_BYTES + small.len() + HEADER_BYTES);
    out.advance(out.chunk().len());
    assert_eq!(out.chunk().as_ptr(), large.as_ptr());
    assert_eq!(out.chunk(), large);
}

#[test]
fn after_an_error_there_is_only_that_error() {
    let (good, mut bad) = (
        frame(Variant::Ieee, &sample()),
        frame(Variant::Ieee, &sample()),
    );
    bad[HEADER_BYTES] ^= 1;
    for bad in [bad, vec![0; 4], vec![0xff; 8]] {
        let (mut decoder, mut input) = (decoder(), BytesMut::from(&good[..]));
        input.extend_from_slice(&bad);
        assert_eq!(decoder.decode(&mut input), Ok(Some(sample())));
        let error = decoder.decode(&mut input).unwrap_err();
        for mut further in [input, BytesMut::from(&good[..]), BytesMut::new()] {
            assert_eq!(decoder.decode(&mut further), Err(error));
            assert!(!decoder.has_begun(&further));
            assert_eq!(decoder.missing_bytes(&further), 0);
        }
    }
}

#[test]
fn a_busy_server_says_when_to_come_back() {
    let retry_after = Duration::from_millis(250);
    let wire = Header::busy(retry_after).to_bytes();
    let (mut decoder, mut input) = (client(), BytesMut::new());
    for byte in &wire[..7] {
        input.extend_from_slice(&[*byte]);
        assert_eq!(decoder.decode(&mut input), Ok(None));
        // A server that is cut off here has not refused.
        assert!(decoder.has_begun(&input));
    }
    input.extend_from_slice(&wire[7..]);
    let busy = ExchangeDecodeError::Busy { retry_after };
    assert_eq!(decoder.decode(&mut input), Err(busy));
    assert_eq!(decoder.decode(&mut BytesMut::new()), Err(busy));
    assert_eq!(
        busy.to_string(),
        "the server is busy, it says to come back after 250ms"
    );
}

#[test]
fn nobody_is_busy_after_the_first_frame_or_towards_a_server() {
    let busy = Header::busy(Duration::from_secs(1)).to_bytes();
    let empty = Err(ExchangeDecodeError::Empty);
    assert_eq!(decoder().decode(&mut BytesMut::from(&busy[..])), empty);

    let (mut decoder, mut input) = (
        client(),
        BytesMut::from(&frame(Variant::Ieee, b"answer")[..]),
    );
    input.extend_from_slice(&busy);
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap(), "answer");
    assert_eq!(decoder.decode(&mut input), empty);
}

/// A server of another make may answer so, and has handled the question then.
#[test]
fn an_empty_message_with_its_sum_is_not_a_busy_server() {
    for variant in Variant::ALL {
        let mut wire = BytesMut::from(&[0; 4][..]);
        wire.extend_from_slice(&variant.crc(b"").to_le_bytes());
        let decoded = Decoder::for_client(variant, 100).decode(&mut wire);
        assert_eq!(decoded, Err(ExchangeDecodeError::Empty));
    }
}

#[test]
fn times_to_come_back_are_rounded_up_and_bounded() {
    let cases = [
        (Duration::ZERO, 1),
        (Duration::from_nanos(1), 1),
        (Duration::from_micros(1500), 2),
        (Duration::from_millis(u32::MAX.into()), u32::MAX),
        (Duration::MAX, u32::MAX),
    ];
    for (retry_after, millis) in cases {
        let header = Header::busy(retry_after);
        assert_eq!((header.message_bytes, header.crc), (0, millis));
        assert_eq!(Header::read(&header.to_bytes()), header);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn messages_come_back_as_they_went_however_they_are_cut(
        is_castagnoli: bool,
        lengths in prop::collection::vec(1_usize..10_000, 1..6),
        reads in prop::collection::vec(1_usize..5_000, 1..8),
    ) {
        let variant = if is_castagnoli { Variant::Castagnoli } else { Variant::Ieee };
        let messages: Vec<_> = lengths.iter().map(|length| message(*length)).collect();
        let encoder = Encoder::new(variant, 10_000);
        let mut wire = Segments::new();
        for message in &messages {
            encoder.encode(message, &mut wire).unwrap();
        }
        let (mut decoder, mut input) = (Decoder::for_client(variant, 10_000), BytesMut::new());
        let mut decoded = Vec::new();
        for read in reads.iter().cycle() {
            let read = wire.copy_to_bytes((*read).min(wire.remaining()));
            input.extend_from_slice(&read);
            decoded.extend(drain(&mut decoder, &mut input).unwrap());
            prop_assert_eq!(decoder.has_begun(&input), decoder.missing_bytes(&input) > 0);
            if wire.is_empty() {
                break;
            }
        }
        prop_assert_eq!(decoded, messages);
        prop_assert!(!decoder.has_begun(&input));
    }

    #[test]
    fn arbitrary_bytes_are_a_message_only_with_their_sum(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        limit in 0_u32..300,
    ) {
        let mut decoder = Decoder::new(Variant::Ieee, limit);
        let mut input = BytesMut::from(&bytes[..]);
        let mut rest = &bytes[..];
        while let Ok(Some(message)) = decoder.decode(&mut input) {
            let wire = rest.split_off(..HEADER_BYTES + message.len()).unwrap();
            prop_assert_eq!(wire, frame(Variant::Ieee, &message));
        }
    }
}

fn decoder() -> Decoder {
    Decoder::new(Variant::Ieee, LIMIT)
}

fn client() -> Decoder {
    Decoder::for_client(Variant::Ieee, LIMIT)
}

/// A message of which every length bit, flipped, gives another legal or illegal length.
fn sample() -> Bytes {
    message(21)
}

fn message(bytes: usize) -> Bytes {
    (0_u8..=250).cycle().take(bytes).collect()
}

fn frame(variant: Variant, message: &[u8]) -> Vec<u8> {
    let mut out = Segments::new();
    let message = Bytes::copy_from_slice(message);
    let encoder = Encoder::new(variant, u32::MAX);
    encoder.encode(&message, &mut out).unwrap();
    out.copy_to_bytes(out.remaining()).to_vec()
}

fn flipped(wire: &[u8], bit: usize) -> BytesMut {
    let mut wire = BytesMut::from(wire);
    *wire.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
    wire
}

/// All messages that are complete.
fn drain(decoder: &mut Decoder, input: &mut BytesMut) -> Result<Vec<Bytes>, ExchangeDecodeError> {
    let mut messages = Vec::new();
    while let Some(message) = decoder.decode(input)? {
        messages.push(message);
    }
    Ok(messages)
}

fn is_checksum(decoded: &Result<Option<Bytes>, ExchangeDecodeError>) -> bool {
    matches!(decoded, Err(ExchangeDecodeError::Checksum { expected, found }) if expected != found)
}

const LENGTH_BITS: usize = 32;
