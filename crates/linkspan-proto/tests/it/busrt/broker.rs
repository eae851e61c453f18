//! What a client reads.

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{BusrtDecodeError, BusrtEncodeError};
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::busrt::{
    DELIVERY_HEADER_BYTES, Delivery, DeliveryKind, Field, FromBroker, FromBrokerDecoder, Limits,
    Route, Status, encode_delivery,
};

use super::{broker_decoder, broker_wire, drain_broker, hex};

#[test]
fn a_stream_may_be_cut_at_every_byte() {
    let items = [
        FromBroker::Greeting,
        FromBroker::Status(Status::Ok),
        FromBroker::Status(Status::Ok),
        FromBroker::Delivery(publication("a", "t/1", "payload")),
        ack(Status::Timeout),
        FromBroker::Ping,
        FromBroker::Delivery(message("b", "")),
    ];
    let limits = Limits::default();
    let ends: Vec<_> = (0..=items.len())
        .map(|count| broker_wire(&items[..count], &limits).len())
        .collect();
    let wire = broker_wire(&items, &limits);
    for cut in 0..=wire.len() {
        let (mut decoder, mut input) =
            (FromBrokerDecoder::new(limits), BytesMut::from(&wire[..cut]));
        let mut decoded = drain_broker(&mut decoder, &mut input).unwrap();
        let complete = ends.iter().skip(1).filter(|end| **end <= cut).count();
        assert_eq!(decoded, items[..complete], "cut at {cut}");
        assert_eq!(
            decoder.has_begun(&input),
            !ends.contains(&cut),
            "cut at {cut}"
        );
        assert_eq!(decoder.missing_bytes(&input) == 0, ends.contains(&cut));

        input.extend_from_slice(&wire[cut..]);
        decoded.extend(drain_broker(&mut decoder, &mut input).unwrap());
        assert_eq!(decoded, items, "cut at {cut}");
    }
}

#[test]
fn any_status_but_ok_is_a_refusal() {
    for number in 0..=u8::MAX {
        let status = Status::from_number(number);
        assert_eq!(status.number(), number);
        for before in ["eb 01 00", "eb 01 00 01"] {
            let mut input = BytesMut::from(&hex(before)[..]);
            let mut decoder = FromBrokerDecoder::new(Limits::default());
            drain_broker(&mut decoder, &mut input).unwrap();
            input.extend_from_slice(&[number]);
            let decoded = decoder.decode(&mut input);
            match number {
                1 => assert_eq!(decoded, Ok(Some(FromBroker::Status(Status::Ok)))),
                _ => assert_eq!(decoded, Err(BusrtDecodeError::Refused { status })),
            }
        }
        let mut input = BytesMut::from(&[0xfe, 5, 0, 0, 0, number][..]);
        let decoded = broker_decoder(Limits::default()).decode(&mut input);
        assert_eq!(decoded, Ok(Some(ack(status))));
    }
    let refused = BusrtDecodeError::Refused {
        status: Status::Busy,
    };
    assert_eq!(
        refused.to_string(),
        "the broker refused the connection: busy"
    );
    assert_eq!(Status::Unknown(0x7a).to_string(), "unknown status 0x7a");
}

#[test]
fn a_broker_of_another_version_is_not_read() {
    let mut input = BytesMut::from(&hex("eb 02 00")[..]);
    let decoded = FromBrokerDecoder::new(Limits::default()).decode(&mut input);
    let found = [0xeb, 2, 0];
    assert_eq!(decoded, Err(BusrtDecodeError::Greeting { found }));
}

#[test]
fn all_other_kinds_end_the_stream() {
    for kind in 0..=u8::MAX {
        let mut input = BytesMut::from(&[kind, 3, 0, 0, 0, 1, b's', 0, 0][..]);
        let decoded = broker_decoder(Limits::default()).decode(&mut input);
        match kind {
            0 | 0x01 | 0x12 | 0x13 | 0xfe => assert!(matches!(decoded, Ok(Some(_))), "{kind:#x}"),
            _ => assert_eq!(decoded, Err(BusrtDecodeError::Kind { kind })),
        }
    }
}

#[test]
fn texts_end_within_the_body_and_are_utf_8() {
    let cases: [(u8, &[u8], _); 4] = [
        (
            0x12,
            b"sender",
            BusrtDecodeError::Unended {
                field: Field::Sender,
            },
        ),
        (
            0x13,
            b"\xff\0",
            BusrtDecodeError::Utf8 {
                field: Field::Sender,
            },
        ),
        (
            0x01,
            b"sender\0topic",
            BusrtDecodeError::Unended {
                field: Field::Topic,
            },
        ),
        (
            0x01,
            b"sender\0\xff\0",
            BusrtDecodeError::Utf8 {
                field: Field::Topic,
            },
        ),
    ];
    for (kind, body, error) in cases {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        let mut input = BytesMut::from(&[&[kind], &length[..], &[0], body].concat()[..]);
        let mut decoder = broker_decoder(Limits::default());
        assert_eq!(decoder.decode(&mut input), Err(error));
        assert_eq!(decoder.decode(&mut input), Err(error));
    }
}

