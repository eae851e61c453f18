//! What a broker reads.

use bytes::{Buf, Bytes, BytesMut};
use linkspan_proto::error::{Blame, BusrtDecodeError, BusrtEncodeError, BusrtNameError};
use linkspan_proto::frame::Segments;
use linkspan_proto::frame::busrt::{
    Action, Field, FromClient, FromClientDecoder, Limits, Masks, OPERATION_HEADER_BYTES, Operation,
    Qos, Status,
};
use proptest::prelude::*;

use super::{client_decoder, client_wire, drain_client, hex, name};

#[test]
fn a_stream_may_be_cut_at_every_byte() {
    let items = [
        FromClient::Greeting,
        FromClient::Name(name("a.one")),
        operation(Qos::Processed, publication("t/1", 40)),
        FromClient::Ping,
        operation(
            Qos::No,
            Action::Subscribe(Masks::new(["a", "b/#"]).unwrap()),
        ),
    ];
    let limits = Limits::default();
    let ends: Vec<_> = (0..=items.len())
        .map(|count| client_wire(&items[..count], &limits).len())
        .collect();
    let wire = client_wire(&items, &limits);
    for cut in 0..=wire.len() {
        let (mut decoder, mut input) =
            (FromClientDecoder::new(limits), BytesMut::from(&wire[..cut]));
        let mut decoded = drain_client(&mut decoder, &mut input).unwrap();
        let complete = ends.iter().skip(1).filter(|end| **end <= cut).count();
        assert_eq!(decoded, items[..complete], "cut at {cut}");
        assert_eq!(
            decoder.has_begun(&input),
            !ends.contains(&cut),
            "cut at {cut}"
        );
        assert_eq!(decoder.missing_bytes(&input) == 0, ends.contains(&cut));

        input.extend_from_slice(&wire[cut..]);
        decoded.extend(drain_client(&mut decoder, &mut input).unwrap());
        assert_eq!(decoded, items, "cut at {cut}");
    }
}

#[test]
fn the_missing_bytes_are_those_of_the_header_and_then_of_the_frame() {
    let wire = client_wire(
        &[operation(Qos::No, publication("t", 20))],
        &Limits::default(),
    );
    let (mut decoder, mut input) = (client_decoder(Limits::default()), BytesMut::new());
    for (count, byte) in (1..wire.len()).zip(&wire) {
        input.extend_from_slice(&[*byte]);
        assert_eq!(decoder.decode(&mut input), Ok(None));
        let whole = match count {
            0..OPERATION_HEADER_BYTES => OPERATION_HEADER_BYTES,
            _ => wire.len(),
        };
        assert_eq!(decoder.missing_bytes(&input), whole - count);
    }
}

#[test]
fn payloads_are_slices_of_what_was_received() {
    let wire = client_wire(
        &[operation(Qos::No, publication("topic", 5000))],
        &Limits::default(),
    );
    let mut input = BytesMut::from(&wire[..]);
    let address = input.as_ptr() as usize;
    let decoded = client_decoder(Limits::default()).decode(&mut input);
    let Ok(Some(FromClient::Operation(Operation {
        action: Action::Publish { payload, .. },
        ..
    }))) = decoded
    else {
        panic!("{decoded:?}");
    };
    assert_eq!(
        payload.as_ptr() as usize,
        address + OPERATION_HEADER_BYTES + 6
    );
}

/// With 4 GiB announced, BUS/RT's broker takes 4 GiB.
#[test]
fn an_announced_length_is_judged_by_its_header_and_costs_nothing() {
    let mut limits = Limits::default();
    limits.max_body_bytes = 1000;
    for (length, is_within) in [(999, true), (1000, true), (1001, false), (u32::MAX, false)] {
        for code in [1, 2, 3, 4, 5, 6, 0x12, 0x13, 0x40] {
            let mut input = BytesMut::with_capacity(OPERATION_HEADER_BYTES);
            let capacity = input.capacity();
            input.extend_from_slice(&[7, 0, 0, 0, code]);
            input.extend_from_slice(&length.to_le_bytes());
            let mut decoder = client_decoder(limits);
            let decoded = decoder.decode(&mut input);
            let (bytes, limit) = (length, 1000);
            match is_within {
                true => assert_eq!(decoded, Ok(None)),
                false => assert_eq!(decoded, Err(BusrtDecodeError::TooLarge { bytes, limit })),
            }
            let missing = if is_within { length as usize } else { 0 };
            assert_eq!(decoder.missing_bytes(&input), missing);
            assert_eq!(input.capacity(), capacity);
        }
    }
    let error = BusrtDecodeError::TooLarge {
        bytes: 1001,
        limit: 1000,
    };
    assert_eq!(
        error.to_string(),
        "body of 1001 bytes exceeds the limit of 1000 bytes"
    );
    assert_eq!((error.blame(), error.status()), (Blame::Peer, None));
}

