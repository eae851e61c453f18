//! Section 18 of docs/protocol.md against the frames; what they say is compared in `linkspan`.

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::DelimitedDecodeError;
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::delimited::{
    Decoder, Encoder, HEADER_BYTES, Kind, Limits, MAX_CONTROL_BYTES,
};

use super::document::{blocks, rows};

#[test]
fn golden_daemon_frames_are_those_that_the_code_writes_and_reads() {
    let golden = blocks("daemon");
    for (name, documented) in &golden {
        let (mut input, mut out) = (BytesMut::from(&documented[..]), Segments::new());
        let frame = decoder_for(documented[4]).decode(&mut input);
        let frame = frame.unwrap().unwrap_or_else(|| panic!("{name} is cut"));
        assert!(input.is_empty(), "{name} is longer than a frame");
        let encoder = Encoder::new(Limits::default());
        encoder.encode(frame.kind, &frame.body, &mut out).unwrap();
        assert_eq!(out.copy_to_bytes(out.remaining()), documented, "{name}");
    }
    for kind in Kind::ALL {
        let is_shown = golden.values().any(|bytes| bytes[4] == kind.number());
        assert!(is_shown, "docs/protocol.md has no golden bytes of {kind}");
    }
}

#[test]
fn the_table_of_daemon_kinds_is_complete() {
    let documented: Vec<_> = rows("### 18.2").collect();
    assert_eq!(documented.len(), Kind::ALL.len());
    for (row, kind) in documented.iter().zip(Kind::ALL) {
        assert_eq!(row[..2], [kind.number().to_string(), kind.to_string()]);
        let limits = Limits::default();
        let longest = match &row[4][..] {
            "max_command_bytes" => limits.max_command_bytes,
            "4 + max_chunk_bytes" => limits.max_chunk_bytes + 4,
            bytes => bytes.replace(',', "").parse().unwrap(),
        };
        assert_eq!(longest_body(kind), longest, "{kind}");
    }
}

#[test]
fn the_document_has_the_limits_of_the_code() {
    let limits = rows("### 18.4").find(|row| row[0] == "limits").unwrap();
    let digits = limits[2].replace(',', "");
    let numbers = digits.split(|c: char| !c.is_ascii_digit());
    let documented: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
    let Limits {
        max_command_bytes,
        max_chunk_bytes,
        ..
    } = Limits::default();
    let known = [max_command_bytes, max_chunk_bytes, Limits::LEAST_BYTES];
    assert_eq!(documented, known);
    assert_eq!(MAX_CONTROL_BYTES, 65_536);
}

/// The limit that a decoder names when it is exceeded by far.
fn longest_body(kind: Kind) -> u32 {
    let mut decoder = decoder_for(kind.number());
    for bytes in [u32::from(u16::MAX) + 2, (1 << 20) + 5, (8 << 20) + 1] {
        let mut input = BytesMut::from(&(bytes + 1).to_be_bytes()[..]);
        input.extend_from_slice(&[kind.number()]);
        assert_eq!(input.len(), HEADER_BYTES);
        if let Err(DelimitedDecodeError::TooLarge { limit, .. }) = decoder.decode(&mut input) {
            return limit;
        }
        decoder = decoder_for(kind.number());
    }
    panic!("{kind} has no limit");
}

/// A decoder that takes this kind: a new one, or one that has seen the version check.
fn decoder_for(number: u8) -> Decoder {
    let mut decoder = Decoder::new(Limits::default());
    if number != Kind::VersionCheck.number() {
        let mut out = Segments::new();
        let encoder = Encoder::new(Limits::default());
        let check = encoder.encode(Kind::VersionCheck, &Bytes::new(), &mut out);
        check.unwrap();
        let mut input = BytesMut::from(&out.copy_to_bytes(out.remaining())[..]);
        decoder.decode(&mut input).unwrap();
        decoder.open();
    }
    decoder
}
