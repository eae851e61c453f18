use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{Category, Code, DecodeError};
use linkspan_proto::frame::{Checksum, Flags, Frame, Segments};
use linkspan_proto::message::{
    Cancel, CancelReason, Chunk, Credit, Event, Failure, Goodbye, Heartbeat, Message, Metadata,
    Request, Response, Status, Usage,
};
use linkspan_proto::{Decoder, StreamId};
use proptest::prelude::*;

const LIMIT: u32 = 1024 * 1024;

fn decoder() -> Decoder {
    Decoder::new(1, Checksum::Crc32, LIMIT)
}

fn encode(frame: &Frame) -> Vec<u8> {
    let mut segments = Segments::new();
    frame.encode(1, Checksum::Crc32, &mut segments);
    segments.copy_to_bytes(segments.remaining()).to_vec()
}

fn frame(message: Message) -> Frame {
    Frame::new(5, StreamId::new(3), Flags::NONE, message)
}

fn metadata() -> Metadata {
    let mut metadata = Metadata::new();
    metadata.set_text(Metadata::CONTENT_TYPE, "json");
    metadata.set_text("something-new", "kept");
    let mut usage = Usage::default();
    usage.time = Duration::from_micros(12);
    usage.peak_bytes = Some(4096);
    metadata.set_usage(&usage);
    metadata
}

fn messages() -> Vec<Message> {
    let mut request = Request::new("host.processes", Bytes::from("arguments"));
    request.timeout = Some(Duration::from_millis(1500));
    request.metadata = Some(Box::new(metadata()));
    let mut response = Response::new(Status::Error, Bytes::from("error"));
    response.metadata = Some(Box::new(metadata()));
    let mut event = Event::new("topic/a", 1_700_000_000_000_000, Bytes::from("event"));
    event.metadata = Some(Box::new(metadata()));
    let failure = Failure::new(Category::Limit, Code::BUSY, "all 100 connections are taken")
        .retry_after(Duration::from_millis(250))
        .because(&std::io::Error::other("cause"));
    vec![
        Message::Request(request),
        Message::Request(Request::new("", Bytes::new())),
        Message::Response(response),
        Message::Response(Response::new(Status::Ok, vec![1; 10_000].into())),
        Message::Event(event),
        Message::Heartbeat(Heartbeat::Ask),
        Message::Heartbeat(Heartbeat::Answer),
        Message::Error(Box::new(failure)),
        Message::Chunk(Chunk::new(9, vec![2; 100_000].into())),
        Message::Credit(Credit::new(u64::MAX)),
        Message::Cancel(Cancel::new(CancelReason::Deadline)),
        Message::Cancel(Cancel::new(CancelReason::Other(77))),
        Message::End,
        Message::Goodbye(Goodbye::new(StreamId::new(17), "restart")),
        Message::Unknown(200),
    ]
}

#[test]
fn every_message_comes_back_as_it_went() {
    for message in messages() {
        let frame = frame(message);
        let mut input = BytesMut::from(&encode(&frame)[..]);
        assert_eq!(input.len() as u64, frame.wire_bytes());
        assert_eq!(decoder().decode(&mut input).unwrap(), Some(frame));
        assert!(input.is_empty());
    }
}

#[test]
fn frames_may_come_in_pieces_of_any_size() {
    let frames: Vec<Frame> = messages().into_iter().map(frame).collect();
    let bytes: Vec<u8> = frames.iter().flat_map(encode).collect();
    for step in [1, 2, 35, 36, 37, 1000, 65_536, bytes.len()] {
        let (mut decoder, mut input, mut decoded) = (decoder(), BytesMut::new(), Vec::new());
        for piece in bytes.chunks(step) {
            input.extend_from_slice(piece);
            while let Some(frame) = decoder.decode(&mut input).unwrap() {
                decoded.push(frame);
            }
            assert!(decoder.missing_bytes(&input) > 0 || input.is_empty());
        }
        assert_eq!(decoded, frames, "step {step}");
    }
}

#[test]
fn the_missing_bytes_are_exactly_those_of_the_frame() {
    let bytes = encode(&frame(Message::Chunk(Chunk::new(0, vec![0; 1000].into()))));
    let mut input = BytesMut::new();
    let mut decoder = decoder();
    assert_eq!(decoder.missing_bytes(&input), 0);
    for (count, byte) in (1..).zip(&bytes[..bytes.len() - 1]) {
        input.extend_from_slice(&[*byte]);
        assert_eq!(decoder.decode(&mut input), Ok(None));
        let whole = if count < 36 { 36 } else { bytes.len() };
        assert_eq!(decoder.missing_bytes(&input), whole - count);
    }
}

#[test]
fn bodies_are_slices_of_the_input() {
    let bytes = encode(&frame(Message::Chunk(Chunk::new(0, vec![7; 5_000].into()))));
    let mut input = BytesMut::from(&bytes[..]);
    let range = input.as_ptr_range();
    let Some(Frame {
        message: Message::Chunk(chunk),
        ..
    }) = decoder().decode(&mut input).unwrap()
    else {
        panic!("a chunk");
    };
    assert!(range.contains(&chunk.body.as_ptr()));
}