#[test]
fn another_greeting_is_left_for_another_protocol() {
    for wire in ["aa 01 00", "eb 02 00", "eb 01 01", "eb 02 00 4c 53"] {
        let wire = hex(wire);
        let (mut decoder, mut input) = (FromClientDecoder::new(Limits::default()), BytesMut::new());
        input.extend_from_slice(&wire[..2]);
        assert_eq!(decoder.decode(&mut input), Ok(None));
        input.extend_from_slice(&wire[2..]);
        let error = decoder.decode(&mut input).unwrap_err();
        assert_eq!(
            error,
            BusrtDecodeError::Greeting {
                found: [wire[0], wire[1], wire[2]]
            }
        );
        assert_eq!(error.status(), Some(Status::NotSupported));
        assert_eq!(input, wire);
    }
}

#[test]
fn a_name_that_cannot_be_one_is_refused_by_the_same_status_as_busrt_uses() {
    let data = Some(Status::Data);
    let cases = [
        ("00 00", BusrtDecodeError::Name(BusrtNameError::Empty), data),
        (
            "02 00 2e 78",
            BusrtDecodeError::Name(BusrtNameError::Reserved),
            data,
        ),
        // `a`, and what others would read as the beginning of a payload.
        (
            "03 00 61 00 01",
            BusrtDecodeError::Name(BusrtNameError::Control { at: 1 }),
            data,
        ),
        (
            "02 00 61 ff",
            BusrtDecodeError::Utf8 { field: Field::Name },
            None,
        ),
        (
            "01 04",
            BusrtDecodeError::Name(BusrtNameError::TooLong {
                bytes: 1025,
                limit: 1024,
            }),
            data,
        ),
    ];
    for (wire, error, status) in cases {
        let mut decoder = FromClientDecoder::new(Limits::default());
        let mut input = BytesMut::from(&hex("eb 01 00")[..]);
        decoder.decode(&mut input).unwrap().unwrap();
        input.extend_from_slice(&hex(wire));
        assert_eq!(decoder.decode(&mut input), Err(error), "{wire}");
        assert_eq!(error.status(), status, "{wire}");
    }
}

#[test]
fn each_code_has_its_flags() {
    let masks = || Masks::new(["m"]).unwrap();
    let actions = [
        (0x01, publication("t", 1)),
        (0x02, Action::Subscribe(masks())),
        (0x03, Action::Unsubscribe(masks())),
        (0x04, Action::Exclude(masks())),
        (0x05, Action::Unexclude(masks())),
        (0x06, publication_for("t", "r")),
        (
            0x12,
            Action::Message {
                target: "t".into(),
                payload: Bytes::new(),
            },
        ),
        (
            0x13,
            Action::Broadcast {
                mask: "*".into(),
                payload: Bytes::new(),
            },
        ),
        (0x00, Action::Nothing),
    ];
    for (code, action) in actions {
        assert_eq!(action.code(), code);
        for (qos, bits) in Qos::ALL.into_iter().zip([0, 0x40, 0x80, 0xc0]) {
            assert_eq!(
                (qos.number() << 6, qos.wants_ack()),
                (bits, bits & 0x40 != 0)
            );
            assert_eq!(qos.is_realtime(), bits & 0x80 != 0);
            let item = operation(qos, action.clone());
            let wire = client_wire(std::slice::from_ref(&item), &Limits::default());
            assert_eq!(wire[4], code | bits);
            let mut input = BytesMut::from(&wire[..]);
            let decoded = drain_client(&mut client_decoder(Limits::default()), &mut input);
            match code | bits {
                0 => assert_eq!(decoded, Ok(vec![FromClient::Ping])),
                _ => assert_eq!(decoded, Ok(vec![item])),
            }
            assert!(input.is_empty());
        }
    }
}

