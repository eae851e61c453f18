//! Section 17 of docs/protocol.md against the code.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::ExchangeDecodeError;
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::crc32::{Decoder, Encoder, Header, Variant};

use super::document::{blocks, rows};
use super::dump;

#[test]
fn golden_exchanges_are_those_that_the_code_writes_and_reads() {
    let mut golden = blocks("exchange");
    for variant in Variant::ALL {
        for (role, message) in [("question", QUESTION), ("answer", ANSWER)] {
            let name = format!("{variant}-{role}");
            let documented = golden.remove(&name[..]).unwrap_or_default();
            let encoded = encode(variant, message);
            let right = dump(&encoded);
            assert_eq!(documented, encoded, "```exchange {name} should be\n{right}");

            let mut input = BytesMut::from(&documented[..]);
            let mut decoder = Decoder::new(variant, MAX_MESSAGE_BYTES);
            assert_eq!(decoder.decode(&mut input).unwrap().unwrap(), message);
            assert!(
                input.is_empty(),
                "```exchange {name} is longer than a frame"
            );
        }
    }
    let busy = golden.remove("busy").unwrap_or_default();
    let retry_after = Duration::from_millis(250);
    assert_eq!(busy, Header::busy(retry_after).to_bytes());
    let mut client = Decoder::for_client(Variant::Ieee, MAX_MESSAGE_BYTES);
    let decoded = client.decode(&mut BytesMut::from(&busy[..]));
    assert_eq!(decoded, Err(ExchangeDecodeError::Busy { retry_after }));
    assert!(golden.is_empty(), "no test for {:?}", golden.keys());
}

#[test]
fn the_table_of_variants_is_complete() {
    let documented: Vec<_> = rows("### 17.2").collect();
    assert_eq!(documented.len(), Variant::ALL.len());
    for (row, variant) in documented.iter().zip(Variant::ALL) {
        assert_eq!(row[0].parse(), Ok(variant));
        // Sums are linear, and the last bit that goes in adds the polynomial itself.
        let polynomial = variant.crc(&[0x80]) ^ variant.crc(&[0]);
        assert_eq!(row[1], format!("{polynomial:08x}"));
        assert_eq!(row[2], format!("{:08x}", variant.crc(b"123456789")));
    }
}

fn encode(variant: Variant, message: &'static [u8]) -> Vec<u8> {
    let mut out = Segments::new();
    let encoder = Encoder::new(variant, MAX_MESSAGE_BYTES);
    encoder
        .encode(&Bytes::from_static(message), &mut out)
        .unwrap();
    out.copy_to_bytes(out.remaining()).to_vec()
}

/// Field 1: "t-1".
const QUESTION: &[u8] = b"\x0a\x03t-1";
/// Field 1: "t-1", field 2: 1.
const ANSWER: &[u8] = b"\x0a\x03t-1\x10\x01";
const MAX_MESSAGE_BYTES: u32 = 64;
