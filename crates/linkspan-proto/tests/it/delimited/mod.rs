//! Daemon frames: what is written, what is read, and what is refused.

mod place;

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{Blame, DelimitedDecodeError, DelimitedEncodeError};
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::delimited::{
    Decoder, Encoder, Frame, HEADER_BYTES, Kind, Limits, MAX_CONTROL_BYTES,
};
use proptest::prelude::*;

#[test]
fn a_frame_may_be_cut_at_every_byte() {
    let frames = [
        Frame::new(Kind::Command, body(21)),
        Frame::new(Kind::Cancel, Bytes::new()),
        Frame::new(Kind::Stdin, body(9)),
    ];
    let ends = [26, 31, 45];
    let wire: Vec<u8> = frames.iter().flat_map(encoded).collect();
    for cut in 0..=wire.len() {
        let (mut decoder, mut input) = (opened(limits()), BytesMut::from(&wire[..cut]));
        let mut decoded = drain(&mut decoder, &mut input).unwrap();
        let complete = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(decoded, frames[..complete], "cut at {cut}");
        let is_between = cut == 0 || ends.contains(&cut);
        assert_eq!(decoder.has_begun(&input), !is_between, "cut at {cut}");

        input.extend_from_slice(&wire[cut..]);
        decoded.extend(drain(&mut decoder, &mut input).unwrap());
        assert_eq!(decoded, frames, "cut at {cut}");
        assert!(!decoder.has_begun(&input));
    }
}

