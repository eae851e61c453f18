//! The bytes of docs/protocol.md, section 20.

use bytes::Bytes;

use crate::bus::wire::{Headers, Operation, Outcome, Receipt, Record, RecordKind, Ticket};

/// The bytes of a block of the specification.
fn golden(name: &str) -> Bytes {
    let document = include_str!("../../../../../docs/protocol.md");
    let start = format!("```bus {name}\n");
    let block = document
        .split_once(&start)
        .expect("there is such a block")
        .1;
    let block = block.split_once("```").expect("it ends").0;
    let bytes = block.lines().flat_map(|line| {
        let hex = line.split_once('#').map_or(line, |(hex, _)| hex);
        hex.split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).expect("it is hexadecimal"))
    });
    bytes.collect()
}

fn headers() -> Headers {
    let mut headers = Headers::new();
    headers.add("a", "bcd").expect("they are short");
    headers
}

#[test]
fn operations_are_those_of_the_specification() {
    let bytes = golden("publish");
    assert_eq!(Operation::encode(1, &headers(), &["t/1"], &[21]), bytes);
    let operation = Operation::decode(bytes, false).expect("it is one");
    assert_eq!((operation.codec, operation.last()), (1, "t/1"));
    assert_eq!(operation.headers, headers().encoded());
    assert_eq!(operation.payload(), [21].as_slice());

    let bytes = golden("publish-for");
    assert_eq!(
        Operation::encode(4, &Headers::new(), &["b", "t"], b"hi"),
        bytes
    );
    let operation = Operation::decode(bytes, true).expect("it is one");
    assert_eq!((operation.first(), operation.last()), ("b", "t"));
    assert_eq!(operation.payload(), b"hi".as_slice());
}

#[test]
fn receipts_and_records_are_those_of_the_specification() {
    let receipt = Receipt {
        outcome: Outcome::Delivered,
        receiver: 7,
    };
    assert_eq!(receipt.encode(), golden("receipt"));
    assert_eq!(Receipt::decode(&golden("receipt")), Ok(receipt));

    let mut item = Vec::new();
    let (headers, rest) = (headers(), b"b\0t/1\0\x15");
    Record::encode_message(
        RecordKind::Publication,
        1,
        headers.encoded(),
        rest,
        false,
        &mut item,
    );
    assert_eq!(item, golden("record"));
    Record::encode_gap(3, &mut item);
    assert_eq!(item.split_off(golden("record").len()), golden("gap"));

    let mut both = Bytes::from([golden("record"), golden("gap")].concat());
    let record = Record::decode(&mut both).expect("it is one");
    assert_eq!((record.kind, record.codec), (RecordKind::Publication, 1));
    assert_eq!(record.rest, rest.as_slice());
    let gap = Record::decode(&mut both).expect("it is one");
    assert_eq!(gap.kind, RecordKind::Gap(3));
    assert!(both.is_empty());

    let mut item = Vec::new();
    Record::encode_message(RecordKind::Receiver, 0, &[], b"two", false, &mut item);
    assert_eq!(item, golden("receiver"));
    let receiver = Record::decode(&mut golden("receiver")).expect("it is one");
    assert_eq!(receiver.kind, RecordKind::Receiver);
    assert_eq!(receiver.rest, b"two".as_slice());
}

#[test]
fn calls_are_those_of_the_specification() {
    let ticket = Ticket {
        receiver: 7,
        call: 5,
    };
    let payload = b"\x01\x05\0\0\0m\0";
    assert_eq!(ticket.encode(&Headers::new(), "b", payload), golden("call"));
    let (decoded, operation) = Ticket::decode(golden("call")).expect("it is one");
    assert_eq!((decoded, operation.first()), (ticket, "b"));
    assert_eq!(operation.payload(), payload.as_slice());

    let mut item = Vec::new();
    Record::encode_returned(5, Some(Outcome::NotDelivered), &mut item);
    assert_eq!(item, golden("returned"));
    let record = Record::decode(&mut golden("returned")).expect("it is one");
    let kind = RecordKind::Returned(5, Some(Outcome::NotDelivered));
    assert_eq!(record.kind, kind);
    for length in 0..golden("call").len() - payload.len() {
        let cut = Ticket::decode(golden("call").slice(..length));
        assert!(cut.is_err(), "{length} bytes");
    }
}

#[test]
fn what_is_cut_off_is_refused() {
    for name in ["publish", "publish-for"] {
        let whole = golden(name);
        let texts = whole
            .iter()
            .rposition(|byte| *byte == 0)
            .expect("they end so");
        for length in 0..=texts {
            let cut = Operation::decode(whole.slice(..length), name != "publish");
            assert!(cut.is_err(), "{length} bytes of {name}");
        }
    }
    for name in ["record", "gap", "returned"] {
        let whole = golden(name);
        for length in 0..whole.len() {
            let cut = Record::decode(&mut whole.slice(..length));
            assert!(cut.is_err(), "{length} bytes of {name}");
        }
    }
}
