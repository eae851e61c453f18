//! Which kinds there are, and what may come before the versions are agreed on.

use bytes::{Bytes, BytesMut};
use linkspan_proto::error::{DelimitedDecodeError, DelimitedEncodeError};
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::delimited::{Decoder, Encoder, Frame, Kind, Limits, MAX_CONTROL_BYTES};

use super::{encoded, opened, too_large};

#[test]
fn numbers_below_128_are_known_or_refused_and_others_handed_on() {
    for number in 0..=u8::MAX {
        let mut input = BytesMut::from(&[0, 0, 0, 1, number][..]);
        let decoded = opened(Limits::default()).decode(&mut input);
        match number {
            1 => assert_eq!(decoded, misplaced(Kind::VersionCheck)),
            2..=14 => {
                let kind = decoded.unwrap().unwrap().kind;
                assert_eq!(kind.number(), number);
                assert!(Kind::ALL.contains(&kind));
            }
            0 | 15..=127 => assert_eq!(decoded, Err(DelimitedDecodeError::Kind { number })),
            128.. => assert_eq!(decoded, Ok(Some(empty(Kind::Unknown(number))))),
        }
    }
    let error = DelimitedDecodeError::Kind { number: 15 };
    assert_eq!(error.to_string(), "kind 15 is not known, and below 128");
}

#[test]
fn kinds_that_receivers_refuse_cannot_be_sent() {
    let (encoder, mut out) = (Encoder::new(Limits::default()), Segments::new());
    for number in 0..128 {
        let encoded = encoder.encode(Kind::Unknown(number), &Bytes::new(), &mut out);
        assert_eq!(encoded, Err(DelimitedEncodeError::Kind { number }));
    }
    assert!(out.is_empty());
    encoder
        .encode(Kind::Unknown(128), &Bytes::new(), &mut out)
        .unwrap();
    assert!(!out.is_empty());
}

#[test]
fn the_first_frame_is_a_version_check() {
    for kind in Kind::ALL.into_iter().chain([Kind::Unknown(128)]) {
        let mut input = BytesMut::from(&encoded(&empty(kind))[..]);
        let mut decoder = Decoder::new(Limits::default());
        decoder.open();
        let decoded = decoder.decode(&mut input);
        match kind {
            Kind::VersionCheck => assert_eq!(decoded, Ok(Some(empty(kind)))),
            _ => assert_eq!(decoded, misplaced(kind)),
        }
    }
}

#[test]
fn before_the_versions_are_agreed_on_only_what_all_versions_know_is_let_in() {
    for kind in Kind::ALL.into_iter().chain([Kind::Unknown(128)]) {
        let mut input = BytesMut::from(&encoded(&empty(kind))[..]);
        let mut decoder = checking();
        let decoded = decoder.decode(&mut input);
        match kind {
            Kind::Control | Kind::Busy | Kind::Unknown(_) => {
                assert_eq!(decoded, Ok(Some(empty(kind))));
            }
            _ => assert_eq!(decoded, misplaced(kind)),
        }
    }
}

#[test]
fn before_the_versions_are_agreed_on_limits_are_small() {
    for (mut decoder, kind) in [
        (Decoder::new(Limits::default()), Kind::VersionCheck),
        (checking(), Kind::Control),
    ] {
        let header = |bytes: u32| {
            let mut header = BytesMut::from(&(bytes + 1).to_be_bytes()[..]);
            header.extend_from_slice(&[kind.number()]);
            header
        };
        let mut fresh = decoder.clone();
        let within = fresh.decode(&mut header(MAX_CONTROL_BYTES));
        assert_eq!(within, Ok(None));
        let beyond = decoder.decode(&mut header(MAX_CONTROL_BYTES + 1));
        let error = too_large(MAX_CONTROL_BYTES + 1, MAX_CONTROL_BYTES);
        assert_eq!(beyond, Err(error));
    }
}

#[test]
fn whoever_speaks_another_protocol_is_told_by_four_bytes() {
    for start in [&b"GET "[..], b"LSPN", b"\x16\x03\x01\x02"] {
        let mut decoder = Decoder::new(Limits::default());
        let decoded = decoder.decode(&mut BytesMut::from(start));
        assert!(matches!(
            decoded,
            Err(DelimitedDecodeError::TooLarge { .. })
        ));
    }
}

#[test]
fn limits_have_a_least_value() {
    let mut limits = Limits::default();
    assert!(limits.is_sufficient());
    limits.max_chunk_bytes = Limits::LEAST_BYTES;
    assert!(limits.is_sufficient());
    limits.max_command_bytes = Limits::LEAST_BYTES - 1;
    assert!(!limits.is_sufficient());
}

fn checking() -> Decoder {
    let mut decoder = Decoder::new(Limits::default());
    let mut check = BytesMut::from(&[0, 0, 0, 1, 1][..]);
    decoder.decode(&mut check).unwrap().unwrap();
    decoder
}

fn empty(kind: Kind) -> Frame {
    Frame::new(kind, Bytes::new())
}

fn misplaced(kind: Kind) -> Result<Option<Frame>, DelimitedDecodeError> {
    Err(DelimitedDecodeError::Misplaced { kind })
}