#[test]
fn the_missing_bytes_are_exactly_those_of_the_frame() {
    let wire = encoded(&Frame::new(Kind::Stdout, body(20)));
    let (mut decoder, mut input) = (opened(limits()), BytesMut::new());
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
fn bodies_come_one_by_one_and_without_a_copy() {
    let frames = [
        Frame::new(Kind::Stdout, body(1)),
        Frame::new(Kind::Stderr, body(5000)),
        Frame::new(Kind::Exit, body(9)),
    ];
    let wire: Vec<u8> = frames.iter().flat_map(encoded).collect();
    let mut input = BytesMut::from(&wire[..]);
    let mut address = input.as_ptr() as usize;
    let mut decoder = opened(limits());
    for frame in frames {
        let decoded = decoder.decode(&mut input).unwrap().unwrap();
        assert_eq!(decoded, frame);
        assert_eq!(decoded.body.as_ptr() as usize, address + HEADER_BYTES);
        address += HEADER_BYTES + frame.body.len();
    }
    assert_eq!(decoder.decode(&mut input), Ok(None));
}

#[test]
fn each_kind_has_its_limit_which_is_judged_before_anything_is_allocated() {
    let chunk = limits().max_chunk_bytes + 4;
    for kind in Kind::ALL.into_iter().skip(1).chain([Kind::Unknown(200)]) {
        let limit = match kind {
            Kind::Command => limits().max_command_bytes,
            Kind::Stdin | Kind::Stdout | Kind::Stderr => chunk,
            _ => MAX_CONTROL_BYTES,
        };
        for (bytes, is_within) in [
            (0, true),
            (limit - 1, true),
            (limit, true),
            (limit + 1, false),
        ] {
            let (mut decoder, mut input) =
                (opened(limits()), BytesMut::with_capacity(HEADER_BYTES));
            let capacity = input.capacity();
            input.extend_from_slice(&(bytes + 1).to_be_bytes());
            input.extend_from_slice(&[kind.number()]);
            let decoded = decoder.decode(&mut input);
            match (is_within, bytes) {
                (true, 0) => assert_eq!(decoded, Ok(Some(Frame::new(kind, Bytes::new())))),
                (true, _) => assert_eq!(decoded, Ok(None), "{kind} of {bytes} bytes"),
                (false, _) => assert_eq!(decoded, Err(too_large(bytes, limit))),
            }
            let missing = if is_within { bytes as usize } else { 0 };
            assert_eq!(decoder.missing_bytes(&input), missing);
            assert!(input.capacity() <= capacity, "{kind} of {bytes} bytes");
        }
    }
}

#[test]
fn what_no_kind_may_have_is_refused_by_the_four_bytes_of_its_length() {
    let longest = limits().max_command_bytes;
    let cases = [
        (0, Some(DelimitedDecodeError::Empty)),
        (1, None),
        (longest + 1, None),
        (longest + 2, Some(too_large(longest + 1, longest))),
        (u32::MAX, Some(too_large(u32::MAX - 1, longest))),
    ];
    for (length, error) in cases {
        let (mut decoder, mut input) = (opened(limits()), BytesMut::with_capacity(HEADER_BYTES));
        let capacity = input.capacity();
        for byte in &length.to_be_bytes()[..3] {
            input.extend_from_slice(&[*byte]);
            assert_eq!(decoder.decode(&mut input), Ok(None));
        }
        input.extend_from_slice(&length.to_be_bytes()[3..]);
        assert_eq!(decoder.decode(&mut input), error.map_or(Ok(None), Err));
        assert_eq!(decoder.has_begun(&input), error.is_none());
        assert_eq!(input.capacity(), capacity, "length {length}");
    }
    assert_eq!(
        too_large(65, 64).to_string(),
        "body of 65 bytes exceeds the limit of 64 bytes"
    );
    assert_eq!(too_large(65, 64).blame(), Blame::Peer);
}

#[test]
fn every_flipped_bit_of_a_header_gives_another_frame_an_error_or_a_wait() {
    let frame = Frame::new(Kind::Stdout, body(21));
    let wire = encoded(&frame);
    for bit in 0..HEADER_BYTES * 8 {
        let mut input = BytesMut::from(&wire[..]);
        input[bit / 8] ^= 1 << (bit % 8);
        let mut decoder = opened(limits());
        match decoder.decode(&mut input) {
            Ok(Some(other)) => assert_ne!(other, frame, "bit {bit}"),
            Ok(None) => assert!(decoder.missing_bytes(&input) > 0, "bit {bit}"),
            Err(error) => assert_eq!(decoder.decode(&mut input), Err(error), "bit {bit}"),
        }
    }
}

#[test]
fn bodies_up_to_the_limit_are_sent_and_nothing_is_written_beyond() {
    let encoder = Encoder::new(limits());
    for (kind, limit) in [
        (Kind::Command, limits().max_command_bytes),
        (Kind::Control, MAX_CONTROL_BYTES),
    ] {
        for length in [0, limit - 1, limit] {
            let (body, mut wire) = (body(length as usize), Segments::new());
            encoder.encode(kind, &body, &mut wire).unwrap();
            let mut input = BytesMut::from(&wire.copy_to_bytes(wire.remaining())[..]);
            let frame = opened(limits()).decode(&mut input).unwrap().unwrap();
            assert_eq!(frame, Frame::new(kind, body));
        }
        let mut wire = Segments::new();
        let error = encoder.encode(kind, &body(limit as usize + 1), &mut wire);
        let bytes = u64::from(limit) + 1;
        assert_eq!(
            error,
            Err(DelimitedEncodeError::TooLarge { kind, bytes, limit })
        );
        assert!(wire.is_empty());
    }
}

#[test]
fn chunks_have_the_number_of_their_command_beyond_the_limit() {
    let encoder = Encoder::new(limits());
    let limit = limits().max_chunk_bytes as usize;
    for length in [0, 1, limit] {
        let (data, mut wire) = (body(length), Segments::new());
        encoder
            .encode_chunk(Kind::Stdin, 0x0102_0304, &data, &mut wire)
            .unwrap();
        let mut input = BytesMut::from(&wire.copy_to_bytes(wire.remaining())[..]);
        let frame = opened(limits()).decode(&mut input).unwrap().unwrap();
        assert_eq!(frame.kind, Kind::Stdin);
        assert_eq!(frame.body[..4], [1, 2, 3, 4]);
        assert_eq!(frame.body[4..], data);
    }
    let mut wire = Segments::new();
    let error = encoder
        .encode_chunk(Kind::Stdin, 1, &body(limit + 1), &mut wire)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "stdin of 65537 bytes exceeds the limit of 65536 bytes"
    );
    assert_eq!(error.blame(), Blame::Caller);
    assert!(wire.is_empty());
}