#[test]
fn lengths_at_below_and_above_the_limit() {
    let header = |length: u32| {
        let mut bytes = encode(&frame(Message::Chunk(Chunk::new(0, Bytes::new()))))[..36].to_vec();
        bytes[32..36].copy_from_slice(&length.to_le_bytes());
        BytesMut::from(&bytes[..])
    };
    for length in [0, 1, LIMIT - 1, LIMIT] {
        assert_eq!(decoder().decode(&mut header(length)), Ok(None), "{length}");
    }
    for length in [LIMIT + 1, u32::MAX] {
        let error = decoder().decode(&mut header(length)).unwrap_err();
        assert_eq!(
            error,
            DecodeError::TooLarge {
                bytes: length,
                limit: LIMIT
            }
        );
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = encode(&frame(Message::Request(Request::new(
        "method",
        Bytes::from("body"),
    ))));
    for bit in 0..bytes.len() * 8 {
        let mut flipped = BytesMut::from(&bytes[..]);
        flipped[bit / 8] ^= 1 << (bit % 8);
        let result = decoder().decode(&mut flipped);
        // A changed length may merely ask for more bytes; the session's read limit ends that.
        let in_length = (32..36).contains(&(bit / 8));
        assert!(
            result.is_err() || (in_length && result == Ok(None)),
            "bit {bit}: {result:?}"
        );
    }
}

#[test]
fn without_checksums_the_trailer_is_zero() {
    let frame = frame(Message::Chunk(Chunk::new(0, Bytes::from("data"))));
    let mut segments = Segments::new();
    frame.encode(1, Checksum::Off, &mut segments);
    let bytes = segments.copy_to_bytes(segments.remaining());
    assert_eq!(bytes[bytes.len() - 8..], [0; 8]);
    let mut decoder = Decoder::new(1, Checksum::Off, LIMIT);
    assert_eq!(
        decoder.decode(&mut BytesMut::from(&bytes[..])),
        Ok(Some(frame))
    );
}

#[test]
fn malformed_messages_name_the_part() {
    let cases: [(&[u8], Message, &str); 3] = [
        (
            &[9, 0, b'x'],
            Message::Request(Request::default()),
            "method",
        ),
        (
            &[2, 0, 0xff, 0xfe],
            Message::Event(Event::default()),
            "topic",
        ),
        (
            b"not msgpack",
            Message::Error(Box::new(Failure::new(Category::Other, Code::BUSY, ""))),
            "error",
        ),
    ];
    for (payload, message, part) in cases {
        let mut bytes = encode(&frame(message))[..36].to_vec();
        bytes[32..36].copy_from_slice(&(u32::try_from(payload.len()).unwrap()).to_le_bytes());
        let sums = [crc32fast::hash(&bytes), crc32fast::hash(payload)];
        bytes.extend_from_slice(payload);
        bytes.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        let error = decoder()
            .decode(&mut BytesMut::from(&bytes[..]))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            format!("frame 5 on stream 3: the {part} is malformed")
        );
    }
}

#[test]
fn metadata_keeps_what_it_does_not_know() {
    let mut request = Request::new("m", Bytes::new());
    request.metadata = Some(Box::new(metadata()));
    let mut input = BytesMut::from(&encode(&frame(Message::Request(request)))[..]);
    let decoded = decoder().decode(&mut input).unwrap().unwrap();
    let Message::Request(request) = decoded.message else {
        panic!()
    };
    let metadata = request.metadata.unwrap();
    assert_eq!(metadata.text("something-new"), Some("kept"));
    assert_eq!(metadata.text(Metadata::CONTENT_TYPE), Some("json"));
    assert_eq!(metadata.usage().unwrap().peak_bytes, Some(4096));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut input = BytesMut::from(&bytes[..]);
        let mut decoder = decoder();
        while let Ok(Some(_)) = decoder.decode(&mut input) {}
    }

    #[test]
    fn arbitrary_payloads_with_right_sums_never_panic(
        kind in 0_u8..14,
        flags in 0_u16..64,
        number in 0_u64..5,
        payload in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut bytes = b"LSPN\x01".to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&1_u64.to_le_bytes());
        bytes.extend_from_slice(&1_u64.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&(u32::try_from(payload.len()).unwrap()).to_le_bytes());
        let sums = [crc32fast::hash(&bytes), crc32fast::hash(&payload)];
        bytes.extend_from_slice(&payload);
        bytes.extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        let mut input = BytesMut::from(&bytes[..]);
        if let Ok(Some(frame)) = decoder().decode(&mut input) {
            // What was understood can be said again.
            let mut again = BytesMut::from(&encode(&frame)[..]);
            prop_assert_eq!(decoder().decode(&mut again).unwrap(), Some(frame));
        }
    }
}