#[test]
fn all_other_codes_end_the_stream() {
    for flags in 0..=u8::MAX {
        let code = flags & 0x3f;
        let mut input = BytesMut::from(&[1, 0, 0, 0, flags, 3, 0, 0, 0, b'a', 0, 0][..]);
        let decoded = client_decoder(Limits::default()).decode(&mut input);
        match code {
            0..=6 | 0x12 | 0x13 => assert!(matches!(decoded, Ok(Some(_))), "{flags:#x}"),
            _ => assert_eq!(decoded, Err(BusrtDecodeError::Operation { code })),
        }
    }
    let error = BusrtDecodeError::Operation { code: 7 };
    assert_eq!(error.to_string(), "operation 0x07 is not known");
}

#[test]
fn of_a_ping_only_the_fifth_byte_counts() {
    let mut input = BytesMut::from(&hex("01 02 03 04 00 ff ff ff ff")[..]);
    let mut decoder = client_decoder(Limits::default());
    assert_eq!(decoder.decode(&mut input), Ok(Some(FromClient::Ping)));
    assert!(input.is_empty());
}

#[test]
fn texts_end_within_the_body_and_are_utf_8() {
    let unended = |field| BusrtDecodeError::Unended { field };
    let utf8 = |field| BusrtDecodeError::Utf8 { field };
    let cases: [(u8, &[u8], _); 11] = [
        (0x01, b"t/1", unended(Field::Topic)),
        (0x01, b"", unended(Field::Topic)),
        (0x01, b"t\xff\0x", utf8(Field::Topic)),
        (0x06, b"t/1\0a.one", unended(Field::Receiver)),
        (0x06, b"t/1\0\xc3\0", utf8(Field::Receiver)),
        (0x12, b"a.one", unended(Field::Target)),
        (0x12, b"\x80\0", utf8(Field::Target)),
        (0x13, b"*", unended(Field::Mask)),
        (0x13, b"\xc3\0\xa4", utf8(Field::Mask)),
        (0x02, b"a\0\xff", utf8(Field::Mask)),
        (0x40, b"nothing", unended(Field::Nothing)),
    ];
    for (flags, body, error) in cases {
        let mut input = BytesMut::from(&raw(flags, body)[..]);
        let mut decoder = client_decoder(Limits::default());
        assert_eq!(
            decoder.decode(&mut input),
            Err(error),
            "{flags:#x} {body:?}"
        );
        // And so it stays.
        input.extend_from_slice(&raw(0x01, b"t\0"));
        assert_eq!(decoder.decode(&mut input), Err(error));
        assert!(!decoder.has_begun(&input));
        assert_eq!(decoder.missing_bytes(&input), 0);
    }
    assert_eq!(unended(Field::Topic).to_string(), "no NUL ends the topic");
}

#[test]
fn lists_have_a_nul_between_masks_and_none_at_the_end() {
    let cases: [(&[u8], &[&str]); 5] = [
        (b"", &[""]),
        (b"a", &["a"]),
        (b"a\0b/#\0c", &["a", "b/#", "c"]),
        (b"a\0", &["a", ""]),
        (b"\0", &["", ""]),
    ];
    for (body, masks) in cases {
        let mut input = BytesMut::from(&raw(0x02, body)[..]);
        let decoded = client_decoder(Limits::default()).decode(&mut input);
        let list = Masks::new(masks.iter().copied()).unwrap();
        assert_eq!(list.iter().collect::<Vec<_>>(), masks);
        assert_eq!(list.count(), masks.len() as u64);
        assert_eq!(
            decoded,
            Ok(Some(FromClient::Operation(Operation::new(
                1,
                Qos::No,
                Action::Subscribe(list)
            ))))
        );
    }
    assert_eq!(Masks::new([]).unwrap(), Masks::new([""]).unwrap());
    let nul = BusrtEncodeError::Nul {
        field: Field::Mask,
        at: 1,
    };
    assert_eq!(Masks::new(["a", "b\0c"]), Err(nul));
}

#[test]
fn lists_have_a_limit() {
    let mut limits = Limits::default();
    limits.max_masks = 3;
    for (body, is_within) in [(&b"\0\0"[..], true), (b"\0\0\0", false)] {
        let mut input = BytesMut::from(&raw(0x44, body)[..]);
        let decoded = client_decoder(limits).decode(&mut input);
        let error = BusrtDecodeError::TooManyMasks { masks: 4, limit: 3 };
        assert_eq!(decoded.err(), (!is_within).then_some(error));
    }
}

