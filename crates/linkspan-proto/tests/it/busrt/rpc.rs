//! Calls in payloads, and the broker's events.

use bytes::Bytes;
use linkspan_proto::error::{Blame, BusrtRpcError};
use linkspan_proto::frame::busrt::{BusEvent, Rpc, RpcCode, Status};
use proptest::prelude::*;

use super::hex;

#[test]
fn payloads_that_are_no_calls_are_refused() {
    let cut = |bytes, prefix_bytes| BusrtRpcError::Cut {
        bytes,
        prefix_bytes,
    };
    let cases = [
        ("", cut(0, 1)),
        ("01 07 00 00", cut(4, 5)),
        ("01 07 00 00 00 74", BusrtRpcError::Method),
        ("01 07 00 00 00", BusrtRpcError::Method),
        ("11 07 00 00", cut(4, 5)),
        ("12 07 00 00 00 f7", cut(6, 7)),
        ("02", BusrtRpcError::Kind { kind: 2 }),
        ("68 69", BusrtRpcError::Kind { kind: 0x68 }),
    ];
    for (payload, error) in cases {
        assert_eq!(Rpc::decode(hex(payload).into()), Err(error), "{payload}");
    }
    assert_eq!(
        cut(4, 5).to_string(),
        "rpc payload of 4 bytes is shorter than its prefix of 5 bytes"
    );
    assert_eq!(BusrtRpcError::Method.blame(), Blame::Peer);
}

#[test]
fn a_method_with_a_nul_is_not_sent() {
    let request = Rpc::Request {
        id: 1,
        method: "a\0b".into(),
        params: Bytes::new(),
    };
    assert_eq!(request.encode(), Err(BusrtRpcError::Method));
}

#[test]
fn parts_of_a_payload_are_slices_of_it() {
    let payload = Bytes::from(hex("01 07 00 00 00 74 00 61 62"));
    let Ok(Rpc::Request { method, params, .. }) = Rpc::decode(payload.clone()) else {
        panic!("it is a request");
    };
    assert_eq!(method.as_ptr(), payload[5..].as_ptr());
    assert_eq!(params.as_ptr(), payload[7..].as_ptr());
}

#[test]
fn a_status_has_its_code() {
    assert_eq!(
        RpcCode::from_status(Status::NotRegistered),
        RpcCode(-32_113)
    );
    assert_eq!(RpcCode::from_status(Status::AccessDenied), RpcCode(-32_121));
    for number in 2..=u8::MAX {
        let status = Status::from_number(number);
        assert_eq!(RpcCode::from_status(status).status(), Some(status));
    }
    for code in [
        RpcCode::NOT_FOUND,
        RpcCode::PARSE,
        RpcCode(0),
        RpcCode(i16::MIN),
        RpcCode(i16::MAX),
    ] {
        assert_eq!(code.status(), None, "{code}");
    }
}

#[test]
fn events_come_back_as_they_went_and_others_are_none() {
    let (name, at_ns) = ("rpc.a".to_owned(), u64::MAX);
    let events = [
        (
            BusEvent::Registered {
                name: name.clone(),
                at_ns,
            },
            ".broker/info",
        ),
        (BusEvent::Unregistered { name, at_ns: 0 }, ".broker/info"),
        (BusEvent::Shutdown { at_ns: 1 }, ".broker/warn"),
    ];
    for (event, topic) in events {
        assert_eq!(event.topic(), topic);
        assert_eq!(BusEvent::decode(&event.encode()), Some(event));
    }
    let shutdown = BusEvent::Shutdown { at_ns: 1 }.encode();
    assert_eq!(
        shutdown,
        hex("82 a1 73 a8 73 68 75 74 64 6f 77 6e a1 74 01")
    );
    // Another subject, one without its name, and something else.
    for other in [
        "82 a1 73 a1 78 a1 74 01",
        "82 a1 73 a3 72 65 67 a1 74 01",
        "",
        "93 01 02 03",
        "c1",
    ] {
        assert_eq!(BusEvent::decode(&hex(other)), None, "{other}");
    }
    // What a later broker adds.
    let more = "83 a1 73 a8 73 68 75 74 64 6f 77 6e a1 74 01 a1 78 02";
    assert_eq!(
        BusEvent::decode(&hex(more)),
        Some(BusEvent::Shutdown { at_ns: 1 })
    );
}

proptest! {
    #[test]
    fn arbitrary_payloads_are_refused_or_encoded_again(payload in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(rpc) = Rpc::decode(payload.clone().into()) {
            prop_assert_eq!(rpc.encode().unwrap(), payload);
        }
    }
}