#[test]
fn large_bodies_are_sent_by_reference() {
    let (small, large) = (body(4095), body(4096));
    let mut out = Segments::new();
    let encoder = Encoder::new(limits());
    encoder.encode(Kind::Control, &small, &mut out).unwrap();
    encoder
        .encode_chunk(Kind::Stdout, 1, &large, &mut out)
        .unwrap();
    assert_eq!(out.chunk().len(), 2 * HEADER_BYTES + small.len() + 4);
    out.advance(out.chunk().len());
    assert_eq!(out.chunk().as_ptr(), large.as_ptr());
    assert_eq!(out.chunk(), large);
}

#[test]
fn after_an_error_there_is_only_that_error() {
    let good = encoded(&Frame::new(Kind::Exit, body(3)));
    for bad in [vec![0; 4], vec![0xff; 5], vec![0, 0, 0, 1, 15]] {
        let (mut decoder, mut input) = (opened(limits()), BytesMut::from(&good[..]));
        input.extend_from_slice(&bad);
        assert!(decoder.decode(&mut input).unwrap().is_some());
        let error = decoder.decode(&mut input).unwrap_err();
        for mut further in [input, BytesMut::from(&good[..]), BytesMut::new()] {
            decoder.open();
            assert_eq!(decoder.decode(&mut further), Err(error));
            assert!(!decoder.has_begun(&further));
            assert_eq!(decoder.missing_bytes(&further), 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn frames_come_back_as_they_went_however_they_are_cut(
        frames in prop::collection::vec((1_usize..14, 0_usize..10_000), 1..6),
        reads in prop::collection::vec(1_usize..5_000, 1..8),
    ) {
        let frame = |(place, length): &(usize, usize)| Frame::new(Kind::ALL[*place], body(*length));
        let frames: Vec<_> = frames.iter().map(frame).collect();
        let mut wire = Segments::new();
        for frame in &frames {
            Encoder::new(limits()).encode(frame.kind, &frame.body, &mut wire).unwrap();
        }
        let (mut decoder, mut input) = (opened(limits()), BytesMut::new());
        let mut decoded = Vec::new();
        for read in reads.iter().cycle() {
            let read = wire.copy_to_bytes((*read).min(wire.remaining()));
            input.extend_from_slice(&read);
            decoded.extend(drain(&mut decoder, &mut input).unwrap());
            let is_waiting = decoder.missing_bytes(&input) > 0;
            prop_assert_eq!(decoder.has_begun(&input), is_waiting);
            if wire.is_empty() {
                break;
            }
        }
        prop_assert_eq!(decoded, frames);
        prop_assert!(!decoder.has_begun(&input));
    }
}

/// A decoder that has seen the version check.
fn opened(limits: Limits) -> Decoder {
    let mut decoder = Decoder::new(limits);
    let mut check = BytesMut::from(&encoded(&Frame::new(Kind::VersionCheck, Bytes::new()))[..]);
    decoder.decode(&mut check).unwrap().unwrap();
    decoder.open();
    decoder
}

/// So small that every limit is met quickly, and no two are the same.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_command_bytes = 70_000;
    limits.max_chunk_bytes = 65_536;
    limits
}

fn body(bytes: usize) -> Bytes {
    (0_u8..=250).cycle().take(bytes).collect()
}

fn encoded(frame: &Frame) -> Vec<u8> {
    let mut out = Segments::new();
    let encoder = Encoder::new(limits());
    encoder.encode(frame.kind, &frame.body, &mut out).unwrap();
    out.copy_to_bytes(out.remaining()).to_vec()
}

/// All frames that are complete.
fn drain(decoder: &mut Decoder, input: &mut BytesMut) -> Result<Vec<Frame>, DelimitedDecodeError> {
    let mut frames = Vec::new();
    while let Some(frame) = decoder.decode(input)? {
        frames.push(frame);
    }
    Ok(frames)
}

fn too_large(bytes: u32, limit: u32) -> DelimitedDecodeError {
    DelimitedDecodeError::TooLarge { bytes, limit }
}