#[test]
fn nothing_is_written_of_what_does_not_fit_or_would_say_something_else() {
    let mut limits = Limits::default();
    limits.max_body_bytes = 10;
    let fits = operation(Qos::No, publication("t/1", 6));
    client_wire(std::slice::from_ref(&fits), &limits);
    let nul = |field, at| BusrtEncodeError::Nul { field, at };
    let (bytes, limit) = (11, 10);
    let cases = [
        (
            publication("t/1", 7),
            BusrtEncodeError::TooLarge { bytes, limit },
        ),
        (publication("t\0", 1), nul(Field::Topic, 1)),
        (publication_for("t", "\0"), nul(Field::Receiver, 0)),
        (
            Action::Message {
                target: "ab\0".into(),
                payload: Bytes::new(),
            },
            nul(Field::Target, 2),
        ),
        (
            Action::Broadcast {
                mask: "\0".into(),
                payload: Bytes::new(),
            },
            nul(Field::Mask, 0),
        ),
    ];
    for (action, error) in cases {
        let mut out = Segments::new();
        let encoded = operation(Qos::No, action).encode(&limits, &mut out);
        assert_eq!(encoded, Err(error));
        assert!(out.is_empty());
    }
    let error = nul(Field::Topic, 1);
    assert_eq!(error.to_string(), "the topic has a NUL at byte 1");
    assert_eq!(error.blame(), Blame::Caller);
}

#[test]
fn large_payloads_are_sent_by_reference() {
    let payload = Bytes::from(vec![7; 4096]);
    let topic = "t".into();
    let publish = Action::Publish {
        topic,
        payload: payload.clone(),
    };
    let mut out = Segments::new();
    operation(Qos::No, publish)
        .encode(&Limits::default(), &mut out)
        .unwrap();
    assert_eq!(out.chunk().len(), OPERATION_HEADER_BYTES + 2);
    out.advance(out.chunk().len());
    assert_eq!(out.chunk().as_ptr(), payload.as_ptr());
}

proptest! {
    #[test]
    fn operations_come_back_as_they_went_however_they_are_cut(
        operations in prop::collection::vec((any::<u32>(), 0_usize..4, action()), 1..6),
        reads in prop::collection::vec(1_usize..600, 1..8),
    ) {
        let operation = |(id, qos, action)| Operation::new(id, Qos::ALL[qos], action);
        let items: Vec<_> = operations.into_iter().map(operation).map(FromClient::Operation).collect();
        let wire = client_wire(&items, &Limits::default());
        let (mut decoder, mut input) = (client_decoder(Limits::default()), BytesMut::new());
        let (mut decoded, mut rest) = (Vec::new(), &wire[..]);
        for read in reads.iter().cycle() {
            let (read, after) = rest.split_at((*read).min(rest.len()));
            input.extend_from_slice(read);
            decoded.extend(drain_client(&mut decoder, &mut input).unwrap());
            prop_assert_eq!(decoder.has_begun(&input), decoder.missing_bytes(&input) > 0);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(decoded, items);
    }
}

fn action() -> impl Strategy<Value = Action> {
    let text = "[a-z/ä+#]{0,12}".prop_map(String::from);
    let payload = prop::collection::vec(any::<u8>(), 0..700).prop_map(Bytes::from);
    let masks = prop::collection::vec("[a-z/+#]{0,5}", 1..5);
    (0..8, text, "[a-z.]{0,5}", payload, masks).prop_map(|(kind, text, name, payload, masks)| {
        let list = Masks::new(masks.iter().map(String::as_str)).unwrap();
        let (topic, target) = (text.into(), name.into());
        match kind {
            0 => Action::Publish { topic, payload },
            1 => Action::Subscribe(list),
            2 => Action::Unsubscribe(list),
            3 => Action::Exclude(list),
            4 => Action::Unexclude(list),
            5 => Action::PublishFor {
                topic,
                receiver: target,
                payload,
            },
            6 => Action::Message { target, payload },
            _ => Action::Broadcast {
                mask: target,
                payload,
            },
        }
    })
}

fn operation(qos: Qos, action: Action) -> FromClient {
    FromClient::Operation(Operation::new(1, qos, action))
}

fn publication(topic: &str, bytes: usize) -> Action {
    Action::Publish {
        topic: topic.into(),
        payload: vec![b'p'; bytes].into(),
    }
}

fn publication_for(topic: &str, receiver: &str) -> Action {
    Action::PublishFor {
        topic: topic.into(),
        receiver: receiver.into(),
        payload: Bytes::new(),
    }
}

/// An operation with number 1, whether or not it makes sense.
fn raw(flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&[1, 0, 0, 0, flags], &length.to_le_bytes()[..], body].concat()
}