#[test]
fn the_byte_for_realtime_is_1_and_anything_but_0_is_understood() {
    for byte in [0, 1, 2, 3] {
        let mut input = BytesMut::from(&[0x12, 2, 0, 0, 0, byte, b's', 0][..]);
        let decoded = broker_decoder(Limits::default())
            .decode(&mut input)
            .unwrap();
        let mut expected = message("s", "");
        expected.is_realtime = byte > 0;
        assert_eq!(decoded, Some(FromBroker::Delivery(expected.clone())));
        let wire = broker_wire(&[FromBroker::Delivery(expected)], &Limits::default());
        assert_eq!(wire[5], u8::from(byte > 0));
    }
}

#[test]
fn what_a_broker_may_take_fits_into_what_it_sends() {
    let mut limits = Limits::default();
    limits.max_body_bytes = 100;
    limits.max_name_bytes = 8;
    assert_eq!(limits.max_delivery_bytes(), 109);
    let longest = Delivery::new(
        "12345678",
        Route::Publication {
            topic: "1234".into(),
        },
        false,
        vec![0; 95].into(),
    );
    let wire = broker_wire(&[FromBroker::Delivery(longest.clone())], &limits);
    let mut input = BytesMut::from(&wire[..]);
    let decoded = broker_decoder(limits).decode(&mut input);
    assert_eq!(decoded, Ok(Some(FromBroker::Delivery(longest.clone()))));

    let mut longer = longest;
    longer.payload = vec![0; 96].into();
    let mut out = Segments::new();
    let too_large = BusrtEncodeError::TooLarge {
        bytes: 110,
        limit: 109,
    };
    assert_eq!(
        FromBroker::Delivery(longer).encode(&limits, &mut out),
        Err(too_large)
    );
    assert!(out.is_empty());

    let mut input = BytesMut::with_capacity(DELIVERY_HEADER_BYTES);
    let capacity = input.capacity();
    input.extend_from_slice(&hex("01 6e 00 00 00 00"));
    let error = BusrtDecodeError::TooLarge {
        bytes: 110,
        limit: 109,
    };
    assert_eq!(broker_decoder(limits).decode(&mut input), Err(error));
    assert_eq!(input.capacity(), capacity);
}

#[test]
fn what_a_broker_keeps_is_encoded_like_the_whole_and_a_long_payload_is_shared() {
    let payload = Bytes::from(vec![9; 5000]);
    let route = Route::Publication {
        topic: "t/1".into(),
    };
    let delivery = Delivery::new("b.one", route, true, payload.clone());
    let mut whole = Segments::new();
    FromBroker::Delivery(delivery)
        .encode(&Limits::default(), &mut whole)
        .unwrap();
    let kept = b"b.one\0t/1\0";
    let mut parts = Segments::new();
    encode_delivery(
        DeliveryKind::Publication,
        true,
        kept,
        Some(&payload),
        &mut parts,
    );
    let head = hex("01 92 13 00 00 01 62 2e 6f 6e 65 00 74 2f 31 00");
    for out in [&mut whole, &mut parts] {
        assert_eq!(out.chunk(), head);
        out.advance(head.len());
        assert_eq!(out.chunk().as_ptr(), payload.as_ptr());
    }
    let mut short = Segments::new();
    encode_delivery(DeliveryKind::Message, false, b"b\0hi", None, &mut short);
    assert_eq!(short.chunk(), hex("12 04 00 00 00 00 62 00 68 69"));
}

#[test]
fn a_sender_with_a_nul_is_not_sent() {
    let mut out = Segments::new();
    let forged = FromBroker::Delivery(message("admin\0\x01", ""));
    let error = BusrtEncodeError::Nul {
        field: Field::Sender,
        at: 5,
    };
    assert_eq!(forged.encode(&Limits::default(), &mut out), Err(error));
    assert!(out.is_empty());
}

fn ack(status: Status) -> FromBroker {
    FromBroker::Ack { id: 5, status }
}

fn message(sender: &str, payload: &'static str) -> Delivery {
    Delivery::new(sender, Route::Message, false, payload.into())
}

fn publication(sender: &str, topic: &str, payload: &'static str) -> Delivery {
    let topic = topic.into();
    Delivery::new(sender, Route::Publication { topic }, true, payload.into())
}
